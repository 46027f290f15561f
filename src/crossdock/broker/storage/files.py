"""The calls of the operating system that the journal makes: one narrow layer, so that a test can hand in one that fails.

SQLite does its own. What is written where, and when it must be on disk, is left to the callers.
"""

import os
from pathlib import Path

Buffer = bytes | bytearray | memoryview

_ZEROES = bytes(1024 * 1024)


class Files:
    """The real file system. Every method raises OSError as the call below it does."""

    def open(self, path: Path) -> int:
        """Open for reading and writing, created if absent; a file descriptor."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self, file: int) -> None:
        os.close(file)

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        """One write; the number of bytes that were written, which may be fewer than given."""
        return os.pwrite(file, data, offset)

    def datasync(self, file: int) -> None:
        """Return when everything written to the file is on disk."""
        os.fdatasync(file)

    def read(self, path: Path) -> bytes:
        """The whole file."""
        return path.read_bytes()

    def rename(self, source: Path, target: Path) -> None:
        """Rename, and return when the new name is on disk."""
        source.rename(target)
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on disk."""
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def free_bytes(self, folder: Path) -> int:
        """Free space for unprivileged writers on the file system that holds a folder."""
        status = os.statvfs(folder)
        return status.f_bavail * status.f_frsize

    def write(self, file: int, data: Buffer, offset: int) -> None:
        """Write all of `data`, in as many calls as it takes."""
        written = self.pwrite(file, data, offset)
        while written < len(data):
            written += self.pwrite(file, memoryview(data)[written:], offset + written)

    def fill(self, file: int, start: int, end: int) -> None:
        """Write zeroes from `start` up to `end`. Blocks that were written once need no new metadata when they are written again, which
        halves the time of `datasync`."""
        for offset in range(start, end, len(_ZEROES)):
            self.write(file, memoryview(_ZEROES)[: end - offset], offset)
