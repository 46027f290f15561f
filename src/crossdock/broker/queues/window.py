"""Paging: visible messages that a queue left to the store come back when its resident ones run low.

    sends ──► resident, up to the window ──► receives
       │            ▲
       └─► cold ────┘ a page at a time, in order, by count and by bytes

What a step emits is in the store only after the step. So the last messages of a count may not be on a page yet: an empty page ends
the asking, not the count; but in a step that has emitted nothing, the store lacks what is counted. And what the step itself has taken away may still be on a page: it is passed over.
"""

from crossdock.broker.queues.budget import Budget
from crossdock.broker.queues.facts import Backlog, Deleted
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.step import Step

PAGE_MESSAGES = 1_000
PAGE_BYTES = 4 * 1024 * 1024
PAGE_BYTES_MIN = 64 * 1024
"""A page of a queue when others use up the budget."""

PAGES_AT_ONCE = 10

_RESERVE_MIN = 10
"""A receive asks for no more."""


class Window:
    """Pages messages in, for all queues."""

    __slots__ = ("_backlog", "_budget")

    def __init__(self, backlog: Backlog, budget: Budget) -> None:
        self._backlog = backlog
        self._budget = budget

    def top_up(self, queue: Queue, step: Step) -> None:
        """Page in until a receive has something to choose from, within reason: pages may hold nothing but what has expired."""
        reserve = min(PAGE_MESSAGES, queue.window) if queue.looks_ahead else _RESERVE_MIN
        for _ in range(PAGES_AT_ONCE):
            if queue.spare >= reserve or not self.next_page(queue, step):
                break

    def next_page(self, queue: Queue, step: Step) -> bool:
        """Page in once. False when there is nothing left to page in, or no room. Messages past their retention go at once."""
        away, room = queue.away, queue.room
        if not away.cold or room <= 0:
            return False
        limit = min(PAGE_MESSAGES, room, max(_RESERVE_MIN, away.cold, away.passed_over))
        bytes_max = max(PAGE_BYTES_MIN, min(PAGE_BYTES, self._budget.left))
        page = self._backlog.page(away.edge, queue.last_sequence, limit, bytes_max)
        if not page and not step.facts:
            self._backlog.lacks(queue.number)
        gone = step.gone() if page and step.facts else ()
        expired: list[int] = []
        for stored in page:
            sequence = stored.message.sequence
            if sequence in gone:
                queue.catch_up(sequence)
            elif not queue.page_in(stored, step.now_ms):
                expired.append(sequence)
            if not away.cold:
                break
        away.turn()
        if expired:
            step.facts.append(Deleted(expired))
        return bool(page)
