"""The store: makes facts durable, shows what it holds, and gives it back after a restart. The face of storage.

    append ──► live memtable            readers see it at once
       └─────► journal ── commit ──►    durable: one write and one fdatasync for all that was appended
    fold: the memtable freezes ──► tables (in the thread of `upkeep`) ──► the journal behind it is used again

All methods belong to one thread, that of the event loop. After a write has failed the store accepts nothing more: memory is ahead of
the disk, and opening it again rebuilds what was acknowledged. Nor does it when what is on disk cannot be read.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NoReturn

from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import Purged, QueueDeleted, Remembered, Sent, Snapshot, Stored
from crossdock.broker.storage import snapshot
from crossdock.broker.storage.catalog import Catalog
from crossdock.broker.storage.cycle import FoldCycle
from crossdock.broker.storage.disk import Apply, open_disk
from crossdock.broker.storage.errors import UNREADABLE, Damaged, StorageError, StorageFailed, opening, unreadable
from crossdock.broker.storage.layers import Layers
from crossdock.broker.storage.memtable import Memtable
from crossdock.broker.storage.settings import StorageMetrics, StorageSettings
from crossdock.broker.storage.tables import Tables

__all__ = ["StorageError", "StorageFailed", "StorageMetrics", "StorageSettings", "Store", "opening"]


class Store:
    """Open it, take the `snapshot`, then append and commit; `page` and `content` are the machine's Backlog."""

    def __init__(self, settings: StorageSettings, now_ms: int) -> None:
        """For `open`, which says in a sentence what went wrong."""
        self._settings = settings
        self._now_ms = now_ms
        self._pending: list[Fact] = []
        self._failure: StorageFailed | None = None
        self._write_at = 0
        self._catalog: Catalog
        self._layers: Layers
        self._appliers: dict[type[Fact], Callable[..., None]]
        self._cycle: FoldCycle | None = None
        self.metrics = StorageMetrics()
        if settings.data is None:
            self._read(Tables(None))
        else:
            disk = open_disk(settings.data, settings, self._read)
            self._cycle = FoldCycle(settings, disk, self._catalog, self._layers)

    @classmethod
    def open(cls, settings: StorageSettings, now_ms: int) -> "Store":
        """Open a data folder, made first if it is not there, and read back what was committed. StorageError if that cannot be."""
        with opening(settings.data):
            return cls(settings, now_ms)

    def snapshot(self) -> Snapshot:
        """The state as it was opened. Take it before the first `append`, and iterate over its parts before that too, all within `opening`."""
        return snapshot.take(self._catalog, self._layers, self._now_ms)

    def page(self, after: int, through: int, limit: int, bytes_max: int) -> list[Stored]:
        """See `Backlog.page`. `after` and `through` are sequences of one queue, or its bounds."""
        with self._reading():
            return self._layers.page(after, through, limit, bytes_max)

    def some(self, sequences: list[int], bytes_max: int) -> list[Stored]:
        """See `Backlog.some`."""
        with self._reading():
            return self._layers.some(sequences, bytes_max)

    def due(self, queue: int, after: tuple[int, int], through_ms: int, limit: int) -> list[tuple[int, int, int]]:
        """See `Backlog.due`."""
        with self._reading():
            return self._layers.due(queue, after, through_ms, limit)

    def lacks(self, queue: int) -> NoReturn:
        """See `Backlog.lacks`."""
        with self._reading():
            raise Damaged(f"queue {queue} should hold messages that are missing")

    def content(self, sequence: int) -> Sent:
        """See `Backlog.content`."""
        with self._reading():
            return self._layers.content(sequence)

    def sends(self, after: int, through: int, after_ms: int, limit: int) -> list[tuple[int, str, int]]:
        """See `Backlog.sends`. What is in the journal only is in the snapshot."""
        with self._reading():
            return self._layers.sends(after, through, after_ms, limit)

    def remembered(self, sequence: int) -> Remembered | None:
        """See `Backlog.remembered`."""
        with self._reading():
            return self._layers.remembered(sequence)

    # Writing

    @property
    def pending(self) -> bool:
        """Whether anything was appended since the last commit."""
        return bool(self._pending)

    def append(self, facts: list[Fact]) -> None:
        """Take the facts of one step. Readers see them at once; they are durable after the next `commit`."""
        self._apply(facts)
        self._pending += facts
        if self._layers.live.bytes >= self._write_at:
            self._write_early()

    def write(self) -> None:
        """Hand what was appended to the operating system: it survives the end of the process, but not a power cut. StorageFailed as `commit`."""
        if self._failure is not None:
            raise self._failure
        try:
            self._write()
        except OSError as error:
            raise self._fail_writing(error) from error

    def commit(self) -> None:
        """Return when everything that was appended is on disk. StorageFailed if it is not, and from then on always."""
        if self._failure is not None:
            raise self._failure
        started = time.perf_counter_ns()
        try:
            self._write()
            if self._cycle is not None:
                self._cycle.disk.journal.sync()
                if self._cycle.step():
                    self._bind()
                self.metrics.folds = self._cycle.folds
        except (OSError, sqlite3.Error, Damaged) as error:
            raise self._fail_writing(error) from error
        self.metrics.committed(time.perf_counter_ns() - started)

    def fold(self) -> None:
        """Commit, then begin to move everything into the tables, or end the fold that is done. For idle moments."""
        self.commit()
        if self._cycle is not None and not self._cycle.running and self._cycle.begin():
            self._bind()

    @property
    def folding(self) -> bool:
        """Whether a fold was begun and not ended: what it folds is still in memory, and the journal behind it is not used again.
        The next `commit` or `fold` ends it, if it is done."""
        return self._cycle is not None and self._cycle.running

    @property
    def running_fold(self) -> Future[None] | None:
        """The fold that runs, or is done and not ended; None without one."""
        return None if self._cycle is None else self._cycle.fold

    def rest(self) -> None:
        """Give up memory that is only kept to be faster. For idle moments, when nothing is left to fold."""
        self._layers.tables.shrink()

    def close(self) -> None:
        """Commit, fold, and let go of the data folder. After a failure, only let go. StorageFailed if the last commit fails."""
        try:
            if self._failure is None:
                self._fold_all()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the data folder without another write: what was committed is in it."""
        self._failure = self._failure or StorageFailed("the store is closed")
        if self._cycle is not None:
            self._cycle.disk.close()
        else:
            self._layers.tables.close()

    # How full it is

    @property
    def low_on_space(self) -> bool:
        """Whether the disk is nearly full: what makes it fuller should be refused."""
        return self._cycle is not None and self._cycle.disk.space.low

    def disk_bytes(self) -> int:
        """Size of the data folder."""
        return 0 if self._cycle is None else self._cycle.disk.folder.bytes()

    def free_bytes(self) -> int:
        """Free space around the data folder."""
        return 0 if self._cycle is None else self._cycle.disk.space.free_bytes

    @property
    def unfolded_bytes(self) -> int:
        """How much of the journal a restart would read."""
        return 0 if self._cycle is None else self._cycle.unfolded_bytes

    @property
    def memtable_bytes(self) -> int:
        """Memory that what is not folded yet takes, about."""
        return self._layers.live.bytes + self._layers.frozen.bytes

    # Inside

    def _read(self, tables: Tables) -> Apply:
        self._catalog = tables.catalog(self._now_ms)
        self._layers = Layers(tables, Memtable())
        self._bind()
        return self._apply

    def _fold_all(self) -> None:
        """Commit, and return when everything is in the tables."""
        self.commit()
        if self._cycle is None:
            return
        try:
            self._cycle.finish()
            if self._cycle.begin():
                self._bind()
            self._cycle.finish()
        except (OSError, sqlite3.Error, Damaged) as error:
            raise self._fail_writing(error) from error

    def _bind(self) -> None:
        """Facts go to the methods of the live memtable and of the catalog; those that concern both, to both."""
        self._write_at = self._layers.live.bytes + self._settings.write_bytes
        self._appliers = {**self._catalog.appliers, **self._layers.live.appliers}
        self._appliers[Purged] = self._purge
        self._appliers[QueueDeleted] = self._delete_queue

    def _apply(self, facts: list[Fact]) -> None:
        appliers = self._appliers
        for fact in facts:
            appliers[type(fact)](fact)

    def _purge(self, fact: Purged) -> None:
        self._catalog.purge(fact)
        self._layers.purge(fact)

    def _delete_queue(self, fact: QueueDeleted) -> None:
        self._catalog.delete(fact)
        self._layers.drop(fact)

    def _write(self) -> None:
        pending = self._pending
        if not pending:
            return
        if self._cycle is not None:
            journal = self._cycle.disk.journal
            journal.write(pending)
            self.metrics.bytes = journal.written_bytes
        self.metrics.facts += len(pending)
        self._pending = []
        self._write_at = self._layers.live.bytes + self._settings.write_bytes

    def _write_early(self) -> None:
        """A failure is kept for the next commit: an append has no one to answer to."""
        try:
            if self._failure is None:
                self._write()
        except OSError as error:
            self._fail_writing(error)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """StorageFailed, from now on always, if what is on disk cannot be read."""
        try:
            yield
        except UNREADABLE as error:
            raise self._fail(unreadable(self._settings.data, error)) from error

    def _fail(self, reason: str) -> StorageFailed:
        self._failure = StorageFailed(reason)
        return self._failure

    def _fail_writing(self, error: Exception) -> StorageFailed:
        data = self._settings.data
        return self._fail(
            unreadable(data, error) if isinstance(error, Damaged) else f"data folder {data} cannot be written: {error}"
        )
