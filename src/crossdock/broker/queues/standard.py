"""The order of a standard queue: what came back first, then in order of arrival.

A message that was received often and never deleted goes behind everything that is in the queue by then, so that a poison pill does
not stand in the way of the others. Nothing here knows of groups (see fair.py).

Source: SQS Developer Guide, "Amazon SQS standard queues" (at-least-once, best-effort order) and "Amazon SQS visibility timeout".
"""

from collections import deque
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import Protocol

from crossdock.broker.queues.message import VISIBLE, Message

TIRED_RECEIVES = 3
"""From so many receives on, a message that comes back goes to the end."""

_RANK_BITS = 64
_SEQUENCE = (1 << _RANK_BITS) - 1

Offer = Generator[Message, None, None]
Find = Callable[[int], Message | None]


class Order(Protocol):
    """Which visible message a queue gives next. The queue reports each change of state."""

    def arrive(self, message: Message) -> None:
        """An untouched message takes its place; they come in order of sequence."""

    def appear(self, message: Message, rank: int) -> None:
        """A touched message is visible. It stands where an untouched one with the sequence `rank` would stand."""

    def offer(self, now_ms: int) -> Offer:
        """The visible messages in the order in which they are given.

        What is offered must have been received, or be removed once the offer is closed; while it is open, nothing else changes.
        """

    def received(self, message: Message) -> None:
        """A message went in flight."""

    def finished(self, message: Message, now_ms: int) -> None:
        """A message is no longer in flight: it was deleted, or comes back."""

    def removed(self, message: Message) -> None:
        """A message is gone."""


class Ranks:
    """The places of touched messages: a heap by rank, with lazy deletion."""

    __slots__ = ("_find", "_heap")

    def __init__(self, find: Find) -> None:
        """`find`: the resident message with a sequence."""
        self._find = find
        self._heap: list[int] = []

    def put(self, message: Message, rank: int) -> None:
        """Give a message its place, unless it still has one."""
        if not message.listed:
            message.listed = True
            heappush(self._heap, rank << _RANK_BITS | message.sequence)

    def first(self) -> int | None:
        """The rank of the first visible message; entries of others before it are dropped."""
        heap = self._heap
        while heap:
            entry = heap[0]
            message = self._find(entry & _SEQUENCE)
            if message is not None:
                if message.state is VISIBLE:
                    return entry >> _RANK_BITS
                message.listed = False
            heappop(heap)
        return None

    def pop(self) -> Message:
        """Take the message that `first` found."""
        message = self._find(heappop(self._heap) & _SEQUENCE)
        assert message is not None
        message.listed = False
        return message


class StandardOrder:
    """Untouched messages in a line, touched ones by rank."""

    __slots__ = ("_fresh", "_returned")

    def __init__(self, fresh: deque[Message], find: Find) -> None:
        """`fresh`: the queue's untouched messages, in order. What is offered is taken out of it."""
        self._fresh = fresh
        self._returned = Ranks(find)

    def arrive(self, message: Message) -> None:
        """The queue's own line of untouched messages is the order."""

    def appear(self, message: Message, rank: int) -> None:
        self._returned.put(message, rank)

    def offer(self, now_ms: int) -> Offer:
        fresh, returned = self._fresh, self._returned
        while True:
            rank = returned.first()
            if rank is not None and not (fresh and fresh[0].sequence <= rank):
                yield returned.pop()
            elif fresh:
                message = fresh.popleft()
                if not message.wake_ms:
                    yield message
            else:
                return

    def received(self, message: Message) -> None:
        """Nothing to note."""

    def finished(self, message: Message, now_ms: int) -> None:
        """Nothing to note."""

    def removed(self, message: Message) -> None:
        """Nothing to note: its place is dropped when its turn comes."""
