"""The relay: sends the rows of an outbox, oldest first in each group, until SQS has them. Nothing else in a service sends.

Rows are leased with an owner and an expiry, so several relays may work on one database, and the rows of one that died are taken over. A
crash between sending and marking sends a row twice: consumers expect that. The relay is woken by commits in its process; polling is only
the safety net for rows that another process wrote.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.clock import Clock
from crossdock.messaging import outbox, telemetry
from crossdock.messaging.message import Attribute, OutgoingMessage, SqsError
from crossdock.messaging.retry import RetryPolicy, backoff_s
from crossdock.messaging.sqs import Sqs

_ATTRIBUTES = msgspec.json.Decoder(dict[str, tuple[str, str]])
"""An envelope's attributes are all text."""
_BACKOFF = RetryPolicy(first_s=0.5, longest_s=60.0)
_HOUR_MS = 3_600_000

_log = structlog.get_logger(__name__)


class RelaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a relay works; seconds."""

    rows: int = 100
    """Rows leased at once."""
    lease_s: float = 10.0
    """How long a dead relay's rows wait for another one."""
    poll_s: float = 3.0
    retention_s: float = 604_800.0
    """How long sent rows are kept for people to look at."""


class Relay:
    """Sends what the outbox of one database holds. `source` names it in metrics and logs (the service's name)."""

    def __init__(
        self,
        engine: AsyncEngine,
        sqs: Sqs,
        clock: Clock,
        source: str = "",
        settings: RelaySettings | None = None,
    ) -> None:
        self._engine = engine
        self._sqs = sqs
        self._clock = clock
        self._settings = settings or RelaySettings()
        self._owner = clock.new_id()
        self._age = telemetry.UNSENT_AGE.labels(source)
        self._woken = asyncio.Event()
        self._stopping = False
        self._prune_at_ms = clock.monotonic_ms()

    def wake(self) -> None:
        """Something was committed: look now."""
        self._woken.set()

    def stop(self) -> None:
        """End `run` after the batch in progress."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Send until `stop`. A database or network that fails is logged and tried again with backoff."""
        failures = 0
        while not self._stopping:
            self._woken.clear()
            try:
                pause_s = 0.0 if await self.run_once() else await self._idle_s()
                failures = 0
            except (SqsError, SQLAlchemyError, OSError) as error:
                failures += 1
                pause_s = backoff_s(failures, _BACKOFF, self._clock.random())
                _log.warning("outbox is not being sent", error=str(error), again_in_s=round(pause_s, 1))
            if pause_s:
                await self._sleep(pause_s)

    async def run_once(self) -> int:
        """Send what may be sent now, at most one lease of rows; how many were sent."""
        rows = await self._lease()
        if not rows:
            return 0
        queues: dict[str, list[sa.Row[Any]]] = defaultdict(list)
        for row in rows:
            queues[row.queue].append(row)
        results = await asyncio.gather(*(self._send(queue, rows) for queue, rows in queues.items()))
        sent = [row for succeeded, _ in results for row in succeeded]
        failed = [pair for _, failures in results for pair in failures]
        await self._mark(sent, failed)
        return len(sent)

    async def oldest_unsent_s(self) -> float:
        """The age of the oldest row that is not sent, in seconds; 0 when there is none."""
        async with self._engine.connect() as connection:
            oldest_ms = (await connection.execute(outbox.WAITING)).one().oldest_ms
        return 0.0 if oldest_ms is None else max(0, self._clock.now_ms() - oldest_ms) / 1000

    async def _lease(self) -> Sequence[sa.Row[Any]]:
        now_ms = self._clock.now_ms()
        parameters = {
            "now_ms": now_ms,
            "row_limit": self._settings.rows,
            "lease_owner": self._owner,
            "lease_until_ms": now_ms + round(self._settings.lease_s * 1000),
        }
        async with self._engine.begin() as connection:
            rows = (await connection.execute(outbox.LEASE, parameters)).all()
        return sorted(rows, key=lambda row: row.id)

    async def _send(
        self, queue: str, rows: list[sa.Row[Any]]
    ) -> tuple[list[sa.Row[Any]], list[tuple[sa.Row[Any], SqsError]]]:
        """Send the rows of one queue; those that SQS has, and those that it has not with the reason."""
        try:
            url = await self._sqs.queue_url(queue)
        except SqsError as error:
            return [], [(row, error) for row in rows]
        answers = await self._sqs.send_batch(url, [_message(row) for row in rows])
        sent = [row for row, answer in zip(rows, answers, strict=True) if not isinstance(answer, SqsError)]
        failed = [(row, answer) for row, answer in zip(rows, answers, strict=True) if isinstance(answer, SqsError)]
        telemetry.SENT.labels(queue).inc(len(sent))
        telemetry.SEND_FAILURES.labels(queue).inc(len(failed))
        return sent, failed

    async def _mark(self, sent: list[sa.Row[Any]], failed: list[tuple[sa.Row[Any], SqsError]]) -> None:
        now_ms = self._clock.now_ms()
        async with self._engine.begin() as connection:
            if sent:
                marks = [{"row_id": row.id, "lease_owner": self._owner, "at_ms": now_ms} for row in sent]
                await connection.execute(outbox.MARK_SENT, marks)
            for row, error in failed:
                pause_s = backoff_s(row.attempts + 1, _BACKOFF, self._clock.random())
                mark = {"row_id": row.id, "lease_owner": self._owner, "error": str(error)}
                await connection.execute(outbox.MARK_FAILED, {**mark, "again_ms": now_ms + round(pause_s * 1000)})
                _log.error("event not sent", event_id=row.event_id, queue=row.queue, error=str(error))

    async def _idle_s(self) -> float:
        """Nothing can be sent: tidy up, and tell how long there is nothing to do unless woken."""
        if self._clock.monotonic_ms() >= self._prune_at_ms:
            await self._prune()
        async with self._engine.connect() as connection:
            waiting = (await connection.execute(outbox.WAITING)).one()
        now_ms = self._clock.now_ms()
        self._age.set(0 if waiting.oldest_ms is None else max(0, now_ms - waiting.oldest_ms) / 1000)
        if waiting.due_ms is None:
            return self._settings.poll_s
        return float(min(self._settings.poll_s, max(0, waiting.due_ms - now_ms) / 1000))

    async def _prune(self) -> None:
        self._prune_at_ms = self._clock.monotonic_ms() + _HOUR_MS
        before_ms = self._clock.now_ms() - round(self._settings.retention_s * 1000)
        async with self._engine.begin() as connection:
            await connection.execute(outbox.PRUNE, {"before_ms": before_ms})

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return


def _message(row: sa.Row[Any]) -> OutgoingMessage:
    fifo = row.queue.endswith(".fifo")
    return OutgoingMessage(
        body=row.body,
        attributes={name: Attribute(*pair) for name, pair in _ATTRIBUTES.decode(row.attributes).items()},
        group_id=row.group_id if fifo else None,
        deduplication_id=row.event_id if fifo else None,
    )
