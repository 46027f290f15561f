"""What each of the three services stands on: its database, its outbox relay, the queues, the clock; opened and closed in order.

A service adds its API, its workers and its background tasks on top (its own service.py). The order of leaving is that of
messaging-rules: HTTP first, then the workers drain, then the relay sends what they wrote, then clients and database close.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crossdock.clock import Clock
from crossdock.messaging import (
    ConsumerSettings,
    Event,
    Relay,
    RetryPolicy,
    Sqs,
    Transaction,
    Worker,
    database,
    transaction,
)
from crossdock.services.contracts import CONTRACTS
from crossdock.services.migrations.upgrade import upgrade
from crossdock.services.problems import Problem
from crossdock.services.process import CannotStart
from crossdock.services.settings import ServiceSettings
from crossdock.services.topology import TOPOLOGY
from crossdock.services.web import listening


class Task(Protocol):
    """Something that runs until it is asked to stop."""

    async def run(self) -> None:
        """Work until `stop`."""

    def stop(self) -> None:
        """Ask `run` to finish and return."""


Handlers = Mapping[type[Event], Callable[[Any, Transaction, Any], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Foundation:
    """The open parts of a service. `name` is its name as producer and consumer."""

    name: str
    engine: AsyncEngine
    readers: AsyncEngine
    sqs: Sqs
    relay: Relay
    clock: Clock
    settings: ServiceSettings
    listener: socket.socket
    """The socket of the HTTP side, opened before anything else, so that a taken port is known at once."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that can publish, for what does not come from a queue."""
        return transaction(self.engine, TOPOLOGY, self.clock, self.relay, self.name)

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that only reads, and does not wait for writers."""
        return AsyncSession(self.readers)

    async def check(self) -> None:
        """Raise Problem 503 if the database does not answer."""
        try:
            async with self.readers.connect() as connection:
                await connection.execute(sa.select(1))
        except SQLAlchemyError as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the database does not answer: {error}") from None

    def consumer(self, queue: str, handlers: Handlers, context: Any, policy: RetryPolicy) -> Task:
        """A worker of one queue, to be run; `context` is handed to every handler."""
        worker = Worker(
            consumer=self.name,
            queue=TOPOLOGY.queue(queue),
            contracts=CONTRACTS,
            database=self.engine,
            topology=TOPOLOGY,
            clock=self.clock,
            context=context,
            policy=policy,
            relay=self.relay,
            settings=ConsumerSettings(concurrency=self.settings.concurrency, grace_s=self.settings.drain_s),
        )
        for event, handler in handlers.items():
            worker.on(event)(handler)
        return _Consumer(worker, self.sqs)


class _Consumer:
    """A worker with the client it consumes by."""

    def __init__(self, worker: Worker, sqs: Sqs) -> None:
        self._worker = worker
        self._sqs = sqs

    async def run(self) -> None:
        await self._worker.run(self._sqs)

    def stop(self) -> None:
        self._worker.stop()


@asynccontextmanager
async def foundation(name: str, settings: ServiceSettings, revisions: Path, clock: Clock) -> AsyncIterator[Foundation]:
    """Open the port, the database (bringing its schema up to date) and the relay; the relay runs while entered.

    Raises OSError for a taken port, CannotStart for a database that cannot be used.
    """
    url = settings.database_url or f"sqlite:///{settings.data / name}.db"
    try:
        engine, readers = database(url), database(url, read_only=True)
    except (SQLAlchemyError, ImportError) as error:
        raise CannotStart(f"--database-url cannot be used: {error}") from None
    try:
        with listening(settings) as listener:
            await _upgraded(engine, revisions)
            async with Sqs(clock) as sqs:
                relay = Relay(engine, sqs, clock)
                async with running(relay):
                    yield Foundation(name, engine, readers, sqs, relay, clock, settings, listener)
    finally:
        await readers.dispose()
        await engine.dispose()


async def _upgraded(engine: AsyncEngine, revisions: Path) -> None:
    try:
        await upgrade(engine, revisions)
    except (SQLAlchemyError, CommandError) as error:
        raise CannotStart(f"the database {engine.url} cannot be used: {getattr(error, 'orig', error)}") from None


@asynccontextmanager
async def running(*tasks: Task) -> AsyncIterator[None]:
    """Run tasks while entered; leaving asks them to stop and waits. A task that fails ends the program."""
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(task.run())
        try:
            yield
        finally:
            for task in tasks:
                task.stop()
