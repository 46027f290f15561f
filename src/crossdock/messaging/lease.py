"""Leases: a received message stays invisible while it is worked on, and whoever works on it knows when it has lost it.

    HELD ── renewed at a third of the timeout ──► HELD
      ├──── ended (before delete, release or backoff) ──► gone
      └──── renewal refused, or not renewed in time, or 12 hours ──► LOST: the handler is cancelled, its commit refused

A lease runs from the receipt of its message, time in the buffer included. Renewals are sent from a thread with a client of its own, so that
an event loop that is blocked by a handler does not lose its messages; the thread starts with the first renewal that is due. A lease is
ended, and a renewal under way awaited, before anything else is said to SQS about its message: a beat after a backoff would overwrite it.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from crossdock.aws import quotas
from crossdock.clock import Clock
from crossdock.messaging.message import ReceivedMessage, SqsError
from crossdock.messaging.sqs import Sqs

_log = structlog.get_logger()

MARGIN_MS = 1_000
"""A lease counts as lost this long before the server lets go, or a quarter of its timeout: answers travel, and commits take time."""

JOIN_S = 10
RETRY_S = 1


class LeaseLost(Exception):
    """The message may be with somebody else by now; what was done for it must not be committed."""


class Lease:
    """The right to work on one message. `check` before a commit."""

    __slots__ = ("_clock", "_on_lost", "ends_ms", "lost", "message", "received_ms")

    def __init__(self, message: ReceivedMessage, received_ms: int, ends_ms: int, clock: Clock) -> None:
        self.message = message
        self.received_ms = received_ms
        self.ends_ms = ends_ms
        """When it is lost unless renewed; both times monotonic."""
        self.lost = False
        self._clock = clock
        self._on_lost: Callable[[], object] | None = None

    def check(self) -> None:
        """LeaseLost unless it is still held."""
        if self.lost or self._clock.monotonic_ms() >= self.ends_ms:
            raise LeaseLost(f"the visibility timeout of message {self.message.message_id} has ended")

    def left_s(self) -> int:
        """For how many seconds its message may still be hidden, of the 12 hours from its receipt."""
        passed_ms = self._clock.monotonic_ms() - self.received_ms
        return max(0, quotas.VISIBILITY_TOTAL_MS_MAX - MARGIN_MS - passed_ms) // 1_000

    def watch(self, on_lost: Callable[[], object]) -> None:
        """Call `on_lost`, from the renewing thread, when it is lost; at once if it is."""
        self._on_lost = on_lost
        if self.lost:
            on_lost()

    def lose(self) -> None:
        """Mark it as lost and tell who watches."""
        self.lost = True
        if self._on_lost is not None:
            self._on_lost()


class Leases:
    """The leases of one consumer on one queue."""

    def __init__(self, sqs: Sqs, queue_url: str, visibility_s: int, clock: Clock) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._visibility_s = visibility_s
        self._visibility_ms = visibility_s * 1_000
        self._margin_ms = min(MARGIN_MS, self._visibility_ms // 4)
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._beat: tuple[frozenset[str], Future[None]] | None = None

    def add(self, message: ReceivedMessage) -> Lease:
        """Lease a message that was just received. Of two deliveries of one message the newest handle counts."""
        now_ms = self._clock.monotonic_ms()
        lease = Lease(message, now_ms, now_ms + self._visibility_ms - self._margin_ms, self._clock)
        with self._lock:
            older = self._held.get(message.message_id)
            self._held[message.message_id] = lease
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="crossdock-leases", daemon=True)
                self._thread.start()
        if older is not None:
            older.lose()
        return lease

    async def end(self, lease: Lease) -> None:
        """Renew it no more. Returns when no renewal of it is under way."""
        message_id = lease.message.message_id
        with self._lock:
            if self._held.get(message_id) is lease:
                del self._held[message_id]
            beat = self._beat
        if beat is not None and message_id in beat[0]:
            await asyncio.shield(asyncio.wrap_future(beat[1]))

    def close(self) -> None:
        """Stop renewing."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    # In the renewing thread

    def _run(self) -> None:
        while not self._stopped.wait(self._pause_s()):
            if self._due():
                try:
                    asyncio.run(self._renew_all())
                except Exception as error:
                    _log.warning("cannot renew leases", error=str(error) or repr(error))
                    self._stopped.wait(RETRY_S)

    def _pause_s(self) -> float:
        """Until the next lease is due; leases that come later are due later, for all have one timeout."""
        third_ms = self._visibility_ms // 3
        with self._lock:
            oldest_ms = min((lease.ends_ms for lease in self._held.values()), default=None)
        if oldest_ms is None:
            return third_ms / 1_000
        renew_ms = oldest_ms + self._margin_ms - 2 * third_ms
        return max(0, min(renew_ms - self._clock.monotonic_ms(), third_ms)) / 1_000

    def _due(self) -> list[Lease]:
        """Leases of which a third of the timeout has passed; those past their time are lost."""
        now_ms = self._clock.monotonic_ms()
        renew_before_ms = now_ms + 2 * self._visibility_ms // 3
        with self._lock:
            gone = [lease for lease in self._held.values() if self._is_over(lease, now_ms)]
            for lease in gone:
                del self._held[lease.message.message_id]
            due = [lease for lease in self._held.values() if lease.ends_ms + self._margin_ms <= renew_before_ms]
        for lease in gone:
            lease.lose()
        return due

    def _is_over(self, lease: Lease, now_ms: int) -> bool:
        longest_ms = quotas.VISIBILITY_TOTAL_MS_MAX - self._visibility_ms
        return now_ms >= lease.ends_ms or now_ms - lease.received_ms >= longest_ms

    async def _renew_all(self) -> None:
        """Renew while leases are due, with one client."""
        async with self._sqs.sibling() as sqs:
            while not self._stopped.is_set():
                if due := self._due():
                    await self._renew(sqs, due)
                if not self._held:
                    return
                # nothing else runs in this thread's loop, so it may block; and `close` must not wait for a sleep to end
                self._stopped.wait(max(0.05, self._pause_s()))

    async def _renew(self, sqs: Sqs, due: list[Lease]) -> None:
        done: Future[None] = Future()
        with self._lock:
            due = [lease for lease in due if self._held.get(lease.message.message_id) is lease]
            self._beat = (frozenset(lease.message.message_id for lease in due), done)
        begun_ms = self._clock.monotonic_ms()
        try:
            changes = [(lease.message.receipt_handle, self._visibility_s) for lease in due]
            answers = await sqs.change_visibility_batch(self._queue_url, changes)
        finally:
            with self._lock:
                self._beat = None
            done.set_result(None)
        for lease, error in zip(due, answers, strict=True):
            if error is None:
                lease.ends_ms = begun_ms + self._visibility_ms - self._margin_ms
            elif not error.retryable:
                self._refused(lease, error)

    def _refused(self, lease: Lease, error: SqsError) -> None:
        with self._lock:
            if self._held.get(lease.message.message_id) is not lease:
                return
            del self._held[lease.message.message_id]
        _log.warning("lease lost", message_id=lease.message.message_id, reason=str(error))
        lease.lose()
