"""One step of the machine in the making: what is known of the request, and the outcome as it grows."""

from enum import Enum

from crossdock.broker.outcome import Caller, Outcome, Reply, Ticket
from crossdock.broker.queues.facts import Deleted, Moved
from crossdock.broker.queues.queue import Queue

NOBODY = Caller(account="", region="", principal="", base_url="")
"""The caller of a step that time asks for."""


class Later(Enum):
    """Instead of a result: the reply comes in a later step."""

    LATER = "later"


LATER = Later.LATER


class Step(Outcome):
    """The outcome, and for whom and when it is."""

    ticket: Ticket = None
    caller: Caller = NOBODY
    now_ms: int = 0
    woken: list[Queue] = []
    """Queues whose long polls may have something to receive now."""

    def wake(self, queue: Queue) -> None:
        """Something became visible in `queue`."""
        if queue.waiters and queue not in self.woken:
            self.woken.append(queue)

    def gone(self) -> set[int]:
        """Messages that it has deleted or moved away: the store still has those."""
        gone: set[int] = set()
        for fact in self.facts:
            if isinstance(fact, Deleted):
                gone.update(fact.sequences)
            elif isinstance(fact, Moved):
                gone.add(fact.origin)
        return gone


def new_step(ticket: Ticket, caller: Caller, now_ms: int) -> Step:
    """A step for a request."""
    replies: list[Reply] = []
    return Step(replies, [], True, 0, ticket, caller, now_ms, [])


def timed_step(now_ms: int) -> Step:
    """A step that nobody waits for; it need not be durable unless something in it says so."""
    return Step([], [], False, 0, None, NOBODY, now_ms, [])
