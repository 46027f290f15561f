"""What is wrong in the tables of a data folder or of a backup: damaged pages, rows that cannot be read, rows that contradict each other.

What a problem means, and what to do about it, is left to the callers. Nothing is changed.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crossdock.broker.queues.facts import MoveTaskChanged, Sent, first_sequence, queue_of
from crossdock.broker.storage.database_files import Show
from crossdock.broker.storage.errors import UNREADABLE, Damaged
from crossdock.broker.storage.rows import verify
from crossdock.broker.storage.tables import CHECKSUMS_SINCE, DISCARDS, META, check_format, is_as_sent

SHOW_EVERY = 1_000
PROBLEMS_MAX = 20
"""So many of one kind are named one by one; the rest is counted."""

IDENTITY_BYTES = 16

QUEUES = "SELECT number, account, region, name, attributes, tags, last_sequence, message_count FROM queues"
MOVE_TASKS = "SELECT task_id, payload FROM move_tasks"
MESSAGES = "SELECT sequence, payload, {checksum} FROM messages"
STATES = "SELECT sequence, receive_count, first_received_ms, due_ms, {checksum} FROM touched"
REMEMBERED = "SELECT sequence, key, message_id, sent_ms, {checksum} FROM remembered"
HIGHEST = "SELECT max(sequence) FROM messages WHERE sequence >= ? AND sequence < ?"
SHOWN = "AND sequence > coalesce((SELECT through FROM discards WHERE queue = sequence >> 40), -1)"
LOST = f"SELECT count(*) FROM touched WHERE sequence NOT IN (SELECT sequence FROM messages) {SHOWN}"
IMPOSSIBLE = "SELECT count(*) FROM touched WHERE receive_count < 0 OR first_received_ms < 0 OR due_ms < 0"
STRANGE = (
    f"SELECT count(*) FROM remembered WHERE (sequence >> 40 NOT IN (SELECT number FROM queues) OR key = '') {SHOWN}"
)


@dataclass(slots=True)
class Report:
    """What a check found. Sound if there are no `problems`, each of which is a sentence."""

    queues: int = 0
    messages: int = 0
    """In the tables."""
    journal_facts: int = 0
    """Not yet in the tables."""
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What the row of a queue promises."""

    name: str
    last_sequence: int
    messages: int


class TableCheck:
    """One reading of all tables."""

    def __init__(self, connection: sqlite3.Connection, file: Path, show: Show) -> None:
        """`file` is where the database is."""
        self._connection = connection
        self._file = file
        self._name = file.name
        self._show = show
        self.queues: dict[int, QueueRow] = {}
        """By number, once the report is made."""
        self._discards: dict[int, int] = {}
        self._found: Counter[int] = Counter()
        self._checksum = "checksum"

    def report(self) -> Report:
        """Read everything. What SQLite cannot read is a problem like others. StorageError if the format is newer."""
        problems: list[str] = []
        try:
            if check_format(self._connection, str(self._file)) < CHECKSUMS_SINCE:
                self._checksum = "NULL"
            problems += list(self._damage()) or list(self._meta())
            if not problems:
                rows = (self._queues, self._move_tasks, self._messages, self._states, self._sends)
                for part in (*rows, self._counts, self._rest):
                    problems += _at_most(PROBLEMS_MAX, part())
        except UNREADABLE as error:
            problems.append(f"{self._name} cannot be read: {error}")
        return Report(len(self.queues), self._found.total(), problems=problems)

    def _damage(self) -> Iterator[str]:
        for (text,) in self._connection.execute(f"PRAGMA integrity_check({PROBLEMS_MAX})"):
            if text != "ok":
                yield f"{self._name} is damaged: {' '.join(str(text).split())}"

    def _meta(self) -> Iterator[str]:
        rows = self._connection.execute(META).fetchall()
        if len(rows) != 1 or len(rows[0][0]) != IDENTITY_BYTES or min(rows[0][1:]) < 0:
            yield f"{self._name} does not say whose it is and where its journal goes on"

    def _queues(self) -> Iterator[str]:
        self._discards = dict(self._connection.execute(DISCARDS))
        last_queue = self._connection.execute(META).fetchone()[3]
        names: set[tuple[str, str, str]] = set()
        for number, account, region, name, attributes, tags, last_sequence, count in self._connection.execute(QUEUES):
            self.queues[number] = QueueRow(name, last_sequence, count)
            if (account, region, name) in names:
                yield f"there are two queues {name} in {region} of account {account}"
            names.add((account, region, name))
            if number > last_queue:
                yield f"queue {name} has number {number}, and the highest that was given is {last_queue}"
            if last_sequence and queue_of(last_sequence) != number:
                yield f"the last message of queue {name} is one of queue {queue_of(last_sequence)}"
            try:
                for text in (attributes, tags):
                    msgspec.json.decode(text, type=dict[str, str])
            except msgspec.MsgspecError as error:
                yield f"the settings of queue {name} cannot be read: {error}"

    def _move_tasks(self) -> Iterator[str]:
        for task_id, payload in self._connection.execute(MOVE_TASKS):
            try:
                msgspec.msgpack.decode(payload, type=MoveTaskChanged)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                yield f"move task {task_id} cannot be read: {error}"

    def _messages(self) -> Iterator[str]:
        total = sum(queue.messages for queue in self.queues.values())
        decoder = msgspec.msgpack.Decoder(Sent)
        for number, (sequence, payload, check) in enumerate(self._rows(MESSAGES)):
            if number % SHOW_EVERY == 0:
                self._show("checked", number, total)
            queue = queue_of(sequence)
            if sequence > self._discards.get(queue, -1):
                self._found[queue] += 1
            try:
                verify("message", check, sequence, payload)
            except Damaged:
                yield f"message {self.place(sequence)} is not what was written"
                continue
            try:
                message = decoder.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                yield f"message {self.place(sequence)} cannot be read: {error}"
                continue
            if message.sequence != sequence or not is_as_sent(message):
                yield f"message {self.place(sequence)} is not what was sent"

    def _states(self) -> Iterator[str]:
        for *row, check in self._rows(STATES):
            try:
                verify("state of message", check, *row)
            except Damaged:
                yield f"the state of message {self.place(row[0])} is not what was written"

    def _sends(self) -> Iterator[str]:
        for *row, check in self._rows(REMEMBERED):
            try:
                verify("send", check, *row)
            except Damaged:
                yield f"what is remembered of message {self.place(row[0])} is not what was written"

    def _rows(self, statement: str) -> sqlite3.Cursor:
        return self._connection.execute(statement.format(checksum=self._checksum))

    def _counts(self) -> Iterator[str]:
        for number, queue in sorted(self.queues.items()):
            if queue.messages != self._found[number]:
                yield f"queue {queue.name} should hold {queue.messages} messages and holds {self._found[number]}"
        for number in sorted(self._found.keys() - self.queues.keys()):
            yield f"{self._found[number]} messages belong to queue {number}, which does not exist"

    def _rest(self) -> Iterator[str]:
        for number, queue in self.queues.items():
            highest = self._one(HIGHEST, first_sequence(number), first_sequence(number + 1))
            if highest is not None and highest > queue.last_sequence:
                yield f"message {self.place(highest)} is behind the last that was sent to its queue"
        for statement, sentence in (
            (LOST, "messages were received or delayed and are not there"),
            (IMPOSSIBLE, "messages were received at an impossible time or number of times"),
            (STRANGE, "entries of the deduplication memory belong to no queue or have no key"),
        ):
            if count := self._one(statement):
                yield f"{count} {sentence}"

    def _one(self, statement: str, *arguments: int) -> int | None:
        value: int | None = self._connection.execute(statement, arguments).fetchone()[0]
        return value

    def place(self, sequence: int) -> str:
        """A message, by the name of its queue and its position there."""
        queue = self.queues.get(queue_of(sequence))
        name = queue.name if queue else f"queue {queue_of(sequence)}"
        return f"{sequence - first_sequence(queue_of(sequence))} of {name}"


def _at_most(limit: int, problems: Iterator[str]) -> Iterator[str]:
    more = 0
    for number, problem in enumerate(problems):
        if number < limit:
            yield problem
        else:
            more += 1
    if more:
        yield f"and {more} more of the kind"
