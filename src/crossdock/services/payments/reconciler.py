"""The background task that brings every question to the provider to its end.

It asks again (same key) whatever was asked without an answer, or was decided on and never asked because a process died, and it makes the
refunds that were decided on. It is also the one that reads the provider's webhooks from the inbox table. It sleeps until the next
deadline and is woken by whoever writes one.
"""

import asyncio
import contextlib
import logging

import msgspec

from crossdock.clock import Clock
from crossdock.services.foundation import Foundation
from crossdock.services.payments import store
from crossdock.services.payments.gateway import Charged, ChargeOrder, Declined, PaymentGateway, Refunded, Result
from crossdock.services.payments.model import Attempt, AttemptKind, Payment
from crossdock.services.payments.settlement import Concurrent, settle

BATCH = 20
"""Questions that are asked at a time."""

IDLE_MS = 10_000
"""The safety net: how long it sleeps when nothing is due and nobody wakes it. Another process may have written something."""

log = logging.getLogger(__name__)


class WebhookData(msgspec.Struct, rename="camel"):
    """What a webhook tells about a charge or a refund."""

    id: str
    idempotency_key: str
    amount: int
    currency: str
    code: str = ""


class Webhook(msgspec.Struct):
    """A webhook of the simulated provider."""

    id: str
    type: str
    data: WebhookData


class Reconciler:
    """See the module. `takeover_ms` is longer than a call to the gateway can last."""

    def __init__(self, ground: Foundation, gateway: PaymentGateway, takeover_ms: int) -> None:
        self._ground = ground
        self._clock: Clock = ground.clock
        self._gateway = gateway
        self._takeover_ms = takeover_ms
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Something was committed: look now."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` after what is in work."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping:
            self._wake.clear()
            if not await self.run_once():
                await self._sleep()

    async def run_once(self) -> int:
        """Do what is due now; how much that was."""
        async with self._ground.reading() as session:
            webhooks = await store.unhandled_webhooks(session, BATCH)
            due_ms = await store.next_due_ms(session)
        for event_id, body in webhooks:
            await self._read_webhook(event_id, body)
        taken = await self._take_due() if due_ms is not None and due_ms <= self._clock.now_ms() else []
        await asyncio.gather(*(self._ask(attempt) for attempt in taken))
        return len(webhooks) + len(taken)

    async def _sleep(self) -> None:
        async with self._ground.reading() as session:
            due_ms = await store.next_due_ms(session)
        pause_ms = IDLE_MS if due_ms is None else min(IDLE_MS, max(0, due_ms - self._clock.now_ms()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause_ms / 1000)

    async def _take_due(self) -> list[Attempt]:
        now_ms = self._clock.now_ms()
        async with self._ground.transaction() as tx:
            return await store.take_due(tx.session, now_ms, now_ms + self._takeover_ms, BATCH)

    async def _ask(self, attempt: Attempt) -> None:
        async with self._ground.reading() as session:
            payment = await store.find(session, attempt.payment_id)
        if payment is None:
            raise LookupError(f"attempt {attempt.key} has no payment")
        result = await self._result(attempt, payment)
        log.info("%s of order %s: %s", attempt.kind, payment.order_id, result)
        with contextlib.suppress(Concurrent):  # it is due again, see take_due
            async with self._ground.transaction() as tx:
                more = await settle(tx, self._clock, attempt, result)
            if more:
                self.wake()

    async def _result(self, attempt: Attempt, payment: Payment) -> Result:
        if attempt.kind is AttemptKind.REFUND:
            return await self._gateway.refund(attempt.key, payment.transaction_id or "")
        return await self._gateway.charge(
            ChargeOrder(key=attempt.key, order_id=payment.order_id, amount=payment.amount, card=payment.card)
        )

    async def _read_webhook(self, event_id: str, body: bytes) -> None:
        webhook = msgspec.json.decode(body, type=Webhook)
        with contextlib.suppress(Concurrent):  # it stays unhandled and is read again
            async with self._ground.transaction() as tx:
                await store.mark_handled(tx.session, event_id, self._clock.now_ms())
                attempt = await store.attempt(tx.session, webhook.data.idempotency_key)
                result = _told(webhook)
                if attempt is None or result is None:
                    return
                payment = await store.find(tx.session, attempt.payment_id)
                told = (webhook.data.amount, webhook.data.currency)
                if payment is None or told != (payment.amount_minor, payment.currency):
                    log.error("webhook %s speaks of another amount than payment %s", event_id, attempt.payment_id)
                    return
                more = await settle(tx, self._clock, attempt, result, via="webhook")
            if more:
                self.wake()


def _told(webhook: Webhook) -> Result | None:
    """What a webhook says in the words of the gateway; None for what is of no interest."""
    match webhook.type:
        case "charge.succeeded":
            return Charged(webhook.data.id)
        case "charge.declined":
            return Declined(webhook.data.code)
        case "refund.succeeded":
            return Refunded(webhook.data.id)
    return None
