"""CreateQueue and DeleteQueue.

Source: SQS API reference, CreateQueue and DeleteQueue.
"""

from crossdock.aws.api.sqs import CreateQueue, CreateQueueResult, DeleteQueue
from crossdock.aws.arn import QueueName
from crossdock.aws.errors import QueueDeletedRecently, QueueDoesNotExist, QueueNameExists
from crossdock.broker.queues.attributes import check_new, differing, settings_of
from crossdock.broker.queues.dead_letter import check_redrive
from crossdock.broker.queues.facts import QueueCreated, QueueDeleted
from crossdock.broker.queues.listing import no_queue_name
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step
from crossdock.broker.queues.tags import checked_tags


def create_queue(registry: Registry, command: CreateQueue, step: Step) -> CreateQueueResult:
    """A repeated call finds the queue, unless it asks for other attributes."""
    if command.queue_name is None:
        raise no_queue_name()
    attributes = check_new(command.queue_name, command.attributes)
    name = QueueName(step.caller.account, step.caller.region, command.queue_name)
    queue = registry.of_name(name)
    if queue is None:
        queue = _new_queue(registry, name, attributes, command, step)
    elif (attribute := differing(queue.attributes, attributes)) is not None:
        raise QueueNameExists(
            f"A queue already exists with the same name and a different value for attribute {attribute}"
        )
    return CreateQueueResult(registry.url_of(queue, step.caller))


def _new_queue(
    registry: Registry, name: QueueName, attributes: dict[str, str], command: CreateQueue, step: Step
) -> Queue:
    if registry.is_barred(name, step.now_ms):
        raise QueueDeletedRecently
    check_redrive(registry, name, attributes.get("RedrivePolicy", ""), settings_of(name.name, attributes))
    tags = checked_tags(name.name, {}, command.tags or {})
    created = QueueCreated(registry.last_number + 1, *name, attributes, tags, step.now_ms)
    step.facts.append(created)
    return registry.add(created)


def delete_queue(registry: Registry, queue: Queue, command: DeleteQueue, step: Step) -> None:
    """Whoever waits at the queue is told that it is gone."""
    step.facts.append(QueueDeleted(queue.number, step.now_ms))
    for waiter in list(queue.waiters):
        queue.waiters.remove(waiter)
        del registry.waiting[waiter.ticket]
        step.replies.append((waiter.ticket, QueueDoesNotExist()))
    for ticket, _, _ in registry.past_sends.take_held(queue.number):
        step.replies.append((ticket, QueueDoesNotExist()))
    registry.drop(queue, step.now_ms)
