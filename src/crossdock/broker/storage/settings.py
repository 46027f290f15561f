"""How a store is set up, and what it counts."""

from dataclasses import dataclass, field
from pathlib import Path

from crossdock.broker.counts import Histogram
from crossdock.broker.storage.files import Files

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where and how to store; sizes in bytes."""

    data: Path | None
    """The data folder; None keeps everything in memory, and it is gone with the process."""
    memtable_bytes: int = 24 * MIB
    """A fold begins when the memtable takes so much memory."""
    memtable_bytes_max: int = 36 * MIB
    """Commits wait for the running fold when the memtable takes so much."""
    journal_bytes: int = 64 * MIB
    """A fold begins when so much was written since the last: it bounds what a restart has to read."""
    segment_bytes: int = 16 * MIB
    """The size of a file of the journal."""
    write_bytes: int = 4 * MIB
    """So much is written before its commit, lest one commit hold too much in memory."""
    free_space_min: int = 256 * MIB
    """`low_on_space` below so much free disk space."""
    files: Files = field(default_factory=Files)
    """The file layer of the journal; tests hand in one that fails."""


COMMIT_MS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)
COMMIT_FACTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


class StorageMetrics:
    """Counts since the store was opened."""

    __slots__ = ("_committed_facts", "bytes", "commit_facts", "commit_ns", "facts", "folds")

    def __init__(self) -> None:
        self.commit_ns = Histogram([ms * 1e6 for ms in COMMIT_MS])
        """How long commits of at least one fact took."""
        self.commit_facts = Histogram(COMMIT_FACTS)
        """How many facts they made durable."""
        self.facts = 0
        self.bytes = 0
        """Bytes written to the journal."""
        self.folds = 0
        self._committed_facts = 0

    def committed(self, ns: int) -> None:
        """A commit is done, of everything that was written since the one before."""
        if self.facts > self._committed_facts:
            self.commit_ns.observe(ns)
            self.commit_facts.observe(self.facts - self._committed_facts)
            self._committed_facts = self.facts
