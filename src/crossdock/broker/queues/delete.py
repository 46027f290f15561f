"""DeleteMessage and DeleteMessageBatch.

On a standard queue any handle of a message deletes it, an old one or one whose visibility has ended, and once more after that. On a FIFO
queue only the handle of the receive that still holds the message does, for another consumer may have it by now.

Source: SQS API reference, DeleteMessage and DeleteMessageBatch.
"""

from crossdock.aws.api.sqs import (
    BatchResultErrorEntry,
    DeleteMessage,
    DeleteMessageBatch,
    DeleteMessageBatchResult,
    DeleteMessageBatchResultEntry,
)
from crossdock.aws.errors import ApiError, InvalidParameterValue
from crossdock.broker.queues.batches import check_delete_batch, failed
from crossdock.broker.queues.facts import Deleted
from crossdock.broker.queues.handles import message_of
from crossdock.broker.queues.message import IN_FLIGHT
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def delete_message(registry: Registry, queue: Queue, command: DeleteMessage, step: Step) -> None:
    sequence = _delete(registry, queue, command.receipt_handle, step)
    if sequence is not None:
        step.facts.append(Deleted([sequence]))


def delete_message_batch(
    registry: Registry, queue: Queue, command: DeleteMessageBatch, step: Step
) -> DeleteMessageBatchResult:
    check_delete_batch(command.entries)
    gone = Deleted([])
    successful: list[DeleteMessageBatchResultEntry] = []
    unsuccessful: list[BatchResultErrorEntry] = []
    for entry in command.entries:
        try:
            sequence = _delete(registry, queue, entry.receipt_handle, step)
        except ApiError as error:
            unsuccessful.append(failed(entry.id, error))
            continue
        if sequence is not None:
            if not gone.sequences:
                step.facts.append(gone)
            gone.sequences.append(sequence)
        successful.append(DeleteMessageBatchResultEntry(entry.id))
    return DeleteMessageBatchResult(successful or None, unsuccessful or None)


def _delete(registry: Registry, queue: Queue, handle: str, step: Step) -> int | None:
    """Take a message out; its sequence, or None when it was gone already."""
    message, receive_count = message_of(registry, queue, handle, step)
    if message is None:
        return None
    if queue.settings.fifo and (message.state is not IN_FLIGHT or message.receive_count != receive_count):
        raise InvalidParameterValue.because(handle, "ReceiptHandle", "The receipt handle has expired.")
    queue.remove(message, step.now_ms)
    queue.counters.deleted += 1
    if queue.waiters:
        step.wake(queue)
    return message.sequence
