"""What stays in memory and what is paged in: order, counts and contents do not depend on it."""

import pytest
from tests.unit.broker.queues.world import CALLER, World

from crossdock.aws.api import sqs
from crossdock.aws.errors import InvalidParameterValue
from crossdock.broker.queues import window
from crossdock.broker.queues.machine import MachineSettings

SMALL = MachineSettings(window=8, lookahead=8, content_bytes_max=3_000)


@pytest.fixture
def small() -> World:
    """A machine that keeps hardly anything in memory."""
    return World(SMALL)


def resident(world: World, url: str) -> int:
    return len(world.machine._registry.of_url(url, CALLER).messages)


def budget_used(world: World) -> int:
    return world.machine._registry.budget.used


def drain(world: World, url: str, limit: int = 3) -> list[str]:
    """Receive and delete until nothing is left."""
    bodies: list[str] = []
    while messages := world.receive(url, limit):
        for message in messages:
            bodies.append(message.body)
            world.delete(url, message)
    return bodies


def test_backlog_in_order(small: World) -> None:
    """A backlog beyond the window is received in order, every message once."""
    url = small.create()
    for number in range(100):
        small.send(url, str(number))
    assert resident(small, url) == 8
    assert small.counts(url) == (100, 0, 0)
    assert drain(small, url) == [str(number) for number in range(100)]
    assert small.counts(url) == (0, 0, 0)
    assert budget_used(small) == 0


def test_sends_and_receives_mixed(small: World) -> None:
    """Sends that go to the store and receives that page in keep the order between them."""
    url = small.create()
    sent = received = 0
    for _ in range(60):
        for _ in range(3):
            small.send(url, str(sent))
            sent += 1
        for message in small.receive(url, 2):
            assert message.body == str(received)
            received += 1
            small.delete(url, message)
    assert drain(small, url) == [str(number) for number in range(received, sent)]


def test_contents_that_were_let_go(small: World) -> None:
    """Over the budget a content leaves memory and is read again when it is received."""
    url = small.create()
    for number in range(8):
        small.send(url, f"{number}" * 1_000)
    assert budget_used(small) <= 3_000
    assert drain(small, url) == [f"{number}" * 1_000 for number in range(8)]
    assert small.store.contents > 0
    assert budget_used(small) == 0


def test_delayed_beyond_the_window(small: World) -> None:
    """A delayed message behind a cold backlog becomes visible in its time, once."""
    url = small.create()
    for number in range(30):
        small.send(url, str(number), delay_seconds=1 if number % 10 == 9 else 0)
    assert small.counts(url) == (27, 0, 3)
    assert drain(small, url) == [str(number) for number in range(30) if number % 10 != 9]
    small.advance(1_000)
    assert drain(small, url) == ["9", "19", "29"]


def test_cold_messages_expire(small: World) -> None:
    """Retention ends for messages that are in the store only; nobody has to receive for it."""
    url = small.create(MessageRetentionPeriod=60)
    for number in range(50):
        small.send(url, str(number))
    small.advance(30_000)
    for number in range(50, 60):
        small.send(url, str(number))
    small.advance(30_000)
    assert small.counts(url) == (10, 0, 0)
    assert drain(small, url) == [str(number) for number in range(50, 60)]
    assert not small.store.stored


def test_purge_of_a_backlog(small: World) -> None:
    """A purge takes what is in the store only, too."""
    url = small.create()
    for number in range(50):
        small.send(url, str(number))
    small.call(sqs.PurgeQueue(url))
    small.send(url, "later")
    assert small.counts(url) == (1, 0, 0)
    assert drain(small, url) == ["later"]


def test_fifo_looks_for_a_free_group(small: World) -> None:
    """A FIFO queue pages in until it finds a free group, as far as its window reaches."""
    url = small.create("q.fifo")
    small.send_fifo(url, "busy", *map(str, range(5)))
    for group in "abc":
        small.send_fifo(url, group, *(f"{group}{number}" for number in range(4)))
    assert small.bodies(url, 1) == ["0"]
    assert small.bodies(url, 4) == ["a0", "a1", "a2", "a3"]
    assert small.bodies(url, 4) == ["b0", "b1", "b2", "b3"]


def test_fifo_backlog_in_order(small: World) -> None:
    """Each group of a cold backlog is in order, whichever way the pages fall."""
    url = small.create("q.fifo", VisibilityTimeout=1)
    for number in range(60):
        small.send_fifo(url, f"g{number % 7}", f"{number % 7}:{number}")
    bodies = drain(small, url, limit=2)
    assert len(bodies) == 60
    for group in range(7):
        assert [body for body in bodies if body.startswith(f"{group}:")] == [
            f"{group}:{number}" for number in range(60) if number % 7 == group
        ]


def test_moves_into_a_cold_queue(small: World) -> None:
    """A dead letter that comes to a queue with a cold backlog is neither lost nor given twice."""
    dead = small.create("dead.fifo")
    policy = f'{{"deadLetterTargetArn":"{small.arn(dead)}","maxReceiveCount":1}}'
    source = small.create("source.fifo", VisibilityTimeout=1, RedrivePolicy=policy)
    small.send_fifo(dead, "g", *map(str, range(20)))
    small.send_fifo(source, "g", "pill")
    small.receive(source)
    small.advance(1_000)
    assert small.receive(source) == []
    small.send_fifo(dead, "g", "last")
    assert small.counts(dead) == (22, 0, 0)
    assert drain(small, dead, 10) == [*map(str, range(20)), "pill", "last"]


def test_all_expire_at_once(small: World) -> None:
    """A message that came back behind a cold backlog expires once, also when its page is read in the same moment."""
    url = small.create(MessageRetentionPeriod=60)
    for number in range(30):
        small.send(url, str(number))
    small.send(url, "late", delay_seconds=1)
    small.restart()
    small.advance(60_000)
    assert small.counts(url) == (0, 0, 0)
    small.send(url, "next")
    assert drain(small, url) == ["next"]


def test_a_dead_letter_behind_a_backlog(small: World) -> None:
    """A message that moves to the dead-letter queue is not given again when its page is read in the same moment."""
    dead = small.create("dead")
    policy = f'{{"deadLetterTargetArn":"{small.arn(dead)}","maxReceiveCount":1}}'
    url = small.create("source", RedrivePolicy=policy)
    for number in range(13):
        small.send(url, str(number), delay_seconds=1)
    small.send(url, "pill")
    assert small.bodies(url) == ["pill"]
    small.store.commit()
    small.advance(1_000)
    small.restart()
    small.advance(30_000)
    assert drain(small, url, 10) == [str(number) for number in range(13)]
    assert small.counts(url) == (0, 0, 0)
    assert drain(small, dead) == ["pill"]


def test_an_old_handle_of_a_cold_fifo_message(world: World) -> None:
    """A handle that expired before a restart is refused, and its message keeps its place."""
    url = world.create("q.fifo")
    world.send_fifo(url, "a", *map(str, range(10)))
    world.send_fifo(url, "b", "last")
    world.receive(url, 1)
    held = world.receive(url, visibility_timeout=1)
    world.advance(1_000)
    world.settings = SMALL
    world.restart()
    with pytest.raises(InvalidParameterValue, match="expired"):
        world.hide(url, held[0], 1)
    with pytest.raises(InvalidParameterValue, match="expired"):
        world.delete(url, held[0])
    world.advance(30_000)
    assert sorted(drain(world, url)) == [*map(str, range(10)), "last"]
    assert world.counts(url) == (0, 0, 0)


def test_a_move_task_waits_for_a_group(small: World) -> None:
    """While all that a FIFO dead-letter queue looks at is held up, its move task rests and writes nothing; then it goes on."""
    dead = small.create("dead.fifo")
    policy = f'{{"deadLetterTargetArn":"{small.arn(dead)}","maxReceiveCount":1}}'
    source = small.create("source.fifo", RedrivePolicy=policy)
    small.send_fifo(dead, "g", *map(str, range(20)))
    small.receive(dead, 1)
    small.call(sqs.StartMessageMoveTask(small.arn(dead), small.arn(source)))
    facts = len(small.store.log)
    small.advance(29_999)
    assert small.counts(dead) == (19, 1, 0)
    assert len(small.store.log) == facts
    small.advance(101)
    assert small.counts(dead) == (0, 0, 0)
    assert drain(small, source) == [str(number) for number in range(20)]


def test_memory_of_a_long_poll(small: World) -> None:
    """A message that a long poll waits for is handed over even when the budget is used up."""
    full = small.create("full")
    for _ in range(5):
        small.send(full, "x" * 1_000)
    url = small.create("q")
    waiting = small.poll(url)
    small.send(url, "y" * 2_000)
    assert small.polled(waiting) == ["y" * 2_000]


def test_search_for_a_free_group_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that was cut short, so that others get their turn, goes on for the long poll that waits."""
    monkeypatch.setattr(window, "PAGE_MESSAGES", 10)
    world = World(MachineSettings(window=8, lookahead=1_000))
    url = world.create("q.fifo")
    world.send_fifo(url, "busy", *map(str, range(300)))
    world.send_fifo(url, "free", "found")
    world.restart()
    assert world.bodies(url, 1) == ["0"]
    waiting = world.poll(url)
    assert world.polled(waiting) is None
    world.advance(100)
    assert world.polled(waiting) == ["found"]


def test_full_budget() -> None:
    """With the budget of contents used up, a queue leaves what comes beyond a thousand messages to the store."""
    world = World(MachineSettings(content_bytes_max=10_000))
    url = world.create("q.fifo")
    for number in range(1_200):
        world.send_fifo(url, f"g{number % 3}", str(number))
    assert resident(world, url) == 1_000
    assert world.counts(url) == (1_200, 0, 0)
    bodies = drain(world, url, 10)
    assert sorted(map(int, bodies)) == list(range(1_200))
    assert [body for body in bodies if int(body) % 3 == 1] == [str(number) for number in range(1, 1_200, 3)]


def test_fifo_after_a_restart_with_more_in_flight_than_the_window() -> None:
    """What was in flight waits for what is before it in the store, and does not keep it out of memory."""
    world = World(MachineSettings(window=4, lookahead=6))
    url = world.create("q.fifo", VisibilityTimeout=30)
    for number in range(30):
        world.send_fifo(url, f"g{number}", str(number))
    held = [message for _ in range(3) for message in world.receive(url)]
    for message in held[:10]:
        world.hide(url, message, 0)
    world.restart()
    world.advance(30_000)
    assert sorted(map(int, drain(world, url))) == list(range(30))
