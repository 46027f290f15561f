"""A queue: its settings, its resident messages, and the only place where a message changes its state.

A queue knows of itself alone. What clients ask of it is in the concern files (send.py, receive.py, ...), in which order it gives
messages in standard.py, fifo.py and fair.py, how messages are paged in from the store in window.py.

Resident are touched messages, which have a deadline each, and untouched ones, which need none: their retention ends in the order of
`fresh`. What memory has no room for is left to the store (away.py). A message leaves once the step that touched it is over, so that the
store knows how it stands.
"""

from crossdock.aws.arn import QueueName
from crossdock.broker.queues.attributes import QueueSettings, settings_of
from crossdock.broker.queues.away import NEVER_MS, Away
from crossdock.broker.queues.budget import Budget
from crossdock.broker.queues.counters import Counters
from crossdock.broker.queues.deadlines import Deadlines, MessageDeadlines
from crossdock.broker.queues.dedup import AttemptMemory
from crossdock.broker.queues.facts import QueueCreated, Sent, Stored, first_sequence
from crossdock.broker.queues.fair import FairOrder
from crossdock.broker.queues.fifo import FifoOrder
from crossdock.broker.queues.message import DELAYED, GONE, IN_FLIGHT, VISIBLE, Message
from crossdock.broker.queues.residents import Residents
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.queues.standard import TIRED_RECEIVES, Order, StandardOrder

SCOPE_CHANGE_MS = 60_000
"""How long after a change of DeduplicationScope the old scope still decides. AWS: attributes take up to 60 seconds."""


class Queue(Residents):
    """One queue. Times in milliseconds."""

    def __init__(self, created: QueueCreated, sizes: MachineSettings, alarms: Deadlines, budget: Budget) -> None:
        """`alarms`: when which queue wants to be looked after, for the whole machine."""
        self.name = QueueName(created.account, created.region, created.name)
        self.number = created.queue
        self.arn = self.name.arn
        self.tags = created.tags
        self.attributes = created.attributes
        self.settings: QueueSettings = settings_of(created.name, created.attributes)
        self.created_ms = self.modified_ms = created.at_ms
        self.purged_ms = 0
        self.last_sequence = first_sequence(created.queue)
        self.alarm_ms = NEVER_MS
        self.counters = Counters()
        self.attempts = AttemptMemory()
        self._scope_group = self.settings.deduplication_scope_group
        self._scope_changed_ms = 0
        self._over_ms = self._over_through = 0
        """Up to and with this sequence, what counts from then or before was over when the retention was last prolonged."""
        self._alarms = alarms
        super().__init__(self.settings.fifo, sizes, budget)
        self.clear()

    def clear(self) -> None:
        """Forget every message."""
        self.drop_all()
        self.away = Away(self.last_sequence)
        self.leaving: list[Message] = []
        """Touched, and they leave when the next step begins. Visible ones among them are in no order meanwhile."""
        self._deadlines = MessageDeadlines(self.messages)
        self.look_ahead(self.fifo)
        self.order: Order = FifoOrder() if self.fifo else StandardOrder(self.fresh, self.find)

    # What there is

    def is_over(self, message: Message, now_ms: int) -> bool:
        """Whether the retention of a message has ended, now or before it was prolonged: what is in the store may not have left it yet."""
        was_over = message.retained_from_ms <= self._over_ms and message.sequence <= self._over_through
        return was_over or message.retained_from_ms + self.settings.retention_ms <= now_ms

    def scope_is_group(self, now_ms: int) -> bool:
        """Whether duplicates are looked for in the message group only."""
        changed = now_ms - self._scope_changed_ms >= SCOPE_CHANGE_MS
        return self.settings.deduplication_scope_group if changed else self._scope_group

    # Messages come in

    def next_sequence(self) -> int:
        """The sequence of the next message."""
        self.last_sequence += 1
        return self.last_sequence

    def admit(self, sent: Sent, now_ms: int) -> None:
        """A message is sent to the queue. Beyond the window it is left to the store."""
        if sent.group_id is not None and not self.fifo:
            self._note_tenant(sent.group_id, now_ms)
        if sent.due_ms > now_ms and not self.fifo:
            if not self.keeps_hidden() and self.away.may_sleep(sent.due_ms, sent.sequence, now_ms):
                self.delayed += 1
                self._sleep(sent.due_ms, now_ms)
                return
        elif self.away.cold or self.is_full(sent):
            self.away.leave(sent.sequence, self.last_sequence)
            return
        self._place(self.make_resident(sent, True), sent.due_ms, now_ms)

    def adopt(self, stored: Stored, now_ms: int) -> None:
        """Take a message that was moved here, with its history."""
        if self.crowded or (self.fifo and (self.away.cold or self.is_full(stored.message))):
            self.away.leave(stored.message.sequence, self.last_sequence)
        else:
            self._place(self._with_history(stored, now_ms), stored.due_ms, now_ms)

    def take_back(self, stored: Stored, now_ms: int) -> None:
        """Take a message that was in flight or delayed when the process ended, and behind others in the store."""
        message = self._with_history(stored, now_ms, keep_content=False)
        if self.fifo:
            self.taken_back.append(message)
        self._place(message, stored.due_ms, now_ms, in_order=False)

    def page_in(self, stored: Stored, now_ms: int) -> bool:
        """Take the next message from the store; the edge moves up to it. False when its retention has ended: it is not taken."""
        sequence = stored.message.sequence
        self.catch_up(sequence)
        if sequence in self.messages or self.away.is_asleep(stored.due_ms, sequence):
            self.away.passed_over += 1
            return True
        self.away.cold -= 1
        self.away.passed_over = 0
        message = self._with_history(stored, now_ms)
        living = not self.is_over(message, now_ms)
        if living:
            self._place(message, stored.due_ms, now_ms)
        else:
            self.discharge(message)
        if not self.away.cold:
            self.catch_up(self.last_sequence)
        return living

    def catch_up(self, through: int) -> None:
        """The edge moves up. Messages that were taken back stand in order once nothing before them is left in the store."""
        self.away.edge = through
        taken_back = self.taken_back
        while taken_back and taken_back[0].sequence <= through:
            message = taken_back.popleft()
            if self.fifo and message.state is not GONE:
                self.order.arrive(message)

    def recall(self, stored: Stored, now_ms: int) -> Message:
        """A message of the backlog that a client has a handle of. On a standard queue it becomes resident, out of turn; on a FIFO queue it
        stays where it is: what is not resident is not in flight, so the handle is an old one."""
        message = self._with_history(stored, now_ms, keep_content=False)
        message.due_ms = due_ms = stored.due_ms
        if self.fifo:
            return message
        self.enter(message)
        if self.away.is_asleep(due_ms, message.sequence):
            self._wake_up(message.receive_count)
            if due_ms > now_ms:
                self._place_hidden(message)
                return message
        else:
            self.away.take(message.sequence)
        self._wake(message)
        self.order.appear(message, self._rank(message))
        return message

    def come_due(self, due_ms: int, sequence: int, receive_count: int) -> bool:
        """The next hidden message of the store is due. Whether it was asleep: then it is a visible one of the store now."""
        self.away.due_edge = (due_ms, sequence)
        if sequence in self.messages:
            return False
        self._wake_up(receive_count)
        self.away.leave(sequence, self.last_sequence)
        return True

    def _sleep(self, due_ms: int, now_ms: int) -> None:
        self.away.sleep(due_ms, now_ms)
        self.arm(due_ms)

    def _wake_up(self, receive_count: int) -> None:
        self.away.asleep -= 1
        if receive_count:
            self.in_flight -= 1
        else:
            self.delayed -= 1

    def let_go(self, now_ms: int) -> bool:
        """At the beginning of a step: what was touched in earlier ones leaves, if there still is no room. Whether any of it is visible."""
        self.away.pass_time(now_ms)
        leaving, self.leaving = self.leaving, []
        appeared = False
        for message in leaving:
            if message.state is VISIBLE and not message.listed:
                appeared = True
                self._settle(message)
            elif message.state is IN_FLIGHT and self._may_sleep(message, now_ms):
                self._sleep(message.due_ms, now_ms)
                self.drop(message)
        return appeared

    def _may_sleep(self, message: Message, now_ms: int) -> bool:
        """Not what a tenant of a fair queue is judged by, nor what will be gone before it is due."""
        if message.listed or self.looks_ahead or not self.crowded or message.wake_ms < message.due_ms:
            return False
        return self.away.may_sleep(message.due_ms, message.sequence, now_ms)

    def _leaves(self, message: Message) -> bool:
        """Whether the place of a message that became visible is in the store: there is no room, or it goes behind what is there."""
        return self.crowded or (message.receive_count >= TIRED_RECEIVES and self.away.cold > 0 and not self.fifo)

    def _settle(self, message: Message) -> None:
        """A message that became visible finds its place, or leaves."""
        if not self._leaves(message):
            self.order.appear(message, self._rank(message))
        elif self.away.is_asleep(message.due_ms, message.sequence):
            self.leaving.append(message)
        else:
            self.drop(message)
            self.order.removed(message)
            self.away.leave(message.sequence, self.last_sequence)

    def _with_history(self, stored: Stored, now_ms: int, keep_content: bool = True) -> Message:
        sent = stored.message
        if sent.group_id is not None and not self.fifo:
            self._note_tenant(sent.group_id, sent.sent_ms)
        message = self.make_resident(sent, keep_content)
        message.receive_count = stored.receive_count
        message.first_received_ms = stored.first_received_ms
        message.received_ms = max(stored.first_received_ms, min(now_ms, stored.due_ms - self.settings.visibility_ms))
        return message

    def _place(self, message: Message, due_ms: int, now_ms: int, in_order: bool = True) -> None:
        """Put a new resident message where its history says. One that comes out of order is left out of its FIFO group for now."""
        if self.fifo and not message.receive_count:
            due_ms = message.retained_from_ms + self.settings.delay_ms
        message.due_ms = due_ms
        self.enter(message)
        if due_ms > now_ms:
            self._place_hidden(message)
        elif message.receive_count:
            self._wake(message)
            if not self.fifo:
                self.order.appear(message, self._rank(message))
        else:
            self.untouched += 1
            self.fresh.append(message)
            if not self.fifo:
                self.order.arrive(message)
            if self.looks_ahead:
                self.sweep_fresh()
            self.arm(message.retained_from_ms + self.settings.retention_ms)
        if self.fifo and in_order:
            self.order.arrive(message)

    def _place_hidden(self, message: Message) -> None:
        if message.receive_count:
            message.state = IN_FLIGHT
            self.in_flight += 1
            self.order.received(message)
        else:
            message.state = DELAYED
            self.delayed += 1
        self._wake(message)

    # A message changes its state

    def receive(self, message: Message, due_ms: int, now_ms: int) -> None:
        """VISIBLE → IN_FLIGHT: a client gets it."""
        message.receive_count += 1
        if not message.first_received_ms:
            message.first_received_ms = now_ms
        self.hide(message, due_ms, now_ms)

    def hide(self, message: Message, due_ms: int, now_ms: int) -> None:
        """VISIBLE or IN_FLIGHT → IN_FLIGHT, until `due_ms`."""
        if not message.wake_ms:
            self.untouched -= 1
        if message.state is VISIBLE:
            message.state = IN_FLIGHT
            message.received_ms = now_ms
            self.in_flight += 1
            self.order.received(message)
        message.due_ms = due_ms
        self._wake(message)
        if self.crowded and not self.looks_ahead:
            self.leaving.append(message)

    def show(self, message: Message, now_ms: int) -> None:
        """DELAYED or IN_FLIGHT → VISIBLE."""
        if message.state is IN_FLIGHT:
            self.in_flight -= 1
            self.order.finished(message, now_ms)
        else:
            self.delayed -= 1
        message.state = VISIBLE
        message.due_ms = min(message.due_ms, now_ms)
        self._wake(message)
        if self._leaves(message) and not message.listed:
            self.leaving.append(message)
            self.arm(now_ms)
        else:
            self.order.appear(message, self._rank(message))

    def put_back(self, message: Message) -> None:
        """A message that was offered stays where it is, VISIBLE. It counts as touched from now on."""
        if not message.wake_ms:
            self.untouched -= 1
        self._wake(message)
        self.order.appear(message, self._rank(message))

    def remove(self, message: Message, now_ms: int) -> None:
        """Any state → GONE."""
        state, untouched = message.state, not message.wake_ms
        self.drop(message)
        if state is IN_FLIGHT:
            self.in_flight -= 1
            self.order.finished(message, now_ms)
        elif state is DELAYED:
            self.delayed -= 1
        elif untouched:
            self.untouched -= 1
        self.order.removed(message)

    def _rank(self, message: Message) -> int:
        return message.sequence if message.receive_count < TIRED_RECEIVES else self.last_sequence

    # Time

    def arm(self, when_ms: int) -> None:
        """Have the machine look after this queue at `when_ms` at the latest."""
        if when_ms < self.alarm_ms:
            self.alarm_ms = when_ms
            self._alarms.put(when_ms, self.number)

    def rearm(self) -> None:
        """Find the next moment at which time does something to this queue."""
        self.alarm_ms = NEVER_MS
        for when_ms in (self._deadlines.first_ms(), self.waiters.first_end_ms(), self.away.due_ms):
            if when_ms is not None:
                self.arm(when_ms)
        oldest = self.oldest_fresh()
        if oldest is not None:
            self.arm(oldest.retained_from_ms + self.settings.retention_ms)

    def pass_time(self, now_ms: int, limit: int) -> tuple[list[int], int]:
        """Let delays, visibility timeouts and retention end, of about `limit` messages at the most.

        Returns the sequences of those that are gone, and how many became visible.
        """
        expired: list[int] = []
        appeared = 0
        for _ in range(limit):
            message = self._deadlines.take_due(now_ms)
            if message is None:
                break
            if self.is_over(message, now_ms):
                expired.append(message.sequence)
                self.remove(message, now_ms)
            elif message.state is not VISIBLE and message.due_ms <= now_ms:
                self.show(message, now_ms)
                appeared += 1
            else:
                self._wake(message)
        while (oldest := self.oldest_fresh()) is not None and self.is_over(oldest, now_ms) and len(expired) < limit:
            expired.append(oldest.sequence)
            self.remove(oldest, now_ms)
        return expired, appeared

    def _wake(self, message: Message) -> None:
        """Give a touched message the deadline that its state asks for."""
        when_ms = message.retained_from_ms + self.settings.retention_ms
        if message.state is not VISIBLE and message.due_ms < when_ms:
            when_ms = message.due_ms
        if when_ms != message.wake_ms:
            self._deadlines.put(message, when_ms)
            if when_ms < self.alarm_ms:
                self.arm(when_ms)

    # Settings

    def set_attributes(self, attributes: dict[str, str], now_ms: int) -> None:
        """Change the settings. Retention counts for what is there already; so does the delay of a FIFO queue: time looks at it soon."""
        before = self.settings
        self.attributes, self.modified_ms = attributes, now_ms
        self.settings = settings = settings_of(self.name.name, attributes)
        if settings.deduplication_scope_group != before.deduplication_scope_group:
            self._scope_group, self._scope_changed_ms = before.deduplication_scope_group, now_ms
        if settings.retention_ms > before.retention_ms:
            self._over_ms, self._over_through = now_ms - before.retention_ms, self.last_sequence
        if settings.retention_ms != before.retention_ms or (settings.fifo and settings.delay_ms != before.delay_ms):
            self._recount(settings.delay_ms - before.delay_ms if settings.fifo else 0)
            self.arm(now_ms)

    def _recount(self, longer_delay_ms: int) -> None:
        for message in self.messages.values():
            if message.state is DELAYED:
                message.due_ms += longer_delay_ms
            if message.wake_ms:
                self._wake(message)

    def _note_tenant(self, group_id: str, now_ms: int) -> None:
        """A message of a tenant came: from the first one on, the queue is a fair one."""
        order = self.order
        if not isinstance(order, FairOrder):
            self.look_ahead(True)
            order = self.order = FairOrder(self.find, now_ms)
            order.take_over(self.messages.values(), self._rank)
        order.sent(group_id, now_ms)
