"""The order service's tables and every statement on them. What a change means is decided in model.py and actions.py."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from crossdock.messaging import inbox_tables, outbox_table
from crossdock.services.orders.model import Item, Moment, Order, OrderState

metadata = sa.MetaData()

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("payment_version", sa.Integer, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("customer_name", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text),
    sa.Column("transaction_id", sa.Text),
    sa.Column("failure_reason", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Index("orders_by_user", "user_id", "id"),
    sa.Index("orders_by_state", "state", "id"),
)

items = sa.Table(
    "order_items",
    metadata,
    sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
)

timeline = sa.Table(
    "order_timeline",
    metadata,
    sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False, index=True),
)

outbox_table(metadata)
inbox_tables(metadata)

ORDER_BY_ID = sa.select(orders).where(orders.c.id == sa.bindparam("id"))
ITEMS_OF = (
    sa.select(items.c.product_id, items.c.name, items.c.quantity, items.c.price_minor)
    .where(items.c.order_id == sa.bindparam("id"))
    .order_by(items.c.position)
)
TIMELINE_OF = (
    sa.select(timeline.c.version, timeline.c.at_ms, timeline.c.event, timeline.c.state, timeline.c.detail)
    .where(timeline.c.order_id == sa.bindparam("id"))
    .order_by(timeline.c.version)
)
KNOWN_KEY = sa.select(idempotency_keys).where(idempotency_keys.c.key == sa.bindparam("key"))
CHANGE = (
    sa.update(orders)
    .where(orders.c.id == sa.bindparam("of_id"), orders.c.version == sa.bindparam("of_version"))
    .values(
        {
            column: sa.bindparam(f"new_{column}")
            for column in (
                "state",
                "version",
                "payment_version",
                "payment_id",
                "transaction_id",
                "failure_reason",
                "updated_ms",
            )
        }
    )
)


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that was given for an idempotency key, and to which request."""

    key: str
    fingerprint: str
    answer: bytes
    order_id: str
    created_ms: int


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders to list, newest first: of a user, in a state, older than `before` (an order id)."""

    user_id: str | None = None
    state: OrderState | None = None
    before: str | None = None
    limit: int = 50


async def add(session: AsyncSession, order: Order, lines: Sequence[Item]) -> None:
    """Insert a new order with its items."""
    await session.execute(sa.insert(orders), msgspec.structs.asdict(order))
    rows = [{"order_id": order.id, "position": n} | msgspec.structs.asdict(line) for n, line in enumerate(lines)]
    await session.execute(sa.insert(items), rows)


async def find(session: AsyncSession, order_id: str) -> Order | None:
    row = (await session.execute(ORDER_BY_ID, {"id": order_id})).one_or_none()
    return _order(row) if row else None


async def items_of_all(session: AsyncSession, order_ids: Sequence[str]) -> dict[str, list[Item]]:
    """The items of several orders, by order."""
    query = sa.select(items).where(items.c.order_id.in_(order_ids)).order_by(items.c.position)
    found: dict[str, list[Item]] = {order_id: [] for order_id in order_ids}
    for row in await session.execute(query):
        found[row.order_id].append(
            Item(product_id=row.product_id, name=row.name, quantity=row.quantity, price_minor=row.price_minor)
        )
    return found


async def items_of(session: AsyncSession, order_id: str) -> list[Item]:
    return [Item(**row._mapping) for row in await session.execute(ITEMS_OF, {"id": order_id})]


async def listed(session: AsyncSession, wanted: Filter) -> list[Order]:
    """The orders that match. Ids rise with time, so they are the order of the list."""
    query = sa.select(orders).order_by(orders.c.id.desc()).limit(wanted.limit)
    if wanted.user_id is not None:
        query = query.where(orders.c.user_id == wanted.user_id)
    if wanted.state is not None:
        query = query.where(orders.c.state == wanted.state)
    if wanted.before is not None:
        query = query.where(orders.c.id < wanted.before)
    return [_order(row) for row in await session.execute(query)]


async def change(session: AsyncSession, old: Order, new: Order) -> bool:
    """Write the new version of an order; False if somebody else changed it since `old` was read."""
    values = {f"new_{name}": value for name, value in msgspec.structs.asdict(new).items()}
    result = await session.execute(CHANGE, values | {"of_id": old.id, "of_version": old.version})
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def append(session: AsyncSession, order: Order, event: str, detail: str) -> None:
    """Write what brought an order to its present version."""
    await session.execute(
        sa.insert(timeline),
        {
            "order_id": order.id,
            "version": order.version,
            "at_ms": order.updated_ms,
            "event": event,
            "state": order.state,
            "detail": detail,
        },
    )


async def timeline_of(session: AsyncSession, order_id: str) -> list[Moment]:
    rows = await session.execute(TIMELINE_OF, {"id": order_id})
    return [Moment(**dict(row._mapping) | {"state": OrderState(row.state)}) for row in rows]


async def remembered(session: AsyncSession, key: str) -> Remembered | None:
    row = (await session.execute(KNOWN_KEY, {"key": key})).one_or_none()
    return Remembered(**row._mapping) if row else None


async def remember(session: AsyncSession, entry: Remembered) -> None:
    """Raises IntegrityError if the key was used at the same moment by another request."""
    await session.execute(sa.insert(idempotency_keys), msgspec.structs.asdict(entry))


async def prune(session: AsyncSession, before_ms: int) -> None:
    """Forget idempotency keys older than that."""
    await session.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.created_ms < before_ms))


def _order(row: sa.Row[Any]) -> Order:
    return Order(**dict(row._mapping) | {"state": OrderState(row.state)})
