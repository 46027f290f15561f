"""The tables: how the database of a data folder is opened, and what is read from it. Every statement has a name.

Two connections: the reader belongs to the thread of the event loop, the writer to the thread of `upkeep`. Writing is left to `fold`
and `care`.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec

from crossdock.aws.quotas import QUEUE_DELETED_RECENTLY_MS
from crossdock.broker.queues.facts import (
    FORMAT_VERSION,
    MoveTaskChanged,
    QueueCreated,
    Remembered,
    Sent,
    Stored,
    queue_of,
)
from crossdock.broker.storage.catalog import Catalog, DeletedQueue, QueueEntry
from crossdock.broker.storage.errors import Damaged, StorageError, is_full
from crossdock.broker.storage.rows import verify
from crossdock.broker.storage.segment import Position

SETTINGS = """
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 33554432;
    PRAGMA secure_delete = OFF;
    PRAGMA cache_size = -8192;
    PRAGMA busy_timeout = 10000;
"""
"""Checkpoints are made by `care`, off the hot path; a WAL file that grew is cut back to 32 MiB; 8 MiB of cache a connection."""

INDEXES = "CREATE INDEX IF NOT EXISTS touched_by_due ON touched (sequence >> 40, due_ms, sequence, receive_count)"
"""Made when a database is opened, for older ones do not have them. 40: POSITION_BITS."""

CHECKSUMS_SINCE = 2

ADD_CHECKSUMS = """
    BEGIN;
    ALTER TABLE messages ADD COLUMN checksum INTEGER;
    ALTER TABLE touched ADD COLUMN checksum INTEGER;
    ALTER TABLE remembered ADD COLUMN checksum INTEGER;
    PRAGMA user_version = 2;
    COMMIT;
"""
"""Format 1 becomes format 2: rows that are there keep their bytes, and have no checksum. Later versions of SQLite than 3.40 read STRICT tables
through once for it."""

SETTLE = "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 10000;"

META = "SELECT identity, folded_segment, folded_offset, last_queue FROM meta"
QUEUES = "SELECT number, account, region, name, created_ms, attributes, tags, modified_ms, purged_ms FROM queues ORDER BY number"
COUNTS = "SELECT number, last_sequence, message_count FROM queues"
COUNT_BEHIND = "SELECT count(*) FROM messages WHERE sequence > ? AND sequence <= ?"
DELETED_QUEUES = (
    "SELECT number, account, region, name, deleted_ms FROM deleted_queues WHERE deleted_ms > ? ORDER BY deleted_ms"
)
MOVE_TASKS = "SELECT payload FROM move_tasks"
DISCARDS = "SELECT queue, through FROM discards"
SENDS = """
    SELECT sequence, key, message_id, sent_ms, checksum FROM remembered
    WHERE sequence > ? AND sequence <= ? AND +sent_ms > ? ORDER BY sequence LIMIT ?
"""
REMEMBERED_SEND = "SELECT sequence, key, message_id, sent_ms, checksum FROM remembered WHERE sequence = ?"
CONTENT = "SELECT payload, checksum FROM messages WHERE sequence = ?"
PAGE = """
    SELECT sequence, payload, messages.checksum, receive_count, first_received_ms, due_ms, touched.checksum
    FROM messages LEFT JOIN touched USING (sequence)
    WHERE sequence > ? AND sequence <= ? ORDER BY sequence
"""
SOME = """
    SELECT sequence, payload, messages.checksum, receive_count, first_received_ms, due_ms, touched.checksum
    FROM json_each(?) AS wanted CROSS JOIN messages ON sequence = wanted.value LEFT JOIN touched USING (sequence)
"""
DUE = """
    SELECT sequence, receive_count, first_received_ms, due_ms, checksum FROM touched INDEXED BY touched_by_due
    WHERE sequence >> 40 = ? AND (due_ms, sequence) > (?, ?) ORDER BY due_ms, sequence
"""
"""SQLite takes what the index has from the index, and the rest from the row: the checksum is that of both."""

HIDDEN = "SELECT receive_count, first_received_ms, due_ms, checksum FROM touched WHERE sequence = ?"
COUNT_HIDDEN = """
    SELECT sequence >> 40, count(*) - sum(receive_count > 0), sum(receive_count > 0)
    FROM touched INDEXED BY touched_by_due WHERE due_ms > ? GROUP BY sequence >> 40
"""
COUNT_HIDDEN_BEHIND = """
    SELECT receive_count > 0, count(*) FROM touched
    WHERE sequence > ? AND sequence <= ? AND due_ms > ? GROUP BY receive_count > 0
"""
TOUCHED = """
    SELECT sequence, payload, messages.checksum, receive_count, first_received_ms, due_ms, touched.checksum
    FROM touched LEFT JOIN messages USING (sequence)
    WHERE sequence > ? AND sequence <= ? AND due_ms > ? ORDER BY sequence
"""


class Meta(NamedTuple):
    """The one row of `meta`."""

    identity: bytes
    folded: Position
    last_queue: int


class Tables:
    """The database of one data folder; `path` is None for one in memory, which has no writer."""

    def __init__(self, path: Path | None) -> None:
        """Open the database, made first if it is not there. StorageError if it is not ours, newer, or damaged."""
        self.path = path
        self._decoder = msgspec.msgpack.Decoder(Sent)
        try:
            self.reader = sqlite3.connect(path or ":memory:", isolation_level=None)
        except sqlite3.Error as error:
            raise _cannot_open(path, error) from error
        try:
            version = check_format(self.reader, str(path))
            self.reader.executescript(SETTINGS)
            if not version:
                make_tables(self.reader)
            elif version < CHECKSUMS_SINCE:
                self.reader.executescript(ADD_CHECKSUMS)
            self.reader.execute(INDEXES)
            self.writer = self._connect_writer() if path else self.reader
        except sqlite3.Error as error:
            self.reader.close()
            raise _cannot_open(path, error) from error
        except StorageError:
            self.reader.close()
            raise

    def _connect_writer(self) -> sqlite3.Connection:
        writer = sqlite3.connect(str(self.path), isolation_level=None, check_same_thread=False)
        writer.executescript(SETTINGS)
        return writer

    def close(self) -> None:
        """Close both connections."""
        self.reader.close()
        self.writer.close()

    def shrink(self) -> None:
        """Let go of the pages that the reading connection keeps in memory."""
        self.reader.execute("PRAGMA shrink_memory")

    def settle(self) -> None:
        """Move what an earlier process left in the write-ahead log into the database, on disk, and empty the log, unless a backup reads it.

        After a sync that failed, the operating system shows what was written and never writes it: the log may hold that. Without space for
        it the log stays as it is.
        """
        try:
            self.writer.executescript(SETTLE)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise

    def meta(self) -> Meta:
        """Whose tables these are, and up to where the journal is folded into them."""
        identity, segment, offset, last_queue = self.reader.execute(META).fetchone()
        return Meta(identity, Position(segment, offset), last_queue)

    def catalog(self, now_ms: int) -> Catalog:
        """The catalog as of the last fold."""
        catalog = Catalog()
        catalog.last_queue = self.meta().last_queue
        for number, account, region, name, created_ms, *rest in self.reader.execute(QUEUES):
            attributes, tags = (msgspec.json.decode(text, type=dict[str, str]) for text in rest[:2])
            created = QueueCreated(number, account, region, name, attributes, tags, created_ms)
            catalog.queues[number] = QueueEntry(created, attributes, tags, rest[2], rest[3])
        for row in self.reader.execute(DELETED_QUEUES, (now_ms - QUEUE_DELETED_RECENTLY_MS,)):
            catalog.deleted.append(DeletedQueue(*row))
        for (payload,) in self.reader.execute(MOVE_TASKS):
            task = msgspec.msgpack.decode(payload, type=MoveTaskChanged)
            catalog.move_tasks[task.task_id] = task
        return catalog

    def counts(self) -> dict[int, tuple[int, int]]:
        """By queue: its last sequence and the number of its messages, as of the last fold."""
        return {number: (last, count) for number, last, count in self.reader.execute(COUNTS)}

    def count_behind(self, after: int, through: int) -> int:
        """The number of messages with `after < sequence <= through`."""
        return int(self.reader.execute(COUNT_BEHIND, (after, through)).fetchone()[0])

    def discards(self) -> dict[int, int]:
        """By queue: the sequence up to which rows are not to be shown."""
        return dict(self.reader.execute(DISCARDS))

    def sends(self, after: int, through: int, after_ms: int, limit: int) -> list[tuple[int, str, int]]:
        """(sequence, key, sent_ms) of the first sends in the deduplication memory with `after < sequence <= through`, made after a moment."""
        found = self.reader.execute(SENDS, (after, through, after_ms, limit)).fetchall()
        return [(sent.sequence, sent.key, sent.sent_ms) for sent in map(_as_remembered, found)]

    def remembered_send(self, sequence: int) -> Remembered | None:
        """What is remembered of one send; None if nothing is."""
        row = self.reader.execute(REMEMBERED_SEND, (sequence,)).fetchone()
        return None if row is None else _as_remembered(row)

    def content(self, sequence: int) -> Sent | None:
        """The content of a message; None if there is none."""
        row = self.reader.execute(CONTENT, (sequence,)).fetchone()
        return None if row is None else self._as_sent(sequence, *row)

    def page(self, after: int, through: int) -> Iterator[Stored]:
        """Messages with `after < sequence <= through`, in order."""
        return self._messages(PAGE, (after, through))

    def some(self, sequences: list[int]) -> Iterator[Stored]:
        """Messages in the order of `sequences`, without those that are not there."""
        return self._messages(SOME, (msgspec.json.encode(sequences).decode(),))

    def due_later(self, after: int, through: int, now_ms: int) -> Iterator[Stored]:
        """Those of them that are in flight or delayed at `now_ms`."""
        return self._messages(TOUCHED, (after, through, now_ms))

    def due(self, queue: int, after: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
        """(due_ms, sequence, receive_count) of the messages of a queue that were hidden, behind `after`, in order."""
        with closing(self.reader.execute(DUE, (queue, *after))) as rows:
            for sequence, receive_count, first_received_ms, due_ms, check in rows:
                verify("state of message", check, sequence, receive_count, first_received_ms, due_ms)
                yield due_ms, sequence, receive_count

    def hidden(self, sequence: int) -> tuple[int, int]:
        """(due_ms, receive_count) of one message; zeroes if it was never hidden."""
        row = self.reader.execute(HIDDEN, (sequence,)).fetchone()
        if row is None:
            return 0, 0
        receive_count, first_received_ms, due_ms, check = row
        verify("state of message", check, sequence, receive_count, first_received_ms, due_ms)
        return due_ms, receive_count

    def count_hidden(self, now_ms: int) -> dict[int, tuple[int, int]]:
        """By queue: how many of its messages are due after a moment, (never received, received)."""
        return {
            queue: (delayed, in_flight) for queue, delayed, in_flight in self.reader.execute(COUNT_HIDDEN, (now_ms,))
        }

    def count_hidden_behind(self, after: int, through: int, now_ms: int) -> tuple[int, int]:
        """The same for messages with `after < sequence <= through`."""
        counts = dict(self.reader.execute(COUNT_HIDDEN_BEHIND, (after, through, now_ms)).fetchall())
        return counts.get(0, 0), counts.get(1, 0)

    def stored(self, sequence: int) -> Stored | None:
        """One message; None if there is none."""
        return next(self._messages(PAGE, (sequence - 1, sequence)), None)

    def _messages(self, statement: str, arguments: tuple[int | str, ...]) -> Iterator[Stored]:
        with closing(self.reader.execute(statement, arguments)) as rows:
            for sequence, payload, check, receive_count, first_received_ms, due_ms, touched_check in rows:
                message = self._as_sent(sequence, payload, check)
                if receive_count is None:
                    yield Stored(message, 0, 0, message.due_ms)
                else:
                    verify("state of message", touched_check, sequence, receive_count, first_received_ms, due_ms)
                    yield Stored(message, receive_count, first_received_ms, due_ms)

    def _as_sent(self, sequence: int, payload: bytes | None, check: int | None) -> Sent:
        """A message of the tables. Damaged if it is not there, or not the one that was written: nobody is given another's body for it."""
        if payload is None:
            raise Damaged(f"message {sequence} is missing")
        verify("message", check, sequence, payload)
        message = self._decoder.decode(payload)
        if message.sequence != sequence or (check is None and not is_as_sent(message)):
            raise Damaged(f"message {sequence} is not what was sent")
        return message


def _as_remembered(row: tuple[int, str, str, int, int | None]) -> Remembered:
    sequence, key, message_id, sent_ms, check = row
    verify("send", check, sequence, key, message_id, sent_ms)
    return Remembered(queue_of(sequence), key, sequence, message_id, sent_ms)


def is_as_sent(message: Sent) -> bool:
    """Whether the body is the one whose MD5 was answered when it was sent."""
    return message.md5_of_body == hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()


def _cannot_open(path: Path | None, error: sqlite3.Error) -> StorageError:
    remedy = "make space on its disk" if is_full(error) else "check its rights, or restore the folder from a backup"
    return StorageError(f"{path} cannot be opened: {error}; {remedy}")


def check_format(connection: sqlite3.Connection, name: str, newest: int = FORMAT_VERSION) -> int:
    """The format of the tables, 0 if there are none yet; StorageError if they are those of another program, or of a newer format. Changes nothing."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > newest:
        raise StorageError(
            f"{name} has format {version}, newer than {newest}; start the crossdock version that wrote it"
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise StorageError(f"{name} is a database of another program; choose another data folder")
    return version


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new database, all or none."""
    schema = resources.files("crossdock.broker.storage").joinpath("schema.sql").read_text()
    connection.executescript(f"BEGIN; {schema} PRAGMA user_version = {FORMAT_VERSION}; COMMIT;")
