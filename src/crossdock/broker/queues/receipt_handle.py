"""Receipt handles: which message, and which receive of it. Opaque to clients; a checksum tells a damaged one from a stale one."""

import struct
from binascii import a2b_base64, b2a_base64
from zlib import crc32

from crossdock.aws.errors import ReceiptHandleIsInvalid

VERSION = 0x0101
LENGTH = 24
"""Characters of a handle: base64 of 18 bytes, so that there is no padding."""

_CONTENT = struct.Struct(">HQI")
_HANDLE = struct.Struct(">HQII")


def make_handle(sequence: int, receive_count: int) -> str:
    """The handle of the receive numbered `receive_count` of a message."""
    content = _CONTENT.pack(VERSION, sequence, receive_count)
    return b2a_base64(content + crc32(content).to_bytes(4), newline=False).decode()


def read_handle(handle: str) -> tuple[int, int]:
    """(sequence, receive count) of a handle. Raises ReceiptHandleIsInvalid unless `make_handle` made it."""
    if len(handle) == LENGTH:
        try:
            data = a2b_base64(handle, strict_mode=True)
        except ValueError:
            raise invalid_handle(handle) from None
        if len(data) == _HANDLE.size:
            version, sequence, receive_count, checksum = _HANDLE.unpack(data)
            if version == VERSION and checksum == crc32(data[: _CONTENT.size]):
                return sequence, receive_count
    raise invalid_handle(handle)


def invalid_handle(handle: str) -> ReceiptHandleIsInvalid:
    """The error for a handle that no queue, or not this queue, gave out."""
    return ReceiptHandleIsInvalid(f'The input receipt handle "{handle}" is not a valid receipt handle.')
