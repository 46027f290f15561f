"""The memtable: what is in the journal and not yet in the tables, in the order in which readers want it.

A message that is sent and deleted while it is here leaves no trace. Of everything else the last word counts. A frozen memtable is on
its way into the tables and changes no more; `layers` shows readers a live one over a frozen one over the tables.
"""

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import (
    Deleted,
    Moved,
    Purged,
    QueueDeleted,
    Received,
    Remembered,
    Sent,
    Stored,
    VisibilityChanged,
    first_sequence,
    queue_of,
    remembered,
)
from crossdock.broker.storage.hidden import Hidden

MESSAGE_BYTES = 600
"""What a message costs in memory beside its body: the values of its fact, its places in the index."""

CHANGE_BYTES = 250
"""What a receive, or an entry of the deduplication memory, costs."""

TOMBSTONE_BYTES = 100

_DEAD_MIN = 4_096
_FORGET_MIN = 65_536


class Memtable:
    """Messages by sequence. `bytes` is about what it takes in memory."""

    def __init__(self) -> None:
        self._dead = 0
        self._forget_from = _FORGET_MIN
        self.inserted: dict[int, Sent] = {}
        self.orders: dict[int, list[int]] = {}
        """By queue: sequences in order, some of them deleted since."""
        self.received: dict[int, Received] = {}
        self.dues: dict[int, int] = {}
        """New ends of visibility timeouts, of messages whose receive is not in this memtable."""
        self.hidden = Hidden()
        self.deleted: set[int] = set()
        """Messages of the layers below that are gone."""
        self.purged: dict[int, int] = {}
        """By queue: up to and with this sequence everything is gone. `received`, `dues`, `deleted` and `remembered` may still name such
        sequences; whoever reads those asks `is_purged`."""
        self.remembered: dict[int, Remembered] = {}
        """The deduplication memory of the last five minutes, by sequence, in order of time."""
        self.last: dict[int, int] = {}
        """By queue: the highest sequence that was sent."""
        self.bytes = 0

    @property
    def appliers(self) -> dict[type[Fact], Callable[..., None]]:
        """The method for each fact that changes messages."""
        return {
            Sent: self.sent,
            Received: self.receive,
            VisibilityChanged: self.change_visibility,
            Deleted: self.delete,
            Moved: self.move,
            Purged: self.purge,
            QueueDeleted: self.drop,
        }

    def sent(self, fact: Sent) -> None:
        """A message enters its queue."""
        self._insert(fact)
        if (entry := remembered(fact)) is not None:
            self.remembered[fact.sequence] = entry
            self.bytes += CHANGE_BYTES
            if len(self.remembered) >= self._forget_from:
                self._forget_sends(fact.sent_ms - DEDUPLICATION_WINDOW_MS)

    def receive(self, fact: Received) -> None:
        """A message is in flight."""
        sequence = fact.sequence
        if sequence not in self.received:
            self.bytes += CHANGE_BYTES
            self.dues.pop(sequence, None)
        self.received[sequence] = fact
        self._note_due(sequence)

    def change_visibility(self, fact: VisibilityChanged) -> None:
        """A visibility timeout ends at another time."""
        sequence = fact.sequence
        if (known := self.received.get(sequence)) is not None:
            self.received[sequence] = Received(sequence, known.receive_count, known.first_received_ms, fact.due_ms)
        else:
            if sequence not in self.dues:
                self.bytes += TOMBSTONE_BYTES
            self.dues[sequence] = fact.due_ms
        self._note_due(sequence)

    def delete(self, fact: Deleted) -> None:
        """Messages are gone."""
        for sequence in fact.sequences:
            self._remove(sequence)
        if self._dead > _DEAD_MIN and self._dead > len(self.inserted):
            self._forget_the_dead()

    def move(self, fact: Moved) -> None:
        """A message leaves one queue for another."""
        self._remove(fact.origin)
        self._insert(fact.message)
        if fact.receive_count:
            sequence = fact.message.sequence
            self.receive(Received(sequence, fact.receive_count, fact.first_received_ms, fact.message.due_ms))

    def purge(self, fact: Purged) -> None:
        """A queue is emptied up to and with a sequence, and its deduplication memory with it."""
        self._empty(fact.queue, fact.through)

    def drop(self, fact: QueueDeleted) -> None:
        """A queue is gone with all that it holds."""
        self._empty(fact.queue, first_sequence(fact.queue + 1) - 1)

    def between(self, queue: int, after: int, through: int) -> Iterator[Sent]:
        """The messages of a queue that entered it here, with `after < sequence <= through`, in order."""
        order = self.orders.get(queue, ())
        for index in range(bisect_right(order, after), len(order)):
            if order[index] > through:
                return
            if (message := self.inserted.get(order[index])) is not None:
                yield message

    def first(self, queue: int) -> int | None:
        """No message of the layers below comes behind this sequence in its queue; None if none entered the queue here."""
        order = self.orders.get(queue)
        return order[0] if order else None

    def update(self, stored: Stored) -> None:
        """Bring a message of this layer, or of one below, up to date."""
        sequence = stored.message.sequence
        if (received := self.received.get(sequence)) is not None:
            stored.receive_count = received.receive_count
            stored.first_received_ms = received.first_received_ms
            stored.due_ms = received.due_ms
        elif (due_ms := self.dues.get(sequence)) is not None:
            stored.due_ms = due_ms

    def due_ms(self, sequence: int) -> int | None:
        """When a message comes due, or came; None if this layer does not know."""
        if (received := self.received.get(sequence)) is not None:
            return received.due_ms
        if (due_ms := self.dues.get(sequence)) is not None:
            return due_ms
        message = self.inserted.get(sequence)
        return None if message is None else message.due_ms

    def is_purged(self, sequence: int) -> bool:
        """Whether a message went with all others of its queue."""
        return sequence <= self.purged.get(queue_of(sequence), -1)

    def balance(self) -> Counter[int]:
        """By queue: by how much the number of its messages grew, purges not counted."""
        counts = Counter(map(queue_of, self.inserted))
        counts.subtract(queue_of(sequence) for sequence in self.deleted if not self.is_purged(sequence))
        return counts

    def _insert(self, message: Sent) -> None:
        sequence = message.sequence
        queue = queue_of(sequence)
        order = self.orders.get(queue)
        if order is None:
            order = self.orders[queue] = []
        self.inserted[sequence] = message
        order.append(sequence)
        self.last[queue] = sequence
        self.bytes += size_of(message)
        if message.due_ms:
            self._note_due(sequence)

    def _note_due(self, sequence: int) -> None:
        if self.hidden.note(sequence):
            self.hidden.sweep(self.due_ms)

    def _remove(self, sequence: int) -> None:
        message = self.inserted.pop(sequence, None)
        if message is not None:
            self.bytes -= size_of(message)
            self._dead += 1
        elif sequence not in self.deleted:
            self.deleted.add(sequence)
            self.bytes += TOMBSTONE_BYTES
        if self.received.pop(sequence, None) is not None:
            self.bytes -= CHANGE_BYTES
        if self.dues.pop(sequence, None) is not None:
            self.bytes -= TOMBSTONE_BYTES

    def _empty(self, queue: int, through: int) -> None:
        order = self.orders.pop(queue, [])
        kept = bisect_right(order, through)
        for sequence in order[:kept]:
            if (message := self.inserted.pop(sequence, None)) is not None:
                self.bytes -= size_of(message)
        if kept < len(order):
            self.orders[queue] = order[kept:]
        self.purged[queue] = max(through, self.purged.get(queue, first_sequence(queue) - 1))

    def _forget_sends(self, until_ms: int) -> None:
        """For a memtable that is never folded; another is young."""
        before = len(self.remembered)
        self.remembered = {s: entry for s, entry in self.remembered.items() if entry.sent_ms > until_ms}
        self.bytes -= CHANGE_BYTES * (before - len(self.remembered))
        self._forget_from = 2 * len(self.remembered) + _FORGET_MIN

    def _forget_the_dead(self) -> None:
        """Take deleted sequences out of the orders. Done once they are the majority, it costs each delete a constant."""
        inserted = self.inserted
        living = (
            (queue, [sequence for sequence in order if sequence in inserted]) for queue, order in self.orders.items()
        )
        self.orders = {queue: order for queue, order in living if order}
        self._dead = 0


def size_of(message: Sent) -> int:
    """About what a message takes in memory."""
    size = MESSAGE_BYTES + sys.getsizeof(message.body)
    if message.attributes is not None:
        size += sum(MESSAGE_BYTES + sys.getsizeof(value.value) for value in message.attributes.values())
    return size
