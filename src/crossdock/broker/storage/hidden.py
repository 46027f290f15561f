"""The hidden messages of a memtable, in the order in which they come due.

Each change of a due time is noted; what is valid is asked of the memtable when it is read. Notes are put in order when somebody reads:
few queues are ever read, so writing a note must cost next to nothing. The memtable is handed in, not kept: the two would keep each other
in memory until the garbage collector comes.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator

from crossdock.broker.queues.facts import POSITION_BITS

_SEQUENCE_BITS = 64
_SEQUENCE = (1 << _SEQUENCE_BITS) - 1

_NOTES_MIN = 65_536

DueMs = Callable[[int], int | None]
"""When a message comes due, for which the memtable knows it."""


class Hidden:
    """Notes by queue, each a due time in ms and a sequence in one integer."""

    def __init__(self) -> None:
        self._notes: dict[int, list[int]] = {}
        self._in_order: dict[int, int] = {}
        """By queue: how many notes were put in order."""
        self._count = 0
        self._sweep_from = _NOTES_MIN

    def note(self, sequence: int, due_ms: int) -> bool:
        """A message comes due at another time than before. Whether it is time to `sweep`."""
        queue = sequence >> POSITION_BITS
        notes = self._notes.get(queue)
        if notes is None:
            notes = self._notes[queue] = []
        notes.append(due_ms << _SEQUENCE_BITS | sequence)
        self._count += 1
        return self._count >= self._sweep_from

    def after(self, queue: int, after: tuple[int, int], due_ms: DueMs) -> Iterator[tuple[int, int]]:
        """(due_ms, sequence) behind `after` in order. Nothing may be noted while it is read."""
        notes = self._notes.get(queue)
        if notes is None:
            return
        if self._in_order.get(queue) != len(notes):
            notes.sort()
            self._in_order[queue] = len(notes)
        last = after[0] << _SEQUENCE_BITS | after[1]
        for at in range(bisect_right(notes, last), len(notes)):
            note = notes[at]
            if note != last and _is_valid(note, due_ms):
                yield note >> _SEQUENCE_BITS, note & _SEQUENCE
            last = note

    def sweep(self, due_ms: DueMs) -> None:
        """Drop what is not valid any more. Done when the notes have doubled, it costs each a constant."""
        swept = (
            (queue, [note for note in set(notes) if _is_valid(note, due_ms)]) for queue, notes in self._notes.items()
        )
        self._notes = {queue: notes for queue, notes in swept if notes}
        self._in_order = {}
        self._count = sum(map(len, self._notes.values()))
        self._sweep_from = 2 * self._count + _NOTES_MIN


def _is_valid(note: int, due_ms: DueMs) -> bool:
    return due_ms(note & _SEQUENCE) == note >> _SEQUENCE_BITS
