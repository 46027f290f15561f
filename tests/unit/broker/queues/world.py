"""A machine with a manual clock and a store double, and short words for what a client does with it."""

from itertools import count
from typing import Any

from tests.unit.broker.queues.memory_store import MemoryStore

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Shape
from crossdock.broker.outcome import Caller, Outcome, Ticket
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.clock import ManualClock

CALLER = Caller("000000000000", "us-east-1", "AIDAEXAMPLE", "http://localhost:9324")


class World:
    """What a test needs: call, let time pass, restart."""

    def __init__(self, settings: MachineSettings | None = None, seed: int = 0) -> None:
        self.settings = settings or MachineSettings()
        self.clock = ManualClock(seed=seed)
        self.store = MemoryStore()
        self.machine = QueueMachine(self.settings, self.clock, self.store)
        self.replies: dict[Ticket, Any] = {}
        self.last = Outcome([], [])
        self._tickets = count(1)

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    # The machine

    def ask(self, command: Shape, caller: Caller = CALLER) -> Ticket:
        """Give the machine a command; its reply, when there is one, is in `replies` under the ticket."""
        ticket = next(self._tickets)
        self._take(self.machine.handle(ticket, command, caller, self.now_ms))
        return ticket

    def call(self, command: Shape, caller: Caller = CALLER) -> Any:
        """The result of a command that is answered at once; its error is raised."""
        result = self.replies.pop(self.ask(command, caller))
        if isinstance(result, ApiError):
            raise result
        return result

    def advance(self, ms: int) -> None:
        """Let time pass, ticking at each deadline as the turn does."""
        target = self.now_ms + ms
        for _ in range(100_000):
            deadline = self.machine.next_deadline_ms()
            if deadline is None or deadline > target:
                break
            self.tick_at(deadline)
        else:
            raise AssertionError("the machine never comes to rest")
        self.clock.advance(target - self.now_ms)

    def tick_at(self, deadline_ms: int) -> None:
        """Let time pass to a deadline of the machine, which may be past, and do what is due."""
        self.clock.advance(max(0, deadline_ms - self.now_ms))
        self._take(self.machine.tick(self.now_ms))

    def leave_unanswered(self, command: Shape, committed: bool) -> None:
        """Run a command whose reply nobody gets. `restart` must follow: the facts are on disk, or lost."""
        self.store.append(self.machine.handle(next(self._tickets), command, CALLER, self.now_ms).facts)
        if committed:
            self.store.commit()

    def restart(self) -> None:
        """A new machine from the store, as after a crash or a clean stop."""
        self.store.crash()
        self.machine = QueueMachine(self.settings, self.clock, self.store)
        self.machine.restore(self.store.snapshot(self.now_ms), self.now_ms)

    def _take(self, outcome: Outcome) -> None:
        self.last = outcome
        self.store.append(outcome.facts)
        if outcome.durable:
            self.store.commit()
        self.replies.update(outcome.replies)

    # Clients

    def create(self, name: str = "q", **attributes: Any) -> str:
        """The URL of a new queue."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        texts = {key: str(value) for key, value in attributes.items()}
        return self.call(sqs.CreateQueue(name, texts or None)).queue_url

    def arn(self, url: str) -> str:
        return self.attributes(url)["QueueArn"]

    def send(self, url: str, body: str = "hello", **parameters: Any) -> sqs.SendMessageResult:
        return self.call(sqs.SendMessage(url, body, **parameters))

    def send_fifo(self, url: str, group: str, *bodies: str) -> None:
        """Send messages to a group, each its own deduplication id."""
        for body in bodies:
            self.send(url, body, message_group_id=group, message_deduplication_id=self.clock.new_id())

    def receive(self, url: str, limit: int = 10, **parameters: Any) -> list[sqs.Message]:
        return self.call(sqs.ReceiveMessage(url, max_number_of_messages=limit, **parameters)).messages or []

    def bodies(self, url: str, limit: int = 10, **parameters: Any) -> list[str]:
        """What a receive gives, bodies only."""
        return [message.body for message in self.receive(url, limit, **parameters)]

    def poll(self, url: str, wait: int = 20, limit: int = 10, **parameters: Any) -> Ticket:
        """Begin a long poll."""
        return self.ask(sqs.ReceiveMessage(url, wait_time_seconds=wait, max_number_of_messages=limit, **parameters))

    def polled(self, ticket: Ticket) -> list[str] | None:
        """The bodies that a long poll was answered with; None while it waits."""
        result = self.replies.get(ticket)
        return None if result is None else [message.body for message in result.messages or []]

    def delete(self, url: str, message: sqs.Message) -> None:
        self.call(sqs.DeleteMessage(url, message.receipt_handle))

    def hide(self, url: str, message: sqs.Message, seconds: int) -> None:
        self.call(sqs.ChangeMessageVisibility(url, message.receipt_handle, seconds))

    def attributes(self, url: str) -> dict[str, str]:
        return self.call(sqs.GetQueueAttributes(url, ["All"])).attributes

    def counts(self, url: str) -> tuple[int, int, int]:
        """(visible, not visible, delayed)."""
        names = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]
        shown = self.call(sqs.GetQueueAttributes(url, names)).attributes
        visible, not_visible, delayed = (int(shown[name]) for name in names)
        return visible, not_visible, delayed
