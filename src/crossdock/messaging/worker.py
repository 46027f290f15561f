"""The worker: typed handlers of one queue, each run in a transaction, with its effect exactly once.

    decode ──► seen before? ──► handler ──► claim in the inbox ──► commit ──► Ack
       │            └ yes: Ack                     └ lost the race: nothing is committed, Ack
       └ not possible: DeadLetter        any exception: attempt counted in the database ──► `retry.decide`

The inbox row, the business change and the outbox rows are one transaction. A handler that calls the outside world commits its intent first
(`tx.checkpoint()`); the inbox row goes with the last commit, so a crash in between runs the handler again and it finds its intent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crossdock.clock import Clock
from crossdock.messaging import telemetry
from crossdock.messaging.consumer import Consumer, ConsumerSettings, is_own_cancellation
from crossdock.messaging.contract import Contracts, Decoded, Event, UndecodableMessage
from crossdock.messaging.inbox import Inbox
from crossdock.messaging.lease import Lease, LeaseLost
from crossdock.messaging.message import ReceivedMessage
from crossdock.messaging.relay import Relay
from crossdock.messaging.retry import Ack, DeadLetter, Decision, Drop, RetryPolicy, decide
from crossdock.messaging.sqs import Sqs
from crossdock.messaging.topology import Queue, Topology
from crossdock.messaging.transaction import Producer, Transaction

_log = structlog.get_logger()

E = TypeVar("E", bound=Event)
Handler = Callable[[E, Transaction, Any], Awaitable[None]]

DEFAULT_POLICY = RetryPolicy()
DEFAULT_SETTINGS = ConsumerSettings()

TIDY_EVERY_S = 3_600

PARKED = "Parked"
"""The error under which messages follow one of their group into the dead letter queue."""


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
        policy: RetryPolicy = DEFAULT_POLICY,
        relay: Relay | None = None,
        settings: ConsumerSettings = DEFAULT_SETTINGS,
    ) -> None:
        self._name = consumer
        self._contracts = contracts
        self._database = database
        self._clock = clock
        self._context = context
        self._policy = policy
        self._inbox = Inbox(consumer)
        self._producer = Producer(source=consumer, topology=topology, clock=clock, relay=relay)
        self._handlers: dict[type[Event], Handler[Any]] = {}
        self._consumer = Consumer(queue, self.handle, clock, settings, self.buried)

    def on(self, model: type[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Register the handler of an event; it stays a plain function that tests call."""

        def register(handler: Handler[E]) -> Handler[E]:
            if model in self._handlers:
                raise ValueError(f"{self._name} has two handlers for {model.__name__}")
            self._handlers[model] = handler
            return handler

        return register

    async def run(self, sqs: Sqs) -> None:
        """Consume until `stop`, then drain within the grace period."""
        tidying = asyncio.create_task(self._tidy())
        try:
            await self._consumer.run(sqs)
        finally:
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        self._consumer.stop()

    async def handle(self, message: ReceivedMessage, lease: Lease) -> Decision:
        """Handle one message and say what is to become of it."""
        try:
            decoded = self._contracts.decode(message)
        except UndecodableMessage as error:
            return DeadLetter(error.reason, type(error).__name__)
        handler = self._handlers.get(type(decoded.event))
        if handler is None:
            return DeadLetter(f"{self._name} has no handler for {decoded.envelope.event_type}", "NoHandler")
        with telemetry.handling(self._name, decoded.envelope):
            try:
                return await self._attempt(decoded, handler, lease)
            except LeaseLost:
                raise
            except (Exception, asyncio.CancelledError) as error:
                if is_own_cancellation(error):
                    raise
                return await self._failed(decoded, error)

    async def buried(self, message: ReceivedMessage) -> None:
        """A message that was given up is in the dead letter queue: redriven, it gets all its attempts again."""
        try:
            event_id = self._contracts.decode(message).envelope.event_id
        except UndecodableMessage:
            return
        async with AsyncSession(self._database) as session, session.begin():
            await self._inbox.reset_attempts(session, event_id)

    async def _tidy(self) -> None:
        """Every hour, forget the events that are too old to come again."""
        while True:
            try:
                async with AsyncSession(self._database) as session, session.begin():
                    await self._inbox.prune(session, self._clock.now_ms())
            except SQLAlchemyError as error:
                _log.warning("the inbox is not tidied", error=repr(error))
            await asyncio.sleep(TIDY_EVERY_S)

    async def _attempt(self, decoded: Decoded, handler: Handler[Any], lease: Lease) -> Decision:
        event, envelope = decoded
        async with AsyncSession(self._database, expire_on_commit=False) as session:
            if await self._inbox.seen(session, envelope.event_id):
                return Ack()
            if (ahead := await self._parked_behind(session, decoded)) is not None:
                return DeadLetter(f"the group is parked behind event {ahead}", PARKED)
            tx = Transaction(session, self._producer, envelope)
            await handler(event, tx, self._context)
            if not await self._inbox.claim(session, envelope.event_id, self._clock.now_ms()):
                await session.rollback()
                return Ack()
            if self._policy.park_group:
                await self._inbox.unpark(session, envelope.event_id)
            lease.check()
            await tx.checkpoint()
        return Ack()

    async def _parked_behind(self, session: AsyncSession, decoded: Decoded) -> str | None:
        """The event behind which this one's group is parked, unless it is that event itself, back from the dead letter queue."""
        group = decoded.envelope.group_id
        if not self._policy.park_group or group is None:
            return None
        ahead = await self._inbox.parked_behind(session, group)
        return None if ahead == decoded.envelope.event_id else ahead

    async def _failed(self, decoded: Decoded, error: BaseException) -> Decision:
        """Count the attempt and decide. What the handler wrote since its last checkpoint is rolled back."""
        envelope = decoded.envelope
        now_ms = self._clock.now_ms()
        async with AsyncSession(self._database) as session, session.begin():
            attempt = await self._inbox.count_attempt(session, envelope.event_id, repr(error), now_ms)
            decision = decide(error, attempt, self._policy, self._clock.random())
            if isinstance(decision, Drop):
                await self._inbox.reset_attempts(session, envelope.event_id)
                await self._inbox.unpark(session, envelope.event_id)
            elif isinstance(decision, DeadLetter) and self._policy.park_group and envelope.group_id is not None:
                await self._inbox.park(session, envelope.group_id, envelope.event_id, now_ms)
        _log.warning("handler failed", attempt=attempt, error=repr(error), decision=type(decision).__name__)
        return decision
