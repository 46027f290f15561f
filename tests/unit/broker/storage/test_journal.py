"""The journal: what was synced comes back, what was torn is cut, what was damaged is refused."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crossdock.broker.queues.facts import Sent
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Buffer, Files
from crossdock.broker.storage.journal import Journal, Replay
from crossdock.broker.storage.segment import HEADER_BYTES, Position
from crossdock.broker.storage.segments import Segments

Make = Callable[..., Sent]
IDENTITY = bytes(range(16))
START = Position(1, 0)


def segments(folder: Path, size: int = 4_096) -> Segments:
    folder.mkdir(exist_ok=True)
    return Segments(Files(), folder, IDENTITY, size)


def written(folder: Path, facts: list[list[Sent]], size: int = 4_096) -> list[Position]:
    """A journal with these facts, a commit each, on disk and closed; where each commit ends."""
    journal = Journal(segments(folder, size), START)
    ends = []
    for some in facts:
        journal.write(some)
        journal.sync()
        ends.append(journal.end)
    journal.close()
    return ends


def replayed(folder: Path, since: Position = START) -> list[list[Sent]]:
    return list(Replay(segments(folder), since))


def test_an_empty_journal_has_nothing(tmp_path: Path) -> None:
    """A folder without segments is a journal that begins."""
    assert replayed(tmp_path) == []


def test_facts_come_back_across_segments(tmp_path: Path, make_sent: Make) -> None:
    """What fills several segments is read back in order, from the beginning and from any commit on."""
    facts = [[make_sent(position, "x" * 300)] for position in range(50)]
    ends = written(tmp_path, facts)
    assert ends[-1].segment > 3
    assert replayed(tmp_path) == facts
    for index, end in enumerate(ends):
        assert replayed(tmp_path, end) == facts[index + 1 :]


def test_a_frame_larger_than_a_segment_fits(tmp_path: Path, make_sent: Make) -> None:
    """A segment grows for a frame that would fit into none."""
    facts = [[make_sent(0)], [make_sent(1, "x" * 10_000)], [make_sent(2)]]
    written(tmp_path, facts)
    assert replayed(tmp_path) == facts


def test_writing_goes_on_behind_the_end(tmp_path: Path, make_sent: Make) -> None:
    """A journal that is opened again appends to what is there."""
    written(tmp_path, [[make_sent(0)]])
    replay = Replay(segments(tmp_path), START)
    assert len(list(replay)) == 1
    journal = Journal(segments(tmp_path), replay.end)
    journal.write([make_sent(1)])
    journal.close()
    assert replayed(tmp_path) == [[make_sent(0)], [make_sent(1)]]


@pytest.mark.parametrize("junk", [0, 0xA5])
def test_a_torn_end_is_cut_at_every_byte(tmp_path: Path, make_sent: Make, junk: int) -> None:
    """Wherever the last write was torn, all before it comes back, and writing goes on there."""
    first, last = written(tmp_path, [[make_sent(0)], [make_sent(1, "the last")]])
    path = segments(tmp_path).path(1)
    whole = path.read_bytes()
    for cut in range(first.offset, last.offset):
        path.write_bytes(whole[:cut] + bytes([junk]) * (last.offset - cut) + whole[last.offset :])
        if path.read_bytes() == whole:
            continue
        replay = Replay(segments(tmp_path), START)
        assert list(replay) == [[make_sent(0)]], cut
        assert replay.end == first
        replay.settle()
        journal = Journal(segments(tmp_path), replay.end)
        journal.write([make_sent(2)])
        journal.close()
        assert replayed(tmp_path) == [[make_sent(0)], [make_sent(2)]], cut


def test_damage_before_the_last_commit_is_refused(tmp_path: Path, make_sent: Make) -> None:
    """A flipped bit in any byte that a later commit relies on stops the start, with a sentence that names the file."""
    ends = written(tmp_path, [[make_sent(0)], [make_sent(1)], [make_sent(2)]])
    path = segments(tmp_path).path(1)
    whole = path.read_bytes()
    for position in range(HEADER_BYTES, ends[1].offset):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(StorageError, match=r"0001\.journal is damaged at byte \d+, .* restore"):
            replayed(tmp_path)


def test_damage_at_the_end_of_a_full_segment_is_refused(tmp_path: Path, make_sent: Make) -> None:
    """The last commit of a segment is known to be one by the first of the next."""
    ends = written(tmp_path, [[make_sent(position, "x" * 1_000)] for position in range(5)])
    last_of_first = [end for end in ends if end.segment == 1][-1]
    path = segments(tmp_path).path(1)
    damaged = bytearray(path.read_bytes())
    damaged[last_of_first.offset - 1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match="is damaged at byte"):
        replayed(tmp_path)


def test_a_gap_among_unsynced_writes_is_torn(tmp_path: Path, make_sent: Make) -> None:
    """Without a sync between them, writes may reach the disk in any order: a gap cuts what follows and is no damage."""
    journal = Journal(segments(tmp_path), START)
    ends = []
    for position in range(3):
        journal.write([make_sent(position)])
        ends.append(journal.end)
        if not position:
            journal.sync()
    journal.close()
    path = segments(tmp_path).path(1)
    torn = bytearray(path.read_bytes())
    torn[ends[0].offset : ends[0].offset + 10] = bytes(10)
    path.write_bytes(torn)
    replay = Replay(segments(tmp_path), START)
    assert list(replay) == [[make_sent(0)]]
    replay.settle()
    journal = Journal(segments(tmp_path), replay.end)
    journal.write([make_sent(1)])
    journal.close()
    assert replayed(tmp_path) == [[make_sent(0)], [make_sent(1)]], (
        "the third write must not come back behind the second"
    )


class PageCache(Files):
    """Files behind a cache that does what that of Linux does when a sync fails: what was written is still read, and taken for written by
    every later sync, though it is not on disk."""

    def __init__(self) -> None:
        self.broken = False
        self._paths: dict[int, Path] = {}
        self._dirty: list[tuple[Path, int, bytes]] = []
        """Path, offset, and what is on disk there."""
        self._forgotten: list[tuple[Path, int, bytes]] = []

    def open(self, path: Path) -> int:
        file = super().open(path)
        self._paths[file] = path
        return file

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        self._dirty.append((self._paths[file], offset, os.pread(file, len(data), offset).ljust(len(data), b"\0")))
        return super().pwrite(file, data, offset)

    def datasync(self, file: int) -> None:
        written, self._dirty = self._dirty, []
        if self.broken:
            self._forgotten += written
            raise OSError(errno.EIO, "Input/output error")
        for path, offset, before in written:
            self._forgotten = [
                (other, at, old)
                for other, at, old in self._forgotten
                if other != path or at < offset or at + len(old) > offset + len(before)
            ]

    def cut_power(self) -> None:
        """What is not on disk is gone."""
        for path, offset, before in reversed(self._forgotten + self._dirty):
            content = path.read_bytes()
            path.write_bytes(content[:offset] + before + content[offset + len(before) :])


def test_what_a_failed_sync_left_in_memory_is_written_again(tmp_path: Path, make_sent: Make) -> None:
    """A commit fails, the broker starts again and reads it all the same, goes on behind it, and then the power is cut: no gap is left."""
    cache = PageCache()
    there = Segments(cache, tmp_path, IDENTITY, 4_096)
    journal = Journal(there, START)
    journal.write([make_sent(0)])
    journal.sync()
    journal.write([make_sent(1)])
    cache.broken = True
    with pytest.raises(OSError):
        journal.sync()
    journal.close()
    cache.broken = False

    replay = Replay(there, START)
    assert list(replay) == [[make_sent(0)], [make_sent(1)]]
    replay.settle()
    journal = Journal(there, replay.end)
    journal.write([make_sent(2)])
    journal.sync()
    journal.close()
    cache.cut_power()
    assert replayed(tmp_path) == [[make_sent(0)], [make_sent(1)], [make_sent(2)]]


def test_missing_segments_are_refused(tmp_path: Path, make_sent: Make) -> None:
    """A segment that is missing where facts were is named."""
    written(tmp_path, [[make_sent(position, "x" * 1_000)] for position in range(12)])
    with pytest.raises(StorageError, match="is missing or cut short"):
        replayed(tmp_path, Position(99, 500))
    segments(tmp_path).path(2).unlink()
    with pytest.raises(StorageError, match=r"0002\.journal is missing"):
        replayed(tmp_path)
    segments(tmp_path).path(1).unlink()
    with pytest.raises(StorageError, match=r"0001\.journal is missing"):
        replayed(tmp_path)


def test_released_segments_are_used_again(tmp_path: Path, make_sent: Make) -> None:
    """However long it writes, a journal that is released takes no more than a few segments, and old frames never come back."""
    journal = Journal(segments(tmp_path), START)
    for position in range(200):
        journal.write([make_sent(position, "x" * 900)])
        journal.sync()
        journal.release(journal.end).result()
    journal.write([make_sent(200)])
    journal.close()
    assert len(list(tmp_path.iterdir())) <= 5
    newest = segments(tmp_path).numbers()
    since = Position(newest[0] if len(newest) == 1 else newest[-2], 0)
    assert replayed(tmp_path, since)[-1] == [make_sent(200)]


def test_a_spare_that_was_never_finished_is_not_used(tmp_path: Path, make_sent: Make) -> None:
    """A crash while a segment was being made leaves a file of the wrong size, which goes."""
    (tmp_path / "0000000000000001.spare").write_bytes(b"half")
    written(tmp_path, [[make_sent(0)]])
    assert replayed(tmp_path) == [[make_sent(0)]]
    assert not list(tmp_path.glob("*.spare"))
