"""The data folder: is it ours, can we write there, does another pipeline use it, and where in it is what.

DATA/crossdock.json   the mark: this folder is crossdock's, and the version of its layout
DATA/lock             held (flock) by the supervisor and by every process that it started
DATA/run.json         what runs where (runfile.py)
DATA/logs/            one file per process
DATA/<process>/       the databases of one process
"""

import fcntl
import os
from pathlib import Path

import msgspec

from crossdock.ops.refusal import Refusal

LAYOUT_VERSION = 1
_BROKER_ALONE = "broker"
"""What `crossdock broker`, run by itself, makes in the folder."""
_SQLITE_OPENING = b"SQLite format 3\x00"


class _Mark(msgspec.Struct, kw_only=True):
    crossdock_layout: int


class DataFolder:
    """The folder below which a pipeline keeps everything."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def _mark(self) -> Path:
        return self.path / "crossdock.json"

    @property
    def _lock(self) -> Path:
        return self.path / "lock"

    def prepare(self) -> None:
        """Create the folder, or see that it is one of ours. Refuses a file, a folder of somebody else, a damaged one."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise Refusal(f"{self.path} is a file, not a folder", "name another folder with --data") from None
        except OSError as error:
            raise self._unusable(error) from None
        if self._mark.exists():
            self._check_mark()
            self._check_databases()
        elif any(entry.name != _BROKER_ALONE for entry in self.path.iterdir()):
            raise Refusal(
                f"{self.path} holds files that are not crossdock's (there is no crossdock.json in it)",
                "name an empty or a new folder with --data",
            )
        try:
            self.logs.mkdir(exist_ok=True)
            self._mark.write_bytes(msgspec.json.encode(_Mark(crossdock_layout=LAYOUT_VERSION)))
        except OSError as error:
            raise self._unusable(error) from None

    def try_lock(self) -> int | None:
        """Take the folder for this process and its children; None when somebody has it. The descriptor is inheritable."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def is_in_use(self) -> bool:
        """Whether a supervisor, or a process that one started, is alive on this folder."""
        if not self._lock.exists():
            return False
        descriptor = self.try_lock()
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def _check_mark(self) -> None:
        try:
            layout = msgspec.json.decode(self._mark.read_bytes(), type=_Mark).crossdock_layout
        except (msgspec.MsgspecError, OSError):
            raise Refusal(
                f"{self._mark} is damaged, so it is not known what is in this folder",
                "restore it from a backup, or name another folder with --data",
            ) from None
        if layout > LAYOUT_VERSION:
            raise Refusal(
                f"{self.path} was written by a newer crossdock (layout {layout}, this one knows {LAYOUT_VERSION})",
                "install that version or a newer one",
            )

    def _check_databases(self) -> None:
        for file in sorted(self.path.glob("**/*.db")):
            with file.open("rb") as opened:
                opening = opened.read(len(_SQLITE_OPENING))
            if opening not in (b"", _SQLITE_OPENING):
                raise Refusal(
                    f"{file} is not a database: it is damaged or was overwritten",
                    "restore it from a backup, or name another folder with --data",
                )

    def _unusable(self, error: OSError) -> Refusal:
        return Refusal(f"{self.path} cannot be used: {error.strerror}", "name a folder that you may write with --data")
