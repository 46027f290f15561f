"""ReceiveMessage: messages go in flight, now or when a long poll that waits has its chance.

    receive ──► gather: offered by the queue's order ──► in flight, answered
       │           │ received too often ──► dead-letter queue
       │           └ past its retention ──► gone
       └─► nothing there: the ask joins the queue's waiters; `serve` answers it in a later step

Source: SQS API reference, ReceiveMessage; SQS Developer Guide, "Amazon SQS short and long polling".
"""

from crossdock.aws.api import sqs
from crossdock.aws.api.sqs import ReceiveMessage, ReceiveMessageResult
from crossdock.aws.errors import InvalidParameterValue, OverLimit
from crossdock.aws.quotas import (
    IN_FLIGHT_MAX,
    RECEIVE_MAX_MESSAGES,
    RECEIVE_MESSAGE_WAIT_TIME_SECONDS,
    VISIBILITY_TIMEOUT,
)
from crossdock.broker.queues.contents import (
    attribute_filter,
    check_id,
    shown_attributes,
    shown_system_attributes,
    system_attribute_filter,
)
from crossdock.broker.queues.dead_letter import dead_letter_queue, is_exhausted, move_to_dead_letters
from crossdock.broker.queues.facts import Deleted, Received, VisibilityChanged
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receipt_handle import make_handle
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import LATER, Later, Step
from crossdock.broker.queues.waiters import Ask, Waiter
from crossdock.broker.queues.window import PAGES_AT_ONCE

GO_ON_MS = 10
"""When the search in the backlog goes on after it was cut short, so that others have their turn."""

ANSWER_BYTES = 4 * 1024 * 1024
"""Once the messages of an answer take so much memory it is complete: a receive may give fewer than it asks for."""

PASSED_MAX = 1_000
"""So many exhausted or expired messages are put away in one receive; the rest waits for the next."""


def receive_message(
    registry: Registry, queue: Queue, command: ReceiveMessage, step: Step
) -> ReceiveMessageResult | Later:
    ask = _ask(command, queue)
    step.durable = queue.settings.fifo
    messages = _deliver(registry, queue, ask, step)
    if messages:
        return ReceiveMessageResult(messages)
    if ask.wait_ms:
        return _wait(registry, queue, ask, step)
    if queue.in_flight >= IN_FLIGHT_MAX and not queue.settings.fifo:
        raise OverLimit
    queue.counters.empty_receives += 1
    return ReceiveMessageResult()


def serve(registry: Registry, step: Step) -> None:
    """Answer the long polls that the step gave a chance."""
    while step.woken:
        queue = step.woken.pop()
        while (waiter := queue.waiters.first()) is not None:
            messages = _deliver(registry, queue, waiter.ask, step)
            if not messages:
                break
            end_wait(registry, queue, waiter)
            step.replies.append((waiter.ticket, ReceiveMessageResult(messages)))


def end_wait(registry: Registry, queue: Queue, waiter: Waiter) -> None:
    """A long poll is over."""
    queue.waiters.remove(waiter)
    del registry.waiting[waiter.ticket]


def _wait(registry: Registry, queue: Queue, ask: Ask, step: Step) -> Later:
    if len(registry.waiting) >= registry.settings.waiters_max:
        raise OverLimit("Too many long polls are waiting.")
    waiter = Waiter(step.ticket, ask, step.now_ms + ask.wait_ms)
    queue.waiters.add(waiter)
    registry.waiting[step.ticket] = (queue, waiter)
    queue.arm(waiter.ends_ms)
    return LATER


# What was asked


def _ask(command: ReceiveMessage, queue: Queue) -> Ask:
    settings = queue.settings
    limit, wait_ms, visibility_ms = command.max_number_of_messages, settings.wait_ms, settings.visibility_ms
    if limit is None:
        limit = 1
    elif not 1 <= limit <= RECEIVE_MAX_MESSAGES:
        reason = f"Must be between 1 and {RECEIVE_MAX_MESSAGES}, if provided."
        raise InvalidParameterValue.because(limit, "MaxNumberOfMessages", reason)
    if command.wait_time_seconds is not None:
        wait_ms = _ms(command.wait_time_seconds, "WaitTimeSeconds", RECEIVE_MESSAGE_WAIT_TIME_SECONDS)
    if command.visibility_timeout is not None:
        visibility_ms = _ms(command.visibility_timeout, "VisibilityTimeout", VISIBILITY_TIMEOUT)
    attempt_id = command.receive_request_attempt_id
    if attempt_id is not None:
        check_id("ReceiveRequestAttemptId", attempt_id)
    return Ask(
        limit,
        visibility_ms,
        wait_ms,
        system_attribute_filter(command.message_system_attribute_names, command.attribute_names),
        attribute_filter(command.message_attribute_names),
        attempt_id,
    )


def _ms(seconds: int, parameter: str, limits: tuple[int, int, int]) -> int:
    lowest, highest, _ = limits
    if not lowest <= seconds <= highest:
        reason = f"Must be >= {lowest} and <= {highest}, if provided."
        raise InvalidParameterValue.because(seconds, parameter, reason)
    return seconds * 1_000


# What is given


def _deliver(registry: Registry, queue: Queue, ask: Ask, step: Step) -> list[sqs.Message]:
    """Messages for one receive, in flight from now on; empty when there is nothing for it."""
    if queue.settings.fifo:
        step.durable = True
        if ask.attempt_id is not None:
            return _deliver_attempt(registry, queue, ask, step)
    return _shown_all(registry, queue, _gather(registry, queue, ask, step), ask, step)


def _deliver_attempt(registry: Registry, queue: Queue, ask: Ask, step: Step) -> list[sqs.Message]:
    """A receive that has a name gives the same messages when it is repeated, hidden anew."""
    assert ask.attempt_id is not None
    messages = queue.attempts.find(ask.attempt_id, step.now_ms)
    if messages is None:
        messages = _gather(registry, queue, ask, step)
    else:
        due_ms = step.now_ms + ask.visibility_ms
        for message in messages:
            queue.hide(message, due_ms, step.now_ms)
            step.facts.append(VisibilityChanged(message.sequence, due_ms))
    if messages:
        queue.attempts.remember(ask.attempt_id, messages, step.now_ms)
    return _shown_all(registry, queue, messages, ask, step)


def _gather(registry: Registry, queue: Queue, ask: Ask, step: Step) -> list[Message]:
    """Take messages in flight, as many as are asked for and allowed."""
    limit = min(ask.limit, IN_FLIGHT_MAX - queue.in_flight)
    taken: list[Message] = []
    if queue.away.cold:
        registry.window.top_up(queue, step)
    for _ in range(PAGES_AT_ONCE):
        _take(registry, queue, ask, limit - len(taken), taken, step)
        if len(taken) >= limit or _bytes_of(taken) >= ANSWER_BYTES or not registry.window.next_page(queue, step):
            break
    else:
        queue.arm(step.now_ms + GO_ON_MS)
    if not ask.visibility_ms:
        for message in taken:
            queue.show(message, step.now_ms)
    queue.counters.received += len(taken)
    return taken


def _take(registry: Registry, queue: Queue, ask: Ask, limit: int, taken: list[Message], step: Step) -> None:
    """Add up to `limit` messages of those on offer. Exhausted and expired ones on the way go where they belong."""
    if limit <= 0:
        return
    now_ms = step.now_ms
    due_ms = now_ms + ask.visibility_ms
    target = dead_letter_queue(registry, queue)
    passed: list[Message] = []
    room = ANSWER_BYTES - _bytes_of(taken)
    offer = queue.order.offer(now_ms)
    for message in offer:
        if queue.is_over(message, now_ms) or (target is not None and is_exhausted(queue, message)):
            passed.append(message)
            if len(passed) == PASSED_MAX:
                break
            continue
        queue.receive(message, due_ms, now_ms)
        step.facts.append(Received(message.sequence, message.receive_count, message.first_received_ms, due_ms))
        taken.append(message)
        limit -= 1
        room -= message.content_bytes
        if not limit or room <= 0:
            break
    offer.close()
    for message in passed:
        if target is None or queue.is_over(message, now_ms):
            queue.remove(message, now_ms)
            step.facts.append(Deleted([message.sequence]))
        else:
            move_to_dead_letters(registry, queue, target, message, step)


def _bytes_of(taken: list[Message]) -> int:
    return sum(message.content_bytes for message in taken)


# What is shown


def _shown_all(registry: Registry, queue: Queue, messages: list[Message], ask: Ask, step: Step) -> list[sqs.Message]:
    for message in messages:
        step.size += message.content_bytes
    return [_shown(registry, queue, message, ask) for message in messages]


def _shown(registry: Registry, queue: Queue, message: Message, ask: Ask) -> sqs.Message:
    content = registry.content_of(message)
    shown = sqs.Message(
        content.message_id, make_handle(message.sequence, message.receive_count), content.md5_of_body, content.body
    )
    if ask.system_attributes is not None:
        shown.attributes = shown_system_attributes(
            content, ask.system_attributes, message.receive_count, message.first_received_ms, queue.settings.fifo
        )
    if ask.attributes is not None:
        shown.message_attributes, shown.md5_of_message_attributes = shown_attributes(content.attributes, ask.attributes)
    return shown
