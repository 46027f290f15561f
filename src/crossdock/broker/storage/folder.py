"""The data folder: where its files are, who may use it, and how much space is left around it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.files import Files

NOT_YOURS = "belongs to another user; run this as that user, or as root"

DATABASE_PATH_MAX = 512 - len("-journal")
"""Bytes of the longest path that SQLite opens; it puts a suffix to it."""

WATCH = "watch.db"
"""The database of metrics and alarms."""

MEASURE_EVERY = 64
"""Free space is looked at once in so many questions while there is enough of it."""


class DataFolder:
    """A data folder that this process holds until `release`."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be, for its owner alone, and lock it. StorageError if it cannot be used."""
        self.path = path
        self.database = path / "broker.db"
        self.watch_database = path / WATCH
        self.journal = path / "journal"
        if (excess := len(os.fsencode(self.database.resolve())) - DATABASE_PATH_MAX) > 0:
            raise StorageError(f"the path of data folder {path} is too long by {excess} bytes; choose another folder")
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.journal.mkdir(exist_ok=True)
            self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"data folder {path} cannot be used: {error.strerror}; choose another or change its rights"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 20, 0).decode().strip() or "?"
            os.close(self._lock)
            raise StorageError(
                f"data folder {path} is in use by process {holder}; stop it, or choose another folder"
            ) from error
        except OSError:
            os.close(self._lock)
            raise

    def sync(self, files: Files) -> None:
        """Return when the names in the folder, and its own name, are on disk."""
        files.sync_folder(self.path)
        files.sync_folder(self.path.absolute().parent)

    def release(self) -> None:
        """Let others use it."""
        os.close(self._lock)

    def bytes(self) -> int:
        """What its files take. Files may come and go meanwhile."""
        size = 0
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):
                size += path.stat().st_size if path.is_file() else 0
        return size


def find_data(path: Path) -> None:
    """Raise StorageError unless there is the data folder of a broker."""
    try:
        there = (path / "broker.db").is_file()
    except PermissionError as error:
        raise StorageError(f"{path} {NOT_YOURS}") from error
    if not there:
        raise StorageError(f"{path} is not the data folder of a broker: it has no broker.db")


class SpaceGuard:
    """Tells when free space on the disk falls below a threshold."""

    def __init__(self, files: Files, folder: Path, free_min: int) -> None:
        self._files = files
        self._folder = folder
        self._free_min = free_min
        self._countdown = 0
        self._low = False

    @property
    def free_bytes(self) -> int:
        """Free space now."""
        return self._files.free_bytes(self._folder)

    @property
    def low(self) -> bool:
        """Whether there is too little. Measured now and then; while it is low, each time."""
        self._countdown -= 1
        if self._low or self._countdown < 0:
            self._countdown = MEASURE_EVERY
            self._low = self.free_bytes < self._free_min
        return self._low
