"""The notification service's tables and every statement on them. What a state means is decided in model.py and handlers.py."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from crossdock.messaging import inbox_tables, outbox_table
from crossdock.services.notifications.model import NotificationKey, NotificationState

metadata = sa.MetaData()

notifications = sa.Table(
    "notifications",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("template", sa.Text, primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("payment_id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

outbox_table(metadata)
inbox_tables(metadata)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One notification as the ledger keeps it."""

    event_id: str
    template: str
    channel: str
    recipient: str
    order_id: str | None
    subject: str
    state: NotificationState
    message_id: str
    detail: str
    created_ms: int
    updated_ms: int


class Suppression(msgspec.Struct, frozen=True, rename="camel"):
    """A recipient who gets nothing any more."""

    recipient: str
    reason: str
    created_ms: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a payment: `status` is success, failed or refunded, `reference` the provider's id of it."""

    payment_id: str
    order_id: str
    version: int
    status: str
    amount: str
    currency: str
    reference: str
    at: str


def _same(key: NotificationKey) -> list[sa.ColumnElement[bool]]:
    return [notifications.c[name] == value for name, value in msgspec.structs.asdict(key).items()]


async def find(session: AsyncSession, key: NotificationKey) -> Entry | None:
    row = (await session.execute(sa.select(notifications).where(*_same(key)))).one_or_none()
    return _entry(row) if row else None


async def add(session: AsyncSession, entry: Entry) -> None:
    """Raises IntegrityError if a notification with the same key is there."""
    await session.execute(sa.insert(notifications), msgspec.structs.asdict(entry))


async def mark(session: AsyncSession, key: NotificationKey, state: NotificationState, detail: str, now_ms: int) -> None:
    """Write what is known of a notification now."""
    values = {"state": state, "detail": detail, "updated_ms": now_ms}
    await session.execute(sa.update(notifications).where(*_same(key)).values(values))


async def listed(session: AsyncSession, order_id: str | None, limit: int) -> list[Entry]:
    """The newest first, of one order or of all."""
    query = sa.select(notifications).order_by(notifications.c.created_ms.desc()).limit(limit)
    if order_id is not None:
        query = query.where(notifications.c.order_id == order_id)
    return [_entry(row) for row in await session.execute(query)]


async def is_suppressed(session: AsyncSession, recipient: str) -> bool:
    query = sa.select(suppressions.c.recipient).where(suppressions.c.recipient == recipient.lower())
    return (await session.execute(query)).first() is not None


async def suppress(session: AsyncSession, suppression: Suppression) -> None:
    """Put a recipient on the list, or change the reason."""
    await unsuppress(session, suppression.recipient)
    values = msgspec.structs.asdict(suppression) | {"recipient": suppression.recipient.lower()}
    await session.execute(sa.insert(suppressions), values)


async def unsuppress(session: AsyncSession, recipient: str) -> bool:
    """Take a recipient off the list; False if it was not on it."""
    result = await session.execute(sa.delete(suppressions).where(suppressions.c.recipient == recipient.lower()))
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def suppressed(session: AsyncSession, limit: int) -> list[Suppression]:
    rows = await session.execute(sa.select(suppressions).order_by(suppressions.c.recipient).limit(limit))
    return [Suppression(**row._mapping) for row in rows]


async def keep_receipt(session: AsyncSession, receipt: Receipt) -> None:
    """Write what a payment event told, unless a later one was here already."""
    known = sa.select(receipts.c.version).where(receipts.c.payment_id == receipt.payment_id)
    version = (await session.execute(known)).scalar()
    values = msgspec.structs.asdict(receipt)
    if version is None:
        await session.execute(sa.insert(receipts), values)
    elif version < receipt.version:
        await session.execute(sa.update(receipts).where(receipts.c.payment_id == receipt.payment_id).values(values))


async def receipts_of(session: AsyncSession, order_id: str) -> list[Receipt]:
    rows = await session.execute(sa.select(receipts).where(receipts.c.order_id == order_id))
    return [Receipt(**row._mapping) for row in rows]


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(**dict(row._mapping) | {"state": NotificationState(row.state)})
