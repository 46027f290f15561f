"""How long the inbox remembers."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from crossdock.clock import ManualClock
from crossdock.messaging import Inbox, database, inbox_tables
from crossdock.messaging.inbox import RETENTION_S


async def test_events_are_forgotten_only_when_they_cannot_come_again(tmp_path: Path) -> None:
    """A handled event is known for the whole retention, to its own consumer only, and forgotten after it."""
    clock, metadata = ManualClock(), sa.MetaData()
    inbox_tables(metadata)
    engine = database(f"sqlite:///{tmp_path / 'test.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    inbox = Inbox("a")
    async with AsyncSession(engine) as session:
        assert await inbox.claim(session, "e", clock.now_ms())
        assert not await inbox.claim(session, "e", clock.now_ms())
        assert not await Inbox("b").seen(session, "e")
        await inbox.prune(session, clock.advance(RETENTION_S * 1000))
        assert await inbox.seen(session, "e")
        await inbox.prune(session, clock.advance(1))
        assert not await inbox.seen(session, "e")
    await engine.dispose()
