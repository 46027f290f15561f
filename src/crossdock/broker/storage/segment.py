"""The bytes of a journal segment: its header, its frames, and how a frame that belongs is told from one that does not.

Layout (docs/storage-format.md has it byte by byte):

    header   magic 8 | format u32 | crc32 u32 | number u64 | identity 16, padded with zeroes to 64 bytes
    frame    marker 8 | crc32 u32 | length u32 | synced u64 | payload

A marker is drawn from the identity of the data folder and the number of the segment, so that what an earlier life of a recycled
segment left behind is never taken for a frame, and no client can forge one. `synced` says up to where the journal was known to be
on disk when the frame was written: a gap before that point is damage, a gap after it is a write that was torn by a crash.

Reading and writing files is left to `journal`.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from crossdock.broker.queues.facts import FORMAT_VERSION
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Buffer

MAGIC = b"xdockjnl"
HEADER_BYTES = 64
FRAME_BYTES = 24

_HEADER = struct.Struct("<8sIIQ16s")
_FRAME = struct.Struct("<8sIIQ")
_CHECKED_FROM = 12
"""The checksum of a frame covers everything behind it."""


class Position(NamedTuple):
    """A place in the journal. Positions order as the writes did."""

    segment: int
    offset: int


class Frame(NamedTuple):
    """A valid frame: where its payload lies in the segment, and what it knew to be on disk."""

    start: int
    end: int
    synced: Position


def marker(identity: bytes, number: int) -> bytes:
    """What every frame of a segment begins with."""
    return hashlib.blake2b(identity + number.to_bytes(8, "little"), digest_size=8).digest()


def header(identity: bytes, number: int) -> bytes:
    """The header of a segment."""
    check = zlib.crc32(_HEADER.pack(MAGIC, FORMAT_VERSION, 0, number, identity))
    return _HEADER.pack(MAGIC, FORMAT_VERSION, check, number, identity).ljust(HEADER_BYTES, b"\0")


def check_header(data: bytes, identity: bytes, number: int, name: str) -> None:
    """Raise StorageError unless this is segment `number` of the data folder with this identity, in a format that is understood."""
    if len(data) < HEADER_BYTES or data[:8] != MAGIC:
        raise StorageError(
            f"{name} is not a journal file or its first bytes are damaged; restore the data folder from a backup"
        )
    _, version, check, found, owner = _HEADER.unpack_from(data)
    if version > FORMAT_VERSION:
        raise StorageError(
            f"{name} has format {version}, newer than {FORMAT_VERSION}; start the crossdock version that wrote it"
        )
    if check != zlib.crc32(_HEADER.pack(MAGIC, version, 0, found, owner)):
        raise StorageError(f"{name} is damaged in its header; restore the data folder from a backup")
    if owner != identity or found != number:
        raise StorageError(f"{name} belongs to another data folder or another place in it; put the original file back")


def seal(buffer: bytearray, mark: bytes, synced: Position) -> None:
    """Turn a buffer of FRAME_BYTES free bytes and a payload into a frame, in place."""
    length = len(buffer) - FRAME_BYTES
    _FRAME.pack_into(buffer, 0, mark, 0, length, synced.segment << 32 | synced.offset)
    struct.pack_into("<I", buffer, 8, zlib.crc32(memoryview(buffer)[_CHECKED_FROM:]))


def frame_at(data: bytes, offset: int, mark: bytes) -> Frame | None:
    """The frame that begins at `offset`; None if there is no valid one."""
    if len(data) < offset + FRAME_BYTES:
        return None
    found, check, length, synced = _FRAME.unpack_from(data, offset)
    end = offset + FRAME_BYTES + length
    if found != mark or end > len(data) or check != zlib.crc32(memoryview(data)[offset + _CHECKED_FROM : end]):
        return None
    return Frame(offset + FRAME_BYTES, end, Position(synced >> 32, synced & 0xFFFFFFFF))


def frames(data: bytes, offset: int, mark: bytes) -> Iterator[Frame]:
    """The frames that follow each other without a gap from `offset` on."""
    while (frame := frame_at(data, offset, mark)) is not None:
        yield frame
        offset = frame.end


def stray_frames(data: bytes, offset: int, mark: bytes) -> Iterator[Frame]:
    """Valid frames anywhere behind `offset`, gaps or not."""
    while (offset := data.find(mark, offset)) >= 0:
        if (frame := frame_at(data, offset, mark)) is not None:
            yield frame
        offset += 1


def payload(data: Buffer, frame: Frame) -> memoryview:
    """The payload of a frame."""
    return memoryview(data)[frame.start : frame.end]
