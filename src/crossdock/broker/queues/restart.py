"""After a restart: the machine's state, rebuilt from what a store gives back.

What was in flight or delayed becomes resident at once; everything else stays in the store and is paged in when it is wanted, so that a
start takes no longer for millions of messages than for none.
"""

from crossdock.aws.arn import QueueName
from crossdock.broker.queues.attributes import settings_of
from crossdock.broker.queues.facts import Snapshot, StoredQueue, first_sequence
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry


def restore(registry: Registry, snapshot: Snapshot, now_ms: int) -> None:
    """Fill an empty registry."""
    for stored in snapshot.queues:
        _restore_queue(registry.add(stored.created), stored, now_ms)
    for account, region, name, deleted_ms in snapshot.deleted:
        registry.bar(QueueName(account, region, name), deleted_ms)
    for entry in snapshot.remembered:
        registry.sent_memory.remember(entry.queue, entry.key, entry.sequence, entry.sent_ms)
    registry.tasks.restore(snapshot.move_tasks, now_ms)
    registry.last_number = max(registry.last_number, snapshot.last_queue)


def _restore_queue(queue: Queue, stored: StoredQueue, now_ms: int) -> None:
    queue.tags = stored.tags
    queue.attributes = stored.attributes
    queue.settings = settings_of(queue.name.name, stored.attributes)
    queue.modified_ms = stored.modified_ms
    queue.purged_ms = stored.purged_ms
    queue.last_sequence = max(stored.last_sequence, first_sequence(queue.number))
    queue.edge = first_sequence(queue.number)
    for touched in stored.touched:
        queue.take_back(touched, now_ms)
    queue.cold = stored.message_count - len(queue.messages)
    if queue.cold:
        queue.arm(now_ms)
    else:
        queue.catch_up(queue.last_sequence)
