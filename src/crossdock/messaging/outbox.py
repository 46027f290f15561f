"""The outbox table: events wait here, committed with the change they tell, until the relay has sent them.

One row per event and subscribed queue. A row of a group may be sent only when no older row of its group waits: a row that fails holds
its successors and is never overtaken. Who writes rows is `transaction`, who sends them is `relay`; this file holds the table and the
statements on it, which run on SQLite and PostgreSQL alike.
"""

import sqlalchemy as sa


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """The outbox as a table of a service's own metadata (and so of its migrations)."""
    table = sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, comment="order among its like in one queue; none: no order"),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False, comment="JSON: name to [data type, value]"),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False, comment="not to be sent before: a delay, or backoff"),
        sa.Column("owner", sa.Text, comment="the relay that is sending it"),
        sa.Column("leased_until_ms", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        sa.Column("sent_ms", sa.BigInteger),
    )
    unsent = table.c.sent_ms.is_(None)
    sa.Index("outbox_unsent", table.c.id, sqlite_where=unsent, postgresql_where=unsent)
    sa.Index(
        "outbox_unsent_group",
        table.c.queue,
        table.c.group_id,
        table.c.id,
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    return table


OUTBOX = outbox_table(sa.MetaData())
WRITE = sa.insert(OUTBOX)
"""New rows: the columns that have no default."""

_ROW = OUTBOX.alias("candidate")
_OLDER = OUTBOX.alias("older")

_FIRST_OF_ITS_GROUP = ~sa.exists().where(
    _OLDER.c.queue == _ROW.c.queue,
    _OLDER.c.group_id == _ROW.c.group_id,
    _OLDER.c.sent_ms.is_(None),
    _OLDER.c.id < _ROW.c.id,
)
_NOW = sa.bindparam("now_ms", type_=sa.BigInteger)

LEASE = (
    sa.update(OUTBOX)
    .where(
        OUTBOX.c.id.in_(
            sa.select(_ROW.c.id)
            .where(_ROW.c.sent_ms.is_(None), _ROW.c.due_ms <= _NOW, _ROW.c.leased_until_ms <= _NOW, _FIRST_OF_ITS_GROUP)
            .order_by(_ROW.c.id)
            .limit(sa.bindparam("row_limit", type_=sa.Integer))
        ),
        # said again outside: PostgreSQL re-checks only this part when another relay took the row meanwhile
        OUTBOX.c.sent_ms.is_(None),
        OUTBOX.c.leased_until_ms <= _NOW,
    )
    .values(owner=sa.bindparam("lease_owner"), leased_until_ms=sa.bindparam("lease_until_ms"))
    .returning(
        OUTBOX.c.id,
        OUTBOX.c.event_id,
        OUTBOX.c.queue,
        OUTBOX.c.group_id,
        OUTBOX.c.body,
        OUTBOX.c.attributes,
        OUTBOX.c.attempts,
    )
)
"""Take the oldest rows that may be sent now: `now_ms`, `row_limit`, `lease_owner`, `lease_until_ms`."""

MARK_SENT = (
    sa.update(OUTBOX)
    .where(OUTBOX.c.id == sa.bindparam("row_id"), OUTBOX.c.owner == sa.bindparam("lease_owner"))
    .values(sent_ms=sa.bindparam("at_ms"), owner=None)
)
"""A row that SQS has: `row_id`, `lease_owner`, `at_ms`. Nothing happens when the lease was lost."""

MARK_FAILED = (
    sa.update(OUTBOX)
    .where(OUTBOX.c.id == sa.bindparam("row_id"), OUTBOX.c.owner == sa.bindparam("lease_owner"))
    .values(
        attempts=OUTBOX.c.attempts + 1,
        due_ms=sa.bindparam("again_ms"),
        last_error=sa.bindparam("error"),
        owner=None,
        leased_until_ms=0,
    )
)
"""A row that SQS did not take: `row_id`, `lease_owner`, `again_ms`, `error`."""

WAITING = sa.select(
    sa.select(sa.func.min(OUTBOX.c.created_ms)).where(OUTBOX.c.sent_ms.is_(None)).scalar_subquery().label("oldest_ms"),
    sa.select(
        sa.func.min(sa.case((_ROW.c.due_ms > _ROW.c.leased_until_ms, _ROW.c.due_ms), else_=_ROW.c.leased_until_ms))
    )
    .where(_ROW.c.sent_ms.is_(None), _FIRST_OF_ITS_GROUP)
    .scalar_subquery()
    .label("due_ms"),
)
"""When the oldest unsent row was written, and when the next one may be sent; NULL where there is none."""

PRUNE = sa.delete(OUTBOX).where(OUTBOX.c.sent_ms < sa.bindparam("before_ms"))
"""Forget rows that were sent before `before_ms`."""
