"""The background task that brings every question to the provider to its end.

It asks again (same key) whatever was asked without an answer, or was decided on and never asked because a process died, and it makes the
refunds that were decided on. It is also the one that reads the provider's webhooks from the inbox table. It sleeps until the next
deadline and is woken by whoever writes one.
"""

import asyncio
import contextlib

import msgspec
import structlog

from crossdock.clock import Clock
from crossdock.messaging import Transaction
from crossdock.services.foundation import Foundation
from crossdock.services.payments import store
from crossdock.services.payments.gateway import Charged, ChargeOrder, Declined, PaymentGateway, Refunded, Result
from crossdock.services.payments.model import Attempt, AttemptKind, Payment
from crossdock.services.payments.settlement import Concurrent, settle

ASKING_MAX = 20
"""Questions that are asked at a time."""

WEBHOOK_BATCH = 50

IDLE_MS = 10_000
"""The safety net: how long it sleeps when nothing is due and nobody wakes it. Another process may have written something."""

log = structlog.get_logger()


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
        self._asking = 0
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
        """Work until `stop`; questions that are under way are still answered."""
        async with asyncio.TaskGroup() as questions:
            while not self._stopping:
                self._wake.clear()
                if not await self._begin(questions):
                    await self._sleep()

    async def run_once(self) -> int:
        """Do what is due now, to its end; how much that was."""
        async with asyncio.TaskGroup() as questions:
            return await self._begin(questions)

    async def _begin(self, questions: asyncio.TaskGroup) -> int:
        """Read the webhooks, and begin to ask what is due; how much that was. A slow answer holds up nothing else."""
        async with self._ground.reading() as session:
            webhooks = await store.unhandled_webhooks(session, WEBHOOK_BATCH)
        for event_id, body in webhooks:
            await self._read_webhook(event_id, body)
        taken = await self._take_due()
        for attempt in taken:
            self._asking += 1
            questions.create_task(self._ask(attempt))
        return len(webhooks) + len(taken)

    async def _sleep(self) -> None:
        due_ms = await self._next_due_ms()
        pause_ms = IDLE_MS if due_ms is None else min(IDLE_MS, max(0, due_ms - self._clock.now_ms()))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause_ms / 1000)

    async def _next_due_ms(self) -> int | None:
        """When something is to be asked next; None for not before it is woken, which the end of a question does."""
        if self._asking == ASKING_MAX:
            return None
        async with self._ground.reading() as session:
            return await store.next_due_ms(session)

    async def _take_due(self) -> list[Attempt]:
        now_ms = self._clock.now_ms()
        due_ms = await self._next_due_ms()
        if due_ms is None or due_ms > now_ms:
            return []
        async with self._ground.transaction() as tx:
            return await store.take_due(tx.session, now_ms, now_ms + self._takeover_ms, ASKING_MAX - self._asking)

    async def _ask(self, attempt: Attempt) -> None:
        try:
            payment = await self._payment_of(attempt)
            result = await self._result(attempt, payment)
            log.info("asked the provider", kind=attempt.kind, order_id=payment.order_id, result=str(result))
            with contextlib.suppress(Concurrent):  # it is due again, see take_due
                async with self._ground.transaction() as tx:
                    await settle(tx, self._clock, attempt, result)
        finally:
            self._asking -= 1
            self.wake()

    async def _payment_of(self, attempt: Attempt) -> Payment:
        async with self._ground.reading() as session:
            payment = await store.find(session, attempt.payment_id)
        if payment is None:
            raise LookupError(f"attempt {attempt.key} has no payment")
        return payment

    async def _result(self, attempt: Attempt, payment: Payment) -> Result:
        if attempt.kind is AttemptKind.REFUND:
            return await self._gateway.refund(attempt.key, payment.transaction_id or "")
        return await self._gateway.charge(
            ChargeOrder(key=attempt.key, order_id=payment.order_id, amount=payment.amount, card=payment.card)
        )

    async def _read_webhook(self, event_id: str, body: bytes) -> None:
        webhook = msgspec.json.decode(body, type=Webhook)
        result = _told(webhook)
        with contextlib.suppress(Concurrent):  # it stays unhandled and is read again
            async with self._ground.transaction() as tx:
                await store.mark_handled(tx.session, event_id, self._clock.now_ms())
                attempt = await store.attempt(tx.session, webhook.data.idempotency_key)
                if result and attempt and attempt.due_ms is not None and await self._is_about(tx, webhook, attempt):
                    await settle(tx, self._clock, attempt, result, via="webhook")

    async def _is_about(self, tx: Transaction, webhook: Webhook, attempt: Attempt) -> bool:
        """Whether a webhook speaks of the payment's own amount; one that does not is not believed."""
        payment = await store.find(tx.session, attempt.payment_id)
        told = (webhook.data.amount, webhook.data.currency)
        if payment is not None and told == (payment.amount_minor, payment.currency):
            return True
        log.error("webhook tells another amount", webhook=webhook.id, payment_id=attempt.payment_id)
        return False


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
