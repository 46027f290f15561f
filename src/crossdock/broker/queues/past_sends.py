"""After a restart: what FIFO queues were sent in the last five minutes is read from the store a slice at a time, so that the broker serves
meanwhile. Sends to a queue of which much is unread wait for it, in their order.
"""

from crossdock.aws.api.sqs import SendMessage, SendMessageBatch
from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.outcome import Caller, Ticket
from crossdock.broker.queues.dedup import SentMemory
from crossdock.broker.queues.facts import Backlog

SLICE = 2_500
"""So many sends are read in one go: some milliseconds."""

HURRY_MS = 1
"""When the next slice is read while sends wait; in any case others have their turn first."""

Held = tuple[Ticket, Caller, SendMessage | SendMessageBatch]
"""A send that waits."""


class PastSends:
    """What is still to be read, of all queues."""

    __slots__ = ("_backlog", "_held", "_memory", "unread")

    def __init__(self, backlog: Backlog, memory: SentMemory) -> None:
        self._backlog = backlog
        self._memory = memory
        self.unread: dict[int, tuple[int, int]] = {}
        """By queue: the sends with `after < sequence <= through`."""
        self._held: dict[int, list[Held]] = {}

    def expect(self, queue: int, after: int, through: int) -> None:
        """A queue has been sent messages before the restart."""
        self.unread[queue] = (after, through)

    def forget(self, queue: int) -> None:
        """A queue is gone."""
        self.unread.pop(queue, None)

    def hold(self, queue: int, held: Held, now_ms: int) -> bool:
        """Whether a send has to wait. The last slice is read at once."""
        if queue not in self._held and not self.read_some(queue, now_ms):
            return False
        self._held.setdefault(queue, []).append(held)
        return True

    def take_held(self, queue: int) -> list[Held]:
        """The sends that wait at a queue, in their order. They wait no more."""
        return self._held.pop(queue, [])

    def take_all_held(self) -> list[Held]:
        """All that wait."""
        held, self._held = self._held, {}
        return [send for sends in held.values() for send in sends]

    def is_waited_for(self, queue: int) -> bool:
        """Whether sends wait at a queue."""
        return queue in self._held

    def read_some(self, queue: int, now_ms: int) -> bool:
        """Read a slice. Whether there may be more."""
        unread = self.unread.pop(queue, None)
        if unread is None:
            return False
        after, through = unread
        sends = self._backlog.sends(after, through, now_ms - DEDUPLICATION_WINDOW_MS, SLICE)
        for sequence, key, sent_ms in sends:
            self._memory.remember(queue, key, sequence, sent_ms)
        if len(sends) == SLICE:
            self.unread[queue] = (sends[-1][0], through)
        return queue in self.unread
