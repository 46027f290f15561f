"""How long the inbox remembers."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from crossdock.clock import ManualClock
from crossdock.messaging import Inbox, inbox_tables
from crossdock.messaging.inbox import RETENTION_S

METADATA = sa.MetaData()
inbox_tables(METADATA)


async def test_events_are_forgotten_only_when_they_cannot_come_again(engine: AsyncEngine) -> None:
    """A handled event is known for the whole retention, to its own consumer only, and forgotten after it."""
    clock, inbox = ManualClock(), Inbox("a")
    async with AsyncSession(engine) as session:
        assert await inbox.claim(session, "e", clock.now_ms())
        assert not await inbox.claim(session, "e", clock.now_ms())
        assert not await Inbox("b").seen(session, "e")
        await inbox.prune(session, clock.advance(RETENTION_S * 1000))
        assert await inbox.seen(session, "e")
        await inbox.prune(session, clock.advance(1))
        assert not await inbox.seen(session, "e")
