"""The layers: how readers see a live memtable over a frozen one over the tables, as if all were one.

Sequences grow with time, so every message of an upper layer comes behind all those of its queue in a lower one: reading in order is
reading the layers one after the other. What the layers hold is left to `memtable` and `tables`.
"""

import heapq
from collections.abc import Iterator

from crossdock.broker.queues.facts import Purged, QueueDeleted, Remembered, Sent, Stored, queue_of
from crossdock.broker.storage.errors import Damaged
from crossdock.broker.storage.memtable import Memtable
from crossdock.broker.storage.tables import Tables


class Layers:
    """Everything that a store holds of messages. `live` takes the facts; `frozen` is being folded, or empty."""

    def __init__(self, tables: Tables, live: Memtable) -> None:
        self.tables = tables
        self.live = live
        self.frozen = Memtable()
        self._purged = tables.discards()

    def purge(self, fact: Purged) -> None:
        """Show nothing of a queue up to and with a sequence, in whatever layer it is."""
        self.live.purge(fact)
        self._purged[fact.queue] = fact.through

    def drop(self, fact: QueueDeleted) -> None:
        """Forget a queue. No one may ask for its messages again."""
        self.live.drop(fact)
        self._purged.pop(fact.queue, None)

    def is_purged(self, sequence: int) -> bool:
        """Whether a message went in a purge."""
        return sequence <= self._purged.get(queue_of(sequence), -1)

    def purged_through(self, queue: int) -> int:
        """The sequence up to which nothing of a queue is shown."""
        return self._purged.get(queue, -1)

    def page(self, after: int, through: int, limit: int, bytes_max: int) -> list[Stored]:
        """As `Backlog.page`; `after` and `through` are of one queue."""
        found: list[Stored] = []
        size = 0
        for stored in self._walk(queue_of(through), after, through):
            found.append(stored)
            size += len(stored.message.body)
            if len(found) >= limit or size >= bytes_max:
                break
        return found

    def some(self, sequences: list[int], bytes_max: int) -> list[Stored]:
        """As `Backlog.some`."""
        live, frozen = self.live.inserted, self.frozen.inserted
        folded = self.tables.some(
            [sequence for sequence in sequences if sequence not in live and sequence not in frozen]
        )
        next_folded = next(folded, None)
        found: list[Stored] = []
        size = 0
        for sequence in sequences:
            if (message := live.get(sequence) or frozen.get(sequence)) is not None:
                stored = self.stored(message)
            elif next_folded is not None and next_folded.message.sequence == sequence:
                stored, next_folded = next_folded, next(folded, None)
                self._update(stored)
            else:
                continue
            if self.is_purged(sequence) or self._is_gone(sequence):
                continue
            found.append(stored)
            size += len(stored.message.body)
            if size >= bytes_max:
                break
        return found

    def due(self, queue: int, after: tuple[int, int], through_ms: int, limit: int) -> list[tuple[int, int, int]]:
        """As `Backlog.due`."""
        found: list[tuple[int, int, int]] = []
        for due_ms, sequence, receive_count in heapq.merge(*self._dues(queue, after)):
            if self.is_purged(sequence) or self._is_gone(sequence):
                continue
            found.append((due_ms, sequence, receive_count))
            if due_ms > through_ms or len(found) > limit:
                break
        return found

    def _dues(self, queue: int, after: tuple[int, int]) -> Iterator[Iterator[tuple[int, int, int]]]:
        """By layer: (due_ms, sequence, receive_count) of what no layer above has news of."""
        live, frozen = self.live, self.frozen
        yield ((due, s, self.receive_count(s)) for due, s in live.hidden.after(queue, after, live.due_ms))
        older = frozen.hidden.after(queue, after, frozen.due_ms)
        yield ((due, s, self.receive_count(s)) for due, s in older if live.due_ms(s) is None)
        folded = self.tables.due(queue, after)
        yield (entry for entry in folded if live.due_ms(entry[1]) is None and frozen.due_ms(entry[1]) is None)

    def receive_count(self, sequence: int) -> int:
        """How often a message was received."""
        for layer in (self.live, self.frozen):
            if (received := layer.received.get(sequence)) is not None:
                return received.receive_count
            if sequence in layer.inserted:
                return 0
        return self.tables.hidden(sequence)[1]

    def content(self, sequence: int) -> Sent:
        """As `Backlog.content`."""
        if self._is_gone(sequence) or self.is_purged(sequence):
            raise KeyError(sequence)
        message = (
            self.live.inserted.get(sequence) or self.frozen.inserted.get(sequence) or self.tables.content(sequence)
        )
        if message is None:
            raise Damaged(f"message {sequence} is missing")
        return message

    def sends(self, after: int, through: int, after_ms: int, limit: int) -> list[tuple[int, str, int]]:
        """As `Backlog.sends`, of the tables."""
        after = max(after, self.purged_through(queue_of(through)))
        return self.tables.sends(after, through, after_ms, limit)

    def remembered(self, sequence: int) -> Remembered | None:
        """As `Backlog.remembered`."""
        if self.is_purged(sequence):
            return None
        return (
            self.live.remembered.get(sequence)
            or self.frozen.remembered.get(sequence)
            or self.tables.remembered_send(sequence)
        )

    def stored(self, message: Sent) -> Stored:
        """A message as it stands."""
        stored = Stored(message, 0, 0, message.due_ms)
        self._update(stored)
        return stored

    def _walk(self, queue: int, after: int, through: int) -> Iterator[Stored]:
        after = max(after, self._purged.get(queue, -1))
        newer = [first for layer in (self.frozen, self.live) if (first := layer.first(queue)) is not None]
        for stored in self.tables.page(after, min(through, min(newer, default=through + 1) - 1)):
            if not self._is_gone(stored.message.sequence):
                self._update(stored)
                yield stored
        for layer in (self.frozen, self.live):
            for message in layer.between(queue, after, through):
                if not self._is_gone(message.sequence):
                    yield self.stored(message)

    def _is_gone(self, sequence: int) -> bool:
        return sequence in self.live.deleted or sequence in self.frozen.deleted

    def _update(self, stored: Stored) -> None:
        self.frozen.update(stored)
        self.live.update(stored)
