"""The inbox: which events a consumer has handled, how often it tried, and which FIFO groups it has parked.

A handled event is written down in the same transaction as its effects. Whoever comes second with the same event (a redelivery, another
process whose lease was lost, a redrive under a new message id) violates the primary key and commits nothing.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

RETENTION_S = 45 * 86_400
"""How long handled events are remembered: longer than an event can travel."""

assert RETENTION_S > (14 + 14 + 14) * 86_400, (
    "queue, dead letter queue, and a redriven message's second life in the queue"
)


def inbox_tables(metadata: sa.MetaData) -> tuple[sa.Table, sa.Table, sa.Table]:
    """The tables `inbox`, `inbox_attempts` and `inbox_parked` of a service's own metadata (and so of its migrations)."""
    handled = sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("handled_ms", sa.BigInteger, nullable=False, index=True),
        sqlite_with_rowid=False,
    )
    attempts = sa.Table(
        "inbox_attempts",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("failed_ms", sa.BigInteger, nullable=False),
    )
    parked = sa.Table(
        "inbox_parked",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("group_id", sa.Text, primary_key=True),
        sa.Column(
            "event_id", sa.Text, nullable=False, comment="the event that was given up; handled, it frees the group"
        ),
        sa.Column("parked_ms", sa.BigInteger, nullable=False),
    )
    return handled, attempts, parked


_HANDLED, _ATTEMPTS, _PARKED = inbox_tables(sa.MetaData())

_SEEN = sa.select(sa.literal(1)).where(
    _HANDLED.c.consumer == sa.bindparam("consumer"), _HANDLED.c.event_id == sa.bindparam("event_id")
)
_CLAIM = sa.text(
    "INSERT INTO inbox (consumer, event_id, handled_ms) VALUES (:consumer, :event_id, :now_ms)"
    " ON CONFLICT (consumer, event_id) DO NOTHING RETURNING event_id"
)
_COUNT = sa.text(
    "INSERT INTO inbox_attempts (consumer, event_id, attempts, last_error, failed_ms)"
    " VALUES (:consumer, :event_id, 1, :error, :now_ms)"
    " ON CONFLICT (consumer, event_id) DO UPDATE SET attempts = inbox_attempts.attempts + 1,"
    " last_error = excluded.last_error, failed_ms = excluded.failed_ms"
    " RETURNING attempts"
)
_RESET = sa.delete(_ATTEMPTS).where(
    _ATTEMPTS.c.consumer == sa.bindparam("consumer"), _ATTEMPTS.c.event_id == sa.bindparam("event_id")
)
_PARK = sa.text(
    "INSERT INTO inbox_parked (consumer, group_id, event_id, parked_ms) VALUES (:consumer, :group_id, :event_id, :now_ms)"
    " ON CONFLICT (consumer, group_id) DO NOTHING"
)
_PARKED_BEHIND = sa.select(_PARKED.c.event_id).where(
    _PARKED.c.consumer == sa.bindparam("consumer"), _PARKED.c.group_id == sa.bindparam("group_id")
)
_UNPARK = sa.delete(_PARKED).where(
    _PARKED.c.consumer == sa.bindparam("consumer"), _PARKED.c.event_id == sa.bindparam("event_id")
)


class Inbox:
    """The events of one consumer. Every method runs in the caller's transaction."""

    def __init__(self, consumer: str) -> None:
        self._consumer = consumer

    async def seen(self, session: AsyncSession, event_id: str) -> bool:
        """Whether the event is already handled."""
        return (await session.execute(_SEEN, {"consumer": self._consumer, "event_id": event_id})).first() is not None

    async def claim(self, session: AsyncSession, event_id: str, now_ms: int) -> bool:
        """Write down that the event is handled; False when it already was: then this transaction must not commit."""
        values = {"consumer": self._consumer, "event_id": event_id, "now_ms": now_ms}
        return bool((await session.execute(_CLAIM, values)).rowcount == 1)  # type: ignore[attr-defined]

    async def count_attempt(self, session: AsyncSession, event_id: str, error: str, now_ms: int) -> int:
        """Count one failed attempt; how many there were."""
        values = {"consumer": self._consumer, "event_id": event_id, "error": error, "now_ms": now_ms}
        return int((await session.execute(_COUNT, values)).scalar_one())

    async def reset_attempts(self, session: AsyncSession, event_id: str) -> None:
        """Forget the attempts of an event that was given up: redriven, it gets all of them again."""
        await session.execute(_RESET, {"consumer": self._consumer, "event_id": event_id})

    async def park(self, session: AsyncSession, group_id: str, event_id: str, now_ms: int) -> None:
        """Park a FIFO group behind an event that was given up."""
        values = {"consumer": self._consumer, "group_id": group_id, "event_id": event_id, "now_ms": now_ms}
        await session.execute(_PARK, values)

    async def parked_behind(self, session: AsyncSession, group_id: str) -> str | None:
        """The event behind which the group is parked, or None."""
        return (await session.execute(_PARKED_BEHIND, {"consumer": self._consumer, "group_id": group_id})).scalar()

    async def unpark(self, session: AsyncSession, event_id: str) -> None:
        """Free the group that is parked behind this event, if there is one."""
        await session.execute(_UNPARK, {"consumer": self._consumer, "event_id": event_id})

    async def prune(self, session: AsyncSession, now_ms: int) -> None:
        """Forget what is older than an event can travel."""
        before_ms = now_ms - RETENTION_S * 1000
        await session.execute(sa.delete(_HANDLED).where(_HANDLED.c.handled_ms < before_ms))
        await session.execute(sa.delete(_ATTEMPTS).where(_ATTEMPTS.c.failed_ms < before_ms))
