"""What the service tests share: a service's foundation on a real SQLite file, without queues, and a look into its outbox."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crossdock.clock import ManualClock
from crossdock.messaging import Envelope, Event, Relay, Sqs, database
from crossdock.services.foundation import Foundation
from crossdock.services.migrations.upgrade import upgrade
from crossdock.services.settings import ServiceSettings
from crossdock.services.web import listening

SERVICES = Path(__file__).parents[3] / "src" / "crossdock" / "services"


class Workbench:
    """Opens services without their queues: nothing is sent, so what was published stays in the outbox."""

    def __init__(self, folder: Path, clock: ManualClock, stack: AsyncExitStack) -> None:
        self.clock = clock
        self._folder = folder
        self._stack = stack

    async def open(self, name: str) -> Foundation:
        """The foundation of a service, its schema made."""
        url = f"sqlite:///{self._folder / name}.db"
        engine, readers = database(url), database(url, read_only=True)
        self._stack.push_async_callback(readers.dispose)
        self._stack.push_async_callback(engine.dispose)
        await upgrade(engine, SERVICES / name / "revisions")
        sqs = Sqs(self.clock)
        settings = ServiceSettings(data=self._folder)
        listener = self._stack.enter_context(listening(settings))
        return Foundation(name, engine, readers, sqs, Relay(engine, sqs, self.clock), self.clock, settings, listener)

    async def published(self, ground: Foundation) -> list[dict[str, Any]]:
        """The outbox, oldest first: type, queue, group, version and body of each row."""
        query = sa.text("SELECT event_type, queue, group_id, attributes, body FROM outbox ORDER BY id")
        async with ground.readers.connect() as connection:
            return [
                {
                    "type": row.event_type,
                    "queue": row.queue,
                    "group": row.group_id,
                    "version": json.loads(row.attributes).get("eventVersion", [None, None])[1],
                    "body": json.loads(row.body),
                }
                for row in await connection.execute(query)
            ]

    async def deliver(
        self, ground: Foundation, handler: Any, event: Event, context: Any, version: int | None = None
    ) -> None:
        """Hand an event to a handler in a transaction, as the worker does."""
        async with ground.transaction() as tx:
            tx.envelope = Envelope(event_id="evt_1", event_type="TEST", event_version=version)
            await handler(event, tx, context)


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still, chance that repeats."""
    return ManualClock()


@pytest.fixture
async def workbench(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Workbench]:
    """Services on files of this test."""
    async with AsyncExitStack() as stack:
        yield Workbench(tmp_path, clock, stack)
