"""SendMessage and SendMessageBatch: a message enters its queue.

What a message may contain is decided in contents.py, what a batch may be in batches.py, what is a duplicate in dedup.py.

Source: SQS API reference, SendMessage and SendMessageBatch.
"""

from crossdock.aws.api.sqs import (
    BatchResultErrorEntry,
    SendMessage,
    SendMessageBatch,
    SendMessageBatchRequestEntry,
    SendMessageBatchResult,
    SendMessageBatchResultEntry,
    SendMessageResult,
)
from crossdock.aws.errors import ApiError, EmptyValue, MissingParameter
from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.queues.attributes import QueueSettings
from crossdock.broker.queues.batches import check_send_batch, failed, refusal_of_all
from crossdock.broker.queues.contents import Content, Entry, check_message, sequence_number
from crossdock.broker.queues.dedup import deduplication_key
from crossdock.broker.queues.facts import Remembered, Sent, remembered
from crossdock.broker.queues.past_sends import HURRY_MS
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import LATER, Later, Step


def send_message(registry: Registry, queue: Queue, command: SendMessage, step: Step) -> SendMessageResult | Later:
    return LATER if _waits(registry, queue, command, step) else _send_one(registry, queue, command, step)


def send_message_batch(
    registry: Registry, queue: Queue, command: SendMessageBatch, step: Step
) -> SendMessageBatchResult | Later:
    return LATER if _waits(registry, queue, command, step) else _send_batch(registry, queue, command, step)


def send_held(registry: Registry, queue: Queue, step: Step) -> None:
    """The sends that waited until it was known what was sent before the restart."""
    caller = step.caller
    for ticket, step.caller, command in registry.past_sends.take_held(queue.number):
        result: SendMessageResult | SendMessageBatchResult | ApiError
        try:
            if isinstance(command, SendMessage):
                result = _send_one(registry, queue, command, step)
            else:
                result = _send_batch(registry, queue, command, step)
        except ApiError as error:
            result = error.with_traceback(None)
        step.replies.append((ticket, result))
        step.durable = True
    step.caller = caller


def _waits(registry: Registry, queue: Queue, command: SendMessage | SendMessageBatch, step: Step) -> bool:
    past_sends = registry.past_sends
    held = bool(past_sends.unread) and past_sends.hold(queue.number, (step.ticket, step.caller, command), step.now_ms)
    if held:
        queue.arm(step.now_ms + HURRY_MS)
    return held


def _send_one(registry: Registry, queue: Queue, command: SendMessage, step: Step) -> SendMessageResult:
    content = check_message(command, queue.settings)
    content.trace_header = content.trace_header or step.caller.trace_header
    message_id, sequence = _send(registry, queue, command, content, step)
    return SendMessageResult(
        message_id,
        content.md5_of_body,
        content.md5_of_attributes,
        content.md5_of_system_attributes,
        sequence,
    )


def _send_batch(registry: Registry, queue: Queue, command: SendMessageBatch, step: Step) -> SendMessageBatchResult:
    check_send_batch(command.entries)
    contents = [_checked(place, entry, queue.settings) for place, entry in enumerate(command.entries, start=1)]
    successful: list[SendMessageBatchResultEntry] = []
    unsuccessful: list[BatchResultErrorEntry] = []
    for entry, content in zip(command.entries, contents, strict=True):
        if isinstance(content, ApiError):
            unsuccessful.append(failed(entry.id, content))
            continue
        message_id, sequence = _send(registry, queue, entry, content, step)
        successful.append(
            SendMessageBatchResultEntry(
                entry.id,
                message_id,
                content.md5_of_body,
                content.md5_of_attributes,
                content.md5_of_system_attributes,
                sequence,
            )
        )
    return SendMessageBatchResult(successful or None, unsuccessful or None)


def _checked(place: int, entry: SendMessageBatchRequestEntry, settings: QueueSettings) -> Content | ApiError:
    """The content of one entry of a batch, or why it fails alone. Raises what refuses the whole batch."""
    try:
        if not entry.message_body:
            name = f"SendMessageBatchRequestEntry.{place}.MessageBody"
            raise MissingParameter.named(name) if settings.fifo else EmptyValue(f"No Value Found for {name}.")
        return check_message(entry, settings)
    except ApiError as error:
        if settings.fifo:
            raise refusal_of_all(error) from error
        return error.with_traceback(None)


def _send(registry: Registry, queue: Queue, entry: Entry, content: Content, step: Step) -> tuple[str, str | None]:
    """Take an accepted message in; its id and, on FIFO, its sequence number. A duplicate gets those of its original."""
    fifo = queue.settings.fifo
    key = _key(queue, entry, content, step.now_ms) if fifo else None
    if key is not None and (original := _original(registry, queue, key, step)) is not None:
        queue.counters.deduplicated += 1
        return original.message_id, sequence_number(original.sequence)
    sent = Sent(
        queue.next_sequence(),
        registry.clock.new_id(),
        entry.message_body,
        content.md5_of_body,
        step.now_ms,
        step.caller.principal,
        step.now_ms + content.delay_ms if content.delay_ms and not fifo else 0,
        content.attributes,
        content.trace_header,
        entry.message_group_id,
        content.deduplication_id,
        key,
    )
    step.facts.append(sent)
    queue.admit(sent, step.now_ms)
    queue.counters.note_sent(content.size)
    if queue.waiters:
        step.wake(queue)
    if key is None:
        return sent.message_id, None
    registry.sent_memory.remember(queue.number, key, sent.sequence, step.now_ms)
    return sent.message_id, sequence_number(sent.sequence)


def _original(registry: Registry, queue: Queue, key: str, step: Step) -> Remembered | None:
    """The send that a message with this key would repeat."""
    for sequence in registry.sent_memory.find(queue.number, key):
        in_step = (remembered(fact) for fact in step.facts if isinstance(fact, Sent) and fact.sequence == sequence)
        known = next(in_step, None) or registry.backlog.remembered(sequence)
        if known is not None and known.key == key and step.now_ms - known.sent_ms < DEDUPLICATION_WINDOW_MS:
            return known
    return None


def _key(queue: Queue, entry: Entry, content: Content, now_ms: int) -> str:
    group_id, deduplication_id = entry.message_group_id, content.deduplication_id
    assert group_id is not None and deduplication_id is not None, "check_message refuses a FIFO message without"
    return deduplication_key(queue.scope_is_group(now_ms), group_id, deduplication_id)
