"""From a receipt handle to the message that it means.

A receive from a standard queue may be lost in a crash. Its handle still names the message, and says how often it was received.
"""

from crossdock.aws.errors import MissingParameter
from crossdock.broker.queues.facts import queue_of
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receipt_handle import invalid_handle, read_handle
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def message_of(registry: Registry, queue: Queue, handle: str, step: Step) -> tuple[Message | None, int]:
    """The message that a handle means, None when it is gone, and the number of the receive.

    Raises MissingParameter when it is empty, ReceiptHandleIsInvalid when the handle is none, or another queue's.
    """
    if not handle:
        raise MissingParameter.named("ReceiptHandle")
    sequence, receive_count = read_handle(handle)
    message = queue.messages.get(sequence)
    if message is None:
        if queue_of(sequence) != queue.number or sequence > queue.last_sequence:
            raise invalid_handle(handle)
        if not queue.away.may_hold(sequence):
            return None, receive_count
        message = _recalled(registry, queue, sequence, step)
    return message, receive_count


def _recalled(registry: Registry, queue: Queue, sequence: int, step: Step) -> Message | None:
    """A message that is in the store only: left there, or its receive was lost in a crash. None when the step has taken it away already."""
    page = registry.backlog.page(sequence - 1, sequence, 1, 1)
    if not page or sequence in step.gone():
        return None
    return queue.recall(page[0], step.now_ms)
