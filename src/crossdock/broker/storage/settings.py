"""How a store is set up, and what it counts."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

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
    write_bytes: int = 4 * MIB
    """So much is written before its commit, lest one commit hold too much in memory."""
    free_space_min: int = 256 * MIB
    """`low_on_space` below so much free disk space."""
    files: Files = field(default_factory=Files)
    """The file layer of the journal; tests hand in one that fails."""


class StorageMetrics(msgspec.Struct, gc=False):
    """Counts since the store was opened."""

    commits: int = 0
    commit_ns: int = 0
    """Time spent in commits."""
    facts: int = 0
    bytes: int = 0
    """Bytes written to the journal."""
    folds: int = 0
