"""Random histories on the real store, with folds and segments every few messages: the promises hold on disk as they do in memory.

`CROSSDOCK_DISK_HISTORIES=6000 .venv/bin/pytest tests/simulation/test_histories_on_disk.py` is the long run.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.simulation.disk_world import DiskStore, DiskWorld
from tests.simulation.history import History

from crossdock.broker.storage.check import check

HISTORIES = int(os.environ.get("CROSSDOCK_DISK_HISTORIES", "600"))

MEMORY = Path("/dev/shm")
"""Where files are in memory, on Linux: most of a history's time is SQLite's waiting for the disk."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, if there is one."""
    with tempfile.TemporaryDirectory(prefix="crossdock-", dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.timeout(60 + HISTORIES)
def test_promises_hold_on_disk(place: Path) -> None:
    """Nothing acknowledged is lost, nothing deleted comes back, FIFO order holds; and the folder that is left is sound."""
    seen: Counter[str] = Counter()
    folds = 0
    for seed in range(HISTORIES):
        data = place / str(seed)
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
    assert min(folds, seen["crash"], seen["restart"], seen["dead letter"]) >= HISTORIES / 5
