"""When nobody writes, the journal is folded; when there is nothing to fold, nothing wakes up."""

from collections.abc import Callable

from crossdock.broker.idle_fold import IdleFold


class Timers:
    """The timers of an event loop whose time the test moves."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.delays: list[float] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> "Timers":
        """Set a timer."""
        self.delays.append(delay_s)
        self.waiting.append(callback)
        return self

    def cancel(self) -> None:
        """No timer goes off any more."""
        self.waiting.clear()

    def go_off(self) -> None:
        """Let the only timer go off."""
        [callback] = self.waiting
        self.waiting.clear()
        callback()


class Folds:
    """A store that is asked to fold; `more` is what it answers."""

    def __init__(self, *more: bool) -> None:
        self.asked = 0
        self._more = list(more)

    def __call__(self) -> bool:
        """One question."""
        self.asked += 1
        return self._more.pop(0)


def test_it_folds_when_nothing_came_for_a_while() -> None:
    """Not while commits come; until the store has ended its fold; then there is no timer."""
    timers, folds = Timers(), Folds(True, False)
    idle = IdleFold(folds, 5, timers.call_later)
    assert not timers.waiting
    for _ in range(3):
        idle.stir()
        idle.stir()
        timers.go_off()
        assert folds.asked == 0
    timers.go_off()
    assert folds.asked == 1
    timers.go_off()
    assert folds.asked == 2
    assert not timers.waiting
    assert set(timers.delays) == {5}


def test_a_commit_during_the_fold_is_folded_later() -> None:
    """It is a new beginning."""
    timers, folds = Timers(), Folds(True, False)
    idle = IdleFold(folds, 5, timers.call_later)
    idle.stir()
    timers.go_off()
    timers.go_off()
    idle.stir()
    timers.go_off()
    assert folds.asked == 1
    timers.go_off()
    assert folds.asked == 2
    assert not timers.waiting


def test_it_stops() -> None:
    """A broker that stops folds by itself."""
    timers = Timers()
    idle = IdleFold(Folds(), 5, timers.call_later)
    idle.stop()
    idle.stir()
    idle.stop()
    assert not timers.waiting
