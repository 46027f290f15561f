"""What a queue has left to the store: how many messages, and where to go on reading. The messages themselves are not here.

    visible ones by sequence ────────────────────────────────────────────►
        seen: resident, or left afterwards and `behind` │ edge │ `cold`
    hidden ones by the moment at which they come due ─────────────────────►
        come due: visible                               │ due edge │ `asleep`

The edge moves up with each page. Once it is where the queue ended when the first of those behind it was left, or nothing is cold any
more, it turns back to the first of them: then they are cold. So a message that is left goes behind what is in the queue by then, and no
further. FIFO queues have nothing behind and nothing asleep.
"""

from typing import Final

NEVER_MS: Final = 1 << 62

_LAST: Final = (1 << 63) - 1
"""Behind every sequence; the greatest number that a store in SQL can be asked with."""


class Away:
    """Numbers and edges of one queue. Times in milliseconds."""

    __slots__ = (
        "_first_behind",
        "_turn_at",
        "asleep",
        "behind",
        "cold",
        "due_edge",
        "due_ms",
        "edge",
        "overdue",
        "passed_over",
    )

    def __init__(self, edge: int) -> None:
        """Nothing is away yet."""
        self.edge = edge
        self.cold = self.behind = self.asleep = 0
        self.passed_over = 0
        """How many messages in a row the edge has passed that are not cold."""
        self.due_edge = (0, 0)
        """(due_ms, sequence): what is asleep lies behind it; of what is visible and away nothing does."""
        self.due_ms = NEVER_MS
        """When the first one that is asleep comes due, or earlier; while any is overdue, when to go on."""
        self.overdue = False
        """Whether some that are asleep were due when they were last looked at, and there were too many to rouse at once."""
        self._first_behind = 0
        self._turn_at = 0

    @property
    def visible(self) -> int:
        """How many of them can be received."""
        return self.cold + self.behind

    def may_hold(self, sequence: int) -> bool:
        """Whether a message that is not resident may be in the store; if not, it is gone."""
        return self.asleep > 0 or self.behind > 0 or (self.cold > 0 and sequence > self.edge)

    # Visible ones

    def leave(self, sequence: int, last_sequence: int) -> None:
        """A visible message is left to the store. `last_sequence`: where the queue ends."""
        if not self.cold:
            self.edge = sequence - 1
        if sequence > self.edge:
            self.cold += 1
            return
        if not self.behind:
            self._first_behind, self._turn_at = sequence, last_sequence
        self.behind += 1
        self._first_behind = min(self._first_behind, sequence)

    def take(self, sequence: int) -> None:
        """A visible message becomes resident out of turn."""
        if sequence > self.edge:
            self.cold -= 1
        else:
            self.behind -= 1
        self.turn()

    def turn(self) -> None:
        """Turn back if it is time. Not while a page is being taken in."""
        if self.behind and (not self.cold or self.edge >= self._turn_at):
            self.edge = self._first_behind - 1
            self.cold += self.behind
            self.behind = 0

    # Hidden ones

    def may_sleep(self, due_ms: int, sequence: int, now_ms: int) -> bool:
        """Whether a hidden message may be left to the store. If the clock went back, the due edge has passed what is due by then."""
        return due_ms > now_ms and (due_ms, sequence) > self.due_edge

    def sleep(self, due_ms: int, now_ms: int) -> None:
        """A hidden message is left to the store."""
        if not self.asleep:
            self.begin_sleep(now_ms, 0)
        self.asleep += 1
        self.due_ms = min(self.due_ms, due_ms)

    def begin_sleep(self, now_ms: int, count: int) -> None:
        """So many of all messages that are due after `now_ms` are not resident."""
        self.asleep = count
        self.overdue = False
        self.due_edge = max(self.due_edge, (now_ms, _LAST))
        self.due_ms = now_ms if count else NEVER_MS

    def pass_time(self, now_ms: int) -> None:
        """The due edge moves up with time while nothing asleep comes due."""
        if self.due_ms > now_ms and not self.overdue:
            self.due_edge = max(self.due_edge, (now_ms, _LAST))

    def is_asleep(self, due_ms: int, sequence: int) -> bool:
        """Whether a message that is not resident is asleep, as far as the queue has noticed."""
        return self.asleep > 0 and (due_ms, sequence) > self.due_edge
