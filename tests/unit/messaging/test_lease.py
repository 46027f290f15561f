"""Leases: renewed in time, lost when they must be, and never renewed once they are ended."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from tests.unit.messaging.fake_sqs import FakeSqs, message

from crossdock.clock import ManualClock
from crossdock.messaging import SqsError
from crossdock.messaging.lease import Lease, LeaseLost, Leases

VISIBILITY_S = 30


class Still(Leases):
    """Leases whose thread does nothing: the test renews."""

    def _run(self) -> None:
        self._stopped.wait()

    async def renew_due(self) -> list[Lease]:
        """Renew what is due, as the thread does."""
        if due := self._due():
            await self._renew(self._sqs, due)
        return due


class Scene:
    """Leases on a manual clock."""

    def __init__(self, visibility_s: int = VISIBILITY_S) -> None:
        self.clock = ManualClock()
        self.sqs = FakeSqs()
        self.leases = Still(self.sqs, "url", visibility_s, self.clock)  # type: ignore[arg-type]


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.leases.close()


async def test_renewed_after_a_third(scene: Scene) -> None:
    """A lease is renewed when a third of its timeout has passed, not sooner, again and again."""
    lease = scene.leases.add(message(1))
    scene.clock.advance(9_999)
    assert await scene.leases.renew_due() == []
    scene.clock.advance(1)
    assert await scene.leases.renew_due() == [lease]
    assert scene.sqs.changes == [("h1", VISIBILITY_S)]
    scene.clock.advance(10_000)
    assert await scene.leases.renew_due() == [lease]
    lease.check()


async def test_lost_without_renewal(scene: Scene) -> None:
    """A lease that was not renewed ends a second before the server lets go; who watches is told, once."""
    lease = scene.leases.add(message(1))
    told: list[int] = []
    lease.watch(lambda: told.append(1))
    scene.clock.advance(28_999)
    lease.check()
    scene.clock.advance(1)
    with pytest.raises(LeaseLost):
        lease.check()
    assert await scene.leases.renew_due() == []
    assert (lease.lost, told) == (True, [1])
    await scene.leases.renew_due()
    assert told == [1]


def test_a_late_watcher_is_told_at_once() -> None:
    """Whoever watches a lease that is lost already learns of it there and then."""
    lease = Lease(message(1), 0, 10, ManualClock())
    lease.lose()
    told: list[int] = []
    lease.watch(lambda: told.append(1))
    assert told == [1]


async def test_a_refusal_loses_the_lease(scene: Scene) -> None:
    """SQS says that the message is somebody else's: lost. An error that may pass costs nothing yet."""
    lease = scene.leases.add(message(1))
    scene.clock.advance(10_000)
    scene.sqs.fail_change = SqsError("Unavailable", "", retryable=True)
    await scene.leases.renew_due()
    lease.check()
    scene.sqs.fail_change = SqsError("InvalidParameterValue", "expired", retryable=False)
    await scene.leases.renew_due()
    with pytest.raises(LeaseLost):
        lease.check()


async def test_twelve_hours_are_the_end(scene: Scene) -> None:
    """However often it is renewed, a lease does not go beyond the 12 hours that SQS allows."""
    lease = scene.leases.add(message(1))
    for _ in range(12 * 360 - 4):
        scene.clock.advance(10_000)
        await scene.leases.renew_due()
        lease.check()
    assert lease.left_s() == 39
    scene.clock.advance(10_000)
    await scene.leases.renew_due()
    assert lease.lost


async def test_an_ended_lease_is_not_renewed(scene: Scene) -> None:
    """After `end` nothing more is said about the message."""
    lease = scene.leases.add(message(1))
    scene.clock.advance(10_000)
    await scene.leases.end(lease)
    assert await scene.leases.renew_due() == []
    assert scene.sqs.changes == []


async def test_the_end_waits_for_a_renewal_under_way(scene: Scene) -> None:
    """A renewal that has begun is over when `end` returns: it cannot overwrite what is said next."""
    lease = scene.leases.add(message(1))
    scene.clock.advance(10_000)
    may_answer, change = asyncio.Event(), scene.sqs.change_visibility_batch

    async def slow(url: str, changes: Sequence[tuple[str, int]]) -> list[SqsError | None]:
        await may_answer.wait()
        return await change(url, changes)

    scene.sqs.change_visibility_batch = slow  # type: ignore[method-assign]
    renewing = asyncio.create_task(scene.leases.renew_due())
    await asyncio.sleep(0)
    ending = asyncio.create_task(scene.leases.end(lease))
    await asyncio.sleep(0.01)
    assert not ending.done()
    may_answer.set()
    await asyncio.wait_for(ending, 60)
    assert scene.sqs.changes == [("h1", VISIBILITY_S)]
    await renewing


async def test_the_newest_delivery_counts(scene: Scene) -> None:
    """A message that comes again loses its first lease; the end of that one does not end the second."""
    first, second = scene.leases.add(message(1)), scene.leases.add(message(1))
    assert (first.lost, second.lost) == (True, False)
    await scene.leases.end(first)
    scene.clock.advance(10_000)
    assert await scene.leases.renew_due() == [second]


async def test_a_timeout_of_a_second_is_a_lease() -> None:
    """With the shortest timeout there is still time to work, and to renew."""
    scene = Scene(visibility_s=1)
    lease = scene.leases.add(message(1))
    lease.check()
    scene.clock.advance(340)
    assert await scene.leases.renew_due() == [lease]
    scene.clock.advance(700)
    lease.check()
    scene.leases.close()


class Counting(FakeSqs):
    """Tells when a renewal was made."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = threading.Semaphore(0)
        self.calls = 0
        self.on_call: Callable[[int], None] = lambda call: None

    async def change_visibility_batch(self, url: str, changes: Sequence[tuple[str, int]]) -> list[SqsError | None]:
        self.calls += 1
        self.on_call(self.calls)
        answers = await super().change_visibility_batch(url, changes)
        self.renewed.release()
        return answers


class Hasty(threading.Event):
    """Whoever waits for it looks again soon, and does not sleep as long as he asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.asked_s.append(timeout)
        return super().wait(min(timeout, 0.005))


def hasty_leases(sqs: Counting, clock: ManualClock) -> tuple[Leases, Hasty]:
    """Leases whose thread lives on a manual clock."""
    leases = Leases(sqs, "url", VISIBILITY_S, clock)  # type: ignore[arg-type]
    leases._stopped = hasty = Hasty()
    return leases, hasty


async def test_the_thread_renews_while_the_loop_is_blocked() -> None:
    """Renewals are made although the event loop does nothing else meanwhile; in between the thread sleeps for a third of the timeout."""
    sqs, clock = Counting(), ManualClock()
    leases, hasty = hasty_leases(sqs, clock)
    lease = leases.add(message(1))
    for _ in range(5):
        clock.advance(10_000)
        assert sqs.renewed.acquire(timeout=60)
    lease.check()
    leases.close()
    assert hasty.asked_s[-1] == 10


async def test_the_thread_survives_a_fault() -> None:
    """An error that nobody foresaw ends one attempt to renew, and not all that come after."""
    sqs = Counting()

    def fail_once(call: int) -> None:
        if call == 1:
            raise RuntimeError("a fault")

    sqs.on_call = fail_once
    clock = ManualClock()
    leases, _ = hasty_leases(sqs, clock)
    lease = leases.add(message(1))
    clock.advance(10_000)
    assert await asyncio.to_thread(sqs.renewed.acquire, timeout=60)
    lease.check()
    leases.close()
