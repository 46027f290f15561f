"""The payment service: one charge per order whatever dies or repeats, and the money back when the order is cancelled."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.messaging import Fatal
from crossdock.services.contracts import OrderCancelled, OrderCreated, OrderItem
from crossdock.services.foundation import Foundation
from crossdock.services.payments import store
from crossdock.services.payments.gateway import Charged, ChargeOrder, Declined, Refunded, Unknown
from crossdock.services.payments.handlers import Cashier, on_order_cancelled, on_order_created
from crossdock.services.payments.model import (
    FIRST_PAUSE_MS,
    LONGEST_PAUSE_MS,
    TRANSITIONS,
    Payment,
    PaymentState,
    Trigger,
    pause_ms,
)
from crossdock.services.payments.reconciler import Reconciler

TAKEOVER_MS = 4_000


class Died(BaseException):
    """The process dies here."""


class FakeGateway:
    """A provider in memory: keeps its promise of idempotency, and misbehaves as the test says, once per entry."""

    def __init__(self) -> None:
        self.charges: dict[str, ChargeOrder] = {}
        self.refunds: dict[str, str] = {}
        self.script: list[str] = []
        self.calls = 0

    async def charge(self, order: ChargeOrder) -> Any:
        """See PaymentGateway."""
        self.calls += 1
        what = self.script.pop(0) if self.script else ""
        if what == "declined":
            return Declined("insufficient_funds")
        if what == "down":
            return Unknown("no connection")
        if what == "dies before":
            raise Died
        assert self.charges.setdefault(order.key, order) == order
        if what == "dies after":
            raise Died
        return Unknown("no answer in time") if what == "timeout" else Charged(f"txn_{order.order_id}")

    async def refund(self, key: str, transaction_id: str) -> Any:
        """See PaymentGateway."""
        self.calls += 1
        what = self.script.pop(0) if self.script else ""
        if what == "down":
            return Unknown("no connection")
        assert transaction_id not in {t for k, t in self.refunds.items() if k != key}, "refunded twice"
        self.refunds[key] = transaction_id
        return Unknown("no answer in time") if what == "timeout" else Refunded(f"ref_{key}")


def order_created(order_id: str = "ord_1", **change: Any) -> OrderCreated:
    """An order of 59.98."""
    fields: dict[str, Any] = {
        "order_id": order_id,
        "user_id": "u",
        "items": [OrderItem(product_id="p", quantity=2, price=Decimal("29.99"))],
        "total_amount": Decimal("59.98"),
        "timestamp": "2024-01-02T10:30:00Z",
    }
    return OrderCreated(**fields | change)


CANCELLED = OrderCancelled(order_id="ord_1", timestamp="2024-01-02T10:31:00Z")


class Till:
    """The payment service at a fake provider."""

    def __init__(self, ground: Foundation, workbench: Any) -> None:
        self.ground = ground
        self.gateway = FakeGateway()
        self.reconciler = Reconciler(ground, self.gateway, TAKEOVER_MS)
        self.woken = 0
        self._workbench = workbench
        self._cashier = Cashier(self.gateway, ground.clock, TAKEOVER_MS, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def created(self, event: OrderCreated | None = None) -> None:
        """An order comes."""
        await self._workbench.deliver(self.ground, on_order_created, event or order_created(), self._cashier, 1)

    async def cancelled(self) -> None:
        """A cancellation comes."""
        await self._workbench.deliver(self.ground, on_order_cancelled, CANCELLED, self._cashier, 2)

    async def reconcile(self, rounds: int = 6) -> None:
        """Let time pass until everything is settled."""
        for _ in range(rounds):
            self._workbench.clock.advance(LONGEST_PAUSE_MS)
            await self.reconciler.run_once()

    async def payment(self) -> Payment:
        """The payment now."""
        async with self.ground.reading() as session:
            return await store.of_order(session, "ord_1")

    async def events(self) -> list[tuple[str, str, str]]:
        """What was published: type, status, version; each once for its two queues."""
        rows = await self._workbench.published(self.ground)
        assert all(row["group"] == f"order-{row['body']['orderId']}" for row in rows)
        told = [(row["type"], row["body"].get("status", ""), row["version"]) for row in rows]
        assert told[::2] == told[1::2]
        return told[::2]


PAID = ("PAYMENT_PROCESSED", "success", "1")
FAILED = ("PAYMENT_PROCESSED", "failed", "1")
REFUND = ("PAYMENT_REFUNDED", "", "2")


@pytest.fixture
async def till(workbench: Any) -> Till:
    """A payment service without queues."""
    return Till(await workbench.open("payments"), workbench)


async def test_an_order_is_charged_once(till: Till) -> None:
    """However often the order comes, it is charged once and told once."""
    for _ in range(3):
        await till.created()
    await till.reconcile()
    assert till.gateway.calls == 1
    assert (await till.payment()).state == "succeeded"
    assert await till.events() == [PAID]


async def test_a_declined_card(till: Till) -> None:
    """A decline ends the payment with its reason."""
    till.gateway.script = ["declined"]
    await till.created()
    await till.reconcile()
    assert (await till.payment()).failure_reason == "insufficient_funds"
    assert await till.events() == [FAILED]


@pytest.mark.parametrize("script", [["timeout"], ["down"], ["down", "timeout", "down"], ["timeout", "timeout"]])
async def test_an_unknown_payment_is_asked_for_until_answered(script: list[str], till: Till) -> None:
    """No answer is not a failure: the same key is asked again, and the order is charged once."""
    till.gateway.script = list(script)
    await till.created()
    assert (await till.payment()).state == "unknown"
    assert till.woken == 1
    await till.created()
    await till.reconcile()
    assert (await till.payment()).state == "succeeded"
    assert len(till.gateway.charges) == 1
    assert await till.events() == [PAID]


@pytest.mark.parametrize("moment", ["dies before", "dies after"])
async def test_a_crash_around_the_charge(moment: str, till: Till) -> None:
    """A process that dies before or after the provider took the money leaves an intent that is brought to its end, once."""
    till.gateway.script = [moment]
    with pytest.raises(Died):
        await till.created()
    assert (await till.payment()).state == "authorizing"
    await till.reconciler.run_once()
    assert till.gateway.calls == 1, "not taken over before its time"
    await till.created()
    await till.reconcile()
    assert (await till.payment()).state == "succeeded"
    assert len(till.gateway.charges) == 1
    assert await till.events() == [PAID]


@pytest.mark.parametrize("script", [[], ["timeout"], ["down"]])
async def test_cancellation_after_payment_is_refunded(script: list[str], till: Till) -> None:
    """The money goes back exactly once, also when the provider does not answer at first."""
    await till.created()
    till.gateway.script = list(script)
    for _ in range(2):
        await till.cancelled()
    assert (await till.payment()).state == "refunding"
    assert till.woken >= 1
    await till.reconcile()
    assert (await till.payment()).state == "refunded"
    assert len(till.gateway.refunds) == 1
    assert await till.events() == [PAID, REFUND]


async def test_cancellation_while_unknown_is_refunded_when_it_succeeds(till: Till) -> None:
    """A late success after cancellation is told and then given back."""
    till.gateway.script = ["timeout"]
    await till.created()
    await till.cancelled()
    await till.reconcile()
    assert (await till.payment()).state == "refunded"
    assert await till.events() == [PAID, REFUND]


async def test_cancellation_while_unknown_that_is_declined(till: Till) -> None:
    """There is nothing to give back when the late answer is a decline."""
    till.gateway.script = ["down", "declined"]
    await till.created()
    await till.cancelled()
    await till.reconcile()
    assert (await till.payment()).state == "declined"
    assert await till.events() == [FAILED]


async def test_cancellation_before_the_order(till: Till) -> None:
    """On a standard queue the cancellation may overtake the order: then it is never charged."""
    await till.cancelled()
    await till.created()
    await till.reconcile()
    assert (await till.payment()).state == "cancelled"
    assert till.gateway.calls == 0
    assert await till.events() == []


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": Decimal("59.97")},
        {"total_amount": Decimal("-59.98")},
        {"currency": "XXQ"},
        {"items": []},
        {"total_amount": Decimal("NaN")},
    ],
)
async def test_an_order_that_does_not_add_up_is_put_aside(change: dict[str, Any], till: Till) -> None:
    """An order whose items do not make its total is not charged."""
    with pytest.raises(Fatal):
        await till.created(order_created(**change))
    assert till.gateway.calls == 0
    assert await till.payment() is None


async def test_an_order_that_changed_its_price_is_put_aside(till: Till) -> None:
    """The same order with another total is not the same order."""
    await till.created()
    items = [OrderItem(product_id="p", quantity=1, price=Decimal("1"))]
    with pytest.raises(Fatal, match="its payment was for"):
        await till.created(order_created(items=items, total_amount=Decimal("1")))


async def webhook(till: Till, kind: str, **data: Any) -> None:
    """The provider tells by webhook; the API has recorded it."""
    payment = await till.payment()
    told = {"id": "txn_w", "idempotencyKey": f"{payment.id}:charge", "amount": 5998, "currency": "USD", "code": ""}
    body = json.dumps({"id": "evt_w", "type": kind, "data": told | data}).encode()
    async with till.ground.transaction() as tx:
        await store.keep_webhook(tx.session, "evt_w", body, till.ground.clock.now_ms())


async def test_a_webhook_settles_an_unknown_payment(till: Till) -> None:
    """A webhook is an answer like any other; the provider is not asked again, and a second copy changes nothing."""
    till.gateway.script = ["timeout"]
    await till.created()
    for _ in range(2):
        await webhook(till, "charge.succeeded")
        await till.reconciler.run_once()
    await till.reconcile()
    assert (await till.payment()).transaction_id == "txn_w"
    assert till.gateway.calls == 1
    assert await till.events() == [PAID]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("charge.succeeded", {"amount": 1}),
        ("charge.succeeded", {"currency": "EUR"}),
        ("charge.succeeded", {"idempotencyKey": "other"}),
        ("charge.disputed", {}),
    ],
)
async def test_webhooks_that_do_not_fit_are_ignored(kind: str, data: dict[str, Any], till: Till) -> None:
    """Another amount, another payment or another kind of event changes nothing."""
    till.gateway.script = ["timeout"]
    await till.created()
    await webhook(till, kind, **data)
    await till.reconciler.run_once()
    assert (await till.payment()).state == "unknown"


async def test_a_silent_provider_holds_up_nobody(till: Till) -> None:
    """While one question waits for its answer, another that becomes due is asked; stopping waits for both."""
    till.gateway.script = ["down", "down"]
    await till.created()
    await till.created(order_created("ord_2"))
    answer = asyncio.Event()
    asked: list[str] = []

    async def charge(order: ChargeOrder) -> Any:
        asked.append(order.order_id)
        if len(asked) == 1:
            await answer.wait()
        return Charged("txn_1")

    till.gateway.charge = charge  # type: ignore[method-assign]
    running = asyncio.create_task(till.reconciler.run())
    till.reconciler.wake()
    till.ground.clock.advance(FIRST_PAUSE_MS)  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        while len(asked) < 2:
            till.reconciler.wake()
            await asyncio.sleep(0.01)
        till.reconciler.stop()
        answer.set()
        await running
    assert (await till.payment()).state == "succeeded"


async def test_every_call_is_in_the_ledger(till: Till) -> None:
    """The ledger of gateway calls tells what was asked and answered, in order."""
    till.gateway.script = ["timeout"]
    await till.created()
    await till.cancelled()
    await till.reconcile()
    async with till.ground.reading() as session:
        calls = await store.calls_of(session, (await till.payment()).id)
    assert [(call.kind, call.outcome) for call in calls] == [
        ("charge", "unknown"),
        ("charge", "charged"),
        ("refund", "refunded"),
    ]


@given(st.lists(st.sampled_from(Trigger), max_size=12))
def test_a_payment_never_leaves_an_end(triggers: list[Trigger]) -> None:
    """Refunded, declined and cancelled are final, and only a succeeded payment can be given back."""
    state, succeeded = PaymentState.AUTHORIZING, False
    for trigger in triggers:
        before, state = state, TRANSITIONS.get((state, trigger), state)
        succeeded |= state is PaymentState.SUCCEEDED
        if before in {PaymentState.REFUNDED, PaymentState.DECLINED, PaymentState.CANCELLED}:
            assert state is before
        if state in {PaymentState.REFUNDING, PaymentState.REFUNDED}:
            assert succeeded


@pytest.mark.parametrize("tries", [0, 1, 5, 100])
def test_pauses_double_up_to_a_limit(tries: int) -> None:
    """The pause grows with the tries, is never longer than its limit, and is jittered downwards only."""
    full = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(tries, 30))
    assert full * 0.75 <= pause_ms(tries, 0.999) <= pause_ms(tries, 0.0) == full
