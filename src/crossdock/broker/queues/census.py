"""The machine looked at from outside: numbers of each queue for an operator, and a description of the whole for tests.

`describe` leaves out what a restart may change: what is resident, the order among equals, counters, memories that are hints.
"""

from itertools import islice

import msgspec

from crossdock.aws.arn import QueueName
from crossdock.broker.queues.away import NEVER_MS
from crossdock.broker.queues.fair import FairOrder
from crossdock.broker.queues.message import DELAYED, IN_FLIGHT, Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.standard import TIRED_RECEIVES

LOOKED_AT = 1_024
COMPARED = 4
"""How many messages that were received before are looked at, and compared, to find the oldest."""


class QueueCensus(msgspec.Struct, frozen=True, gc=False):
    """One queue at a moment; counters since the process began. Ages in milliseconds."""

    name: QueueName
    fifo: bool
    fair: bool
    visible: int
    not_visible: int
    delayed: int
    oldest_age_ms: int
    """About: see `_oldest_age_ms`."""
    resident: int
    sent: int
    sent_bytes: int
    smallest: int
    largest: int
    """Bytes of the smallest and the largest message sent since sizes were forgotten."""
    deduplicated: int
    received: int
    empty_receives: int
    deleted: int
    dead_lettered: int
    noisy_tenants: int


def census_of(queue: Queue, now_ms: int) -> QueueCensus:
    """The numbers of one queue."""
    counters = queue.counters
    return QueueCensus(
        name=queue.name,
        fifo=queue.settings.fifo,
        fair=isinstance(queue.order, FairOrder),
        visible=queue.visible,
        not_visible=queue.in_flight,
        delayed=queue.delayed,
        oldest_age_ms=_oldest_age_ms(queue, now_ms),
        resident=len(queue.messages),
        sent=counters.sent,
        sent_bytes=counters.sent_bytes,
        smallest=counters.smallest,
        largest=counters.largest,
        deduplicated=counters.deduplicated,
        received=counters.received,
        empty_receives=counters.empty_receives,
        deleted=counters.deleted,
        dead_lettered=counters.dead_lettered,
        noisy_tenants=queue.order.noisy_tenants if isinstance(queue.order, FairOrder) else 0,
    )


def _oldest_age_ms(queue: Queue, now_ms: int) -> int:
    """The age of the oldest message; on a standard queue poison pills do not count.

    Messages stand about in the order in which they came, so that the oldest of those in flight or returned is among the first.
    """
    oldest = queue.oldest_fresh()
    begins = [oldest.retained_from_ms] if oldest is not None else []
    first = islice(queue.messages.values(), LOOKED_AT)
    touched = (message.retained_from_ms for message in first if message.wake_ms and not _is_pill(queue, message))
    begins += islice(touched, COMPARED)
    return now_ms - min(begins, default=now_ms)


def _is_pill(queue: Queue, message: Message) -> bool:
    return message.receive_count >= TIRED_RECEIVES and not queue.settings.fifo


def describe(registry: Registry, now_ms: int) -> dict[str, object]:
    """What a restart must bring back, as plain values that can be compared."""
    return {
        "queues": {queue.number: _describe_queue(registry, queue) for queue in registry.all()},
        "tasks": sorted(str(task.fact()) for task in registry.tasks.active()),
        "last number": registry.last_number,
    }


def _describe_queue(registry: Registry, queue: Queue) -> dict[str, object]:
    hidden = [message for message in queue.messages.values() if _is_hidden(queue, message)]
    asleep = _asleep(registry, queue) if queue.away.asleep else []
    return {
        "name": queue.name,
        "attributes": queue.attributes,
        "tags": queue.tags,
        "created": queue.created_ms,
        "modified": queue.modified_ms,
        "purged": queue.purged_ms,
        "last": queue.last_sequence,
        "count": queue.visible + queue.in_flight + queue.delayed,
        "hidden": sorted(asleep + [(m.sequence, m.receive_count, m.first_received_ms, m.due_ms) for m in hidden]),
        "in flight": queue.in_flight,
    }


def _asleep(registry: Registry, queue: Queue) -> list[tuple[int, int, int, int]]:
    due = registry.backlog.due(queue.number, queue.away.due_edge, NEVER_MS, queue.away.asleep + len(queue.messages))
    asleep = [sequence for _, sequence, _ in due if sequence not in queue.messages]
    stored = [registry.backlog.page(sequence - 1, sequence, 1, 1)[0] for sequence in asleep]
    return [(s.message.sequence, s.receive_count, s.first_received_ms, s.due_ms) for s in stored]


def _is_hidden(queue: Queue, message: Message) -> bool:
    """Whether a store gives a message back as hidden: the delay of a FIFO message follows from its queue."""
    return message.state is IN_FLIGHT or (message.state is DELAYED and not queue.settings.fifo)
