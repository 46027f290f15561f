"""The disk under a store: a data folder with all that is open in it.

Opened in order, closed in the opposite order. What a store does with the parts is left to `store`.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from crossdock.broker.outcome import Fact
from crossdock.broker.storage.folder import DataFolder, SpaceGuard
from crossdock.broker.storage.journal import Journal, Replay
from crossdock.broker.storage.segment import Position
from crossdock.broker.storage.segments import Segments, give_up_spares
from crossdock.broker.storage.settings import StorageSettings
from crossdock.broker.storage.tables import Tables
from crossdock.broker.storage.upkeep import Upkeep

Apply = Callable[[list[Fact]], None]


@dataclass(slots=True)
class Disk:
    """A data folder in use."""

    folder: DataFolder
    journal: Journal
    upkeep: Upkeep
    folded: Position
    """Everything in the journal before it is in the tables."""
    space: SpaceGuard
    opened: ExitStack

    def close(self) -> None:
        """Close everything, after the folds that were begun."""
        self.opened.close()


def open_disk(path: Path, settings: StorageSettings, reader: Callable[[Tables], Apply]) -> Disk:
    """Open a data folder. `reader` is given the tables and returns what takes the facts that are not in them, in order.

    StorageError, OSError or sqlite3.Error if it cannot be opened; then nothing is left open.
    """
    with ExitStack() as opened:
        folder = DataFolder(path)
        opened.callback(folder.release)
        space = SpaceGuard(settings.files, path, settings.free_space_min)
        if space.low:
            give_up_spares(settings.files, folder.journal)
        tables = Tables(folder.database)
        opened.callback(tables.close)
        tables.settle()
        folder.sync(settings.files)
        meta = tables.meta()
        segments = Segments(
            settings.files, folder.journal, meta.identity, settings.segment_bytes, settings.free_space_min
        )
        apply = reader(tables)
        replay = Replay(segments, meta.folded)
        for facts in replay:
            apply(list(facts))
        replay.settle()
        journal = Journal(segments, replay.end)
        opened.callback(journal.close)
        journal.release(meta.folded)
        upkeep = Upkeep(tables.writer)
        opened.callback(upkeep.close)
        return Disk(folder, journal, upkeep, meta.folded, space, opened.pop_all())
