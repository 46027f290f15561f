"""Engines for the services' databases, set up so that transactions are short, honest and durable.

SQLite has one writer. An engine therefore has one connection, every transaction starts with BEGIN IMMEDIATE, and whoever wants to write
waits in the pool's order instead of SQLite's busy loop. Readers that must not wait use a second engine with `read_only=True`: WAL lets them
read beside the writer. Never open a transaction inside another one on the same engine: it waits for itself.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another process that writes."""

READERS = 4


def database(url: str, *, read_only: bool = False) -> AsyncEngine:
    """An engine for `sqlite+aiosqlite:///file` or `postgresql+psycopg://…` (plain `sqlite:///…` and `postgresql://…` are understood)."""
    parsed = make_url(url)
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}.get(
        parsed.drivername, parsed.drivername
    )
    parsed = parsed.set(drivername=driver)
    if not driver.startswith("sqlite"):
        return create_async_engine(parsed, pool_pre_ping=True)
    engine = create_async_engine(parsed, pool_size=READERS if read_only else 1, max_overflow=0)
    _prepare_sqlite(engine, read_only)
    return engine


def _prepare_sqlite(engine: AsyncEngine, read_only: bool) -> None:
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: DBAPIConnection, _: Any) -> None:
        connection.isolation_level = None  # the driver shall not begin transactions on its own
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"query_only = {int(read_only)}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
