"""The thread beside the event loop: folds and the care of the tables run here, one at a time, folds first.

A care is a generator of short steps; whenever a fold waits, it goes before the next step. What they do is left to `fold` and `care`.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

from crossdock.broker.storage.care import care
from crossdock.broker.storage.errors import is_full
from crossdock.broker.storage.fold import Frozen, fold

CARES_MAX = 2
"""One at work, and one for what came since it began."""


class Upkeep:
    """Owns the writing connection of the tables while it runs. It begins with the care that an earlier process left."""

    def __init__(self, writer: sqlite3.Connection) -> None:
        self._writer = writer
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._cares: deque[Iterator[None]] = deque([care(writer)])
        self._stopping = False
        self.failure: Exception | None = None
        """Why the care of the tables failed: the disk does not work. Where it is full, the care waits for the next fold: deletes go on, and
        make space."""
        self._thread = threading.Thread(target=self._run, name="crossdock-upkeep", daemon=True)
        self._thread.start()

    def fold(self, frozen: Frozen) -> Future[None]:
        """Fold, then take care of the tables in small steps. The future is that of the fold."""
        done: Future[None] = Future()
        self._jobs.put(lambda: self._fold(frozen, done))
        return done

    def close(self) -> None:
        """Finish the folds that wait, leave everything else, and end the thread."""
        self._jobs.put(self._stop)
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            if not self._cares:
                self._jobs.get()()
            while not self._jobs.empty():
                self._jobs.get()()
            if self._cares and not self._stopping:
                self._take_care()

    def _take_care(self) -> None:
        try:
            next(self._cares[0])
        except StopIteration:
            self._cares.popleft()
        except Exception as error:
            if not is_full(error):
                self.failure = error
            self._cares.clear()

    def _fold(self, frozen: Frozen, done: Future[None]) -> None:
        try:
            fold(self._writer, frozen)
        except Exception as error:
            done.set_exception(error)
            return
        if len(self._cares) < CARES_MAX and self.failure is None:
            self._cares.append(care(self._writer))
        done.set_result(None)

    def _stop(self) -> None:
        self._stopping = True
