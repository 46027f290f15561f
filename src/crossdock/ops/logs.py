"""Log files that rotate by size, and the cutting of a child's output into lines. What is in the lines is the child's affair."""

from collections.abc import Callable, Iterator
from pathlib import Path

LINE_MAX = 64 * 1024
"""Bytes after which a line without an end is cut."""


class RotatingLog:
    """An append-only file; past `limit` bytes it becomes `name.1`, that one `name.2`, and the oldest of `keep` goes."""

    def __init__(self, path: Path, limit: int = 10_000_000, keep: int = 3) -> None:
        self._path = path
        self._limit = limit
        self._keep = keep
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, line: bytes) -> None:
        """Append one line; the end of the line is added."""
        if self._size + len(line) >= self._limit and self._size:
            self._rotate()
        self._size += self._file.write(line + b"\n")

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._keep, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab", buffering=0)
        self._size = 0


class Lines:
    """Cuts a stream of bytes into lines, wherever the chunks end; a line longer than LINE_MAX is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that `chunk` completes, without their ends."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        yield from lines
        while len(self._rest) > LINE_MAX:
            yield self._rest[:LINE_MAX]
            self._rest = self._rest[LINE_MAX:]

    def end(self) -> Iterator[bytes]:
        """The last line, when it had no end."""
        if self._rest:
            yield self._rest
        self._rest = b""


Echo = Callable[[str, str], None]
"""Shows a line to people as it comes: the name of the process and the line."""


def no_echo(name: str, line: str) -> None:
    """For those who read the files only."""


_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Prefixer:
    """Puts the name of its process before each line, each process in a colour of its own where `colour` is on."""

    def __init__(self, width: int, colour: bool) -> None:
        self._width = width
        self._colour = colour
        self._prefixes: dict[str, str] = {}

    def prefixed(self, name: str, line: str) -> str:
        """One line for the terminal."""
        prefix = self._prefixes.get(name)
        if prefix is None:
            prefix = self._prefixes[name] = self._prefix(name)
        return prefix + line

    def _prefix(self, name: str) -> str:
        text = f"{name.ljust(self._width)} | "
        return f"\x1b[{_COLOURS[len(self._prefixes) % len(_COLOURS)]}m{text}\x1b[0m" if self._colour else text
