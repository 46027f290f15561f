"""Random histories on the real store, with folds and segments every few messages: the promises hold on disk as they do in memory."""

import os
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

from tests.simulation.disk_world import DiskStore, DiskWorld
from tests.simulation.history import History

from crossdock.broker.storage.check import check

HISTORIES = int(os.environ.get("CROSSDOCK_DISK_HISTORIES", "60"))


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
