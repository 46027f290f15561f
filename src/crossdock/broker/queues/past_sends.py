"""After a restart: what FIFO queues were sent in the last five minutes is read from the store a slice at a time, so that the broker serves
meanwhile; all that is left of a queue, before its first send.
"""

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS
from crossdock.broker.queues.dedup import SentMemory
from crossdock.broker.queues.facts import Backlog

SLICE = 2_000
"""So many sends are read in one go."""


class PastSends:
    """What is still to be read, of all queues."""

    __slots__ = ("_backlog", "_memory", "unread")

    def __init__(self, backlog: Backlog, memory: SentMemory) -> None:
        self._backlog = backlog
        self._memory = memory
        self.unread: dict[int, tuple[int, int]] = {}
        """By queue: the sends with `after < sequence <= through`."""

    def expect(self, queue: int, after: int, through: int) -> None:
        """A queue has been sent messages before the restart."""
        self.unread[queue] = (after, through)

    def forget(self, queue: int) -> None:
        """A queue is gone."""
        self.unread.pop(queue, None)

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

    def read(self, queue: int, now_ms: int) -> None:
        """Read all that is left."""
        while self.read_some(queue, now_ms):
            pass
