"""The folder of journal segments: numbered files, and spares that wait for a number.

A segment is made of a spare where there is one: its blocks are written already, which makes the commits into it fast. All methods but
`read` and `numbers` run one at a time, in the thread of the journal's helper. What is in the files is left to `segment` and `journal`.
"""

from pathlib import Path

from crossdock.broker.storage.files import Files
from crossdock.broker.storage.segment import check_header, header

SPARES_MAX = 2


class Segments:
    """The files of one journal. `size` is what a segment is made with, in bytes; a large frame may make it larger."""

    def __init__(self, files: Files, folder: Path, identity: bytes, size: int, free_min: int = 0) -> None:
        """No spares are kept with less than `free_min` bytes of free space."""
        self.files = files
        self.folder = folder
        self.identity = identity
        self.size = size
        self._free_min = free_min

    def path(self, number: int) -> Path:
        """Where a segment is."""
        return self.folder / f"{number:016x}.journal"

    def numbers(self) -> list[int]:
        """The segments that there are, in order."""
        return sorted(int(path.stem, 16) for path in self.folder.glob("*.journal"))

    def read(self, number: int) -> bytes | None:
        """The bytes of a segment; None if there is none. StorageError if it is not what its name says."""
        path = self.path(number)
        if not path.exists():
            return None
        data = self.files.read(path)
        check_header(data, self.identity, number, str(path))
        return data

    def make(self, number: int) -> int:
        """Open a segment for writing, made first if it is not there; its file descriptor."""
        path = self.path(number)
        if not path.exists():
            self._make(path, number)
        return self.files.open(path)

    def retire(self, below: int) -> None:
        """Let go of every segment with a lower number: a few become spares, the rest is removed."""
        spares = len(self._spares())
        spares_max = SPARES_MAX if self.files.free_bytes(self.folder) >= self._free_min else 0
        for number in self.numbers():
            if number >= below:
                break
            path = self.path(number)
            if spares < spares_max and path.stat().st_size == self.size:
                self.files.rename(path, self.folder / f"{number:016x}.spare")
                spares += 1
            else:
                self.files.remove(path)

    def _make(self, path: Path, number: int) -> None:
        """The header is on disk before the file gets its name: a file with a number always has the header for it."""
        spare = next(iter(self._spares()), self.folder / f"{number:016x}.spare")
        file = self.files.open(spare)
        try:
            if not spare.stat().st_size:
                self.files.fill(file, 0, self.size)
            self.files.write(file, header(self.identity, number), 0)
            self.files.datasync(file)
        finally:
            self.files.close(file)
        self.files.rename(spare, path)

    def _spares(self) -> list[Path]:
        """The usable spares; one that was never finished, or has another size, is removed."""
        spares = sorted(self.folder.glob("*.spare"))
        for path in spares:
            if path.stat().st_size != self.size:
                self.files.remove(path)
        return [path for path in spares if path.exists()]


def give_up_spares(files: Files, folder: Path) -> None:
    """Remove the spares of a journal: others need the space more."""
    for spare in folder.glob("*.spare"):
        files.remove(spare)
