"""A machine over the real store, with folds and segments every few messages, and nothing that waits for the disk."""

from pathlib import Path
from typing import Any

from tests.unit.broker.queues.world import World

from crossdock.broker.queues.facts import Snapshot
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.clock import ManualClock


class Unsynced(Files):
    """Files of a machine that never loses power: a crash of the process alone needs no fdatasync."""

    def datasync(self, file: int) -> None:
        """Nothing to wait for."""


class DiskStore:
    """The real store with the face of the double: a crash closes it without another write, and opens the folder again."""

    def __init__(self, data: Path, clock: ManualClock, files: Files | None = None) -> None:
        self._settings = StorageSettings(
            data=data,
            memtable_bytes=3_000,
            memtable_bytes_max=6_000,
            journal_bytes=64 * 1024,
            segment_bytes=16 * 1024,
            write_bytes=1 << 20,
            free_space_min=0,
            files=files or Unsynced(),
        )
        self._clock = clock
        self._store = Store.open(self._settings, clock.now_ms())
        self.folds = 0

    def __getattr__(self, name: str) -> Any:
        """Everything that the store does in the same way."""
        return getattr(self._store, name)

    def crash(self) -> None:
        self.folds += self._store.metrics.folds
        self._store.abandon()
        self._store = Store.open(self._settings, self._clock.now_ms())

    def snapshot(self, now_ms: int) -> Snapshot:
        return self._store.snapshot()

    def close(self) -> None:
        self.folds += self._store.metrics.folds
        self._store.close()


class DiskWorld(World):
    """A machine over the real store."""

    def __init__(self, data: Path, settings: MachineSettings, seed: int, files: Files | None = None) -> None:
        super().__init__(settings, seed)
        self.store = DiskStore(data, self.clock, files)  # type: ignore[assignment]
        self.machine = QueueMachine(self.settings, self.clock, self.store)
