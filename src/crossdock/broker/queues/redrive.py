"""Message move tasks: the actions, and the moving itself, in slices, whenever a task's time has come.

What a task is and how fast it goes is in move_task.py. A moved message begins a new life: its receive count starts again, and so does
its retention. Messages that are in flight in the dead-letter queue stay there.

Source: SQS API reference, StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.
"""

import msgspec

from crossdock.aws.api.sqs import (
    CancelMessageMoveTask,
    CancelMessageMoveTaskResult,
    ListMessageMoveTasks,
    ListMessageMoveTasksResult,
    StartMessageMoveTask,
    StartMessageMoveTaskResult,
)
from crossdock.aws.errors import InvalidParameterValue, QueueDoesNotExist, ResourceNotFound
from crossdock.broker.queues.dead_letter import sources_of
from crossdock.broker.queues.facts import Moved
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.move_task import MoveTask, Status, check_arn, check_start, parse_handle
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step

SOURCE_UNKNOWN = "CouldNotDetermineMessageSource"
"""Why a task without a destination fails at a message that no queue has dead-lettered."""

# Actions


def start_message_move_task(
    registry: Registry, command: StartMessageMoveTask, step: Step
) -> StartMessageMoveTaskResult:
    check_start(command)
    source = _existing(registry, command.source_arn, "SourceArn")
    if not sources_of(registry, source):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    if command.destination_arn is not None:
        destination = _existing(registry, command.destination_arn, "DestinationArn")
        if destination is source:
            raise InvalidParameterValue("Source queue arn and destination queue arn cannot be the same.")
        if destination.settings.fifo != source.settings.fifo:
            raise InvalidParameterValue("The source queue and destination queue must be of the same queue type.")
    task = registry.tasks.start(command, registry.clock.new_id(), source.visible, step.now_ms)
    step.facts.append(task.fact())
    return StartMessageMoveTaskResult(task.handle)


def cancel_message_move_task(
    registry: Registry, command: CancelMessageMoveTask, step: Step
) -> CancelMessageMoveTaskResult:
    task_id, source_arn = parse_handle(command.task_handle)
    source = _existing(registry, source_arn, "SourceArn")
    task = registry.tasks.named(source_arn, task_id, source.created_ms)
    task.cancel()
    step.facts.append(task.fact())
    return CancelMessageMoveTaskResult(task.moved)


def list_message_move_tasks(
    registry: Registry, command: ListMessageMoveTasks, step: Step
) -> ListMessageMoveTasksResult:
    check_arn("SourceArn", command.source_arn)
    source = _existing(registry, command.source_arn, "SourceArn")
    tasks = registry.tasks.listing(command.source_arn, command.max_results, source.created_ms)
    return ListMessageMoveTasksResult(tasks or None)


def _existing(registry: Registry, arn: str, parameter: str) -> Queue:
    queue = registry.of_arn(arn)
    if queue is None:
        raise ResourceNotFound(f"The resource that you specified for the {parameter} parameter doesn't exist.")
    return queue


# Moving


def next_move_ms(registry: Registry, now_ms: int) -> int | None:
    """When the first task wants to be stepped."""
    moments = [when_ms for task in registry.tasks.active() if (when_ms := task.next_ms(now_ms)) is not None]
    return min(moments, default=None)


def step_tasks(registry: Registry, step: Step) -> None:
    """Move what is due of every task."""
    for task in registry.tasks.active():
        when_ms = task.next_ms(step.now_ms)
        if when_ms is not None and when_ms <= step.now_ms:
            before = task.status, task.moved
            _step_task(registry, task, step)
            if (task.status, task.moved) != before:
                step.facts.append(task.fact())
                step.durable = True


def _step_task(registry: Registry, task: MoveTask, step: Step) -> None:
    source = registry.of_arn(task.source_arn)
    if task.status is Status.CANCELLING:
        task.stopped()
    elif source is None:
        task.source_empty()
    else:
        _move_due(registry, task, source, step)


def _move_due(registry: Registry, task: MoveTask, source: Queue, step: Step) -> None:
    """Move as many messages as may go now, until the source is empty or one cannot go where it should."""
    due = task.due(step.now_ms)
    registry.window.top_up(source, step)
    moves: list[tuple[Message, Queue]] = []
    stray: Message | None = None
    failure = ""
    offer = source.order.offer(step.now_ms)
    while len(moves) < due and (message := next(offer, None)) is not None:
        arn = task.destination_arn or registry.content_of(message).dead_letter_source
        target = registry.of_arn(arn) if arn is not None else None
        if target is None:
            stray, failure = message, SOURCE_UNKNOWN if arn is None else QueueDoesNotExist.code
            break
        moves.append((message, target))
    offer.close()
    for message, target in moves:
        _move(registry, source, target, message, step)
    task.moved_some(len(moves), step.now_ms)
    if stray is not None:
        source.put_back(stray)
        task.fail(failure)
    elif len(moves) < due and not source.away.cold and task.has_lasted(step.now_ms):
        task.source_empty()


def _move(registry: Registry, source: Queue, target: Queue, message: Message, step: Step) -> None:
    sent = msgspec.structs.replace(
        registry.content_of(message),
        sequence=target.next_sequence(),
        message_id=registry.clock.new_id(),
        sent_ms=step.now_ms,
        enqueued_ms=step.now_ms,
        due_ms=0,
        deduplication_key=None,
        dead_letter_source=None,
    )
    source.remove(message, step.now_ms)
    target.admit(sent, step.now_ms)
    step.facts.append(Moved(message.sequence, sent))
    step.wake(target)
