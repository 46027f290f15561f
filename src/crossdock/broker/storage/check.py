"""Check by hand: is a data folder that no broker uses sound? Reads everything and changes nothing.

The tables are left to `check_tables`; what is checked here is the journal, and that it fits them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from crossdock.broker.queues.facts import Moved, QueueCreated, QueueDeleted, Sent, queue_of
from crossdock.broker.storage.check_tables import Report, TableCheck
from crossdock.broker.storage.database_files import Show, open_unused
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.folder import DataFolder, find_data
from crossdock.broker.storage.journal import Replay
from crossdock.broker.storage.segment import Position
from crossdock.broker.storage.segments import Segments
from crossdock.broker.storage.tables import META, is_as_sent
from crossdock.broker.storage.watch_database import check_watch


def check(data: Path, show: Show) -> Report:
    """What is in a data folder, and what is wrong with it. StorageError if it is in use, of a newer format, or no data folder."""
    find_data(data)
    folder = DataFolder(data)
    try:
        with closing(open_unused(folder.database)) as connection:
            tables = TableCheck(connection, folder.database, show)
            report = tables.report()
            if not report.problems:
                report.problems += _journal(folder, connection, tables, report)
        report.problems += check_watch(folder.watch_database)
        return report
    finally:
        folder.release()


def _journal(folder: DataFolder, connection: sqlite3.Connection, tables: TableCheck, report: Report) -> Iterator[str]:
    identity, segment, offset, _ = connection.execute(META).fetchone()
    replay = Replay(Segments(Files(), folder.journal, identity, 0), Position(segment, offset))
    last = {number: queue.last_sequence for number, queue in tables.queues.items()}
    try:
        for facts in replay:
            report.journal_facts += len(facts)
            for fact in facts:
                if isinstance(fact, QueueCreated):
                    last[fact.queue] = 0
                elif isinstance(fact, QueueDeleted):
                    last.pop(fact.queue, None)
                elif isinstance(fact, Sent | Moved):
                    yield from _sent(fact.message if isinstance(fact, Moved) else fact, last, tables)
    except (StorageError, OSError) as error:
        yield str(error)


def _sent(message: Sent, last: dict[int, int], tables: TableCheck) -> Iterator[str]:
    queue = queue_of(message.sequence)
    place = tables.place(message.sequence)
    if not is_as_sent(message):
        yield f"message {place}, in the journal, is not what was sent"
    if queue not in last:
        yield f"message {place}, in the journal, was sent to a queue that does not exist"
    elif message.sequence <= last[queue]:
        yield f"message {place}, in the journal, was sent after a later one"
    last[queue] = message.sequence
