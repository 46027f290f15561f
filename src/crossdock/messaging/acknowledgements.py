"""Deletes, in batches without a timer: while one call is under way, the next batch gathers."""

import asyncio
from collections.abc import Sequence

import structlog

from crossdock.messaging.sqs import Sqs

_log = structlog.get_logger()


class Acknowledgements:
    """Deletes the handled messages of one queue. A delete that fails for good is logged: the message comes back, and the inbox knows it."""

    def __init__(self, sqs: Sqs, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None

    def delete(self, receipt_handle: str) -> asyncio.Future[bool]:
        """Delete a message soon; the future tells whether SQS confirmed it."""
        confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipt_handle, confirmed))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return confirmed

    async def close(self) -> None:
        """Return when everything is deleted."""
        while self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def _flush(self) -> None:
        try:
            await asyncio.sleep(0)
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._delete(batch)
        finally:
            self._flushing = None

    async def _delete(self, batch: list[tuple[str, asyncio.Future[bool]]]) -> None:
        """Delete a batch and tell who waits; whatever goes wrong, nobody waits for ever."""
        errors: Sequence[Exception | None]
        try:
            errors = await self._sqs.delete_batch(self._queue_url, [handle for handle, _ in batch])
        except Exception as error:
            errors = [error] * len(batch)
        for (_, confirmed), failure in zip(batch, errors, strict=True):
            if failure is not None:
                _log.error("not deleted; the message comes back", error=str(failure) or repr(failure))
            if not confirmed.done():
                confirmed.set_result(failure is None)
