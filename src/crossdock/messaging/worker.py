"""The worker: typed handlers of one queue, each run in a transaction, with its effect exactly once."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.clock import Clock
from crossdock.messaging.contract import Contracts, Event
from crossdock.messaging.relay import Relay
from crossdock.messaging.retry import RetryPolicy
from crossdock.messaging.sqs import Sqs
from crossdock.messaging.topology import Queue, Topology
from crossdock.messaging.transaction import Transaction

E = TypeVar("E", bound=Event)
Handler = Callable[[E, Transaction, Any], Awaitable[None]]


class ConsumerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a consumer polls and how much it does at once."""

    concurrency: int = 10
    pollers: int = 1
    wait_s: int = 4
    grace_s: float = 8.0


class Worker:
    """Consumes one queue with typed handlers.

    ```python
    worker = Worker(consumer="payments", queue=queue, contracts=contracts, database=engine, topology=topology, context=ctx,
                    policy=RetryPolicy(attempts=3), clock=clock, relay=relay)

    @worker.on(OrderCreated)
    async def charge(event: OrderCreated, tx: Transaction, context: Ctx) -> None: ...

    async with Sqs(clock) as sqs:
        await worker.run(sqs)      # until worker.stop()
    ```
    """

    def __init__(
        self,
        *,
        consumer: str,
        queue: Queue,
        contracts: Contracts,
        database: AsyncEngine,
        topology: Topology,
        clock: Clock,
        context: Any = None,
        policy: RetryPolicy = RetryPolicy(),
        relay: Relay | None = None,
        settings: ConsumerSettings = ConsumerSettings(),
    ) -> None:
        raise NotImplementedError

    def on(self, model: type[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Register the handler of an event; it stays a plain function that tests call."""
        raise NotImplementedError

    async def run(self, sqs: Sqs) -> None:
        """Consume until `stop`, then drain within the grace period."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        raise NotImplementedError
