"""The heap of moments, and the memories that forget lazily."""

from hypothesis import given
from hypothesis import strategies as st

from crossdock.broker.queues.deadlines import Deadlines
from crossdock.broker.queues.dedup import Original, SentMemory, deduplication_key
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


def test_sent_memory_is_five_minutes_long() -> None:
    """Fact 74: what was sent five minutes ago is forgotten, and takes no memory once something else is sent."""
    memory = SentMemory()
    for number in range(1_000):
        memory.remember(str(number), Original(number, "id", number * 1_000))
    assert memory.find("999", 999_000 + 299_999) is not None
    assert memory.find("999", 999_000 + 300_000) is None
    assert len(memory) == 300
    assert set(memory.living(1_299_000 - 1)) == {"999"}


def test_a_key_that_is_sent_again_after_its_window() -> None:
    """The second send of a key is remembered for its own five minutes."""
    memory = SentMemory()
    memory.remember("a", Original(1, "one", 0))
    memory.remember("a", Original(2, "two", 300_000))
    memory.remember("b", Original(3, "three", 599_999))
    original = memory.find("a", 599_999)
    assert original is not None
    assert original.sequence == 2


def test_keys() -> None:
    """In the scope of the group two groups share no key."""
    assert deduplication_key(False, "g", "d") == deduplication_key(False, "h", "d")
    assert deduplication_key(True, "g", "d") != deduplication_key(True, "h", "d")


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
