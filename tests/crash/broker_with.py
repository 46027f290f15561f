"""`crossdock broker` on a disk that fails when it is told to, or with small files: python broker_with.py SETTINGS broker …

SETTINGS is JSON: `storage` and `machine` are sizes by the names of `StorageSettings` and `MachineSettings`; `farewell_s` is how long it
goes on after a failure; `faults` is the path of a file. While there is such a file, the calls of the operating system fail as the `Fault` in it says.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec

from crossdock.broker import app
from crossdock.broker.queues.settings import MachineSettings
from crossdock.broker.settings import BrokerSettings
from crossdock.broker.storage.files import Buffer, Files
from crossdock.broker.storage.settings import StorageSettings
from crossdock.cli.main import main

SMALL = {
    "storage": {
        "memtable_bytes": 200_000,
        "memtable_bytes_max": 400_000,
        "journal_bytes": 2_000_000,
        "segment_bytes": 500_000,
    },
    "machine": {"window": 50, "lookahead": 200, "messages_max": 400, "reserve": 10, "content_bytes_max": 100_000},
}
"""Sizes with which a broker folds and changes segments all the time, and leaves most messages to the store."""

SECTOR_BYTES = 512
"""A disk writes so much at once, or not at all."""


def program(**settings: dict[str, int] | str | float) -> tuple[str, str]:
    """What Python runs for a broker with such settings."""
    return __file__, msgspec.json.encode(settings).decode()


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
    power_cut: int | None = None
    """The seed of a power cut: of what was written and not synced some sectors are as they were before, and the process is killed."""

    def begin(self, faults: Path) -> None:
        """From now on."""
        new = faults.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self))
        new.rename(faults)


class FaultyFiles(Files):
    """The real file system, and what a file says about its faults."""

    def __init__(self, faults: Path) -> None:
        self._faults = faults
        self._unsynced: list[tuple[int, int, bytes]] = []
        """File, offset, and what was there before."""

    def close(self, file: int) -> None:
        super().close(file)
        self._forget(file)

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        fault = self._fault("pwrite")
        if fault is None:
            self._unsynced.append((file, offset, os.pread(file, len(data), offset).ljust(len(data), b"\0")))
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
        self._forget(file)

    def _forget(self, file: int) -> None:
        self._unsynced = [write for write in self._unsynced if write[0] != file]

    def _fault(self, method: str) -> Fault | None:
        if not self._faults.exists():
            return None
        fault = msgspec.json.decode(self._faults.read_bytes(), type=Fault)
        return fault if fault.method == method else None

    def _fail(self, fault: Fault) -> int:
        if fault.power_cut is not None:
            self._cut_power(Random(fault.power_cut))
        if fault.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(fault.error, os.strerror(fault.error))

    def _cut_power(self, chance: Random) -> None:
        for file, offset, before in reversed(self._unsynced):
            for start in range(0, len(before), SECTOR_BYTES):
                if chance.random() < 0.5:
                    os.pwrite(file, before[start : start + SECTOR_BYTES], offset + start)


def run() -> None:
    """Change what the broker's composition root makes of its settings, and run the command line."""
    storage, machine = app._storage_settings, app._machine_settings
    changes = msgspec.json.decode(sys.argv.pop(1))
    files = FaultyFiles(Path(changes["faults"])) if "faults" in changes else Files()

    def changed_storage(settings: BrokerSettings) -> StorageSettings:
        return replace(storage(settings), files=files, **changes.get("storage", {}))

    def changed_machine(settings: BrokerSettings) -> MachineSettings:
        return replace(machine(settings), **changes.get("machine", {}))

    app._storage_settings, app._machine_settings = changed_storage, changed_machine
    app.FAREWELL_S = changes.get("farewell_s", app.FAREWELL_S)
    main()


if __name__ == "__main__":
    run()
