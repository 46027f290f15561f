"""Care of a data folder that no broker uses: everything into the tables, and all free space back to the disk.

A broker that runs gives most of the space back by itself (`care`).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from crossdock.broker.storage.care import sweep
from crossdock.broker.storage.database_files import PARTIAL, open_used, publish, reason, unfinished
from crossdock.broker.storage.errors import StorageError, StorageFailed
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.folder import DataFolder, find_data
from crossdock.broker.storage.segments import give_up_spares
from crossdock.broker.storage.settings import StorageSettings
from crossdock.broker.storage.store import Store

ALONE = "PRAGMA journal_mode = DELETE"
"""Fails while a backup reads the database, and leaves no write-ahead log beside it that would not belong to its successor."""


def settle(data: Path, now_ms: int) -> int:
    """Move everything in the journal into the tables; the size of the folder in bytes before. StorageError if that cannot be done."""
    find_data(data)
    store = Store.open(StorageSettings(data=data), now_ms)
    before = store.disk_bytes()
    try:
        store.close()
    except StorageFailed as failure:
        raise StorageError(f"{failure}; nothing is lost, make space or mend the disk and try again") from failure
    return before


def compact(data: Path, now_ms: int) -> tuple[int, int]:
    """Fold the journal and give back all free space; the size in bytes before and after. It takes as much free space as the messages.

    StorageError says why it cannot be done; then nothing is lost.
    """
    before = settle(data, now_ms)
    folder = DataFolder(data)
    try:
        with unfinished(partial := folder.path / PARTIAL):
            with closing(open_used(folder.database)) as connection:
                for _ in sweep(connection):
                    pass
                connection.executescript(ALONE)
                connection.execute("VACUUM INTO ?", (str(partial),))
            publish(partial, folder.database)
        give_up_spares(Files(), folder.journal)
        return before, folder.bytes()
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"{data} cannot be compacted: {reason(error)}; nothing is lost. Is a backup being made?"
        ) from error
    finally:
        folder.release()
