"""The checksums of rows: a bit that flips in a table is noticed when its row is read, or changed.

Which rows have one is said by `schema.sql`; a row that an older version wrote has none (NULL) and is read as it is.
"""

import zlib

import msgspec

from crossdock.broker.storage.errors import Damaged

_encode = msgspec.msgpack.Encoder().encode


def checksum(*values: int | str | bytes | None) -> int:
    """CRC-32 of the MessagePack array of a row's other columns, in the order of `schema.sql`."""
    return zlib.crc32(_encode(values))


def verify(what: str, check: int | None, *values: int | str | bytes | None) -> None:
    """Damaged, which names `what` and its first value, unless the checksum of a row is that of its other columns, or there is none."""
    if check is not None and check != checksum(*values):
        raise Damaged(f"{what} {values[0]!r} is not what was written")
