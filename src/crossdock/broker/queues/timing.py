"""What time does to a queue by itself: delays, visibility timeouts, retention and long polls end."""

from crossdock.aws.api.sqs import ReceiveMessageResult
from crossdock.broker.queues.away import NEVER_MS
from crossdock.broker.queues.facts import Deleted
from crossdock.broker.queues.past_sends import HURRY_MS
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receive import GO_ON_MS, serve
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.send import send_held
from crossdock.broker.queues.step import Step

SLICE = 250
"""So many messages are looked after in one go, so that nobody waits for long."""

SLICE_BYTES = 2 * 1024 * 1024
"""No more are read in one go than have so much in their bodies."""


def pass_time(registry: Registry, queue: Queue, step: Step, limit: int = SLICE) -> int:
    """Do what is due, for about `limit` messages, then arm the queue for what comes next; for how many it was done.

    Who waits is served before the waiting ends."""
    resident = len(queue.messages)
    roused = _rouse(registry, queue, step, limit) if queue.away.due_ms <= step.now_ms else 0
    expired, appeared = queue.pass_time(step.now_ms, limit)
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
        queue.arm(step.now_ms + (GO_ON_MS if queue.away.overdue else 0))
    if queue.away.cold and (not queue.spare or queue.waiters) and queue.room > 0:
        queue.arm(step.now_ms + GO_ON_MS)
    return roused + len(expired) + appeared + max(0, len(queue.messages) - resident)


def _read_past_sends(registry: Registry, queue: Queue, step: Step) -> None:
    past_sends = registry.past_sends
    if past_sends.read_some(queue.number, step.now_ms):
        queue.arm(step.now_ms + (HURRY_MS if past_sends.is_waited_for(queue.number) else GO_ON_MS))
    else:
        send_held(registry, queue, step)


def _rouse(registry: Registry, queue: Queue, step: Step, limit: int) -> int:
    """What was asleep in the store and is due becomes visible, and resident if there is room; how many messages that were."""
    away, now_ms = queue.away, step.now_ms
    due = registry.backlog.due(queue.number, away.due_edge, now_ms, limit)
    asleep = [sequence for due_ms, sequence, _ in due if due_ms <= now_ms and sequence not in queue.messages]
    stored = [] if queue.crowded else registry.backlog.some(asleep, SLICE_BYTES)
    by_sequence = {one.message.sequence: one for one in stored}
    last = stored[-1].message.sequence if stored else None
    roused = 0
    away.overdue, next_ms = True, now_ms + GO_ON_MS
    for due_ms, sequence, receive_count in due:
        if due_ms > now_ms:
            away.overdue, next_ms = False, due_ms
            break
        if queue.come_due(due_ms, sequence, receive_count):
            roused += 1
            if sequence in by_sequence and not queue.crowded:
                queue.recall(by_sequence[sequence], now_ms)
        if sequence == last:
            break
    away.due_ms = next_ms if away.asleep else NEVER_MS
    return roused
