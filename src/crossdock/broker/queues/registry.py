"""All queues of the machine, by name, number and URL, and what they share. What clients do to queues is in the concern files."""

from collections.abc import Iterable

from crossdock.aws.arn import QueueName, parse_queue_arn, parse_queue_url, queue_url
from crossdock.aws.errors import QueueDoesNotExist
from crossdock.aws.quotas import QUEUE_DELETED_RECENTLY_MS
from crossdock.broker.outcome import Caller, Ticket
from crossdock.broker.queues.away import NEVER_MS
from crossdock.broker.queues.budget import Budget
from crossdock.broker.queues.deadlines import Deadlines
from crossdock.broker.queues.dedup import SentMemory
from crossdock.broker.queues.facts import Backlog, QueueCreated, Sent
from crossdock.broker.queues.message import Message
from crossdock.broker.queues.move_task import MoveTasks
from crossdock.broker.queues.past_sends import PastSends
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.queues.waiters import Waiter
from crossdock.broker.queues.window import Window
from crossdock.clock import Clock

URLS_REMEMBERED = 10_000

URL_LENGTH_MAX = 512
"""A longer URL is read each time: clients choose its host, memory must not grow with it."""


class Registry:
    """The queues, and the things of which there is one in a machine."""

    def __init__(self, settings: MachineSettings, clock: Clock, backlog: Backlog) -> None:
        """`clock` is asked for ids, never for the time."""
        self.settings = settings
        self.clock = clock
        self.backlog = backlog
        self.budget = Budget(settings.content_bytes_max, settings.messages_max)
        self.window = Window(backlog, self.budget)
        self.alarms = Deadlines()
        self.sent_memory = SentMemory()
        self.past_sends = PastSends(backlog, self.sent_memory)
        self.tasks = MoveTasks()
        self.waiting: dict[Ticket, tuple[Queue, Waiter]] = {}
        self.last_number = 0
        self._by_name: dict[QueueName, Queue] = {}
        self._by_number: dict[int, Queue] = {}
        self._by_url: dict[tuple[str, str, str], Queue] = {}
        self._deleted_ms: dict[QueueName, int] = {}

    # Queues

    def all(self) -> Iterable[Queue]:
        """Every queue, in the order in which they were created."""
        return self._by_number.values()

    def of_url(self, url: str, caller: Caller) -> Queue:
        """The queue that a QueueUrl means. Raises QueueDoesNotExist."""
        key = (url, caller.account, caller.region)
        queue = self._by_url.get(key)
        if queue is None:
            meant = map(self.of_name, parse_queue_url(url, caller.account, caller.region))
            queue = next((one for one in meant if one is not None), None)
            if queue is None:
                raise QueueDoesNotExist
            if len(url) <= URL_LENGTH_MAX:
                if len(self._by_url) >= URLS_REMEMBERED:
                    self._by_url.clear()
                self._by_url[key] = queue
        return queue

    def of_name(self, name: QueueName) -> Queue | None:
        """The queue with this name."""
        return self._by_name.get(name)

    def of_arn(self, arn: str) -> Queue | None:
        """The queue with this ARN."""
        name = parse_queue_arn(arn)
        return self._by_name.get(name) if name is not None else None

    def of_account(self, caller: Caller, prefix: str = "") -> list[Queue]:
        """The caller's own queues in its region, in order of names."""
        mine = [
            queue
            for queue in self._by_number.values()
            if queue.name[:2] == (caller.account, caller.region) and queue.name.name.startswith(prefix)
        ]
        return sorted(mine, key=_name_of)

    def url_of(self, queue: Queue, caller: Caller) -> str:
        """The URL under which the caller reaches a queue."""
        return queue_url(caller.base_url, queue.name, self.settings.home_region)

    def add(self, created: QueueCreated) -> Queue:
        """A queue comes into being."""
        queue = Queue(created, self.settings, self.alarms, self.budget)
        self._by_name[queue.name] = self._by_number[queue.number] = queue
        self.last_number = max(self.last_number, queue.number)
        return queue

    def drop(self, queue: Queue, now_ms: int) -> None:
        """A queue is gone, and its name is barred for a while."""
        del self._by_name[queue.name], self._by_number[queue.number]
        self._by_url.clear()
        queue.clear()
        self.past_sends.forget(queue.number)
        self.bar(queue.name, now_ms)

    def bar(self, name: QueueName, deleted_ms: int) -> None:
        """A name was given up at `deleted_ms`."""
        past = [known for known in self._deleted_ms if not self.is_barred(known, deleted_ms)]
        for known in past:
            del self._deleted_ms[known]
        self._deleted_ms[name] = deleted_ms

    def is_barred(self, name: QueueName, now_ms: int) -> bool:
        """Whether a queue of this name was deleted a moment ago."""
        deleted_ms = self._deleted_ms.get(name)
        return deleted_ms is not None and now_ms - deleted_ms < QUEUE_DELETED_RECENTLY_MS

    # Alarms

    def next_alarm_ms(self) -> int | None:
        """When the first queue wants to be looked after."""
        while (first := self.alarms.first()) is not None:
            when_ms, number = first
            queue = self._by_number.get(number)
            if queue is not None and queue.alarm_ms == when_ms:
                return when_ms
            self.alarms.pop()
        return None

    def alarmed(self, now_ms: int) -> Queue | None:
        """Take the next queue whose moment has come. It must be rearmed afterwards."""
        when_ms = self.next_alarm_ms()
        if when_ms is None or when_ms > now_ms:
            return None
        first = self.alarms.first()
        assert first is not None
        self.alarms.pop()
        queue = self._by_number[first[1]]
        queue.alarm_ms = NEVER_MS
        return queue

    # Contents

    def content_of(self, message: Message) -> Sent:
        """The content of a message, from the backlog if it was let go of."""
        return message.content or self.backlog.content(message.sequence)


def _name_of(queue: Queue) -> str:
    return queue.name.name
