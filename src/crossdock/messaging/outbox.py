"""The outbox: events are written in the transaction that changes the business data, and sent later by the relay.

Nobody else sends. One row is written for each subscribed queue.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crossdock.clock import Clock
from crossdock.messaging.contract import Envelope, Event
from crossdock.messaging.relay import Relay
from crossdock.messaging.topology import Topology


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """The outbox as a table of a service's own metadata (and so of its migrations)."""
    raise NotImplementedError


class Transaction:
    """A database transaction that can publish. `session` begins at its first statement."""

    session: AsyncSession
    envelope: Envelope | None
    """The envelope of the message being handled; None outside a handler."""

    def publish(self, event: Event, *, version: int | None = None, group: str | None = None, delay_s: float = 0) -> str:
        """Publish an event with this transaction; not awaited. Returns the event id (one for all subscribed queues).

        `version` is the aggregate's version after the change, `group` orders the event among its like (`order-{orderId}`; required when a
        subscribed queue is FIFO). TopologyError when the event has no route, ValueError when a FIFO queue would get no group.
        """
        raise NotImplementedError

    async def checkpoint(self) -> None:
        """Commit what is written so far (an intent), and go on in a new transaction: before a call to the outside world."""
        raise NotImplementedError


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, topology: Topology, clock: Clock, relay: Relay | None, source: str
) -> AsyncIterator[Transaction]:
    """A transaction outside a message handler (an HTTP request): committed at the end of the block, rolled back on an exception.

    `source` is the name of the publishing service. The relay is woken after the commit.
    """
    raise NotImplementedError
    yield
