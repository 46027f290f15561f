"""The first schema: orders, items, timeline, idempotency keys, and the tables of messaging."""

import sqlalchemy as sa
from alembic import op

from crossdock.messaging import inbox_tables, outbox_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "orders",
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
    op.create_table(
        "order_items",
        sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "order_timeline",
        sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False, index=True),
    )
    messaging = sa.MetaData()
    outbox_table(messaging)
    inbox_tables(messaging)
    messaging.create_all(op.get_bind())
