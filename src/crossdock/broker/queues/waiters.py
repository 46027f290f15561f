"""Long polls: receives that found nothing and wait. Whatever makes a message visible answers them, in the order in which they came.

Source: SQS Developer Guide, "Amazon SQS short and long polling".
"""

from collections import deque
from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush

import msgspec

from crossdock.broker.outcome import Ticket
from crossdock.broker.queues.contents import AttributeFilter

_COMPACT_FROM = 256


class Ask(msgspec.Struct, frozen=True, gc=False):
    """A receive, as it is meant: defaults filled in, filters compiled. Times in milliseconds."""

    limit: int
    visibility_ms: int
    wait_ms: int
    system_attributes: Collection[str] | None
    attributes: AttributeFilter | None
    attempt_id: str | None


class Waiter:
    """One long poll."""

    __slots__ = ("ask", "ends_ms", "ticket", "waits")

    def __init__(self, ticket: Ticket, ask: Ask, ends_ms: int) -> None:
        self.ticket = ticket
        self.ask = ask
        self.ends_ms = ends_ms
        self.waits = True
        """False once it was answered or its client went away."""


class Waiters:
    """The long polls of one queue: a line to answer from, a heap by end; both forget lazily."""

    __slots__ = ("_count", "_ends", "_line", "_number")

    def __init__(self) -> None:
        self._line: deque[Waiter] = deque()
        self._ends: list[tuple[int, int, Waiter]] = []
        self._count = 0
        self._number = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for waiter in self._line if waiter.waits)

    def add(self, waiter: Waiter) -> None:
        """A receive begins to wait."""
        self._sweep()
        self._count += 1
        self._number += 1
        self._line.append(waiter)
        heappush(self._ends, (waiter.ends_ms, self._number, waiter))

    def first(self) -> Waiter | None:
        """The one that has waited longest."""
        line = self._line
        while line and not line[0].waits:
            line.popleft()
        return line[0] if line else None

    def remove(self, waiter: Waiter) -> None:
        """It waits no longer."""
        assert waiter.waits
        waiter.waits = False
        self._count -= 1

    def first_end_ms(self) -> int | None:
        """When the next of them has waited long enough."""
        ends = self._ends
        while ends and not ends[0][2].waits:
            heappop(ends)
        return ends[0][0] if ends else None

    def ended(self, now_ms: int) -> list[Waiter]:
        """Take out those that have waited long enough."""
        ended = []
        while (end_ms := self.first_end_ms()) is not None and end_ms <= now_ms:
            waiter = heappop(self._ends)[2]
            self.remove(waiter)
            ended.append(waiter)
        return ended

    def _sweep(self) -> None:
        if len(self._ends) > 2 * self._count + _COMPACT_FROM:
            self._ends = [entry for entry in self._ends if entry[2].waits]
            heapify(self._ends)
        if len(self._line) > 2 * self._count + _COMPACT_FROM:
            self._line = deque(self)
