"""The journal: facts appended to segments, and read back after a restart.

One frame holds the facts of one write. Nothing here knows what a fact means: to keep the facts in memory is left to `memtable`, to move
them into tables is left to `fold`. What a frame looks like is left to `segment`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import QueueFact
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.segment import (
    FRAME_BYTES,
    HEADER_BYTES,
    Position,
    frame_at,
    frames,
    marker,
    payload,
    seal,
    stray_frames,
)
from crossdock.broker.storage.segments import Segments


class Replay:
    """Reads a journal back from a position on. Iterate to the end; then `end` is where writing goes on.

    StorageError where what was once on disk is damaged or missing. A torn end, which no one was told of, is cut off.
    """

    def __init__(self, segments: Segments, since: Position) -> None:
        self._segments = segments
        self._synced = since
        self.end = since

    def __iter__(self) -> Iterator[list[QueueFact]]:
        decoder = msgspec.msgpack.Decoder(list[QueueFact])
        data = self._first()
        while data is not None:
            mark = marker(self._segments.identity, self.end.segment)
            for frame in frames(data, self.end.offset, mark):
                yield self._decode(decoder, payload(data, frame))
                self._synced = frame.synced
                self.end = Position(self.end.segment, frame.end)
            data = self._next(data, mark)

    def _first(self) -> bytes | None:
        number, offset = self.end
        data = self._segments.read(number)
        if data is None and not offset and not any(other > number for other in self._segments.numbers()):
            return None
        if data is None or len(data) < offset:
            raise StorageError(
                f"{self._segments.path(number)} is missing or cut short; restore the data folder from a backup"
            )
        self.end = Position(number, max(offset, HEADER_BYTES))
        return data

    def _next(self, data: bytes, mark: bytes) -> bytes | None:
        """The segment in which the journal goes on; None where it ends."""
        if any(frame.synced > self.end for frame in stray_frames(data, self.end.offset, mark)):
            raise self._damaged()
        number = self.end.segment + 1
        following = self._segments.read(number)
        if following is None:
            if self._segments.numbers()[-1] > number:
                raise StorageError(f"{self._segments.path(number)} is missing; restore the data folder from a backup")
            return None
        following_mark = marker(self._segments.identity, number)
        first = frame_at(following, HEADER_BYTES, following_mark)
        if first is not None and first.synced == self.end:
            self.end = Position(number, HEADER_BYTES)
            return following
        if any(frame.synced > self.end for frame in stray_frames(following, HEADER_BYTES, following_mark)):
            raise self._damaged()
        return None

    def settle(self) -> None:
        """Make the disk hold what was read and nothing else.

        What a torn write left behind the end is cleared, lest it be taken for frames once others are written before it. What was not
        known to be on disk is written once more: after a sync that failed, the operating system shows it and never writes it.
        """
        self._write_again(max(self._synced, Position(self.end.segment, HEADER_BYTES)))
        self._wipe(self.end)
        self._wipe(Position(self.end.segment + 1, HEADER_BYTES))

    def _write_again(self, start: Position) -> None:
        data = self._segments.read(start.segment)
        if data is None or start >= self.end:
            return
        files = self._segments.files
        file = files.open(self._segments.path(start.segment))
        try:
            files.write(file, data[start.offset : self.end.offset], start.offset)
            files.datasync(file)
        finally:
            files.close(file)

    def _wipe(self, start: Position) -> None:
        data = self._segments.read(start.segment)
        if data is None or data.find(marker(self._segments.identity, start.segment), start.offset) < 0:
            return
        files = self._segments.files
        file = files.open(self._segments.path(start.segment))
        try:
            files.fill(file, start.offset, len(data))
            files.datasync(file)
        finally:
            files.close(file)

    def _decode(self, decoder: msgspec.msgpack.Decoder[list[QueueFact]], data: memoryview) -> list[QueueFact]:
        try:
            return decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise StorageError(
                f"{self._segments.path(self.end.segment)} holds a fact that this version of crossdock does not know ({error}); "
                "start the version that wrote it"
            ) from error

    def _damaged(self) -> StorageError:
        return StorageError(
            f"{self._segments.path(self.end.segment)} is damaged at byte {self.end.offset}, before facts that were acknowledged; "
            "restore the data folder from a backup"
        )


class Journal:
    """Appends at the end. OSError from any method means that nothing may be assumed of what was written since the last `sync`."""

    def __init__(self, segments: Segments, end: Position) -> None:
        self._segments = segments
        self._files = segments.files
        self._helper = ThreadPoolExecutor(1, "crossdock-journal")
        self._next: Future[int] | None = None
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray()
        self._segment = end.segment
        self._offset = max(end.offset, HEADER_BYTES)
        self._mark = marker(segments.identity, end.segment)
        self._file = segments.make(end.segment)
        self._files.datasync(self._file)
        self._synced = self.end
        self.written_bytes = 0
        """Bytes written since the journal was opened."""

    @property
    def end(self) -> Position:
        """Behind the last frame."""
        return Position(self._segment, self._offset)

    def distance(self, since: Position) -> int:
        """About how many bytes lie between a position and the end."""
        return (self._segment - since.segment) * self._segments.size + self._offset - since.offset

    def write(self, facts: Sequence[Fact]) -> None:
        """Append one frame. It survives the end of the process, and after `sync` the end of the machine."""
        buffer = self._buffer
        self._encoder.encode_into(facts, buffer, FRAME_BYTES)
        if self._offset + len(buffer) > self._segments.size and self._offset > HEADER_BYTES:
            self._roll()
        seal(buffer, self._mark, self._synced)
        self._files.write(self._file, buffer, self._offset)
        self._offset += len(buffer)
        self.written_bytes += len(buffer)
        if self._next is None and self._offset * 2 > self._segments.size:
            self._next = self._helper.submit(self._segments.make, self._segment + 1)

    def sync(self) -> None:
        """Return when everything written is on disk."""
        self._files.datasync(self._file)
        self._synced = self.end

    def release(self, below: Position) -> Future[None]:
        """Everything before a position is folded: let its segments be used again."""
        return self._helper.submit(self._segments.retire, below.segment)

    def close(self) -> None:
        """Close the files. Writes nothing."""
        self._helper.shutdown(wait=True)
        self._files.close(self._file)
        if self._next is not None and self._next.exception() is None:
            self._files.close(self._next.result())

    def _roll(self) -> None:
        """Go on in the next segment. The frames of this one are on disk first: what comes later may rely on it."""
        self.sync()
        prepared = self._next or self._helper.submit(self._segments.make, self._segment + 1)
        self._next = None
        file = prepared.result()
        self._files.close(self._file)
        self._file = file
        self._segment += 1
        self._offset = HEADER_BYTES
        self._mark = marker(self._segments.identity, self._segment)
