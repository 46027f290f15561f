"""What time does to a queue by itself: delays, visibility timeouts, retention and long polls end."""

from crossdock.aws.api.sqs import ReceiveMessageResult
from crossdock.broker.queues.away import NEVER_MS
from crossdock.broker.queues.facts import Deleted
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receive import GO_ON_MS, serve
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.send import send_held
from crossdock.broker.queues.step import Step

SLICE = 1_000
"""So many messages of a queue are looked after in one go, so that nobody waits for long."""


def pass_time(registry: Registry, queue: Queue, step: Step) -> None:
    """Do what is due, then arm the queue for what comes next. Who waits is served before the waiting ends."""
    roused = queue.away.due_ms <= step.now_ms and _rouse(registry, queue, step)
    expired, appeared = queue.pass_time(step.now_ms, SLICE)
    if expired:
        step.facts.append(Deleted(expired))
    if queue.away.cold and not queue.spare:
        registry.window.top_up(queue, step)
    if (roused or appeared or expired or queue.away.cold) and queue.waiters:
        step.wake(queue)
        serve(registry, step)
    for waiter in queue.waiters.ended(step.now_ms):
        del registry.waiting[waiter.ticket]
        queue.counters.empty_receives += 1
        step.replies.append((waiter.ticket, ReceiveMessageResult()))
    queue.rearm()
    if registry.past_sends.unread:
        _read_past_sends(registry, queue, step)
    if queue.leaving:
        queue.arm(step.now_ms)
    if queue.away.cold and (not queue.spare or queue.waiters) and queue.room > 0:
        queue.arm(step.now_ms + GO_ON_MS)


def _read_past_sends(registry: Registry, queue: Queue, step: Step) -> None:
    if registry.past_sends.read_some(queue.number, step.now_ms):
        queue.arm(step.now_ms + GO_ON_MS)
    else:
        send_held(registry, queue, step)


def _rouse(registry: Registry, queue: Queue, step: Step) -> bool:
    """What was asleep in the store and is due becomes visible, and resident if there is room. Whether there was any."""
    away, now_ms = queue.away, step.now_ms
    due = registry.backlog.due(queue.number, away.due_edge, now_ms, SLICE)
    roused = False
    for due_ms, sequence, receive_count in due:
        if due_ms > now_ms:
            break
        if queue.come_due(due_ms, sequence, receive_count):
            roused = True
            if not queue.crowded and (page := registry.backlog.page(sequence - 1, sequence, 1, 1)):
                queue.recall(page[0], now_ms)
    if due and due[-1][0] > now_ms:
        away.due_ms = due[-1][0]
    else:
        away.due_ms = now_ms + GO_ON_MS if away.asleep else NEVER_MS
    return roused
