"""What time does to a queue by itself: delays, visibility timeouts, retention and long polls end."""

from crossdock.aws.api.sqs import ReceiveMessageResult
from crossdock.broker.queues.facts import Deleted
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.receive import GO_ON_MS, serve
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step

SLICE = 1_000
"""So many messages of a queue are looked after in one go, so that nobody waits for long."""


def pass_time(registry: Registry, queue: Queue, step: Step) -> None:
    """Do what is due, then arm the queue for what comes next. Who waits is served before the waiting ends."""
    expired, appeared = queue.pass_time(step.now_ms, SLICE)
    if expired:
        step.facts.append(Deleted(expired))
    if queue.cold and not queue.untouched:
        registry.window.top_up(queue, step)
    if (appeared or expired or queue.cold) and queue.waiters:
        step.wake(queue)
        serve(registry, step)
    for waiter in queue.waiters.ended(step.now_ms):
        del registry.waiting[waiter.ticket]
        queue.counters.empty_receives += 1
        step.replies.append((waiter.ticket, ReceiveMessageResult()))
    queue.rearm()
    if queue.cold and (not queue.untouched or queue.waiters) and queue.untouched < queue.window:
        queue.arm(step.now_ms + GO_ON_MS)
