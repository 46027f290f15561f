"""What becomes of a message: retry decisions as a table, and the worker's exactly-once effect on a real database."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.clock import ManualClock
from crossdock.messaging import (
    Attribute,
    Contracts,
    DeadLetterQueue,
    Discard,
    Event,
    Fatal,
    Queue,
    ReceivedMessage,
    Retry,
    RetryPolicy,
    Topology,
    TopologyError,
    Transaction,
    Worker,
    contract,
    inbox_tables,
    outbox_table,
)
from crossdock.messaging.lease import Lease, LeaseLost
from crossdock.messaging.retry import Ack, DeadLetter, Drop, TryAgain, decide


@contract("COUNTED", business_key="COUNTED:{name}")
class Counted(Event):
    """An event of the tests."""

    name: str


QUEUE = Queue(
    name="counts.fifo",
    consumer="counter",
    visibility_timeout_s=30,
    max_receive_count=3,
    dead_letter="dead.fifo",
    fifo=True,
)
TOPOLOGY = Topology(
    queues=[QUEUE], dead_letters=[DeadLetterQueue(name="dead.fifo", fifo=True)], routes={"COUNTED": ("counts.fifo",)}
)
POLICY = RetryPolicy(attempts=2, first_s=4, jitter=0, park_group=True)

METADATA = sa.MetaData()
inbox_tables(METADATA)
OUTBOX = outbox_table(METADATA)
COUNTS = sa.Table("counts", METADATA, sa.Column("name", sa.Text))


@pytest.mark.parametrize(
    ("error", "attempt", "decision"),
    [
        (None, 1, Ack()),
        (Discard("old"), 1, Drop("old")),
        (Fatal("no such template"), 1, DeadLetter("no such template", "Fatal")),
        (ValueError("x"), 1, TryAgain(4, "x")),
        (Retry("busy", after=9), 1, TryAgain(9, "busy")),
        (Retry("soon", after=-5), 1, TryAgain(0, "soon")),
        (asyncio.CancelledError(), 1, TryAgain(4, "CancelledError")),
        (ValueError("x"), 2, DeadLetter("gave up after 2 attempts: x", "ValueError")),
    ],
)
def test_decisions(error: BaseException | None, attempt: int, decision: object) -> None:
    """An ending and the number of attempts decide what becomes of a message."""
    assert decide(error, attempt, POLICY, chance=0.5) == decision


def test_two_services_on_one_queue_are_refused() -> None:
    """A topology in which a queue has two consumers cannot be made."""
    twice = [
        QUEUE,
        Queue(
            name="counts.fifo",
            consumer="other",
            visibility_timeout_s=30,
            max_receive_count=3,
            dead_letter="dead.fifo",
            fifo=True,
        ),
    ]
    with pytest.raises(TopologyError, match=r"counts\.fifo"):
        Topology(queues=twice, dead_letters=TOPOLOGY.dead_letters, routes={})


class Scene:
    """A worker whose handler does what the test wants."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.clock = ManualClock()
        self.error: BaseException | None = None
        self.worker = Worker(
            consumer="counter",
            queue=QUEUE,
            contracts=Contracts([Counted]),
            database=engine,
            topology=TOPOLOGY,
            clock=self.clock,
            policy=POLICY,
        )
        self.worker.on(Counted)(self.count)

    async def count(self, event: Counted, tx: Transaction, context: Any) -> None:
        """Count, publish, and perhaps fail."""
        await tx.session.execute(sa.insert(COUNTS), {"name": event.name})
        tx.publish(Counted(name=f"after {event.name}"), group="g")
        if self.error is not None:
            raise self.error

    def delivery(self, event_id: str, group: str = "g", body: str = '{"name":"n"}') -> ReceivedMessage:
        """One delivery of an event."""
        attributes = {"eventType": Attribute("String", "COUNTED"), "eventId": Attribute("String", event_id)}
        return ReceivedMessage(
            message_id=f"m-{event_id}", receipt_handle="h", body=body, attributes=attributes, group_id=group
        )

    async def deliver(self, event_id: str, *, held: bool = True, **more: str) -> object:
        """Hand the worker one delivery of an event."""
        message = self.delivery(event_id, **more)
        now_ms = self.clock.monotonic_ms()
        return await self.worker.handle(message, Lease(message, now_ms, now_ms + (30_000 if held else 0), self.clock))

    async def effects(self) -> tuple[int, int]:
        """How many counts and how many outbox rows there are."""
        async with self.engine.connect() as connection:
            counts = (await connection.execute(sa.select(sa.func.count()).select_from(COUNTS))).scalar_one()
            rows = (await connection.execute(sa.select(sa.func.count()).select_from(OUTBOX))).scalar_one()
        return counts, rows


@pytest.fixture
def scene(engine: AsyncEngine) -> Scene:
    """A worker on that database."""
    return Scene(engine)


async def test_a_second_delivery_has_no_effect(scene: Scene) -> None:
    """Business change, outbox row and inbox row are one transaction; the same event again is acknowledged and nothing more."""
    assert await scene.deliver("e1") == Ack()
    assert await scene.deliver("e1") == Ack()
    assert await scene.effects() == (1, 1)


async def test_a_failed_attempt_leaves_nothing(scene: Scene) -> None:
    """What a handler wrote is rolled back with its exception; the attempt is counted, and the next may succeed."""
    scene.error = ValueError("not yet")
    assert await scene.deliver("e1") == TryAgain(4, "not yet")
    assert await scene.effects() == (0, 0)
    scene.error = None
    assert await scene.deliver("e1") == Ack()
    assert await scene.effects() == (1, 1)


async def test_attempts_run_out_and_park_the_group(scene: Scene) -> None:
    """After the last attempt the message is given up, its followers go the same way, and its redrive frees the group."""
    scene.error = ValueError("never")
    await scene.deliver("e1")
    assert isinstance(await scene.deliver("e1"), DeadLetter)
    scene.error = None
    parked = await scene.deliver("e2")
    assert isinstance(parked, DeadLetter)
    assert "parked behind event e1" in parked.reason
    assert await scene.deliver("e3", group="another") == Ack()
    assert await scene.deliver("e1") == Ack()
    assert await scene.deliver("e2") == Ack()
    assert await scene.effects() == (3, 3)


async def test_a_discarded_event_frees_its_group(scene: Scene) -> None:
    """The event behind which a group is parked comes back and is discarded: the group goes on."""
    scene.error = Fatal("never")
    await scene.deliver("e1")
    scene.error = Discard("settled by hand")
    assert await scene.deliver("e1") == Drop("settled by hand")
    scene.error = None
    assert await scene.deliver("e2") == Ack()


async def test_attempts_begin_anew_in_the_dead_letter_queue(scene: Scene) -> None:
    """An event that was given up has no attempts left until it is in the dead letter queue; redriven, it has all of them."""
    scene.error = ValueError("never")
    assert isinstance(await scene.deliver("e1"), TryAgain)
    assert isinstance(await scene.deliver("e1"), DeadLetter)
    assert isinstance(await scene.deliver("e1"), DeadLetter)
    await scene.worker.buried(scene.delivery("e1"))
    assert isinstance(await scene.deliver("e1"), TryAgain)
    await scene.worker.buried(scene.delivery("e1", body="no JSON"))


async def test_a_cancellation_from_within_is_an_attempt(scene: Scene) -> None:
    """A handler that leaks a CancelledError has failed, and runs out of attempts; one that is cancelled has not."""
    scene.error = asyncio.CancelledError()
    assert await scene.deliver("e1") == TryAgain(4, "CancelledError")
    assert isinstance(await scene.deliver("e1"), DeadLetter)


async def test_a_lost_lease_commits_nothing(scene: Scene) -> None:
    """A handler that ends after its lease has ended is fenced off."""
    with pytest.raises(LeaseLost):
        await scene.deliver("e1", held=False)
    assert await scene.effects() == (0, 0)


async def test_what_cannot_be_read_is_a_dead_letter(scene: Scene) -> None:
    """A body that fits no contract goes to the dead letter queue with the reason, without an attempt."""
    decision = await scene.deliver("e1", body='{"nam":1}')
    assert isinstance(decision, DeadLetter)
    assert "COUNTED" in decision.reason
