"""The order of a FIFO queue: message groups, each in strict order, taking turns.

A group gives its messages from the front, up to the first one that is not visible: a message that is in flight or delayed holds up
everything behind it in its group, and nothing in the others. A receive empties one group as far as it can before it goes on to the
next. Groups wait for their turn where their front message stands: one that was never received in its order of arrival, one that came
back behind all that was there by then. That is the order of groups in every receive that is on record from AWS.

    enlist: the front message is visible        offered
    ┌──────────────┐ ─────────────────────► ┌─────────┐
    │  held up     │                        │ waiting │ in order of places
    └──────────────┘ ◄───────────────────── └─────────┘

Deduplication is dedup.py's. Source: SQS Developer Guide, "FIFO queue delivery logic in Amazon SQS".
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from crossdock.broker.queues.line import Line, appended
from crossdock.broker.queues.message import GONE, VISIBLE, Message
from crossdock.broker.queues.standard import Offer


class Group:
    """A message group: its messages in order, in flight ones included."""

    __slots__ = ("messages", "waiting")

    def __init__(self) -> None:
        self.messages: Line = []
        self.waiting = False
        """Has a place among those that wait."""

    def front(self) -> Message | None:
        """The first message that is not gone."""
        messages = self.messages
        while messages and messages[0].state is GONE:
            del messages[0]
        return messages[0] if messages else None

    def free(self) -> Iterator[Message]:
        """The visible messages up to the first one that is not."""
        for message in self.messages:
            if message.state is VISIBLE:
                yield message
            elif message.state is not GONE:
                return


class FifoOrder:
    """Groups by id, and those that can give something in order."""

    __slots__ = ("_groups", "_last_sequence", "_tickets", "_waiting")

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._waiting: list[tuple[int, int, Group]] = []
        """A heap of places: a sequence, who came to it when, and the group."""
        self._tickets = count()
        self._last_sequence = 0

    def arrive(self, message: Message) -> None:
        """A message takes its place at the end of its group, whatever its state."""
        group_id = _group_id(message)
        group = self._groups.get(group_id)
        if group is None:
            group = self._groups[group_id] = Group()
        group.messages = appended(group.messages, message)
        self._last_sequence = max(self._last_sequence, message.sequence)
        self._enlist(group)

    def appear(self, message: Message, rank: int) -> None:
        """The group is free again if the message stands at its front; `rank` means nothing here."""
        group = self._groups.get(_group_id(message))
        if group is not None:
            self._enlist(group)

    def offer(self, now_ms: int) -> Offer:
        offered: list[Group] = []
        try:
            while self._waiting:
                _, _, group = heappop(self._waiting)
                group.waiting = False
                offered.append(group)
                yield from group.free()
        finally:
            for group in offered:
                self._enlist(group)

    def received(self, message: Message) -> None:
        """Nothing to note: the state of its front holds a group up."""

    def finished(self, message: Message, now_ms: int) -> None:
        """Nothing to note."""

    def removed(self, message: Message) -> None:
        """The next message of the group comes to the front."""
        group_id = _group_id(message)
        group = self._groups.get(group_id)
        if group is None:
            return
        if group.front() is None:
            del self._groups[group_id]
        else:
            self._enlist(group)

    def _enlist(self, group: Group) -> None:
        front = group.front()
        if front is not None and front.state is VISIBLE and not group.waiting:
            group.waiting = True
            place = self._last_sequence if front.receive_count else front.sequence
            heappush(self._waiting, (place, next(self._tickets), group))


def _group_id(message: Message) -> str:
    assert message.group_id is not None, "every message of a FIFO queue has a group"
    return message.group_id
