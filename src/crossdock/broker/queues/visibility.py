"""ChangeMessageVisibility and ChangeMessageVisibilityBatch.

On a standard queue any handle of a message will do, even when the message is visible again: it is hidden once more. On a FIFO queue
only the handle of the receive that still holds the message does. The handle of a receive that was lost in a crash brings back how often
the message was received.

Source: SQS API reference, ChangeMessageVisibility; SQS Developer Guide, "Amazon SQS visibility timeout".
"""

from crossdock.aws.api.sqs import (
    BatchResultErrorEntry,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    ChangeMessageVisibilityBatchResult,
    ChangeMessageVisibilityBatchResultEntry,
)
from crossdock.aws.errors import ApiError, InvalidParameterValue, MissingParameter
from crossdock.aws.quotas import VISIBILITY_TIMEOUT, VISIBILITY_TOTAL_MS_MAX
from crossdock.broker.queues.batches import check_visibility_batch, failed
from crossdock.broker.queues.facts import Received, VisibilityChanged
from crossdock.broker.queues.handles import message_of
from crossdock.broker.queues.message import IN_FLIGHT
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def change_message_visibility(registry: Registry, queue: Queue, command: ChangeMessageVisibility, step: Step) -> None:
    step.durable = queue.settings.fifo
    _check_range(command.visibility_timeout, "Must be between {} and {}.")
    _change(registry, queue, command.receipt_handle, command.visibility_timeout, step)


def change_message_visibility_batch(
    registry: Registry, queue: Queue, command: ChangeMessageVisibilityBatch, step: Step
) -> ChangeMessageVisibilityBatchResult:
    check_visibility_batch(command.entries)
    step.durable = queue.settings.fifo
    successful: list[ChangeMessageVisibilityBatchResultEntry] = []
    unsuccessful: list[BatchResultErrorEntry] = []
    for place, entry in enumerate(command.entries, start=1):
        try:
            if entry.visibility_timeout is None:
                raise MissingParameter.named(f"ChangeMessageVisibilityBatchRequestEntry.{place}.VisibilityTimeout")
            _check_range(entry.visibility_timeout, "VisibilityTimeout must be an integer between {} and {}.")
            _change(registry, queue, entry.receipt_handle, entry.visibility_timeout, step)
        except ApiError as error:
            unsuccessful.append(failed(entry.id, error))
        else:
            successful.append(ChangeMessageVisibilityBatchResultEntry(entry.id))
    return ChangeMessageVisibilityBatchResult(successful or None, unsuccessful or None)


def _check_range(seconds: int, reason: str) -> None:
    """Raise InvalidParameterValue unless SQS knows such a timeout. `reason` is worded as the action does it."""
    lowest, highest, _ = VISIBILITY_TIMEOUT
    if not lowest <= seconds <= highest:
        raise InvalidParameterValue.because(seconds, "VisibilityTimeout", reason.format(lowest, highest))


def _change(registry: Registry, queue: Queue, handle: str, seconds: int, step: Step) -> None:
    message, receive_count = message_of(registry, queue, handle, step)
    if message is None:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise InvalidParameterValue.because(handle, "ReceiptHandle", reason)
    if queue.settings.fifo and (message.receive_count != receive_count or message.state is not IN_FLIGHT):
        raise InvalidParameterValue.because(handle, "ReceiptHandle", "The receipt handle has expired.")
    now_ms, due_ms = step.now_ms, step.now_ms + seconds * 1_000
    if message.state is IN_FLIGHT:
        if due_ms - message.received_ms > VISIBILITY_TOTAL_MS_MAX:
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_TIMEOUT[1]} seconds]"
            raise InvalidParameterValue.because(seconds, "VisibilityTimeout", reason)
    elif not seconds:
        return
    if message.receive_count < receive_count:
        message.receive_count = receive_count
        message.first_received_ms = message.first_received_ms or now_ms
        step.facts.append(Received(message.sequence, receive_count, message.first_received_ms, due_ms))
    else:
        step.facts.append(VisibilityChanged(message.sequence, due_ms))
    queue.hide(message, due_ms, now_ms)
    if not seconds:
        queue.show(message, now_ms)
        step.wake(queue)
