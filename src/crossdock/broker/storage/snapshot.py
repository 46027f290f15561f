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
        for stored in self._layers.tables.due_later(*self._range(), self._now_ms):
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
    return Snapshot(
        queues=[
            _queue(
                entry,
                layers,
                DueLater(layers, number, changed[number], now_ms),
                counts.get(number, (0, 0)),
                balance[number],
            )
            for number, entry in sorted(catalog.queues.items())
        ],
        deleted=[msgspec.structs.astuple(queue)[1:] for queue in catalog.deleted],
        remembered=_remembered(catalog, layers, now_ms),
        move_tasks=list(catalog.move_tasks.values()),
        last_queue=catalog.last_queue,
    )


def _queue(entry: QueueEntry, layers: Layers, touched: DueLater, folded: tuple[int, int], balance: int) -> StoredQueue:
    number = entry.created.queue
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
    )


def _remembered(catalog: Catalog, layers: Layers, now_ms: int) -> Iterator[Remembered]:
    oldest_ms = now_ms - DEDUPLICATION_WINDOW_MS
    for entries in (layers.tables.remembered(oldest_ms), layers.live.remembered.values()):
        for entry in entries:
            if entry.sent_ms > oldest_ms and entry.queue in catalog.queues and not layers.is_purged(entry.sequence):
                yield entry
