"""The consumer at the edges of its life: stops, cancellations, lost leases, calls that fail. Nothing stays hidden, nothing is done twice."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
import structlog
from tests.unit.messaging.fake_sqs import FakeSqs, message

from crossdock.clock import ManualClock, SystemClock
from crossdock.messaging import Attribute, Consumer, ConsumerSettings, Queue, ReceivedMessage, SqsError
from crossdock.messaging.dead_letters import dead_letter_copy
from crossdock.messaging.lease import Lease
from crossdock.messaging.retry import Ack, DeadLetter, Decision, TryAgain

STANDARD = Queue(name="q", consumer="test", visibility_timeout_s=30, max_receive_count=9, dead_letter="dead")
FIFO = Queue(
    name="q.fifo", consumer="test", visibility_timeout_s=30, max_receive_count=9, dead_letter="dead.fifo", fifo=True
)

Handler = Callable[[ReceivedMessage, Lease], Awaitable[Decision]]


class Scene:
    """A consumer on a fake queue, with a handler in the test's hands."""

    def __init__(self, handler: Handler, queue: Queue = STANDARD, grace_s: float = 5, clock: object = None) -> None:
        self.sqs = FakeSqs()
        self.handled: list[str] = []
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.buried: list[str] = []
        self._handler = handler
        settings = ConsumerSettings(concurrency=10, grace_s=grace_s)
        self.consumer = Consumer(queue, self._handle, clock or SystemClock(), settings, self._note_buried)  # type: ignore[arg-type]

    async def _handle(self, received: ReceivedMessage, lease: Lease) -> Decision:
        self.handled.append(received.body)
        self.begun.set()
        try:
            return await self._handler(received, lease)
        finally:
            self.ended.set()

    async def _note_buried(self, received: ReceivedMessage) -> None:
        self.buried.append(received.body)

    def run(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.consumer.run(self.sqs))  # type: ignore[arg-type]

    async def run_until(self, done: Callable[[], object]) -> None:
        """Run until something is so, then stop."""
        running = self.run()
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            self.consumer.stop()
            await running


async def for_ever(received: ReceivedMessage, lease: Lease) -> Decision:
    await asyncio.Event().wait()
    return Ack()


async def at_once(received: ReceivedMessage, lease: Lease) -> Decision:
    return Ack()


async def fatal(received: ReceivedMessage, lease: Lease) -> Decision:
    return DeadLetter("broken", "Fatal")


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel, and wait for the end."""
    task.cancel()
    async with asyncio.timeout(60):
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert task.cancelled()


async def test_a_cancelled_run_hands_back_what_is_under_way() -> None:
    """Cancelling `run` ends the handlers, and their messages are visible again at once."""
    scene = Scene(for_ever)
    scene.sqs.deliver(message(1), message(2))
    running = scene.run()
    await scene.begun.wait()
    await cancelled(running)
    assert scene.ended.is_set()
    assert sorted(scene.sqs.changes) == [("h1", 0), ("h2", 0)]
    assert scene.sqs.deleted == []


async def test_a_cancelled_run_hands_back_what_its_last_poll_brings() -> None:
    """A poll that is under way is waited for: what it brings is not handled, and does not stay hidden."""
    scene = Scene(at_once)
    running = scene.run()
    while not scene.sqs.polls:  # noqa: ASYNC110
        await asyncio.sleep(0)
    running.cancel()
    scene.sqs.deliver(message(1))
    await cancelled(running)
    assert scene.handled == []
    assert scene.sqs.changes == [("h1", 0)]


async def test_a_fault_of_the_client_ends_the_run_in_order() -> None:
    """An error that is not SQS's ends `run` with it, and what is under way is handed back all the same."""
    scene = Scene(for_ever)
    scene.sqs.deliver(message(1))
    running = scene.run()
    await scene.begun.wait()
    scene.sqs.fail_receive = RuntimeError("a fault")
    with pytest.raises(RuntimeError, match="a fault"):
        await asyncio.wait_for(running, 60)
    assert scene.sqs.changes == [("h1", 0)]


@pytest.mark.parametrize("queue", [STANDARD, FIFO], ids=["standard", "FIFO"])
@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_what_was_decided_is_done(queue: Queue, how: str) -> None:
    """When the grace period ends after a handler has decided, it is done all the same, deletes included: nothing is handled again."""
    scene = Scene(fatal, queue, grace_s=0)
    scene.sqs.deliver(message(1, "g"))
    running = scene.run()
    await scene.ended.wait()
    if how == "stop":
        scene.consumer.stop()
        await asyncio.wait_for(running, 60)
    else:
        await cancelled(running)
    assert (len(scene.sqs.sent), scene.buried) == (1, ["1"])
    assert (scene.sqs.deleted, scene.sqs.changes) == (["h1"], [])


async def test_a_follower_whose_lease_was_lost_is_not_handled() -> None:
    """A message that waited behind another of its group for longer than its lease is left alone."""
    leases: list[Lease] = []

    async def first(received: ReceivedMessage, lease: Lease) -> Decision:
        for follower in scene.consumer._leases._held.values():
            if follower is not lease:
                leases.append(follower)
                follower.lose()
        return Ack()

    scene = Scene(first, FIFO)
    scene.sqs.deliver(message(1, "g"), message(2, "g"), message(3, "g"))
    await scene.run_until(lambda: scene.sqs.deleted and not scene.consumer._tasks)
    assert scene.handled == ["1"]
    assert scene.sqs.changes == []
    assert len(leases) == 2


async def test_a_lost_lease_cancels_its_handler() -> None:
    """Who has lost the lease is stopped, and nothing is said about the message."""
    scene = Scene(for_ever)
    scene.sqs.deliver(message(1))
    running = scene.run()
    await scene.begun.wait()
    next(iter(scene.consumer._leases._held.values())).lose()
    await asyncio.wait_for(scene.ended.wait(), 60)
    scene.consumer.stop()
    await running
    assert (scene.sqs.changes, scene.sqs.deleted) == ([], [])


async def test_a_handler_that_leaks_a_cancellation_is_tried_again_later() -> None:
    """A CancelledError that nobody asked for is a failure like others: the message comes back after a pause."""

    async def leak(received: ReceivedMessage, lease: Lease) -> Decision:
        raise asyncio.CancelledError

    scene = Scene(leak)
    scene.sqs.deliver(message(1, receive_count=3))
    await scene.run_until(lambda: scene.sqs.changes)
    [(handle, after_s)] = scene.sqs.changes
    assert handle == "h1"
    assert after_s >= 4


async def test_a_retry_is_never_later_than_sqs_allows() -> None:
    """SQS hides a message for 12 hours from its receipt: what a handler asks for beyond is cut to what is left."""
    clock = ManualClock()

    async def tomorrow(received: ReceivedMessage, lease: Lease) -> Decision:
        lease.ends_ms = clock.advance(3_600_000) + 10_000
        return TryAgain(86_400, "tomorrow")

    scene = Scene(tomorrow, clock=clock)
    scene.sqs.deliver(message(1))
    left_s = 11 * 3_600 - 1
    await scene.run_until(lambda: ("h1", left_s) in scene.sqs.changes)
    assert scene.sqs.changes[-1] == ("h1", left_s), "the leap of the clock may have the lease renewed first"


async def test_a_message_that_cannot_be_handed_back_is_told_of() -> None:
    """A visibility that cannot be changed is in the log: the message comes back later than was meant."""

    async def again(received: ReceivedMessage, lease: Lease) -> Decision:
        return TryAgain(1, "busy")

    scene = Scene(again)
    scene.sqs.fail_change = SqsError("Throttled", "too much", retryable=True)
    scene.sqs.deliver(message(1))
    with structlog.testing.capture_logs() as lines:
        await scene.run_until(lambda: scene.sqs.changes)
    assert [line["error"] for line in lines if "not handed back" in line["event"]] == ["Throttled: too much"]


async def test_only_what_is_in_the_dead_letter_queue_is_buried() -> None:
    """Who counts attempts learns of a dead letter once it is sent; until then the message stays where it is."""
    scene = Scene(fatal)
    scene.sqs.fail_send = SqsError("Unavailable", "no", retryable=True)
    scene.sqs.deliver(message(1))
    await scene.run_until(scene.ended.is_set)
    assert (scene.buried, scene.sqs.deleted) == ([], [])
    scene = Scene(fatal)
    scene.sqs.deliver(message(1))
    await scene.run_until(lambda: scene.sqs.deleted)
    assert (scene.buried, len(scene.sqs.sent)) == (["1"], 1)


def test_an_event_may_be_given_up_twice() -> None:
    """A redriven event that fails again soon is no duplicate of its first dead letter; a second copy of one delivery is."""
    decision = DeadLetter("broken", "Fatal")
    event = {"eventId": Attribute("String", "e1")}
    deliveries = [message(number, "g", attributes=event) for number in (1, 1, 2)]
    first, again, redriven = (dead_letter_copy(delivery, decision, FIFO) for delivery in deliveries)
    assert first.deduplication_id == again.deduplication_id != redriven.deduplication_id


async def test_a_follower_whose_time_is_over_is_not_handled() -> None:
    """A lease that has ended counts as lost even before the renewing thread has noticed."""
    clock = ManualClock()

    async def slow(received: ReceivedMessage, lease: Lease) -> Decision:
        clock.advance(60_000)
        return Ack()

    scene = Scene(slow, FIFO, clock=clock)
    scene.sqs.deliver(message(1, "g"), message(2, "g"))
    await scene.run_until(lambda: scene.sqs.deleted and not scene.consumer._tasks)
    assert scene.handled == ["1"]
