"""Folds the journal into the tables when nobody has written for a while, so that little is in memory and a restart reads little.

    QUIET ── commit ──► WATCHING ── nothing for `quiet_s` ──► FOLDING ── nothing left ──► QUIET
                          ▲ └── commits ──► looks again          │
                          └──────────── commit ──────────────────┘

There is a timer only while there is something to fold: a broker without writers does not wake up.
"""

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """It does not go off any more."""


class IdleFold:
    """Told of each commit by `stir`."""

    def __init__(
        self, fold: Callable[[], bool], quiet_s: float, call_later: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        """`fold` begins or ends a fold, and tells whether it wants to be called again; `call_later` is that of the event loop."""
        self._fold = fold
        self._quiet_s = quiet_s
        self._call_later = call_later
        self._timer: Timer | None = None
        self._stirred = False

    def stir(self) -> None:
        """Something was committed."""
        self._stirred = True
        if self._timer is None:
            self._watch()

    def stop(self) -> None:
        """Fold no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self) -> None:
        self._timer = self._call_later(self._quiet_s, self._look)

    def _look(self) -> None:
        self._timer = None
        stirred, self._stirred = self._stirred, False
        if stirred or self._fold():
            self._watch()
