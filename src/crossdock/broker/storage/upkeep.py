"""The thread beside the event loop: folds, backups and care run here, one at a time, folds first.

A chore is a generator of short steps; whenever a fold waits, it goes before the next step. What a fold or a chore does is left to
`fold`, `care` and `backup`.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

from crossdock.broker.storage.care import care
from crossdock.broker.storage.fold import Frozen, fold

Chore = Iterator[None]

CARES_MAX = 2
"""One at work, and one for what came since it began."""


class Upkeep:
    """Owns the writing connection of the tables while it runs. It begins with the care that an earlier process left."""

    def __init__(self, writer: sqlite3.Connection) -> None:
        self._writer = writer
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._cares: deque[Chore] = deque([care(writer)])
        self._chores: deque[tuple[Chore, Future[None]]] = deque()
        self._stopping = False
        self.failure: Exception | None = None
        """Why the care of the tables failed: the disk is full, or does not work."""
        self._thread = threading.Thread(target=self._run, name="crossdock-upkeep", daemon=True)
        self._thread.start()

    def fold(self, frozen: Frozen) -> Future[None]:
        """Fold, then take care of the tables in small steps. The future is that of the fold."""
        done: Future[None] = Future()
        self._jobs.put(lambda: self._fold(frozen, done))
        return done

    def add(self, chore: Callable[[sqlite3.Connection, Callable[[], None]], Chore]) -> Future[None]:
        """Do a chore, given the writing connection and a function that it calls now and then to let folds go first (InterruptedError:
        the broker stops). The future is that of the whole chore."""
        done: Future[None] = Future()
        self._jobs.put(lambda: self._chores.append((chore(self._writer, self._give_way), done)))
        return done

    def close(self) -> None:
        """Finish the folds that wait, leave everything else, and end the thread."""
        self._jobs.put(self._stop)
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            if not self._chores and not self._cares:
                self._jobs.get()()
            self._work_off()
            if not self._stopping:
                self._step()
        for _, done in self._chores:
            done.cancel()

    def _work_off(self) -> None:
        while not self._jobs.empty():
            self._jobs.get()()

    def _give_way(self) -> None:
        self._work_off()
        if self._stopping:
            raise InterruptedError("the broker stops")

    def _step(self) -> None:
        """One step of a chore; of the care of the tables if there is no chore."""
        if self._chores:
            chore, done = self._chores[0]
            if _settle(done, lambda: next(chore)):
                self._chores.popleft()
        elif self._cares:
            self._take_care()

    def _take_care(self) -> None:
        try:
            next(self._cares[0])
        except StopIteration:
            self._cares.popleft()
        except Exception as error:
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


def _settle(done: Future[None], step: Callable[[], None]) -> bool:
    """Take a step of a chore; whether it was the last."""
    try:
        step()
    except StopIteration:
        done.set_result(None)
    except Exception as error:
        done.set_exception(error)
    else:
        return False
    return True
