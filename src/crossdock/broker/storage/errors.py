"""What can go wrong with storage, as types. Every text is one sentence for the person who operates the broker."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class StorageError(Exception):
    """The data folder cannot be opened: missing rights, in use, of a newer format, or damaged. Nothing was changed."""


class StorageFailed(Exception):
    """A write did not reach the disk, or what is on it cannot be read. The store accepts nothing more; opening it again rebuilds what was
    acknowledged, or says what is damaged."""


class Damaged(Exception):
    """A row is not what was written."""


UNREADABLE = (sqlite3.Error, msgspec.MsgspecError, UnicodeDecodeError, TypeError, Damaged)
"""What comes of reading rows that are not what was written: SQLite notices, or the decoder does, or a value is missing."""


def is_full(error: Exception) -> bool:
    """Whether SQLite found no space on the disk."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def unreadable(data: Path | None, error: Exception) -> str:
    """The sentence for an error of UNREADABLE."""
    return f"data folder {data} cannot be read: {error}; look at it with `crossdock broker check`, and restore it from a backup if it is damaged"


@contextmanager
def opening(data: Path | None) -> Iterator[None]:
    """While a data folder is opened: StorageError with a sentence instead of what the operating system or damaged rows raise."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"data folder {data} cannot be opened: {error}") from error
    except UNREADABLE as error:
        raise StorageError(unreadable(data, error)) from error
    except StorageFailed as failure:
        raise StorageError(
            f"{failure}; look at it with `crossdock broker check`, and restore it from a backup if it is damaged"
        ) from failure
