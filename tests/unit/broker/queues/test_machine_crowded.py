"""What happens when there are more messages in memory than there should be: standard queues leave to the store what they touched.

Nothing is lost, given twice or out of time for it, and the number of resident messages has a bound that no backlog changes.
"""

import pytest
from tests.unit.broker.queues.world import CALLER, World

from crossdock.aws.api import sqs
from crossdock.broker.queues.machine import MachineSettings
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.timing import SLICE
from crossdock.clock import ManualClock

MESSAGES_MAX = 50
RESERVE = 5
SMALL = MachineSettings(window=20, lookahead=40, messages_max=MESSAGES_MAX, reserve=RESERVE)
BATCH = 10

BOUND = MESSAGES_MAX + RESERVE + 3 * BATCH
"""What may be resident: the limit, what one queue keeps anyway, and what the last steps have touched."""


@pytest.fixture
def small() -> World:
    return World(SMALL)


def queue_at(world: World, url: str) -> Queue:
    return world.machine._registry.of_url(url, CALLER)


def resident(world: World) -> int:
    registry = world.machine._registry
    count = sum(len(queue.messages) for queue in registry.all())
    assert registry.budget.messages == count
    return count


def drain(world: World, url: str) -> list[str]:
    """Receive and delete until nothing is left."""
    bodies: list[str] = []
    while messages := world.receive(url, BATCH):
        for message in messages:
            bodies.append(message.body)
            world.delete(url, message)
        assert resident(world) <= BOUND
    return bodies


@pytest.mark.parametrize("delay", ["queue", "message"])
@pytest.mark.parametrize("restart", [False, True])
def test_delayed_messages(small: World, delay: str, restart: bool) -> None:
    """A thousand delayed messages are not resident, and are there, once each and in order, when their time comes; after a restart too."""
    url = small.create(DelaySeconds=10 if delay == "queue" else 0)
    parameters = {"delay_seconds": 10} if delay == "message" else {}
    for number in range(1_000):
        small.send(url, str(number), **parameters)
        small.advance(1)
        assert resident(small) <= BOUND
    if restart:
        small.restart()
        assert resident(small) <= BOUND
    assert small.counts(url) == (0, 0, 1_000)
    assert small.receive(url) == []
    small.advance(10_000 - 1_000)
    assert small.counts(url)[2] == 999
    assert drain(small, url) == ["0"]
    small.advance(1_000)
    assert small.counts(url) == (999, 0, 0)
    bodies = drain(small, url)
    assert sorted(map(int, bodies)) == list(range(1, 1_000))
    assert small.counts(url) == (0, 0, 0)
    assert resident(small) == 0


def test_delayed_among_others(small: World) -> None:
    """Messages without delay are received while thousands of delayed ones stand before and between them."""
    url = small.create()
    for number in range(600):
        small.send(url, str(number), delay_seconds=60 if number % 3 else 0)
    assert drain(small, url) == [str(number) for number in range(0, 600, 3)]
    small.advance(60_100)
    assert sorted(map(int, drain(small, url))) == [number for number in range(600) if number % 3]


def test_in_flight(small: World) -> None:
    """Messages in flight leave memory; their handles delete and hide them, and the rest comes back when its time is over."""
    url = small.create(VisibilityTimeout=30)
    for number in range(400):
        small.send(url, str(number))
    held: list[sqs.Message] = []
    while messages := small.receive(url, BATCH):
        held += messages
        assert resident(small) <= BOUND
    assert small.counts(url) == (0, 400, 0)
    for message in held[:200]:
        small.delete(url, message)
    for message in held[:200]:
        small.delete(url, message)
    for message in held[200:300]:
        small.hide(url, message, 60)
        assert resident(small) <= BOUND
    small.hide(url, held[300], 0)
    assert small.counts(url) == (1, 199, 0)
    small.advance(30_000)
    assert small.counts(url) == (100, 100, 0)
    assert {message.body for message in held[300:]} == set(drain(small, url))
    small.advance(30_000)
    assert {message.body for message in held[200:300]} == set(drain(small, url))
    assert resident(small) == 0


def test_in_flight_after_a_restart(small: World) -> None:
    """What was in flight is in flight after a restart, resident or not, with its count."""
    url = small.create(VisibilityTimeout=30)
    for number in range(200):
        small.send(url, str(number))
    held = [message for _ in range(15) for message in small.receive(url, BATCH)]
    small.store.commit()
    small.restart()
    assert small.counts(url) == (50, 150, 0)
    for message in held[::2]:
        small.delete(url, message)
    assert small.counts(url) == (50, 75, 0)
    small.advance(30_000)
    counts = {}
    while messages := small.receive(url, BATCH, message_system_attribute_names=["ApproximateReceiveCount"]):
        for message in messages:
            counts[message.body] = message.attributes["ApproximateReceiveCount"]
            small.delete(url, message)
    assert counts == {message.body: "2" for message in held[1::2]} | {str(number): "1" for number in range(150, 200)}


@pytest.mark.parametrize("nack", [False, True])
def test_consumers_that_never_succeed(small: World, nack: bool) -> None:
    """A backlog that is received over and over and never deleted does not gather in memory, and each message has its turn."""
    url = small.create(VisibilityTimeout=1)
    for number in range(500):
        small.send(url, str(number))
    times: dict[str, int] = {}
    for _ in range(400):
        for message in small.receive(url, BATCH):
            times[message.body] = times.get(message.body, 0) + 1
            if nack:
                small.hide(url, message, 0)
        small.advance(100)
        assert resident(small) <= BOUND + 2 * BATCH
    assert len(times) == 500
    small.advance(1_000)
    assert sorted(map(int, drain(small, url))) == list(range(500))


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_dead_letters(small: World, suffix: str) -> None:
    """A dead-letter queue fills without filling memory, and keeps the counts of what it got."""
    dead = small.create(f"dead{suffix}")
    policy = f'{{"deadLetterTargetArn":"{small.arn(dead)}","maxReceiveCount":1}}'
    source = small.create(f"source{suffix}", VisibilityTimeout=1, RedrivePolicy=policy)
    for number in range(300):
        if suffix:
            small.send_fifo(source, f"g{number}", str(number))
        else:
            small.send(source, str(number))
    while sum(small.counts(source)):
        small.receive(source, BATCH)
        small.advance(1_000)
        assert resident(small) <= 2 * BOUND
    assert small.counts(dead) == (300, 0, 0)
    bodies = []
    while messages := small.receive(dead, BATCH, message_system_attribute_names=["ApproximateReceiveCount"]):
        for message in messages:
            assert message.attributes["ApproximateReceiveCount"] == "2"
            bodies.append(message.body)
            small.delete(dead, message)
    assert sorted(map(int, bodies)) == list(range(300))


def test_long_poll_for_what_is_asleep(small: World) -> None:
    """A long poll is answered when a message that is in the store only comes due."""
    url = small.create(VisibilityTimeout=30)
    for number in range(100):
        small.send(url, str(number))
    while small.receive(url, BATCH):
        pass
    assert queue_at(small, url).away.asleep > 0
    small.advance(29_000)
    waiting = small.poll(url)
    assert small.polled(waiting) is None
    small.advance(1_000)
    assert small.polled(waiting)


def test_many_queues() -> None:
    """A hundred queues with a backlog share the limit; each still gives its messages in order."""
    world = World(SMALL)
    urls = [world.create(f"q{number}") for number in range(100)]
    for url in urls:
        for number in range(30):
            world.send(url, str(number))
    assert resident(world) <= MESSAGES_MAX + 20 + RESERVE * len(urls)
    for url in urls[:10]:
        bodies = []
        while messages := world.receive(url, 7):
            bodies += [message.body for message in messages]
            for message in messages:
                world.delete(url, message)
        assert bodies == [str(number) for number in range(30)]


def test_purge_of_what_is_away(small: World) -> None:
    """A purge takes what is asleep, and nothing of it comes back."""
    url = small.create(VisibilityTimeout=5)
    for number in range(200):
        small.send(url, str(number), delay_seconds=3 * (number % 2))
    while small.receive(url, BATCH):
        pass
    small.call(sqs.PurgeQueue(url))
    assert small.counts(url) == (0, 0, 0)
    small.send(url, "later")
    small.advance(10_000)
    assert drain(small, url) == ["later"]


def test_tenants_of_a_crowded_queue(small: World) -> None:
    """A fair queue keeps what is in flight, by which it judges its tenants, and leaves what came back."""
    url = small.create(VisibilityTimeout=1)
    for number in range(300):
        small.send(url, str(number), message_group_id=f"g{number % 7}")
    for _ in range(60):
        small.receive(url, BATCH)
        small.advance(300)
    small.advance(1_000)
    assert sorted(map(int, drain(small, url))) == list(range(300))
    assert resident(small) == 0


def test_few_among_many_that_sleep() -> None:
    """A message is found soon that stands in the store behind very many that are delayed."""
    world = World(MachineSettings(window=500))
    url = world.create()
    for number in range(501):
        world.send(url, str(number))
    for _ in range(5_000):
        world.send(url, "delayed", delay_seconds=900)
    world.send(url, "last")
    bodies = [body for _ in range(51) for body in world.bodies(url, BATCH)]
    assert bodies[-1] == "last"
    assert world.store.pages < 30


def test_clock_that_goes_back(small: World) -> None:
    """Delays are kept when the clock of the computer was set back while delayed messages were in the store."""
    url = small.create()
    for _ in range(40):
        small.send(url, "long", delay_seconds=900)
    small.advance(1_000)
    small.clock = small.machine._registry.clock = ManualClock(small.now_ms - 600_000)
    for number in range(30):
        small.send(url, str(number), delay_seconds=5)
    small.advance(5_000)
    assert sorted(map(int, drain(small, url))) == list(range(30))


@pytest.mark.parametrize("retention", [120, 100_000])
def test_change_of_retention_while_a_long_poll_waits(retention: int) -> None:
    """The search for what a long poll may get goes on."""
    world = World(MachineSettings(window=20, lookahead=40))
    url = world.create()
    for number in range(21):
        world.send(url, str(number))
    for _ in range(5_000):
        world.send(url, "delayed", delay_seconds=900)
    world.send(url, "last")
    assert len(drain(world, url)) == 21
    waiting = world.poll(url)
    world.call(sqs.SetQueueAttributes(url, {"MessageRetentionPeriod": str(retention)}))
    world.advance(19_000)
    assert world.polled(waiting) == ["last"]


def test_a_longer_retention_brings_nothing_back() -> None:
    """What was over stays over, even if it has not left the store yet."""
    world = World(MachineSettings(window=20, lookahead=40))
    url = world.create(MessageRetentionPeriod=60)
    for number in range(300):
        world.send(url, str(number))
    world.clock.advance(60_000)
    world.call(sqs.SetQueueAttributes(url, {"MessageRetentionPeriod": "300"}))
    world.send(url, "young")
    assert drain(world, url) == ["young"]


def test_requests_while_many_are_overdue(small: World) -> None:
    """More are due than are roused in one go, and clients receive and delete meanwhile: none of the rest is slept through."""
    url = small.create()
    for _ in range(3 * SLICE // BATCH):
        small.call(sqs.SendMessageBatch(url, [sqs.SendMessageBatchRequestEntry(str(n), "x", 10) for n in range(BATCH)]))
    small.clock.advance(10_000)
    for message in small.receive(url):
        small.delete(url, message)
    assert small.counts(url)[2] > SLICE
    small.advance(100)
    assert small.counts(url) == (3 * SLICE - BATCH, 0, 0)
    assert len(drain(small, url)) == 3 * SLICE - BATCH


def test_many_that_come_due_together() -> None:
    """Thousands that are due at one moment, in one queue or in many, appear in slices, each read at once and not a message at a time."""
    world = World(MachineSettings(window=10))
    urls = [world.create(f"q{number}") for number in range(4)]
    for number in range(40 * SLICE // BATCH):
        entries = [sqs.SendMessageBatchRequestEntry(str(id), "x", delay_seconds=10) for id in range(BATCH)]
        world.call(sqs.SendMessageBatch(urls[0 if number % 2 else number // 2 % 4], entries))
    world.clock.advance(10_000)
    reads = world.store.pages
    ticks = 0
    while hidden := sum(queue_at(world, url).delayed for url in urls):
        deadline_ms = world.machine.next_deadline_ms()
        assert deadline_ms is not None
        world.tick_at(deadline_ms)
        ticks += 1
        assert hidden - 2 * SLICE <= sum(queue_at(world, url).delayed for url in urls) < hidden
    assert world.store.pages - reads <= 4 + ticks
    assert [world.counts(url)[0] for url in urls] == [25 * SLICE, 5 * SLICE, 5 * SLICE, 5 * SLICE]
