"""Backup and restore. A backup is one SQLite file: the tables of queues, metrics and alarms, marked as a backup, with nothing left in a
journal.

The process that asks for a backup copies the tables itself, from a snapshot that SQLite keeps for it while the broker goes on
(docs/decisions/0014). Asking a broker to have everything in the tables first is left to `control`.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from crossdock.broker.storage.check_tables import Report, TableCheck
from crossdock.broker.storage.database_files import (
    PARTIAL,
    Show,
    copy,
    open_frozen,
    open_used,
    publish,
    reason,
    unfinished,
)
from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.folder import WATCH, DataFolder, find_data
from crossdock.broker.storage.tables import check_format
from crossdock.broker.storage.watch_database import leave_behind, take_along

BACKUP_ID = 0x58444B42
"""`XDKB`, the application id of SQLite that tells a backup from a copy of a data folder's `broker.db`."""

SQLITE_MAGIC = b"SQLite format 3\0"
SQLITE_HEADER_BYTES = 100
APPLICATION_ID = slice(68, 72)

DETACH = f"""
    PRAGMA journal_mode = DELETE;
    PRAGMA application_id = {BACKUP_ID};
    UPDATE meta SET folded_segment = folded_segment + 1, folded_offset = 0;
"""
"""The journal goes on in a segment that does not exist."""

ATTACH = "PRAGMA application_id = 0; UPDATE meta SET identity = randomblob(16);"
"""A restored folder has a history of its own: journal files of the original, or of another copy, do not belong to it."""

WATCH_PARTIAL = f"{WATCH}.partial"

LEFTOVERS = {"lock", "journal", WATCH, WATCH_PARTIAL, f"{WATCH_PARTIAL}-wal", f"{WATCH_PARTIAL}-shm"}
"""What a restore that was killed leaves in a folder, apart from PARTIAL."""


def check_backup(file: Path, show: Show) -> Report:
    """Read everything in a backup and change nothing. StorageError if it is no backup at all, or of a newer format."""
    if not file.is_file():
        raise StorageError(f"there is no backup {file}")
    if not _is_backup(file):
        raise StorageError(
            f"{file} is not a backup; make one with `crossdock broker backup`. "
            "A plain copy of broker.db lacks what is in the journal"
        )
    with closing(open_frozen(file)) as connection:
        return TableCheck(connection, file, show).report()


def _is_backup(file: Path) -> bool:
    """Whether its first bytes are those of a backup, be the rest damaged or not (https://www.sqlite.org/fileformat.html#the_database_header)."""
    with file.open("rb") as stream:
        header = stream.read(SQLITE_HEADER_BYTES)
    return header.startswith(SQLITE_MAGIC) and int.from_bytes(header[APPLICATION_ID]) == BACKUP_ID


def backup(data: Path, file: Path, show: Show) -> Report:
    """Copy the tables of a data folder to a file, which appears when it is complete, sound and on disk; what is in it.

    A broker may use the folder meanwhile. StorageError says why there is no backup.
    """
    find_data(data)
    partial = Path(tempfile.mktemp(prefix=f".{file.name}.", suffix=".partial", dir=file.absolute().parent))
    try:
        with unfinished(partial):
            with closing(open_used(data / "broker.db")) as source:
                check_format(source, str(data / "broker.db"))
                copy(source, partial, DETACH, show)
            with closing(open_used(partial)) as copied:
                take_along(copied, data / WATCH)
            report = check_backup(partial, show)
            if report.problems:
                raise StorageError(f"{data} is damaged, there is no backup: {report.problems[0]}")
            publish(partial, file)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{data} cannot be backed up to {file}: {reason(error)}; there is no backup") from error
    return report


def restore(file: Path, data: Path, show: Show) -> Report:
    """Make a data folder from a backup, whole or not at all; what is in it.

    StorageError if the file is no sound backup, or the folder is not empty; then nothing was written.
    """
    report = check_backup(file, show)
    if report.problems:
        raise StorageError(f"{file} is damaged, nothing is restored: {report.problems[0]}; use another backup")
    try:
        with _new_folder(data) as folder, unfinished(partial := folder.path / PARTIAL):
            with closing(open_frozen(file)) as source:
                copy(source, partial, ATTACH, show)
            with unfinished(partial_watch := folder.path / WATCH_PARTIAL):
                with closing(open_used(partial)) as copied:
                    watched = leave_behind(copied, partial_watch)
                if watched:
                    publish(partial_watch, folder.watch_database)
            publish(partial, folder.database)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{file} cannot be restored to {data}: {reason(error)}; nothing is restored") from error
    return report


@contextmanager
def _new_folder(data: Path) -> Iterator[DataFolder]:
    """A data folder that is empty but for what a killed restore left; removed again, if it was not there, when it cannot be filled."""
    existed = data.exists()
    _check_empty(data)
    folder = DataFolder(data)
    try:
        _check_empty(data)
        yield folder
    except BaseException:
        if not existed:
            shutil.rmtree(data, ignore_errors=True)
        raise
    finally:
        folder.release()


def _check_empty(data: Path) -> None:
    names = {path.name for path in data.glob("*") if not path.name.startswith(PARTIAL)}
    if not names <= LEFTOVERS or any((data / "journal").glob("*")):
        raise StorageError(f"data folder {data} is not empty; restore into a new one, or move it away first")
