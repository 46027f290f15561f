"""The snapshot: what a machine is rebuilt from when a store has just been opened.

Only counts and what is due later are read; the messages that wait in order stay on disk until the machine asks for a page of them.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.queues.facts import Remembered, Snapshot, Stored, StoredQueue, first_sequence, queue_of
from crossdock.broker.storage.catalog import Catalog, QueueEntry
from crossdock.broker.storage.layers import Layers


class DueLater:
    """The messages of a queue that are in flight or delayed, in order, read one at a time."""

    def __init__(self, layers: Layers, queue: int, changed: list[int], now_ms: int) -> None:
        """`changed`: messages of the tables that the memtable has news of."""
        self._layers = layers
        self._queue = queue
        self._changed = changed
        self._now_ms = now_ms

    def __iter__(self) -> Iterator[Stored]:
        by_sequence = heapq.merge(self._unchanged(), self._news(), key=lambda stored: stored.message.sequence)
        for stored in by_sequence:
            if stored.due_ms > self._now_ms and not self._layers.is_purged(stored.message.sequence):
                yield stored
        for message in self._layers.live.between(self._queue, *self._range()):
            stored = self._layers.stored(message)
            if stored.due_ms > self._now_ms:
                yield stored

    def _range(self) -> tuple[int, int]:
        return first_sequence(self._queue) - 1, first_sequence(self._queue + 1) - 1

    def _unchanged(self) -> Iterator[Stored]:
        changed = set(self._changed)
        after, through = self._range()
        shown_after = max(after, self._layers.purged_through(self._queue))
        for stored in self._layers.tables.due_later(shown_after, through, self._now_ms):
            sequence = stored.message.sequence
            if sequence not in changed and sequence not in self._layers.live.deleted:
                yield stored

    def _news(self) -> Iterator[Stored]:
        for sequence in self._changed:
            if (stored := self._layers.tables.stored(sequence)) is not None:
                self._layers.live.update(stored)
                yield stored


def take(catalog: Catalog, layers: Layers, now_ms: int) -> Snapshot:
    """The state of a store that has just been opened: nothing is frozen."""
    changed: defaultdict[int, list[int]] = defaultdict(list)
    for sequence in sorted(layers.live.received.keys() | layers.live.dues.keys()):
        if sequence not in layers.live.inserted:
            changed[queue_of(sequence)].append(sequence)
    counts = layers.tables.counts()
    balance = layers.live.balance()
    hidden = _count_hidden(catalog, layers, now_ms)
    return Snapshot(
        queues=[
            _queue(
                entry,
                layers,
                DueLater(layers, number, changed[number], now_ms),
                counts.get(number, (0, 0)),
                balance[number],
                hidden[number],
            )
            for number, entry in sorted(catalog.queues.items())
        ],
        deleted=[msgspec.structs.astuple(queue)[1:] for queue in catalog.deleted],
        remembered=_remembered(catalog, layers, now_ms),
        move_tasks=list(catalog.move_tasks.values()),
        last_queue=catalog.last_queue,
    )


def _queue(
    entry: QueueEntry, layers: Layers, touched: DueLater, folded: tuple[int, int], balance: int, hidden: list[int]
) -> StoredQueue:
    number = entry.created.queue
    delayed, in_flight = hidden
    last_sequence, count = folded
    if (through := layers.live.purged.get(number)) is not None:
        count = layers.tables.count_behind(through, first_sequence(number + 1) - 1)
    return StoredQueue(
        created=entry.created,
        attributes=entry.attributes,
        tags=entry.tags,
        modified_ms=entry.modified_ms,
        purged_ms=entry.purged_ms,
        last_sequence=layers.live.last.get(number, last_sequence),
        message_count=count + balance,
        touched=touched,
        in_flight=in_flight,
        delayed=delayed,
    )


def _count_hidden(catalog: Catalog, layers: Layers, now_ms: int) -> defaultdict[int, list[int]]:
    """By queue: how many messages are due later, [never received, received]. What the tables count, put right by the memtable."""
    tables, live = layers.tables, layers.live
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for queue, folded in tables.count_hidden(now_ms).items():
        through = layers.purged_through(queue)
        last = first_sequence(queue + 1) - 1
        counts[queue] = list(folded if through < 0 else tables.count_hidden_behind(through, last, now_ms))
    changed = (live.received.keys() | live.dues.keys()) - live.inserted.keys()
    for sequence in changed | live.deleted:
        if any(counts[queue_of(sequence)]) and not layers.is_purged(sequence):
            due_ms, receive_count = tables.hidden(sequence)
            counts[queue_of(sequence)][receive_count > 0] -= due_ms > now_ms
    delayed = {sequence for sequence, message in live.inserted.items() if message.due_ms}
    for sequence in delayed | live.received.keys() | live.dues.keys():
        if (live.due_ms(sequence) or 0) > now_ms and not layers.is_purged(sequence):
            counts[queue_of(sequence)][layers.receive_count(sequence) > 0] += 1
    return counts


def _remembered(catalog: Catalog, layers: Layers, now_ms: int) -> Iterator[Remembered]:
    oldest_ms = now_ms - DEDUPLICATION_WINDOW_MS
    for entry in layers.live.remembered.values():
        if entry.sent_ms > oldest_ms and entry.queue in catalog.queues and not layers.is_purged(entry.sequence):
            yield entry
