"""Backup while the store is in use, and restore. A backup is one SQLite file: the tables, with nothing left in a journal.

A backup can be read with any SQLite tool, and restoring it is making a data folder around a copy of it. When to make one is left to
the operator; folding the journal first is left to `store`.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.folder import DataFolder
from crossdock.broker.storage.tables import check_format

PAGES_A_STEP = 256

DETACH = """
    PRAGMA journal_mode = DELETE;
    UPDATE meta SET identity = randomblob(16), folded_segment = folded_segment + 1, folded_offset = 0;
"""
"""A restored folder has a history of its own: journal files of the original do not belong to it."""


def backup(file: Path, connection: sqlite3.Connection, give_way: Callable[[], None]) -> Iterator[None]:
    """Copy the tables to a file, calling `give_way` between steps. What is folded meanwhile is in the copy. A chore of `upkeep`.

    The file appears when it is complete and on disk. OSError or sqlite3.Error if it cannot be written.
    """
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial, isolation_level=None)) as target:
        connection.backup(target, pages=PAGES_A_STEP, progress=lambda *_: give_way())
        target.executescript(DETACH)
    _publish(partial, file)
    yield


def restore(file: Path, data: Path) -> None:
    """Make a data folder from a backup. StorageError if the file is no sound backup, or the folder holds a broker's data already."""
    if not file.is_file():
        raise StorageError(f"there is no backup {file}")
    folder = DataFolder(data)
    try:
        if folder.database.exists():
            raise StorageError(f"data folder {data} is not empty; restore into a new one")
        partial = folder.database.with_name("broker.db.partial")
        shutil.copyfile(file, partial)
        _check_backup(partial, file)
        _publish(partial, folder.database)
    finally:
        folder.release()


def _check_backup(copy: Path, file: Path) -> None:
    """Raise StorageError, and remove the copy, unless it is sound."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem == "ok" and not check_format(connection, str(file)):
                problem = "it is empty"
    except sqlite3.Error as error:
        problem = str(error)
    except StorageError:
        copy.unlink()
        raise
    if problem != "ok":
        copy.unlink()
        raise StorageError(f"{file} is not a sound backup: {problem}")


def _publish(partial: Path, file: Path) -> None:
    """Give a complete file its name, so that it is on disk or not there at all."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    Files().rename(partial, file)
