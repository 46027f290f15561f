"""Consumers against a real broker process: each message handled once, FIFO groups in order and never beside themselves."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_process import BrokerProcess, start_broker

from crossdock.clock import SystemClock
from crossdock.messaging import Consumer, ConsumerSettings, OutgoingMessage, Queue, ReceivedMessage, Sqs
from crossdock.messaging.lease import Lease
from crossdock.messaging.retry import Ack, DeadLetter, Decision, TryAgain

MESSAGES = 300
GROUPS = 10


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker process, to which the standard AWS environment of this process points."""
    process, url = start_broker(tmp_path / "data")
    for name, value in BrokerProcess(url, process.pid).environment().items():
        monkeypatch.setenv(name, value)
    yield
    process.terminate()
    process.wait(timeout=60)


class Handled:
    """Counts what was handled, and notices a group that is worked on twice at once."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.orders: dict[str, list[int]] = defaultdict(list)
        self.busy: set[str] = set()
        self.overlaps = 0
        self.done = asyncio.Event()

    async def __call__(self, message: ReceivedMessage, lease: Lease) -> Decision:
        """Handle one; the first time, message 7 of each group is tried again, and 8 is a dead letter."""
        group, number = message.group_id or "", int(message.body)
        self.overlaps += bool(group) and group in self.busy
        self.busy.add(group)
        await asyncio.sleep(0.001)
        self.busy.discard(group)
        self.times[f"{group}/{number}"] += 1
        if number == 7 and self.times[f"{group}/{number}"] == 1:
            return TryAgain(0, "again")
        self.orders[group].append(number)
        if sum(len(numbers) for numbers in self.orders.values()) == MESSAGES:
            self.done.set()
        return DeadLetter("not wanted", "Test") if number == 8 else Ack()


async def consume(queue: Queue, messages: list[OutgoingMessage]) -> tuple[Handled, dict[str, str], dict[str, str]]:
    """Send messages, run two consumers until all are handled, stop; and the attributes of the queue and of its dead letter queue."""
    handled, clock = Handled(), SystemClock()
    attributes = {"FifoQueue": "true"} if queue.fifo else {}
    async with Sqs(clock) as sqs:
        dead = await sqs.create_queue(queue.dead_letter, attributes)
        url = await sqs.create_queue(queue.name, attributes)
        await sqs.send_batch(url, messages)
        consumers = [Consumer(queue, handled, clock, ConsumerSettings(wait_s=1)) for _ in range(2)]
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for consumer in consumers:
                group.create_task(consumer.run(sqs))
            await handled.done.wait()
            for consumer in consumers:
                consumer.stop()
        return handled, await sqs.attributes(url), await sqs.attributes(dead)


def nothing_left(attributes: dict[str, str]) -> bool:
    """Whether a queue is empty, with nothing hidden."""
    return attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.usefixtures("broker")
async def test_a_standard_queue_is_worked_off_once() -> None:
    """Each message is handled once, but for the one that asked to be tried again; the dead letter is in its queue; nothing stays hidden."""
    queue = Queue(name="plain", consumer="test", visibility_timeout_s=30, max_receive_count=9, dead_letter="dead")
    handled, attributes, dead = await consume(queue, [OutgoingMessage(body=str(number)) for number in range(MESSAGES)])
    assert handled.times == Counter({f"/{number}": 2 if number == 7 else 1 for number in range(MESSAGES)})
    assert nothing_left(attributes)
    assert dead["ApproximateNumberOfMessages"] == "1"


@pytest.mark.usefixtures("broker")
async def test_fifo_groups_keep_their_order() -> None:
    """Two consumers never work on one group at once, and each group's messages take effect in order, retries included."""
    queue = Queue(
        name="o.fifo", consumer="test", visibility_timeout_s=30, max_receive_count=50, dead_letter="d.fifo", fifo=True
    )
    messages = [
        OutgoingMessage(body=str(number), group_id=f"g{group}", deduplication_id=f"{group}-{number}")
        for number in range(MESSAGES // GROUPS)
        for group in range(GROUPS)
    ]
    handled, attributes, dead = await consume(queue, messages)
    assert handled.overlaps == 0
    assert dict(handled.orders) == {f"g{group}": list(range(MESSAGES // GROUPS)) for group in range(GROUPS)}
    assert nothing_left(attributes)
    assert dead["ApproximateNumberOfMessages"] == str(GROUPS)
