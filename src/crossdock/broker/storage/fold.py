"""The fold: moves a frozen memtable into the tables, in one transaction.

It runs in the thread of `upkeep` while the event loop goes on. Rows are written some hundreds a statement: SQLite lets go of Python's
lock for the length of a statement, and each time it wants the lock back it may have to wait.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from typing import TypeVar

import msgspec

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS, QUEUE_DELETED_RECENTLY_MS
from crossdock.broker.queues.facts import Sent, first_sequence, queue_of
from crossdock.broker.storage.catalog import CatalogChanges, QueueEntry
from crossdock.broker.storage.memtable import Memtable, size_of
from crossdock.broker.storage.rows import checksum, verify
from crossdock.broker.storage.segment import Position

Value = TypeVar("Value")

ROWS_MAX = 500
"""Rows in one statement."""

ROWS_BYTES_MAX = 4 * 1024 * 1024

RUN_MIN = 8
"""So many sequences in a row are deleted as a range."""

PUT_QUEUE = """
    INSERT INTO queues (number, account, region, name, attributes, tags, created_ms, modified_ms, purged_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (number) DO UPDATE SET
        attributes = excluded.attributes, tags = excluded.tags,
        modified_ms = excluded.modified_ms, purged_ms = excluded.purged_ms
"""
DROP_QUEUE = "DELETE FROM queues WHERE number = ?"
PUT_DELETED_QUEUE = "INSERT INTO deleted_queues VALUES (?, ?, ?, ?, ?)"
FORGET_DELETED_QUEUES = "DELETE FROM deleted_queues WHERE deleted_ms <= ?"
PUT_MOVE_TASK = "INSERT OR REPLACE INTO move_tasks VALUES (?, ?)"
DROP_MOVE_TASK = "DELETE FROM move_tasks WHERE task_id = ?"
PUT_DISCARD = "INSERT INTO discards VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET through = excluded.through"
COUNT_AGAIN = """
    UPDATE queues SET message_count = (SELECT count(*) FROM messages WHERE sequence > ? AND sequence <= ?) WHERE number = ?
"""
ADD_TO_COUNT = "UPDATE queues SET message_count = message_count + ? WHERE number = ?"
PUT_LAST_SEQUENCE = "UPDATE queues SET last_sequence = ? WHERE number = ?"
PUT_MESSAGES = "INSERT INTO messages VALUES "
PUT_TOUCHED = "INSERT INTO touched VALUES "
ON_TOUCHED = """ ON CONFLICT (sequence) DO UPDATE SET
    receive_count = excluded.receive_count, first_received_ms = excluded.first_received_ms, due_ms = excluded.due_ms,
    checksum = excluded.checksum"""
KNOWN = "SELECT sequence, receive_count, first_received_ms, due_ms, checksum FROM touched WHERE sequence IN ({marks})"
PUT_REMEMBERED = "INSERT INTO remembered VALUES "
FORGET_REMEMBERED = "DELETE FROM remembered WHERE sent_ms <= ?"
DROP_RANGE = "DELETE FROM {table} WHERE sequence BETWEEN ? AND ?"
DROP_LIST = "DELETE FROM {table} WHERE sequence IN ({marks})"
PUT_POSITION = "UPDATE meta SET folded_segment = ?, folded_offset = ?, last_queue = ?"


class Frozen(msgspec.Struct, gc=False):
    """What one fold moves: everything in the journal before `end` that is not in the tables yet."""

    messages: Memtable
    catalog: CatalogChanges
    end: Position


def fold(connection: sqlite3.Connection, frozen: Frozen) -> None:
    """Move everything into the tables. sqlite3.Error leaves them as they were, and Damaged: a row that is to be changed is damaged."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _fold_queues(connection, frozen.catalog)
        _fold_purges(connection, frozen.messages)
        _fold_deletes(connection, frozen.messages)
        _fold_messages(connection, frozen.messages)
        _fold_touched(connection, frozen.messages)
        _fold_remembered(connection, frozen.messages)
        connection.execute(PUT_POSITION, (*frozen.end, frozen.catalog.last_queue))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _fold_queues(connection: sqlite3.Connection, changes: CatalogChanges) -> None:
    connection.executemany(PUT_QUEUE, map(_queue_row, changes.queues.values()))
    if changes.deleted:
        connection.executemany(DROP_QUEUE, [(gone.number,) for gone in changes.deleted])
        connection.executemany(PUT_DELETED_QUEUE, map(msgspec.structs.astuple, changes.deleted))
        connection.execute(FORGET_DELETED_QUEUES, (changes.deleted[-1].at_ms - QUEUE_DELETED_RECENTLY_MS,))
    for task_id, task in changes.move_tasks.items():
        if task is None:
            connection.execute(DROP_MOVE_TASK, (task_id,))
        else:
            connection.execute(PUT_MOVE_TASK, (task_id, msgspec.msgpack.encode(task)))


def _queue_row(entry: QueueEntry) -> tuple[int | str, ...]:
    created = entry.created
    attributes, tags = (msgspec.json.encode(mapping).decode() for mapping in (entry.attributes, entry.tags))
    name = (created.queue, created.account, created.region, created.name)
    return (*name, attributes, tags, created.at_ms, entry.modified_ms, entry.purged_ms)


def _fold_purges(connection: sqlite3.Connection, messages: Memtable) -> None:
    """The rows themselves are removed later, by `care`."""
    for queue, through in messages.purged.items():
        connection.execute(PUT_DISCARD, (queue, through))
        connection.execute(COUNT_AGAIN, (through, first_sequence(queue + 1) - 1, queue))


def _fold_deletes(connection: sqlite3.Connection, messages: Memtable) -> None:
    deleted = sorted(sequence for sequence in messages.deleted if not messages.is_purged(sequence))
    for queue, of_queue in groupby(deleted, queue_of):
        sequences = list(of_queue)
        _drop(connection, "touched", sequences)
        connection.execute(ADD_TO_COUNT, (-_drop(connection, "messages", sequences), queue))


def _drop(connection: sqlite3.Connection, table: str, sequences: Sequence[int]) -> int:
    """Delete rows; how many there were. Sequences that follow each other go as a range, the others in lists."""
    dropped = 0
    singles: list[int] = []
    for first, last in runs(sequences):
        if last - first + 1 >= RUN_MIN:
            dropped += connection.execute(DROP_RANGE.format(table=table), (first, last)).rowcount
        else:
            singles += range(first, last + 1)
    for some in _chunks(singles):
        marks = ",".join("?" * len(some))
        dropped += connection.execute(DROP_LIST.format(table=table, marks=marks), some).rowcount
    return dropped


def runs(sequences: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Sorted numbers as (first, last) of each unbroken run."""
    first: int | None = None
    last = 0
    for sequence in sequences:
        if first is None:
            first = sequence
        elif sequence != last + 1:
            yield first, last
            first = sequence
        last = sequence
    if first is not None:
        yield first, last


def _fold_messages(connection: sqlite3.Connection, messages: Memtable) -> None:
    encoder = msgspec.msgpack.Encoder()
    sequences = sorted(messages.inserted)
    for some in _chunks_by_bytes(messages.inserted[sequence] for sequence in sequences):
        rows = ((message.sequence, encoder.encode(message)) for message in some)
        _insert(connection, PUT_MESSAGES, [(*row, checksum(*row)) for row in rows])
    connection.executemany(ADD_TO_COUNT, [(count, queue) for queue, count in Counter(map(queue_of, sequences)).items()])
    connection.executemany(PUT_LAST_SEQUENCE, [(last, queue) for queue, last in messages.last.items()])


def _fold_touched(connection: sqlite3.Connection, messages: Memtable) -> None:
    delayed = ((message.sequence, 0, 0, message.due_ms) for message in messages.inserted.values() if message.due_ms)
    received = (
        (sequence, fact.receive_count, fact.first_received_ms, fact.due_ms)
        for sequence, fact in messages.received.items()
        if not messages.is_purged(sequence)
    )
    for rows in (delayed, received):
        for some in _chunks(sorted(rows)):
            _put_touched(connection, some)
    for sequences in _chunks(sorted(sequence for sequence in messages.dues if not messages.is_purged(sequence))):
        known = _known(connection, sequences)
        _put_touched(connection, [(s, *known.get(s, (0, 0)), messages.dues[s]) for s in sequences])


def _known(connection: sqlite3.Connection, sequences: Sequence[int]) -> dict[int, tuple[int, int]]:
    """(receive_count, first_received_ms) of rows that only come due at another time."""
    known: dict[int, tuple[int, int]] = {}
    for *row, check in connection.execute(KNOWN.format(marks=",".join("?" * len(sequences))), sequences):
        verify("state of message", check, *row)
        known[row[0]] = (row[1], row[2])
    return known


def _put_touched(connection: sqlite3.Connection, rows: Sequence[tuple[int, int, int, int]]) -> None:
    _insert(connection, PUT_TOUCHED, [(*row, checksum(*row)) for row in rows], ON_TOUCHED)


def _fold_remembered(connection: sqlite3.Connection, messages: Memtable) -> None:
    if not messages.remembered:
        return
    entries = messages.remembered.values()
    newest_ms = max(entry.sent_ms for entry in entries)
    connection.execute(FORGET_REMEMBERED, (newest_ms - DEDUPLICATION_WINDOW_MS,))
    rows = [
        (entry.sequence, entry.key, entry.message_id, entry.sent_ms)
        for entry in entries
        if not messages.is_purged(entry.sequence)
    ]
    for some in _chunks(rows):
        _insert(connection, PUT_REMEMBERED, [(*row, checksum(*row)) for row in some])


def _insert(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]], conflict: str = ""
) -> None:
    text = statement + _marks(len(rows), len(rows[0])) + conflict
    connection.execute(text, [value for row in rows for value in row])


@lru_cache(64)
def _marks(rows: int, columns: int) -> str:
    row = f"({','.join('?' * columns)})"
    return ",".join([row] * rows)


def _chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    iterator = iter(values)
    while some := list(islice(iterator, ROWS_MAX)):
        yield some


def _chunks_by_bytes(messages: Iterable[Sent]) -> Iterator[list[Sent]]:
    """Messages in groups of at most ROWS_MAX, and no more once ROWS_BYTES_MAX are reached."""
    some: list[Sent] = []
    size = 0
    for message in messages:
        some.append(message)
        size += size_of(message)
        if len(some) == ROWS_MAX or size >= ROWS_BYTES_MAX:
            yield some
            some, size = [], 0
    if some:
        yield some
