"""What is to happen when: a heap of moments that forgets lazily.

Entries are single integers, moment and number in one, so that a heap of a hundred thousand costs no garbage collection. An entry is
never searched for: whoever owns the thing keeps its valid moment, and an entry with another moment is dead. Dead entries go when they
come to the top, or all at once when they dominate.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from crossdock.broker.queues.message import Message

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


class MessageDeadlines:
    """When time next does something to each touched message of a queue. The valid moment is the message's `wake_ms`."""

    __slots__ = ("_deadlines", "_messages")

    def __init__(self, messages: dict[int, Message]) -> None:
        """`messages`: the queue's resident messages by sequence, as they are at any time."""
        self._messages = messages
        self._deadlines = Deadlines()

    def __len__(self) -> int:
        return len(self._deadlines)

    def put(self, message: Message, when_ms: int) -> None:
        """Give a message its deadline, instead of the one that it has."""
        message.wake_ms = when_ms
        self._deadlines.put(when_ms, message.sequence)
        if self._deadlines.dominated_by_dead(len(self._messages)):
            self._deadlines.rebuild((m.wake_ms, m.sequence) for m in self._messages.values() if m.wake_ms)

    def first_ms(self) -> int | None:
        """The earliest deadline, or an earlier one that is no longer valid."""
        return self._deadlines.first_ms()

    def take_due(self, now_ms: int) -> Message | None:
        """Take out the next message whose deadline has come."""
        deadlines = self._deadlines
        while (first := deadlines.first()) is not None:
            when_ms, sequence = first
            message = self._messages.get(sequence)
            living = message is not None and message.wake_ms == when_ms
            if living and when_ms > now_ms:
                return None
            deadlines.pop()
            if living:
                return message
        return None
