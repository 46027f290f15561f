"""The inbox: which events a consumer has already handled, written in the same transaction as their effects."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


def inbox_tables(metadata: sa.MetaData) -> tuple[sa.Table, ...]:
    """The tables `inbox`, `inbox_attempts` and `inbox_parked` as tables of a service's own metadata (and so of its migrations)."""
    raise NotImplementedError


class Inbox:
    """The events that `consumer` has handled."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    async def claim(self, session: AsyncSession, event_id: str, now_ms: int) -> bool:
        """Write down that the event is handled; False when it already was: then the transaction must not commit."""
        raise NotImplementedError
