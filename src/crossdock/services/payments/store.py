"""The payment service's tables and every statement on them. What a change means is decided in model.py and settlement.py."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from crossdock.messaging import inbox_tables, outbox_table
from crossdock.services.payments.model import Attempt, AttemptKind, Call, Payment, PaymentState

metadata = sa.MetaData()

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("event_version", sa.Integer, nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("transaction_id", sa.Text),
    sa.Column("refund_id", sa.Text),
    sa.Column("failure_reason", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger),
    sa.Index("attempts_by_due", "due_ms"),
)

gateway_calls = sa.Table(
    "gateway_calls",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("payment_id", sa.Text, sa.ForeignKey("payments.id"), nullable=False, index=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
    sa.Column("handled_ms", sa.BigInteger),
    sa.Index("webhooks_unhandled", "handled_ms", "received_ms"),
)

outbox_table(metadata)
inbox_tables(metadata)

PAYMENT_BY_ID = sa.select(payments).where(payments.c.id == sa.bindparam("id"))
PAYMENT_OF_ORDER = sa.select(payments).where(payments.c.order_id == sa.bindparam("order_id"))
ATTEMPT_BY_KEY = sa.select(attempts).where(attempts.c.key == sa.bindparam("key"))
ATTEMPTS_OF = sa.select(attempts).where(attempts.c.payment_id == sa.bindparam("id")).order_by(attempts.c.key)
CALLS_OF = (
    sa.select(gateway_calls).where(gateway_calls.c.payment_id == sa.bindparam("id")).order_by(gateway_calls.c.number)
)
CHANGE = (
    sa.update(payments)
    .where(payments.c.id == sa.bindparam("of_id"), payments.c.version == sa.bindparam("of_version"))
    .values(
        {
            column: sa.bindparam(f"new_{column}")
            for column in (
                "state",
                "version",
                "event_version",
                "cancel_requested",
                "transaction_id",
                "refund_id",
                "failure_reason",
                "updated_ms",
            )
        }
    )
)
SCHEDULE = (
    sa.update(attempts)
    .where(attempts.c.key == sa.bindparam("of_key"))
    .values(due_ms=sa.bindparam("new_due_ms"), tries=sa.bindparam("new_tries"))
)
TAKE_DUE = (
    sa.update(attempts)
    .where(
        attempts.c.key.in_(
            sa.select(attempts.c.key)
            .where(attempts.c.due_ms <= sa.bindparam("now_ms"))
            .order_by(attempts.c.due_ms)
            .limit(sa.bindparam("row_limit", type_=sa.Integer))
        ),
        attempts.c.due_ms <= sa.bindparam("now_ms"),
    )
    .values(due_ms=sa.bindparam("taken_until_ms"))
    .returning(attempts)
)
NEXT_DUE = sa.select(sa.func.min(attempts.c.due_ms))
UNHANDLED = (
    sa.select(webhooks.c.event_id, webhooks.c.body)
    .where(webhooks.c.handled_ms.is_(None))
    .order_by(webhooks.c.received_ms)
    .limit(sa.bindparam("row_limit", type_=sa.Integer))
)
HANDLED = (
    sa.update(webhooks)
    .where(webhooks.c.event_id == sa.bindparam("of_id"))
    .values(handled_ms=sa.bindparam("new_handled_ms"))
)


async def add(session: AsyncSession, payment: Payment, attempt: Attempt | None) -> None:
    """Insert a new payment and the intent to charge it. Raises IntegrityError if the order has a payment."""
    await session.execute(sa.insert(payments), msgspec.structs.asdict(payment))
    if attempt is not None:
        await add_attempt(session, attempt)


async def add_attempt(session: AsyncSession, attempt: Attempt) -> None:
    await session.execute(sa.insert(attempts), msgspec.structs.asdict(attempt))


async def find(session: AsyncSession, payment_id: str) -> Payment | None:
    row = (await session.execute(PAYMENT_BY_ID, {"id": payment_id})).one_or_none()
    return _payment(row) if row else None


async def of_order(session: AsyncSession, order_id: str) -> Payment | None:
    row = (await session.execute(PAYMENT_OF_ORDER, {"order_id": order_id})).one_or_none()
    return _payment(row) if row else None


async def change(session: AsyncSession, old: Payment, new: Payment) -> bool:
    """Write the new version of a payment; False if somebody else changed it since `old` was read."""
    values = {f"new_{name}": value for name, value in msgspec.structs.asdict(new).items()}
    result = await session.execute(CHANGE, values | {"of_id": old.id, "of_version": old.version})
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def attempt(session: AsyncSession, key: str) -> Attempt | None:
    row = (await session.execute(ATTEMPT_BY_KEY, {"key": key})).one_or_none()
    return _attempt(row) if row else None


async def attempts_of(session: AsyncSession, payment_id: str) -> list[Attempt]:
    return [_attempt(row) for row in await session.execute(ATTEMPTS_OF, {"id": payment_id})]


async def schedule(session: AsyncSession, key: str, tries: int, due_ms: int | None) -> None:
    """When an attempt is to be made again; None for never."""
    await session.execute(SCHEDULE, {"of_key": key, "new_tries": tries, "new_due_ms": due_ms})


async def take_due(session: AsyncSession, now_ms: int, taken_until_ms: int, limit: int) -> list[Attempt]:
    """Attempts that are due. They are due again at `taken_until_ms`, so nobody else takes them meanwhile and a crash loses none."""
    values = {"now_ms": now_ms, "taken_until_ms": taken_until_ms, "row_limit": limit}
    return [_attempt(row) for row in await session.execute(TAKE_DUE, values)]


async def next_due_ms(session: AsyncSession) -> int | None:
    due_ms: int | None = (await session.execute(NEXT_DUE)).scalar_one()
    return due_ms


async def log_call(session: AsyncSession, call: Call) -> None:
    await session.execute(sa.insert(gateway_calls), msgspec.structs.asdict(call))


async def calls_of(session: AsyncSession, payment_id: str) -> list[Call]:
    rows = await session.execute(CALLS_OF, {"id": payment_id})
    return [_call(row) for row in rows]


async def keep_webhook(session: AsyncSession, event_id: str, body: bytes, now_ms: int) -> bool:
    """Record an event of the provider; False if it is there already."""
    if (await session.execute(sa.select(webhooks.c.event_id).where(webhooks.c.event_id == event_id))).first():
        return False
    await session.execute(sa.insert(webhooks), {"event_id": event_id, "body": body, "received_ms": now_ms})
    return True


async def unhandled_webhooks(session: AsyncSession, limit: int) -> list[tuple[str, bytes]]:
    return [(row.event_id, row.body) for row in await session.execute(UNHANDLED, {"row_limit": limit})]


async def mark_handled(session: AsyncSession, event_id: str, now_ms: int) -> None:
    await session.execute(HANDLED, {"of_id": event_id, "new_handled_ms": now_ms})


async def prune(session: AsyncSession, before_ms: int) -> None:
    """Forget webhooks that were handled before that."""
    await session.execute(sa.delete(webhooks).where(webhooks.c.handled_ms < before_ms))


def _payment(row: sa.Row[Any]) -> Payment:
    return Payment(**dict(row._mapping) | {"state": PaymentState(row.state)})


def _attempt(row: sa.Row[Any]) -> Attempt:
    return Attempt(**dict(row._mapping) | {"kind": AttemptKind(row.kind)})


def _call(row: sa.Row[Any]) -> Call:
    values = dict(row._mapping)
    del values["number"]  # only the order of the ledger
    return Call(**values | {"kind": AttemptKind(row.kind)})
