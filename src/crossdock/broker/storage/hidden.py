"""The hidden messages of a memtable, in the order in which they come due.

That a due time changed is noted; what it is now is asked of the memtable when somebody reads, and only then is anything put in order: few
queues are ever read, so writing a note must cost next to nothing. The memtable is handed in, not kept: the two would keep each other
in memory until the garbage collector comes.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator

from crossdock.broker.queues.facts import queue_of

_SEQUENCE_BITS = 64
_SEQUENCE = (1 << _SEQUENCE_BITS) - 1

_NOTES_MIN = 65_536

DueMs = Callable[[int], int | None]
"""When a message comes due, for which the memtable knows it."""


class Hidden:
    """Sequences of which a due time changed, and, once somebody reads, notes by queue: a due time in ms and a sequence in one integer."""

    def __init__(self) -> None:
        self._changed: list[int] = []
        self._notes: dict[int, list[int]] = {}
        self._unordered: set[int] = set()
        """Queues whose notes are in no order."""
        self._sweep_from = _NOTES_MIN

    def __len__(self) -> int:
        return len(self._changed) + sum(map(len, self._notes.values()))

    def note(self, sequence: int) -> bool:
        """A message comes due at another time than before. Whether it is time to `sweep`."""
        self._changed.append(sequence)
        return len(self._changed) >= self._sweep_from

    def after(self, queue: int, after: tuple[int, int], due_ms: DueMs) -> Iterator[tuple[int, int]]:
        """(due_ms, sequence) behind `after` in order. Nothing may be noted while it is read."""
        self._write_notes(due_ms)
        notes = self._notes.get(queue, [])
        if queue in self._unordered:
            self._unordered.remove(queue)
            notes.sort()
        last = after[0] << _SEQUENCE_BITS | after[1]
        for at in range(bisect_right(notes, last), len(notes)):
            note = notes[at]
            if note != last and _is_valid(note, due_ms):
                yield note >> _SEQUENCE_BITS, note & _SEQUENCE
            last = note

    def sweep(self, due_ms: DueMs) -> None:
        """Drop what is not valid any more. Done when the notes have doubled, it costs each a constant."""
        self._changed = [sequence for sequence in set(self._changed) if due_ms(sequence) is not None]
        swept = (
            (queue, [note for note in set(notes) if _is_valid(note, due_ms)]) for queue, notes in self._notes.items()
        )
        self._notes = {queue: notes for queue, notes in swept if notes}
        self._unordered = set(self._notes)
        self._sweep_from = len(self._changed) + len(self) + _NOTES_MIN

    def _write_notes(self, due_ms: DueMs) -> None:
        changed, self._changed = self._changed, []
        self._sweep_from -= len(changed)
        for sequence in changed:
            if (due := due_ms(sequence)) is not None:
                queue = queue_of(sequence)
                self._notes.setdefault(queue, []).append(due << _SEQUENCE_BITS | sequence)
                self._unordered.add(queue)


def _is_valid(note: int, due_ms: DueMs) -> bool:
    return due_ms(note & _SEQUENCE) == note >> _SEQUENCE_BITS
