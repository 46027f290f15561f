"""An SQLite file for a small server that writes on its event-loop thread: durable at each commit, autocommit, schema made on opening.

The three services have SQLAlchemy and migrations instead, see foundation.py.
"""

import sqlite3
from pathlib import Path

from crossdock.services.process import CannotStart


def open_file(path: Path, schema: Path) -> sqlite3.Connection:
    """Open or make the file. Raises CannotStart when it is not a database of ours or cannot be written."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(schema.read_text())
    except sqlite3.Error as error:
        raise CannotStart(f"{path} cannot be used: {error}") from None
    return connection
