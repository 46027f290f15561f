"""Care by hand, of a data folder that no broker uses: is it sound, and make it small."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from crossdock.broker.queues.facts import Sent, queue_of
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.folder import DataFolder
from crossdock.broker.storage.journal import Replay
from crossdock.broker.storage.segments import Segments
from crossdock.broker.storage.settings import StorageSettings
from crossdock.broker.storage.store import Store
from crossdock.broker.storage.tables import Tables

MESSAGES = "SELECT sequence, payload FROM messages"
LOST = """
    SELECT count(*) FROM touched WHERE sequence NOT IN (SELECT sequence FROM messages)
    AND sequence > coalesce((SELECT through FROM discards WHERE queue = sequence >> 40), -1)
"""


@dataclass(slots=True)
class Report:
    """What a check found. Sound if there are no `problems`, each of which is a sentence."""

    queues: int = 0
    messages: int = 0
    """In the tables."""
    journal_facts: int = 0
    """Not yet in the tables."""
    problems: list[str] = field(default_factory=list)


def check(data: Path) -> Report:
    """Read everything in a data folder and change nothing. StorageError if it is in use, or cannot be opened at all."""
    if not (data / "broker.db").exists():
        raise StorageError(f"{data} is not the data folder of a broker")
    folder = DataFolder(data)
    try:
        tables = Tables(folder.database)
        with closing(tables):
            return _check(folder, tables)
    finally:
        folder.release()


def compact(data: Path, now_ms: int) -> tuple[int, int]:
    """Fold the journal and give back all free space; the size in bytes before and after. It takes as much free space as the messages."""
    if not (data / "broker.db").exists():
        raise StorageError(f"{data} is not the data folder of a broker")
    store = Store.open(StorageSettings(data=data), now_ms)
    before = store.disk_bytes()
    store.close()
    folder = DataFolder(data)
    try:
        with closing(sqlite3.connect(folder.database, isolation_level=None)) as connection:
            connection.execute("VACUUM")
        for spare in folder.journal.glob("*.spare"):
            spare.unlink()
        return before, folder.bytes()
    except sqlite3.Error as error:
        raise StorageError(f"{folder.database} cannot be compacted: {error}") from error
    finally:
        folder.release()


def _check(folder: DataFolder, tables: Tables) -> Report:
    report = Report()
    report.problems += [row[0] for row in tables.reader.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
    if not report.problems:
        report.problems += _table_problems(tables, report)
    report.problems += _journal_problems(folder, tables, report)
    return report


def _table_problems(tables: Tables, report: Report) -> Iterator[str]:
    discards = tables.discards()
    found: Counter[int] = Counter()
    decoder = msgspec.msgpack.Decoder(Sent)
    for sequence, payload in tables.reader.execute(MESSAGES):
        if sequence > discards.get(queue_of(sequence), -1):
            found[queue_of(sequence)] += 1
        try:
            message = decoder.decode(payload)
        except msgspec.MsgspecError as error:
            yield f"message {sequence} cannot be read: {error}"
            continue
        if message.sequence != sequence or message.md5_of_body != _md5(message.body):
            yield f"message {sequence} is not what was sent"
    report.messages = found.total()
    counts = {number: count for number, (_, count) in tables.counts().items()}
    report.queues = len(counts)
    for number in sorted(counts.keys() | found.keys()):
        if counts.get(number, 0) != found[number]:
            yield f"queue {number} should hold {counts.get(number, 0)} messages and holds {found[number]}"
    if lost := tables.reader.execute(LOST).fetchone()[0]:
        yield f"{lost} messages were received and are not there"


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _journal_problems(folder: DataFolder, tables: Tables, report: Report) -> Iterator[str]:
    meta = tables.meta()
    segments = Segments(Files(), folder.journal, meta.identity, 0)
    try:
        for facts in Replay(segments, meta.folded):
            report.journal_facts += len(facts)
    except (StorageError, OSError) as error:
        yield str(error)
