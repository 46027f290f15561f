"""After a restart: the machine's state, rebuilt from what a store gives back.

What was in flight or delayed becomes resident at once, as far as it is not too much; everything else stays in the store and is paged in
when it is wanted, so that a start takes no longer for millions of messages than for none.
"""

from crossdock.aws.arn import QueueName
from crossdock.broker.queues.attributes import settings_of
from crossdock.broker.queues.facts import Snapshot, StoredQueue, first_sequence
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry

BYTES_READ = 16 * 1024 * 1024
"""So much is read of a queue's hidden messages. FIFO and fair queues need all of them."""


def restore(registry: Registry, snapshot: Snapshot, now_ms: int) -> None:
    """Fill an empty registry."""
    for stored in snapshot.queues:
        _restore_queue(registry, stored, now_ms)
    for account, region, name, deleted_ms in snapshot.deleted:
        registry.bar(QueueName(account, region, name), deleted_ms)
    for entry in snapshot.remembered:
        registry.sent_memory.remember(entry.queue, entry.key, entry.sequence, entry.sent_ms)
    registry.tasks.restore(snapshot.move_tasks, now_ms)
    registry.last_number = max(registry.last_number, snapshot.last_queue)


def _restore_queue(registry: Registry, stored: StoredQueue, now_ms: int) -> None:
    queue = registry.add(stored.created)
    queue.tags = stored.tags
    queue.attributes = stored.attributes
    queue.settings = settings_of(queue.name.name, stored.attributes)
    queue.modified_ms = stored.modified_ms
    queue.purged_ms = stored.purged_ms
    queue.last_sequence = max(stored.last_sequence, first_sequence(queue.number))
    queue.away.edge = first_sequence(queue.number)
    size = 0
    for touched in stored.touched:
        queue.take_back(touched, now_ms)
        size += len(touched.message.body)
        if not queue.keeps_hidden() or (size > BYTES_READ and not queue.looks_ahead):
            break
    _count_away(queue, stored, now_ms)
    if queue.fifo:
        registry.past_sends.expect(queue.number, first_sequence(queue.number) - 1, queue.last_sequence)
        queue.arm(now_ms)


def _count_away(queue: Queue, stored: StoredQueue, now_ms: int) -> None:
    """What was not taken back is in the store."""
    left = stored.message_count - len(queue.messages)
    if not queue.fifo:
        asleep = stored.in_flight + stored.delayed - len(queue.messages)
        queue.in_flight, queue.delayed = stored.in_flight, stored.delayed
        queue.away.begin_sleep(now_ms, asleep)
        left -= asleep
    queue.away.cold = left
    if left or queue.away.asleep:
        queue.arm(now_ms)
    else:
        queue.catch_up(queue.last_sequence)
