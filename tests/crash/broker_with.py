"""`crossdock broker` on a disk that fails when it is told to, or with small files: python broker_with.py SETTINGS broker …

SETTINGS is JSON: sizes by the names of `StorageSettings`, and `faults`, the path of a file. While there is such a file, the calls of the
operating system fail as the `Fault` in it says.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from crossdock.broker import app
from crossdock.broker.settings import BrokerSettings
from crossdock.broker.storage.files import Buffer, Files
from crossdock.broker.storage.settings import StorageSettings
from crossdock.cli.main import main

SIZES = {"memtable_bytes": 200_000, "memtable_bytes_max": 400_000, "journal_bytes": 2_000_000, "segment_bytes": 500_000}
FOLDING_OFTEN = (__file__, msgspec.json.encode(SIZES).decode())
"""The program and settings of a broker whose memtables and segments are small: it folds and changes segments all the time."""


class Fault(msgspec.Struct, frozen=True):
    """What a call of the operating system does instead of its work."""

    method: str
    """`pwrite` or `datasync`."""
    error: int = 0
    """The errno that it fails with."""
    torn_bytes: int = 0
    """So many bytes of a failing write reach the file."""
    short: bool = False
    """Writes do not fail; each writes half of what it is given."""
    deadly: bool = False
    """The process is killed instead of being told."""

    def begin(self, faults: Path) -> None:
        """From now on."""
        new = faults.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self))
        new.rename(faults)


class FaultyFiles(Files):
    """The real file system, and what a file says about its faults."""

    def __init__(self, faults: Path) -> None:
        self._faults = faults

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        fault = self._fault("pwrite")
        if fault is None:
            return super().pwrite(file, data, offset)
        if fault.short:
            return super().pwrite(file, memoryview(data)[: max(1, len(data) // 2)], offset)
        super().pwrite(file, memoryview(data)[: fault.torn_bytes], offset)
        return self._fail(fault)

    def datasync(self, file: int) -> None:
        fault = self._fault("datasync")
        if fault is not None:
            self._fail(fault)
        super().datasync(file)

    def _fault(self, method: str) -> Fault | None:
        if not self._faults.exists():
            return None
        fault = msgspec.json.decode(self._faults.read_bytes(), type=Fault)
        return fault if fault.method == method else None

    def _fail(self, fault: Fault) -> int:
        if fault.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(fault.error, os.strerror(fault.error))


def run() -> None:
    """Change what the broker's composition root makes of its settings, and run the command line."""
    shipped = app._storage_settings
    changes = msgspec.json.decode(sys.argv.pop(1))
    if "faults" in changes:
        changes["files"] = FaultyFiles(Path(changes.pop("faults")))

    def changed(settings: BrokerSettings) -> StorageSettings:
        return replace(shipped(settings), **changes)

    app._storage_settings = changed
    main()


if __name__ == "__main__":
    run()
