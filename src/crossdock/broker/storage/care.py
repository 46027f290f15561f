"""The care of the tables, off the hot path: removes what was purged, gives disk space back, moves the write-ahead log into the database.

Everything is cut into steps of some milliseconds, so that a fold need not wait: a care is a generator, and each `yield` is a place to
do something more urgent. It runs in the thread of `upkeep`.
"""

import sqlite3
from collections.abc import Iterator

from crossdock.broker.queues.facts import first_sequence

ROWS_A_STEP = 500
PAGES_A_STEP = 500
FREE_PAGES_MIN = 2_048
FREE_SHARE = 4
"""Space is given back once a quarter of the database, and FREE_PAGES_MIN pages, are free."""

SWEPT = ("messages", "touched", "remembered")

DISCARDS = "SELECT queue, through FROM discards"
BOUNDARY = "SELECT sequence FROM {table} WHERE sequence >= ? AND sequence <= ? ORDER BY sequence LIMIT 1 OFFSET ?"
SWEEP = "DELETE FROM {table} WHERE sequence >= ? AND sequence <= ?"
DISCARDED = "DELETE FROM discards WHERE queue = ? AND through = ?"


def care(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is to be done after a fold, step by step."""
    checkpoint(connection)
    yield
    yield from sweep(connection)
    yield from give_back(connection)
    connection.execute("PRAGMA shrink_memory")


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log into the database, as far as it can be done without waiting for anyone."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def sweep(connection: sqlite3.Connection) -> Iterator[None]:
    """Remove the rows that purges and deletions of queues left."""
    for queue, through in connection.execute(DISCARDS).fetchall():
        for table in SWEPT:
            yield from _sweep_table(connection, table, first_sequence(queue), through)
        connection.execute(DISCARDED, (queue, through))
        checkpoint(connection)


def _sweep_table(connection: sqlite3.Connection, table: str, first: int, through: int) -> Iterator[None]:
    more = True
    while more:
        boundary = connection.execute(BOUNDARY.format(table=table), (first, through, ROWS_A_STEP)).fetchone()
        more = boundary is not None
        last = boundary[0] if boundary is not None else through
        if connection.execute(SWEEP.format(table=table), (first, last)).rowcount:
            yield


def give_back(connection: sqlite3.Connection) -> Iterator[None]:
    """Return free pages to the file system, once it is worth the work."""
    free = _free_pages(connection)
    if free < FREE_PAGES_MIN or free * FREE_SHARE < connection.execute("PRAGMA page_count").fetchone()[0]:
        return
    while _free_pages(connection) > FREE_PAGES_MIN // 2:
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_A_STEP})")  # `execute` would stop after one page
        checkpoint(connection)
        yield


def _free_pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA freelist_count").fetchone()[0])
