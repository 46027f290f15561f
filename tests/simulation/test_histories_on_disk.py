"""Random histories on the real store, with folds and segments every few messages: the promises hold on disk as they do in memory."""

import os
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from tests.simulation.history import History
from tests.unit.broker.queues.world import World

from crossdock.broker.queues.facts import Snapshot
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.storage.check import check
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.clock import ManualClock

HISTORIES = int(os.environ.get("CROSSDOCK_DISK_HISTORIES", "60"))


class Unsynced(Files):
    """Files of a machine that never loses power: a crash of the process alone needs no fdatasync."""

    def datasync(self, file: int) -> None:
        """Nothing to wait for."""


class DiskStore:
    """The real store with the face of the double: a crash closes it without another write, and opens the folder again."""

    def __init__(self, data: Path, clock: ManualClock) -> None:
        self._settings = StorageSettings(
            data=data,
            memtable_bytes=3_000,
            memtable_bytes_max=6_000,
            journal_bytes=64 * 1024,
            segment_bytes=16 * 1024,
            write_bytes=1 << 20,
            free_space_min=0,
            files=Unsynced(),
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

    def __init__(self, data: Path, settings: MachineSettings, seed: int) -> None:
        super().__init__(settings, seed)
        self.store = DiskStore(data, self.clock)  # type: ignore[assignment]
        self.machine = QueueMachine(self.settings, self.clock, self.store)


def test_promises_hold_on_disk(tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nothing deleted comes back, FIFO order holds; and the folder that is left is sound."""
    seen: Counter[str] = Counter()
    folds = 0
    for seed in range(HISTORIES):
        data = tmp_path / str(seed)
        history = History(seed, seen, partial(DiskWorld, data))
        store: DiskStore = history.world.store  # type: ignore[assignment]
        try:
            history.run()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            store.close()
        folds += store.folds
        assert not check(data, lambda *shown: None).problems
        shutil.rmtree(data)
    print(f"{folds} folds, {dict(seen)}")
    assert min(folds, seen["crash"], seen["restart"], seen["dead letter"]) >= HISTORIES / 3
