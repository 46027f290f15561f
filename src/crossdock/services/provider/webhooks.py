"""Telling the merchant: events are posted late, more than once or out of order, as the knobs say, and again until answered 2xx.

The rows are written with the charge they tell of; this file only delivers them.
"""

import asyncio
import contextlib
from typing import Any

import aiohttp
import msgspec
import structlog

from crossdock.clock import Clock
from crossdock.services.provider.ledger import Ledger, PendingWebhook
from crossdock.services.provider.model import Charge, Knobs, Refund
from crossdock.services.settings import ProviderSettings
from crossdock.services.webhook_signature import HEADER, sign

TRIES_MAX = 12
BATCH = 20
FIRST_PAUSE_MS = 500

log = structlog.get_logger()


def announce(entry: Charge | Refund, knobs: Knobs, clock: Clock) -> list[tuple[str, int]]:
    """The events about an entry as the ledger keeps them: body and when it is due. All copies are one event, with one id."""
    kind = f"charge.{entry.status}" if isinstance(entry, Charge) else "refund.succeeded"
    event: dict[str, Any] = {"id": f"evt_{clock.new_id()}", "type": kind, "createdMs": clock.now_ms(), "data": entry}
    body = msgspec.json.encode(event).decode()
    return [
        (body, clock.now_ms() + knobs.webhook_delay_ms + int(clock.random() * knobs.webhook_spread_ms))
        for _ in range(knobs.webhook_copies)
    ]


class WebhookSender:
    """Delivers what the ledger holds, each event when it is due; sleeps until the next is."""

    def __init__(self, ledger: Ledger, settings: ProviderSettings, clock: Clock) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """New events were written."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while True:
                self._wake.clear()
                due = self._ledger.due_webhooks(self._clock.now_ms(), BATCH)
                await asyncio.gather(*(self._deliver(http, webhook) for webhook in due))
                if not due:
                    await self._pause()

    async def _pause(self) -> None:
        next_ms = self._ledger.next_webhook_ms()
        pause_s = None if next_ms is None else max(0, next_ms - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause_s)

    async def _deliver(self, http: aiohttp.ClientSession, webhook: PendingWebhook) -> None:
        if await self._post(http, webhook.body.encode()):
            self._ledger.drop_webhook(webhook.number)
        elif webhook.tries + 1 >= TRIES_MAX:
            log.warning("webhook given up", number=webhook.number, tries=TRIES_MAX)
            self._ledger.drop_webhook(webhook.number)
        else:
            self._ledger.postpone_webhook(webhook.number, self._clock.now_ms() + (FIRST_PAUSE_MS << webhook.tries))

    async def _post(self, http: aiohttp.ClientSession, body: bytes) -> bool:
        headers = {
            HEADER: sign(self._settings.webhook_secret, body, self._clock.now_ms()),
            "Content-Type": "application/json",
        }
        try:
            async with http.post(self._settings.webhook_url, data=body, headers=headers) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False
