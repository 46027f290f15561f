"""The heap of moments, and the long polls that are forgotten lazily."""

from hypothesis import given
from hypothesis import strategies as st

from crossdock.broker.queues.deadlines import Deadlines
from crossdock.broker.queues.waiters import Ask, Waiter, Waiters

ASK = Ask(1, 0, 0, None, None, None)


@given(st.lists(st.tuples(st.integers(0, 2**42), st.integers(0, 2**64 - 1))))
def test_in_order(entries: list[tuple[int, int]]) -> None:
    """Entries come out by moment, then by number."""
    deadlines = Deadlines()
    for when_ms, number in entries:
        deadlines.put(when_ms, number)
    out = []
    while (first := deadlines.first()) is not None:
        assert deadlines.first_ms() == first[0]
        out.append(first)
        deadlines.pop()
    assert out == sorted(entries)
    assert deadlines.first_ms() is None


def test_rebuild() -> None:
    """When dead entries dominate, the living are kept alone."""
    deadlines = Deadlines()
    for number in range(5_000):
        deadlines.put(number, number)
    assert deadlines.dominated_by_dead(10)
    deadlines.rebuild([(7, 1), (3, 2)])
    assert (len(deadlines), deadlines.first()) == (2, (3, 2))
    assert not deadlines.dominated_by_dead(2)


def test_waiters_forget() -> None:
    """Answered and abandoned long polls leave nothing behind, wherever they stood."""
    waiters = Waiters()
    first = Waiter("first", ASK, 10**9)
    waiters.add(first)
    for number in range(5_000):
        waiter = Waiter(number, ASK, number)
        waiters.add(waiter)
        waiters.remove(waiter)
    assert len(waiters._line) < 1_000
    assert len(waiters._ends) < 1_000
    assert waiters.first() is first
    assert waiters.first_end_ms() == 10**9
    assert [waiter.ticket for waiter in waiters.ended(10**9)] == ["first"]
    assert len(waiters) == 0
