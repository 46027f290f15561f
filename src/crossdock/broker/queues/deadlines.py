"""What is to happen when: a heap of moments that forgets lazily.

Entries are single integers, moment and number in one, so that a heap of a hundred thousand costs no garbage collection. An entry is
never searched for: whoever owns the thing keeps its valid moment, and an entry with another moment is dead. Dead entries go when they
come to the top, or all at once when they dominate.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

NUMBER_BITS = 64
_NUMBER = (1 << NUMBER_BITS) - 1

COMPACT_FROM = 1_024
"""Below so many entries a heap is left alone."""


class Deadlines:
    """Moments in ms, each of a number below 2**64."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[int] = []

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, when_ms: int, number: int) -> None:
        """Something happens to `number` at `when_ms`."""
        heappush(self._heap, when_ms << NUMBER_BITS | number)

    def first(self) -> tuple[int, int] | None:
        """The earliest entry, dead or not: (when_ms, number)."""
        if not self._heap:
            return None
        entry = self._heap[0]
        return entry >> NUMBER_BITS, entry & _NUMBER

    def first_ms(self) -> int | None:
        """The moment of the earliest entry, dead or not."""
        return self._heap[0] >> NUMBER_BITS if self._heap else None

    def pop(self) -> None:
        """Drop the earliest entry."""
        heappop(self._heap)

    def dominated_by_dead(self, living: int) -> bool:
        """Whether it is time to `rebuild`, when no more than `living` entries can be alive."""
        return len(self._heap) > 2 * living + COMPACT_FROM

    def rebuild(self, entries: Iterable[tuple[int, int]]) -> None:
        """Keep just these entries."""
        self._heap = [when_ms << NUMBER_BITS | number for when_ms, number in entries]
        heapify(self._heap)
