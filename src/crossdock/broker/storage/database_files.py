"""Database files as files: opened for reading only, copied while others write to them, given their name once they are complete.

What is in them is left to `tables`.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from errno import ENOSPC
from pathlib import Path

from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Files

Show = Callable[[str, int, int], None]
"""Is told of progress: what is done with each, how many are done, of how many."""

PARTIAL = "broker.db.partial"
"""The database of a data folder, while it is made anew."""

PAGES_A_STEP = 256
SYNC_EVERY = 4
"""So many steps are on disk before the next is copied, lest much of it be written at once and a broker's commits queue up behind it."""

SNAPSHOT = "BEGIN; SELECT count(*) FROM sqlite_schema;"
SIZE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"


def open_frozen(database: Path) -> sqlite3.Connection:
    """Open a file to which nobody writes, for reading only: without locks, and without files beside it. StorageError as the others."""
    return _connect(database, "mode=ro&immutable=1")


def open_unused(database: Path) -> sqlite3.Connection:
    """Open the database of a folder that no broker uses, for reading only. A write-ahead log is read with it and left."""
    log = database.with_name(f"{database.name}-wal")
    return _connect(database, "mode=ro") if log.exists() else open_frozen(database)


def open_used(database: Path) -> sqlite3.Connection:
    """Open a database that others may be writing to."""
    return _connect(database, "mode=rw")


def _connect(database: Path, how: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"{database.absolute().as_uri()}?{how}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StorageError(f"{database} cannot be opened: {error}; check its rights") from error


def copy(source: sqlite3.Connection, target: Path, change: str, show: Show) -> None:
    """Copy a database as it is now, whatever is written to it meanwhile, to an empty file, and execute `change` on the copy.

    OSError or sqlite3.Error if that cannot be done; what was copied until then is left to the caller (`remove`).
    """
    steps = 0

    def step(_: int, left: int, pages: int) -> None:
        nonlocal steps
        steps += 1
        if steps % SYNC_EVERY == 0:
            sync(target)
        show("copied", pages - left, pages)

    source.executescript(SNAPSHOT)
    size = source.execute(SIZE).fetchone()[0]
    if size > (free := Files().free_bytes(target.parent)):
        raise OSError(ENOSPC, f"it takes {size} bytes, and {free} are free")
    with closing(open_used(target)) as connection:
        source.backup(connection, pages=PAGES_A_STEP, progress=step)
        connection.executescript(change)


@contextmanager
def unfinished(partial: Path) -> Iterator[None]:
    """An empty database file that only its owner may use, to be filled; in the end it is gone, unless `publish` gave it its name."""
    try:
        remove(partial)
        partial.touch(mode=0o600, exist_ok=False)
        yield
    finally:
        remove(partial)


def publish(partial: Path, file: Path) -> None:
    """Give a complete file its name, so that it is on disk or not there at all."""
    sync(partial)
    Files().rename(partial, file)


def sync(path: Path) -> None:
    """Return when a file is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(partial: Path) -> None:
    """Remove what there is of an unfinished database."""
    for ending in ("", "-journal", "-wal", "-shm"):
        partial.with_name(partial.name + ending).unlink(missing_ok=True)


def reason(error: OSError | sqlite3.Error) -> str:
    """Why the operating system or SQLite refused, in its own words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
