"""The bytes of a segment: frames that belong are told from all others."""

import pytest

from crossdock.broker.storage import segment
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.segment import FRAME_BYTES, HEADER_BYTES, Position

IDENTITY = bytes(range(16))
MARK = segment.marker(IDENTITY, 1)
START = Position(1, HEADER_BYTES)


def framed(payload: bytes, synced: Position = START, mark: bytes = MARK) -> bytes:
    buffer = bytearray(FRAME_BYTES) + payload
    segment.seal(buffer, mark, synced)
    return bytes(buffer)


def test_frames_come_back_in_order() -> None:
    """What was sealed is read back, with what it knew to be on disk."""
    data = framed(b"one") + framed(b"two", Position(1, 99)) + bytes(100)
    frames = list(segment.frames(data, 0, MARK))
    assert [bytes(segment.payload(data, frame)) for frame in frames] == [b"one", b"two"]
    assert frames[1].synced == Position(1, 99)


def test_every_flipped_bit_is_noticed() -> None:
    """No single flipped bit leaves a frame valid."""
    data = framed(b"payload")
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        assert segment.frame_at(bytes(bad), 0, MARK) is None, bit


def test_every_cut_is_noticed() -> None:
    """A frame without its last bytes is none."""
    data = framed(b"payload")
    assert all(segment.frame_at(data[:length], 0, MARK) is None for length in range(len(data)))


def test_frames_of_another_life_are_none() -> None:
    """What a recycled segment held under its old number, or in another folder, is not taken for a frame."""
    assert segment.frame_at(framed(b"old", mark=segment.marker(IDENTITY, 2)), 0, MARK) is None
    assert segment.frame_at(framed(b"foreign", mark=segment.marker(bytes(16), 1)), 0, MARK) is None


def test_stray_frames_are_found_behind_gaps() -> None:
    """Valid frames behind a damaged one are found wherever they begin."""
    data = bytes(13) + framed(b"one") + bytes(7) + framed(b"two")
    assert [bytes(segment.payload(data, frame)) for frame in segment.stray_frames(data, 0, MARK)] == [b"one", b"two"]


@pytest.mark.parametrize("position", [0, 8, 12, 16, 24, 39])
def test_a_damaged_header_is_refused(position: int) -> None:
    """A header that is not exactly as it was written raises a sentence that names the file."""
    good = segment.header(IDENTITY, 7)
    segment.check_header(good, IDENTITY, 7, "name")
    bad = bytearray(good)
    bad[position] ^= 1
    with pytest.raises(StorageError, match="name"):
        segment.check_header(bytes(bad), IDENTITY, 7, "name")


def test_a_header_of_another_place_is_refused() -> None:
    """A segment of another folder, or under another number, is not used."""
    with pytest.raises(StorageError, match="another data folder"):
        segment.check_header(segment.header(bytes(16), 7), IDENTITY, 7, "name")
    with pytest.raises(StorageError, match="another place"):
        segment.check_header(segment.header(IDENTITY, 8), IDENTITY, 7, "name")
