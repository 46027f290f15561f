"""The messages of a queue that are in memory: how many there are and may be. What happens to them is the queue's affair, how many there
may be over all queues the budget's (budget.py), what is in the store only away.py's.
"""

from collections import deque

from crossdock.broker.queues.away import NEVER_MS, Away
from crossdock.broker.queues.budget import Budget, content_bytes
from crossdock.broker.queues.facts import Sent
from crossdock.broker.queues.message import GONE, Message
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.queues.waiters import Waiters

_RESIDENT_MIN = 1_000
"""So many untouched messages a queue may keep resident when others use up the budget of contents; and a queue that looks ahead, when
memory is crowded."""

_FRESH_SLACK = 1_024
"""So many messages that are no longer untouched may linger in `fresh` before it is swept."""


class Residents:
    """Messages by sequence, and how many of them, or of those away, are in which state."""

    def __init__(self, fifo: bool, sizes: MachineSettings, budget: Budget) -> None:
        self.fifo = fifo
        self.messages: dict[int, Message] = {}
        self.fresh: deque[Message] = deque()
        """The untouched ones, in order, and some that are so no longer."""
        self.taken_back: deque[Message] = deque()
        """FIFO: hidden before a restart, and others before them are in the store still: they stand in order once the edge has passed them."""
        self.untouched = self.in_flight = self.delayed = 0
        """`in_flight` and `delayed` count what is away, too."""
        self.away = Away(0)
        self.waiters = Waiters()
        self._sizes = sizes
        self._budget = budget
        self.look_ahead(fifo)

    # How many

    def find(self, sequence: int) -> Message | None:
        """The resident message with this sequence."""
        return self.messages.get(sequence)

    @property
    def visible(self) -> int:
        """How many messages can be received, those included that their group holds up."""
        return len(self.messages) + self.away.visible + self.away.asleep - self.in_flight - self.delayed

    @property
    def spare(self) -> int:
        """How many resident messages can be received, as far as that can be told: on a FIFO queue, those that never were."""
        if self.fifo:
            return self.untouched
        return len(self.messages) + self.away.asleep - self.in_flight - self.delayed

    @property
    def room(self) -> int:
        """How many more messages may become resident to be received. What was taken back does not count: it waits for them."""
        window = self.window
        if self._budget.crowded:
            window = min(window, _RESIDENT_MIN if self.looks_ahead else self._sizes.reserve)
        return window - (len(self.messages) - self.in_flight - len(self.taken_back) if self.fifo else self.spare)

    @property
    def crowded(self) -> bool:
        """Whether touched messages are left to the store. On a FIFO queue none is: each holds up others."""
        return self._budget.crowded and not self.fifo and len(self.messages) - self.untouched > self._sizes.reserve

    def keeps_hidden(self) -> bool:
        """Whether one more delayed message, or one more that was hidden before a restart, is resident. Few of many are touched soon."""
        return self.looks_ahead or (self.in_flight + self.delayed < self._sizes.window and not self.crowded)

    def is_full(self, sent: Sent) -> bool:
        """Whether a message that can be received is left to the store."""
        return self.room <= 0 or (self.untouched >= _RESIDENT_MIN and content_bytes(sent) > self._budget.left)

    def look_ahead(self, looks_ahead: bool) -> None:
        """Decide the size of the window: a queue that looks for a free group or a quiet tenant needs a large one."""
        self.looks_ahead = looks_ahead
        self.window = self._sizes.lookahead if looks_ahead else self._sizes.window

    # In and out

    def make_resident(self, sent: Sent, keep_content: bool) -> Message:
        """A message for `enter`, with its content if that is wanted and there is room for it, or someone waits for it."""
        size = content_bytes(sent)
        keep_content = keep_content and (self._budget.used + size <= self._budget.bytes_max or len(self.waiters) > 0)
        if keep_content:
            self._budget.used += size
        retained_from_ms = sent.enqueued_ms or sent.sent_ms if self.fifo else sent.sent_ms
        return Message(sent.sequence, sent if keep_content else None, size, retained_from_ms, sent.group_id)

    def discharge(self, message: Message) -> None:
        """Its content is charged no more."""
        if message.content is not None:
            self._budget.used -= message.content_bytes

    def enter(self, message: Message) -> None:
        """It is resident from now on."""
        self.messages[message.sequence] = message
        self._budget.messages += 1

    def drop(self, message: Message) -> None:
        """It is not resident any more. Whoever still holds it takes it for one that is gone."""
        del self.messages[message.sequence]
        self._budget.messages -= 1
        self.discharge(message)
        message.state = GONE
        message.wake_ms = NEVER_MS

    def drop_all(self) -> None:
        """Nothing is resident any more."""
        for message in tuple(self.messages.values()):
            self.drop(message)
        self.messages = {}
        self.fresh = deque()
        self.taken_back = deque()
        self.untouched = self.in_flight = self.delayed = 0

    # Untouched ones

    def oldest_fresh(self) -> Message | None:
        """The first untouched resident message."""
        fresh = self.fresh
        while fresh and fresh[0].wake_ms:
            fresh.popleft()
        return fresh[0] if fresh else None

    def sweep_fresh(self) -> None:
        """Take out what lingers, once it is the majority."""
        if len(self.fresh) > 2 * self.untouched + _FRESH_SLACK:
            untouched = [message for message in self.fresh if not message.wake_ms]
            self.fresh.clear()
            self.fresh.extend(untouched)
