"""The cycle of folds: when one begins, what changes hands, and what happens when it is done.

The fold itself is left to `fold`, its thread to `upkeep`. All methods belong to the thread of the event loop. OSError or sqlite3.Error
from any of them is the failure of a fold, or of the care of the tables.
"""

from concurrent.futures import Future

from crossdock.broker.storage.catalog import Catalog
from crossdock.broker.storage.disk import Disk
from crossdock.broker.storage.fold import Frozen
from crossdock.broker.storage.layers import Layers
from crossdock.broker.storage.memtable import Memtable
from crossdock.broker.storage.settings import StorageSettings


class FoldCycle:
    """One fold at a time."""

    def __init__(self, settings: StorageSettings, disk: Disk, catalog: Catalog, layers: Layers) -> None:
        self._settings = settings
        self.disk = disk
        self._catalog = catalog
        self._layers = layers
        self._fold: Future[None] | None = None
        self._folded = disk.folded
        self._end = disk.folded
        self._release: Future[None] | None = None
        self.folds = 0

    @property
    def running(self) -> bool:
        """Whether a fold runs, or is done and not yet noticed."""
        return self._fold is not None

    @property
    def unfolded_bytes(self) -> int:
        """How much of the journal is not folded."""
        return self.disk.journal.distance(self._folded)

    @property
    def fold(self) -> Future[None] | None:
        """The fold that runs, or is done and not yet noticed."""
        return self._fold

    def step(self) -> bool:
        """After a commit: end the fold that is done, begin the one that is due. True if one began: the live memtable is a new one.

        Where facts come faster than they can be folded, this waits for the fold: memory stays bounded.
        """
        size = self._layers.live.bytes
        if self._fold is not None:
            if not self._fold.done() and size < self._settings.memtable_bytes_max:
                return False
            self.finish()
        if size < self._settings.memtable_bytes and self.unfolded_bytes < self._settings.journal_bytes:
            return False
        return self.begin()

    def begin(self) -> bool:
        """Freeze the live memtable and fold it. All of it must be in the journal. False if nothing is new."""
        end = self.disk.journal.end
        if end == self._folded:
            return False
        frozen = Frozen(self._layers.live, self._catalog.freeze(), end)
        self._layers.frozen, self._layers.live = frozen.messages, Memtable()
        self._end = end
        self._fold = self.disk.upkeep.fold(frozen)
        return True

    def finish(self) -> None:
        """Wait for the fold that runs, if any; then what it folded leaves memory, and the journal behind it is free."""
        if self._fold is None:
            return
        self._fold.result()
        self._fold = None
        self._folded = self._end
        self._layers.frozen = Memtable()
        self.folds += 1
        if self.disk.upkeep.failure is not None:
            raise self.disk.upkeep.failure
        if self._release is not None:
            self._release.result()
        self._release = self.disk.journal.release(self._folded)
