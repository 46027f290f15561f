"""The relay on a real database: order within a group, failures that hold it, crashes between sending and marking."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.clock import ManualClock
from crossdock.messaging import (
    DeadLetterQueue,
    Event,
    OutgoingMessage,
    Queue,
    Relay,
    SqsError,
    Topology,
    contract,
    outbox_table,
    transaction,
)


@contract("TOLD")
class Told(Event):
    """An event of the tests."""

    number: int


TOPOLOGY = Topology(
    queues=[
        Queue(
            name="told.fifo",
            consumer="listener",
            visibility_timeout_s=30,
            max_receive_count=3,
            dead_letter="dead.fifo",
            fifo=True,
        )
    ],
    dead_letters=[DeadLetterQueue(name="dead.fifo", fifo=True)],
    routes={"TOLD": ("told.fifo",)},
)
METADATA = sa.MetaData()
OUTBOX = outbox_table(METADATA)


class Line:
    """Stands for SQS: takes messages, refuses some bodies, or takes them and dies before it can say so."""

    def __init__(self) -> None:
        self.taken: list[OutgoingMessage] = []
        self.refused: set[str] = set()
        self.dies = False

    async def queue_url(self, name: str) -> str:
        """A queue's URL."""
        return name

    async def send_batch(self, queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | SqsError]:
        """Take what is not refused."""
        refusal = SqsError("InvalidMessageContents", "refused", retryable=False)
        self.taken += [message for message in messages if message.body not in self.refused]
        if self.dies:
            raise ConnectionResetError
        return [refusal if message.body in self.refused else "id" for message in messages]

    def bodies(self, group: str) -> list[str]:
        """What was taken of a group, in order."""
        return [message.body for message in self.taken if message.group_id == group]


async def tell(engine: AsyncEngine, clock: ManualClock, group: str, *numbers: int) -> None:
    """Publish events of a group in one transaction."""
    async with transaction(engine, TOPOLOGY, clock, None, "teller") as tx:
        for number in numbers:
            tx.publish(Told(number=number), group=group)


async def drain(relay: Relay) -> None:
    """Run the relay until it has nothing to send."""
    while await relay.run_once():
        pass


def relay_of(engine: AsyncEngine, line: Line, clock: ManualClock) -> Relay:
    """A relay that sends to `line`."""
    return Relay(engine, line, clock, "teller")  # type: ignore[arg-type]


async def test_a_group_is_sent_in_order(engine: AsyncEngine) -> None:
    """Of each group one row at a time is sent, the oldest first, with the event id against duplicates."""
    clock, line = ManualClock(), Line()
    await tell(engine, clock, "a", 1, 2, 3)
    await tell(engine, clock, "b", 4)
    relay = relay_of(engine, line, clock)
    assert await relay.run_once() == 2
    await drain(relay)
    assert line.bodies("a") == ['{"number":1}', '{"number":2}', '{"number":3}']
    assert len({message.deduplication_id for message in line.taken}) == 4


async def test_a_failed_row_holds_its_group(engine: AsyncEngine) -> None:
    """What SQS does not take is tried again later; its group waits for it, other groups do not, and its age is told."""
    clock, line = ManualClock(), Line()
    line.refused = {'{"number":1}'}
    await tell(engine, clock, "a", 1, 2)
    await tell(engine, clock, "b", 3)
    relay = relay_of(engine, line, clock)
    await drain(relay)
    assert (line.bodies("a"), line.bodies("b")) == ([], ['{"number":3}'])
    line.refused = set()
    assert await relay.run_once() == 0
    clock.advance(5_000)
    assert await relay.oldest_unsent_s() == 5
    await drain(relay)
    assert line.bodies("a") == ['{"number":1}', '{"number":2}']
    assert await relay.oldest_unsent_s() == 0


async def test_a_relay_that_dies_after_sending_sends_the_same_event_again(engine: AsyncEngine) -> None:
    """Between sending and marking a crash costs a duplicate with the same id, and never lets a later row overtake."""
    clock, line = ManualClock(), Line()
    await tell(engine, clock, "a", 1, 2)
    line.dies = True
    with pytest.raises(ConnectionResetError):
        await relay_of(engine, line, clock).run_once()
    line.dies = False
    other = relay_of(engine, line, clock)
    assert await other.run_once() == 0
    clock.advance(10_000)
    await drain(other)
    assert line.bodies("a") == ['{"number":1}', '{"number":1}', '{"number":2}']
    assert line.taken[0].deduplication_id == line.taken[1].deduplication_id


async def test_a_transaction_that_fails_publishes_nothing(engine: AsyncEngine) -> None:
    """An exception in the block takes the events with it; a FIFO route without a group is refused in the producer."""
    clock = ManualClock()
    with pytest.raises(ValueError, match="group"):
        async with transaction(engine, TOPOLOGY, clock, None, "teller") as tx:
            tx.publish(Told(number=1), group="a")
            tx.publish(Told(number=2))
    assert await relay_of(engine, Line(), clock).run_once() == 0
