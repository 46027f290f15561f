"""How much is held of bodies that are still arriving, over all connections, and who has to wait because it is too much.

A connection holds what has come of its request. Beyond the limit connections stop reading, all but the one that has held something for the
longest: it will be complete, and then there is room for the next.
"""

from typing import Protocol

KEPT_READING = 16 * 1024
"""Who holds less is never stopped: a short request in two pieces does not wait for long ones."""


class Reader(Protocol):
    """A connection, as far as it has to wait."""

    def hold_up(self, held_up: bool) -> None:
        """Read no more for now, or go on reading."""


class Arriving:
    """Bytes by connection, in the order in which they began to hold any."""

    __slots__ = ("_held", "_held_up", "bytes_max", "held")

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.held = 0
        """Bytes, of all."""
        self._held: dict[Reader, int] = {}
        self._held_up: dict[Reader, None] = {}

    def note(self, reader: Reader, size: int) -> None:
        """A connection holds so much of a body that is not complete; 0 when it is complete or the connection is gone."""
        before = self._held.pop(reader, 0) if not size else self._held.get(reader, 0)
        self.held += size - before
        if not size:
            self._held_up.pop(reader, None)
            self._let_on()
            return
        self._held[reader] = size
        if self.held > self.bytes_max and size >= KEPT_READING and reader is not self._first():
            self._held_up[reader] = None
            reader.hold_up(True)

    def _first(self) -> Reader | None:
        return next(iter(self._held), None)

    def _let_on(self) -> None:
        """Go on, as many as there is room for, and in any case the first of all."""
        first = self._first()
        waiting = list(self._held_up) if self.held <= self.bytes_max else [r for r in (first,) if r in self._held_up]
        for reader in waiting:
            if reader in self._held_up and (self.held <= self.bytes_max or reader is self._first()):
                del self._held_up[reader]
                reader.hold_up(False)
