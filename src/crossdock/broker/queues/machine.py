"""The queue machine: everything SQS does with queues and messages, without I/O and without a clock.

    handle(command) ─┐                           ┌─► replies, now or to long polls
    tick ────────────┼─► state of the queues ────┤
    drain ───────────┘                           └─► facts, to be written down

This file is the table of contents: one row per action at its end. Each concern has a file of its own.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from crossdock.aws.api import sqs
from crossdock.aws.api.sqs import ReceiveMessageResult
from crossdock.aws.errors import ApiError, ServiceUnavailable
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Caller, Outcome, Ticket
from crossdock.broker.queues import (
    configure,
    create,
    dead_letter,
    delete,
    listing,
    receive,
    redrive,
    send,
    tags,
    visibility,
)
from crossdock.broker.queues.census import QueueCensus, census_of, describe
from crossdock.broker.queues.facts import Backlog, Snapshot
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.restart import restore
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.queues.step import LATER, Later, new_step, timed_step
from crossdock.broker.queues.timing import SLICE, pass_time
from crossdock.clock import Clock

__all__ = ["MachineSettings", "QueueCensus", "QueueMachine"]

QUEUES_A_TICK = 20
"""So many queues are looked after in one tick; the rest in the next, after other requests had their turn."""


class QueueMachine:
    """The state of all queues."""

    def __init__(self, settings: MachineSettings, clock: Clock, backlog: Backlog) -> None:
        """`clock` gives ids; the time comes with each call. `backlog` has every message that was handed out as a fact."""
        self._registry = Registry(settings, clock, backlog)

    def handle(self, ticket: Ticket, command: Shape, caller: Caller, now_ms: int) -> Outcome:
        """Run one command. Its reply is in the outcome, or, for a long poll, in that of a later step.

        An error of the API is a reply; nothing of the command is stored then.
        """
        registry = self._registry
        step = new_step(ticket, caller, now_ms)
        result: Shape | ApiError | Later | None
        try:
            handler = QUEUE_ACTIONS.get(type(command))
            if handler is None:
                result = ACCOUNT_ACTIONS[type(command)](registry, command, step)
            else:
                queue = registry.of_url(command.queue_url, caller)  # type: ignore[attr-defined]
                if queue.leaving and queue.let_go(now_ms):
                    step.wake(queue)
                if queue.alarm_ms <= now_ms:
                    pass_time(registry, queue, step)
                result = handler(registry, queue, command, step)
        except ApiError as error:
            result = error.with_traceback(None)  # it leads back to this frame: a cycle, with all of the request in it
        if result is not LATER:
            step.replies.append((ticket, result))
        if step.woken:
            receive.serve(registry, step)
        return step

    def tick(self, now_ms: int) -> Outcome:
        """Do what time asks for, a slice of it when there is much."""
        registry = self._registry
        step = timed_step(now_ms)
        alarmed = list(islice(iter(partial(registry.alarmed, now_ms), None), QUEUES_A_TICK))
        for queue in alarmed:
            if queue.let_go(now_ms):
                step.wake(queue)
        redrive.step_tasks(registry, step)
        left = SLICE
        for queue in alarmed:
            if left > 0:
                left -= pass_time(registry, queue, step, left)
            else:
                queue.arm(now_ms)
        receive.serve(registry, step)
        return step

    def next_deadline_ms(self) -> int | None:
        """When it wants `tick`; it may be in the past, when a slice was cut. None: never, as things are."""
        alarm_ms = self._registry.next_alarm_ms()
        move_ms = redrive.next_move_ms(self._registry, 0)
        if alarm_ms is None or move_ms is None:
            return alarm_ms if move_ms is None else move_ms
        return min(alarm_ms, move_ms)

    def abandon(self, ticket: Ticket) -> None:
        """The client went away: its long poll, if it has one, is forgotten."""
        waiting = self._registry.waiting.get(ticket)
        if waiting is not None:
            receive.end_wait(self._registry, *waiting)

    def drain(self) -> Outcome:
        """Answer every long poll empty, and sends that wait with an error that has clients try again, before the broker stops."""
        step = timed_step(0)
        for queue, waiter in list(self._registry.waiting.values()):
            receive.end_wait(self._registry, queue, waiter)
            step.replies.append((waiter.ticket, ReceiveMessageResult()))
        step.replies += [(ticket, ServiceUnavailable()) for ticket, _, _ in self._registry.past_sends.take_all_held()]
        return step

    @property
    def waiting(self) -> int:
        """How many long polls wait."""
        return len(self._registry.waiting)

    def census(self, now_ms: int) -> list[QueueCensus]:
        """The numbers of every queue."""
        return [census_of(queue, now_ms) for queue in self._registry.all()]

    def forget_sizes(self) -> None:
        """The smallest and the largest message of each queue are counted anew."""
        for queue in self._registry.all():
            queue.counters.forget_sizes()

    def describe(self, now_ms: int) -> dict[str, object]:
        """What a restart must bring back; for tests."""
        return describe(self._registry, now_ms)

    def restore(self, snapshot: Snapshot, now_ms: int) -> None:
        """Take back the state from a store. The machine must be new."""
        restore(self._registry, snapshot, now_ms)


Handler = Callable[..., Any]

QUEUE_ACTIONS: dict[type[Shape], Handler] = {
    sqs.SendMessage: send.send_message,
    sqs.SendMessageBatch: send.send_message_batch,
    sqs.ReceiveMessage: receive.receive_message,
    sqs.DeleteMessage: delete.delete_message,
    sqs.DeleteMessageBatch: delete.delete_message_batch,
    sqs.ChangeMessageVisibility: visibility.change_message_visibility,
    sqs.ChangeMessageVisibilityBatch: visibility.change_message_visibility_batch,
    sqs.GetQueueAttributes: configure.get_queue_attributes,
    sqs.SetQueueAttributes: configure.set_queue_attributes,
    sqs.PurgeQueue: configure.purge_queue,
    sqs.DeleteQueue: create.delete_queue,
    sqs.TagQueue: tags.tag_queue,
    sqs.UntagQueue: tags.untag_queue,
    sqs.ListQueueTags: tags.list_queue_tags,
    sqs.AddPermission: configure.grant,
    sqs.RemovePermission: configure.revoke,
    sqs.ListDeadLetterSourceQueues: dead_letter.list_dead_letter_source_queues,
}
"""Actions on one queue, which is looked up before anything else is checked."""

ACCOUNT_ACTIONS: dict[type[Shape], Handler] = {
    sqs.CreateQueue: create.create_queue,
    sqs.ListQueues: listing.list_queues,
    sqs.GetQueueUrl: listing.get_queue_url,
    sqs.StartMessageMoveTask: redrive.start_message_move_task,
    sqs.CancelMessageMoveTask: redrive.cancel_message_move_task,
    sqs.ListMessageMoveTasks: redrive.list_message_move_tasks,
}
"""Actions that address no single queue."""
