"""Dead letters: where a message goes that was received too often, and which queues name which as their dead-letter queue.

A message moves on the receive attempt that would exceed `maxReceiveCount`, in one step, with its id, content, timestamps and count.
A message is received at least once in each queue that it comes to, so two queues that are each other's dead-letter queue do not play
ping-pong. How messages come back is in redrive.py.

Source: SQS Developer Guide, "Using dead-letter queues in Amazon SQS"; API reference, ListDeadLetterSourceQueues.
"""

import msgspec

from crossdock.aws.api.sqs import ListDeadLetterSourceQueues, ListDeadLetterSourceQueuesResult
from crossdock.aws.arn import QueueName, parse_queue_arn
from crossdock.aws.errors import InvalidParameterValue
from crossdock.broker.queues.attributes import QueueSettings
from crossdock.broker.queues.facts import Moved, Stored
from crossdock.broker.queues.listing import page_of
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def check_redrive(registry: Registry, source: QueueName, policy: str, settings: QueueSettings) -> None:
    """Raise InvalidParameterValue unless the dead-letter queue in `settings` exists, is like its source, and allows it.

    `policy` is the attribute RedrivePolicy as it was given.
    """
    reason = _unfit(registry, source, settings)
    if reason is not None:
        raise InvalidParameterValue.because(policy, "RedrivePolicy", reason)


def _unfit(registry: Registry, source: QueueName, settings: QueueSettings) -> str | None:
    """Why the dead-letter queue in `settings` will not do for the queue `source`, in AWS's words; None when it will, or there is none."""
    name = parse_queue_arn(settings.redrive.dead_letter_arn) if settings.redrive is not None else None
    if name is None:
        return None
    if name.region != source.region:
        return "Dead-letter target must be in same region as the source."
    if name.account != source.account:
        return "Dead-letter target owner should be same as the source."
    if name.name.endswith(".fifo") != settings.fifo:
        return "Dead-letter queue must be same type of queue as the source.."
    target = registry.of_name(name)
    if target is None:
        return "Dead letter target does not exist."
    allow = target.settings.redrive_allow
    if allow is not None and not allow.allows(source.arn):
        return f"Queue {source.arn} is not allowed by the RedriveAllowPolicy of its dead-letter queue {target.arn}."
    return None


def dead_letter_queue(registry: Registry, queue: Queue) -> Queue | None:
    """Where messages of a queue go in the end; None when it names no queue, or one that is gone."""
    redrive = queue.settings.redrive
    return registry.of_arn(redrive.dead_letter_arn) if redrive is not None else None


def is_exhausted(queue: Queue, message: Message) -> bool:
    """Whether one more receive is one too many."""
    redrive = queue.settings.redrive
    return redrive is not None and message.due_ms > 0 and message.receive_count >= redrive.max_receive_count


def move_to_dead_letters(registry: Registry, queue: Queue, target: Queue, message: Message, step: Step) -> None:
    """A message leaves its queue for the dead-letter queue."""
    sent = msgspec.structs.replace(
        registry.content_of(message),
        sequence=target.next_sequence(),
        due_ms=0,
        deduplication_key=None,
        dead_letter_source=queue.arn,
        enqueued_ms=step.now_ms,
    )
    queue.remove(message, step.now_ms)
    target.adopt(Stored(sent, message.receive_count, message.first_received_ms), step.now_ms)
    step.facts.append(Moved(message.sequence, sent, message.receive_count, message.first_received_ms))
    step.durable = True
    step.wake(target)
    queue.counters.dead_lettered += 1


def sources_of(registry: Registry, target: Queue) -> list[Queue]:
    """The queues that name `target` as their dead-letter queue, in order of names."""
    naming = [q for q in registry.all() if q.settings.redrive and q.settings.redrive.dead_letter_arn == target.arn]
    return sorted(naming, key=lambda queue: queue.name)


def list_dead_letter_source_queues(
    registry: Registry, queue: Queue, command: ListDeadLetterSourceQueues, step: Step
) -> ListDeadLetterSourceQueuesResult:
    page, token = page_of(sources_of(registry, queue), command.next_token, command.max_results)
    return ListDeadLetterSourceQueuesResult([registry.url_of(source, step.caller) for source in page] or None, token)
