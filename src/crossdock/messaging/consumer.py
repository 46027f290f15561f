"""The consumer: receives the messages of one queue, has each handled, and does what was decided about it.

What a message means and what becomes of it is its handler's affair (`worker`): the handler takes a message and its lease and returns a
`Decision`; this file polls, bounds what runs at once, keeps the order of FIFO groups, deletes, backs off and moves to the dead letter queue.

Order of stopping: no more polls (the last one is waited for, since an abandoned long poll would hide messages) → what was not started is
handed back → handlers have the grace period, then are cancelled and their messages handed back → deletes are flushed → leases end. What
was decided is done, whenever the stop comes. A `run` that is cancelled stops in the same order, without the grace period.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import msgspec
import structlog

from crossdock.aws import quotas
from crossdock.clock import Clock
from crossdock.messaging import telemetry
from crossdock.messaging.acknowledgements import Acknowledgements
from crossdock.messaging.dead_letters import dead_letter_copy
from crossdock.messaging.lease import Lease, LeaseLost, Leases
from crossdock.messaging.message import ReceivedMessage, SqsError
from crossdock.messaging.retry import Ack, DeadLetter, Decision, Drop, RetryPolicy, TryAgain, backoff_s
from crossdock.messaging.sqs import Sqs
from crossdock.messaging.topology import Queue

_log = structlog.get_logger()

_POLL_BACKOFF = RetryPolicy(first_s=0.2, longest_s=10.0)
_UNDECIDED_BACKOFF = RetryPolicy(first_s=2.0, longest_s=30.0)
"""For a message whose handling failed so that not even the attempt could be counted: the database is away, say."""

Handle = Callable[[ReceivedMessage, Lease], Awaitable[Decision]]
"""Handles one message. LeaseLost means that nothing was committed; any other error, that not even a decision could be made."""

Buried = Callable[[ReceivedMessage], Awaitable[None]]
"""Is told that a message is in the dead letter queue. Its errors change nothing about the message."""


class ConsumerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a consumer polls and how much it does at once."""

    concurrency: int = 10
    """Messages handled at once; on a FIFO queue groups handled at once."""
    wait_s: int = 3
    """Length of a long poll, and so of the wait for the last one at the end."""
    lease_s: int = 20
    """For how long a received message is hidden at first, where the queue's visibility timeout is not shorter. Leases are renewed, so this
    only bounds how long the messages of a killed process stay hidden."""
    grace_s: float = 8.0
    """How long handlers may go on after `stop`."""


class Consumer:
    """Consumes one queue until it is stopped."""

    def __init__(
        self, queue: Queue, handle: Handle, clock: Clock, settings: ConsumerSettings, buried: Buried | None = None
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._clock = clock
        self._settings = settings
        self._buried = buried
        self._lease_s = max(1, min(settings.lease_s, queue.visibility_timeout_s))
        self._stopping = asyncio.Event()
        self._free = settings.concurrency
        self._freed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Future[list[ReceivedMessage]] | None = None
        self._sqs: Sqs
        self._url: str
        self._leases: Leases
        self._acknowledgements: Acknowledgements

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        self._stopping.set()
        self._freed.set()

    async def run(self, sqs: Sqs) -> None:
        """Consume until `stop`, then drain. Cancelled, it hands back what is under way before it ends."""
        self._sqs = sqs
        self._url = await self._found_url()
        if self._stopping.is_set():
            return
        self._leases = Leases(sqs, self._url, self._lease_s, self._clock)
        self._acknowledgements = Acknowledgements(sqs, self._url)
        try:
            await self._poll()
            await self._drain(self._settings.grace_s)
        except BaseException:
            await self._break_off()
            raise
        finally:
            await self._acknowledgements.close()
            await asyncio.to_thread(self._leases.close)

    async def _found_url(self) -> str:
        """The queue's URL, waiting for the queue or the server to come to be."""
        failures = 0
        while not self._stopping.is_set():
            try:
                return await self._sqs.queue_url(self._queue.name)
            except SqsError as error:
                failures += 1
                await self._pause(failures, error)
        return ""

    # Polling

    async def _poll(self) -> None:
        failures = 0
        receives = telemetry.RECEIVED.labels(self._queue.name)
        while not self._stopping.is_set():
            if self._free == 0:
                self._freed.clear()
                await self._freed.wait()
                continue
            try:
                messages = await self._receive()
            except SqsError as error:
                failures += 1
                telemetry.POLL_ERRORS.labels(self._queue.name).inc()
                await self._pause(failures, error)
                continue
            failures = 0
            receives.inc(len(messages))
            leases = [self._leases.add(message) for message in messages]
            if self._stopping.is_set():
                await self._hand_back(leases)
            else:
                self._start(leases)

    async def _receive(self) -> list[ReceivedMessage]:
        limit = min(quotas.RECEIVE_MAX_MESSAGES, self._free)
        self._polling = asyncio.ensure_future(
            self._sqs.receive(self._url, limit=limit, wait_s=self._settings.wait_s, visibility_s=self._lease_s)
        )
        messages = await asyncio.shield(self._polling)
        self._polling = None
        return messages

    async def _pause(self, failures: int, error: SqsError) -> None:
        pause_s = backoff_s(failures, _POLL_BACKOFF, self._clock.random())
        _log.warning("cannot receive", queue=self._queue.name, error=str(error), again_in_s=round(pause_s, 1))
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _start(self, leases: list[Lease]) -> None:
        """Begin on what was received: each message by itself, or, on a FIFO queue, each group in order."""
        if not self._queue.fifo:
            for lease in leases:
                self._spawn([lease])
            return
        groups: dict[str | None, list[Lease]] = {}
        for lease in leases:
            groups.setdefault(lease.message.group_id, []).append(lease)
        for group in groups.values():
            self._spawn(group)

    def _spawn(self, leases: list[Lease]) -> None:
        self._free -= 1
        task = asyncio.create_task(self._work(leases))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free += 1
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("message not handled; it comes back", queue=self._queue.name, error=repr(error), exc_info=error)

    # Working

    async def _work(self, leases: list[Lease]) -> None:
        """Handle messages in order. After one that did not end well the rest is handed back untouched."""
        remaining = list(leases)
        try:
            while remaining and not (self._stopping.is_set() and len(remaining) < len(leases)):
                lease = remaining[0]
                decision = await self._decide(lease)
                if decision is None:
                    return
                remaining.pop(0)
                if not await self._finished_obeying(lease, decision):
                    return
        finally:
            if remaining:
                await asyncio.shield(self._hand_back(remaining))

    async def _decide(self, lease: Lease) -> Decision | None:
        """Have a message handled; None if the lease was lost on the way, and nothing may be said about the message any more."""
        loop = asyncio.get_running_loop()
        try:
            lease.check()
            handling = asyncio.ensure_future(self._handle(lease.message, lease))
            lease.watch(partial(loop.call_soon_threadsafe, handling.cancel))
            with telemetry.DURATION.labels(self._queue.name).time():
                return await handling
        except LeaseLost as lost:
            lease.lost = True
            _log.warning("not committed", reason=str(lost))
        except (Exception, asyncio.CancelledError) as error:
            if is_own_cancellation(error):
                raise
            return self._undecided(lease, error)
        return None

    def _undecided(self, lease: Lease, error: BaseException) -> Decision | None:
        if lease.lost:
            return None
        pause_s = backoff_s(lease.message.receive_count, _UNDECIDED_BACKOFF, self._clock.random())
        return TryAgain(round(pause_s), repr(error))

    async def _finished_obeying(self, lease: Lease, decision: Decision) -> bool:
        """`_obey`, to its end even if the time for it is over: what was decided has happened."""
        obeying = asyncio.ensure_future(self._obey(lease, decision))
        try:
            return await asyncio.shield(obeying)
        except asyncio.CancelledError:
            await obeying
            raise

    async def _obey(self, lease: Lease, decision: Decision) -> bool:
        """Do what was decided; whether the next message of the group may follow."""
        await self._leases.end(lease)
        handle = lease.message.receipt_handle
        telemetry.OUTCOMES.labels(self._queue.name, type(decision).__name__).inc()
        match decision:
            case Ack():
                return await self._acknowledge(handle)
            case Drop(reason):
                _log.info("discarded", message_id=lease.message.message_id, reason=reason)
                return await self._acknowledge(handle)
            case TryAgain(after_s, reason):
                _log.warning("try again", message_id=lease.message.message_id, reason=reason, after_s=after_s)
                await self._show_again([(handle, min(after_s, lease.left_s()))])
                return False
            case DeadLetter():
                await self._bury(lease.message, decision)
                return await self._acknowledge(handle)

    async def _acknowledge(self, handle: str) -> bool:
        """Delete. On a FIFO queue the next message of the group waits until that is confirmed."""
        deleted = self._acknowledgements.delete(handle)
        return await deleted if self._queue.fifo else True

    async def _bury(self, message: ReceivedMessage, decision: DeadLetter) -> None:
        """Copy a message to the dead letter queue with the reason; deleting it here comes after, so a crash in between doubles it there."""
        _log.error("to the dead letter queue", message_id=message.message_id, reason=decision.reason)
        url = await self._sqs.queue_url(self._queue.dead_letter)
        [answer] = await self._sqs.send_batch(url, [dead_letter_copy(message, decision, self._queue)])
        if isinstance(answer, SqsError):
            raise answer
        if self._buried is not None:
            try:
                await self._buried(message)
            except Exception as error:
                _log.warning("not told of a dead letter", message_id=message.message_id, error=repr(error))

    async def _hand_back(self, leases: Iterable[Lease]) -> None:
        """Make untouched messages visible at once, for whoever comes next."""
        for lease in leases:
            await self._leases.end(lease)
        await self._show_again([(lease.message.receipt_handle, 0) for lease in leases if not lease.lost])

    async def _show_again(self, changes: list[tuple[str, int]]) -> None:
        """Make messages visible after so many seconds. One that cannot be changed comes back when its lease ends."""
        for error in await self._sqs.change_visibility_batch(self._url, changes):
            if error is not None:
                _log.warning("not handed back; the message comes back by itself", error=str(error))

    # Stopping

    async def _break_off(self) -> None:
        """Stop without grace: nothing that was received may stay hidden, and nothing that was decided be left undone."""
        self.stop()
        polling = self._polling
        if polling is not None:
            await asyncio.wait([polling])
            if not polling.cancelled() and polling.exception() is None:
                await self._hand_back([self._leases.add(message) for message in polling.result()])
        await self._drain(0)

    async def _drain(self, grace_s: float) -> None:
        tasks = set(self._tasks)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


def is_own_cancellation(error: BaseException) -> bool:
    """Whether `error` says that this task is cancelled, and not only what it waits for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
