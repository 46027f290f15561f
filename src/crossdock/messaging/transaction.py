"""A database transaction that can publish: business change and outbox rows are committed together or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crossdock.aws import quotas
from crossdock.clock import Clock
from crossdock.messaging import outbox, telemetry
from crossdock.messaging.contract import Envelope, Event, contract_of, encode
from crossdock.messaging.message import OutgoingMessage
from crossdock.messaging.relay import Relay
from crossdock.messaging.topology import Topology


class Producer(msgspec.Struct, frozen=True, kw_only=True):
    """Who publishes, where to, and whom to wake: what a transaction needs to know to write outbox rows."""

    source: str
    topology: Topology
    clock: Clock
    relay: Relay | None = None
    """Woken after a commit that published; None when the relay runs in another process, which then finds the rows by polling."""


class Transaction:
    """A database transaction that can publish. Made by `transaction(…)` and by the worker, not by hand.

    `session` begins at its first statement and holds the database's write lock from then to the commit: do nothing slow in between.
    """

    def __init__(self, session: AsyncSession, producer: Producer, envelope: Envelope | None = None) -> None:
        self.session = session
        self.envelope = envelope
        """The envelope of the message being handled; None outside a handler."""
        self._producer = producer
        self._rows: list[dict[str, Any]] = []

    def publish(self, event: Event, *, version: int | None = None, group: str | None = None, delay_s: float = 0) -> str:
        """Publish an event with this transaction; not awaited. Returns the event id (one for all subscribed queues).

        `version` is the aggregate's version after the change; `group` orders the event among its like (`order-{orderId}`), which a
        FIFO queue requires; `delay_s` holds it (and its group's later events) back in the outbox. TopologyError when the event has no
        route, ValueError when SQS could never take it.
        """
        declared = contract_of(event)
        clock = self._producer.clock
        envelope = Envelope(
            event_id=clock.new_event_id(),
            event_type=declared.event_type,
            event_version=version,
            schema_version=declared.schema_version,
            source=self._producer.source,
            traceparent=telemetry.new_traceparent(declared.event_type, clock),
        )
        message = OutgoingMessage(body=encode(event), attributes=envelope.attributes(), group_id=group)
        now_ms = clock.now_ms()
        for queue in self._producer.topology.subscribers(declared.event_type):
            _check(message, queue.name, fifo=queue.fifo)
            self._rows.append(
                {
                    "event_id": envelope.event_id,
                    "event_type": envelope.event_type,
                    "queue": queue.name,
                    "group_id": group,
                    "body": message.body,
                    "attributes": msgspec.json.encode(message.attributes).decode(),
                    "created_ms": now_ms,
                    "due_ms": now_ms + round(delay_s * 1000),
                }
            )
        return envelope.event_id

    async def checkpoint(self) -> None:
        """Commit what is written so far (an intent), and go on in a new transaction: before a call to the outside world.

        In a message handler the message is not yet done with it: after a crash the handler starts again and finds the intent.
        """
        published = bool(self._rows)
        if published:
            await self.session.execute(outbox.WRITE, self._rows)
        await self.session.commit()
        self._rows = []
        if published and self._producer.relay is not None:
            self._producer.relay.wake()


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, topology: Topology, clock: Clock, relay: Relay | None, source: str
) -> AsyncIterator[Transaction]:
    """A transaction outside a message handler (an HTTP request): committed at the end of the block, rolled back on an exception.

    `source` is the name of the publishing service. `relay`, when it runs in this process, is woken after the commit.
    """
    producer = Producer(source=source, topology=topology, clock=clock, relay=relay)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        tx = Transaction(session, producer)
        yield tx
        await tx.checkpoint()


def _check(message: OutgoingMessage, queue: str, *, fifo: bool) -> None:
    """Refuse in the producer what SQS would refuse for ever in the relay."""
    if fifo and not message.group_id:
        raise ValueError(f"{queue} is FIFO: publish with a group")
    if message.group_id and len(message.group_id) > quotas.MESSAGE_GROUP_ID_LENGTH_MAX:
        raise ValueError(f"{queue}: the group is longer than {quotas.MESSAGE_GROUP_ID_LENGTH_MAX} characters")
    if (size := message.size()) > quotas.BATCH_BYTES_MAX:
        raise ValueError(f"{queue}: the message has {size} bytes, SQS takes {quotas.BATCH_BYTES_MAX}")
