"""From a receipt handle to the message that it means."""

from crossdock.broker.queues.facts import Deleted, Received, Stored, queue_of
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receipt_handle import invalid_handle, read_handle
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step


def message_of(registry: Registry, queue: Queue, handle: str, step: Step) -> tuple[Message | None, int]:
    """The message that a handle means, None when it is gone, and the number of the receive.

    Raises ReceiptHandleIsInvalid when the handle is none, or another queue's.
    """
    sequence, receive_count = read_handle(handle)
    message = queue.messages.get(sequence)
    if message is None:
        if queue_of(sequence) != queue.number or sequence > queue.last_sequence:
            raise invalid_handle(handle)
        if queue.cold and sequence > queue.edge:
            message = _recalled(registry, queue, sequence, receive_count, step)
    return message, receive_count


def _recalled(registry: Registry, queue: Queue, sequence: int, receive_count: int, step: Step) -> Message | None:
    """A message whose receive was lost in a crash: the store has it as one that is visible, and pages have not come to it yet."""
    page = registry.backlog.page(sequence - 1, sequence, 1, 1)
    if not page or any(isinstance(fact, Deleted) and sequence in fact.sequences for fact in step.facts):
        return None
    stored = page[0]
    counted = Stored(stored.message, max(stored.receive_count, receive_count), stored.first_received_ms or step.now_ms)
    step.facts.append(Received(sequence, counted.receive_count, counted.first_received_ms, step.now_ms))
    return queue.recall(counted, step.now_ms)
