"""The order service and payment events: duplicates, gaps, contradictions, and cancellation at any moment."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from crossdock.clock import ManualClock
from crossdock.messaging import Fatal, Retry
from crossdock.services.contracts import PaymentProcessed, PaymentRefunded, PaymentStatus
from crossdock.services.foundation import Foundation
from crossdock.services.orders import store
from crossdock.services.orders.actions import Happening, move, place
from crossdock.services.orders.handlers import on_payment_processed, on_payment_refunded
from crossdock.services.orders.model import Order, Step, Trigger, step
from crossdock.services.orders.requests import Line, PlaceOrder, new_order

WANTED = PlaceOrder(
    user_id="user_789",
    items=[Line(product_id="prod_001", quantity=2, price=Decimal("29.99"))],
    email="ada@example.com",
    phone="+491701234567",
)


class Shop:
    """The order service with one order in it."""

    def __init__(self, ground: Foundation, workbench: Any, order: Order) -> None:
        self.ground = ground
        self.order = order
        self._workbench = workbench

    async def paid(self, version: int | None = 1, amount: str = "59.98", status: str = "success") -> None:
        """A payment ended."""
        event = PaymentProcessed(
            payment_id="pay_1",
            order_id=self.order.id,
            status=PaymentStatus(status),
            amount=Decimal(amount),
            transaction_id="txn_1" if status == "success" else "",
            timestamp="2024-01-02T10:31:00Z",
            reason="" if status == "success" else "insufficient_funds",
        )
        await self._workbench.deliver(self.ground, on_payment_processed, event, self.ground.clock, version)

    async def refunded(self, version: int | None = 2) -> None:
        """The money was given back."""
        event = PaymentRefunded(
            payment_id="pay_1",
            order_id=self.order.id,
            amount=Decimal("59.98"),
            refund_id="ref_1",
            timestamp="2024-01-02T10:32:00Z",
        )
        await self._workbench.deliver(self.ground, on_payment_refunded, event, self.ground.clock, version)

    async def cancel(self) -> None:
        """The customer cancels, if it is still possible."""
        async with self.ground.transaction() as tx:
            order = await store.find(tx.session, self.order.id)
            todo = step(order.state, Trigger.CANCEL)
            if isinstance(todo, Step):
                await move(tx, self.ground.clock, order, todo, Happening(event="cancel"))

    async def state(self) -> str:
        """The state of the order now."""
        async with self.ground.reading() as session:
            return str((await store.find(session, self.order.id)).state)

    async def notices(self) -> list[tuple[str, str]]:
        """What the customer is told, by channel and template."""
        events = await self._workbench.published(self.ground)
        return [(e["body"]["type"], e["body"]["template"]) for e in events if e["type"] == "NOTIFICATION"]


@pytest.fixture
async def shop(workbench: Any, clock: ManualClock) -> Shop:
    """An order that waits for its payment."""
    ground = await workbench.open("orders")
    order, items = new_order(WANTED, clock, "")
    async with ground.transaction() as tx:
        await place(tx, order, items)
    return Shop(ground, workbench, order)


async def test_a_paid_order_is_confirmed_once(shop: Shop) -> None:
    """A payment moves the order to paid and sends one confirmation per channel, however often its event comes."""
    for _ in range(3):
        await shop.paid()
    assert await shop.state() == "paid"
    assert await shop.notices() == [("email", "order_confirmation"), ("sms", "order_confirmation")]


async def test_repetitions_without_version(shop: Shop) -> None:
    """A foreign payment service that sends no version is understood by the state alone."""
    for _ in range(2):
        await shop.paid(version=None)
    assert await shop.state() == "paid"
    assert len(await shop.notices()) == 2


async def test_a_failed_payment(shop: Shop) -> None:
    """A failed payment ends the order and tells why."""
    await shop.paid(status="failed")
    assert await shop.state() == "payment_failed"
    async with shop.ground.reading() as session:
        assert (await store.find(session, shop.order.id)).failure_reason == "insufficient_funds"


async def test_a_gap_is_waited_for(shop: Shop) -> None:
    """A refund that overtakes its payment is tried again later and changes nothing now."""
    with pytest.raises(Retry, match="waits for payment event 1"):
        await shop.refunded()
    assert await shop.state() == "pending"


@pytest.mark.parametrize("amount", ["59.97", "0", "5998"])
async def test_a_wrong_amount_is_put_aside(amount: str, shop: Shop) -> None:
    """A payment of another amount than the order's is no payment of the order."""
    with pytest.raises(Fatal, match="costs"):
        await shop.paid(amount=amount)
    assert await shop.state() == "pending"


async def test_an_unknown_order_is_put_aside(shop: Shop) -> None:
    """A payment of an order that is not ours goes to the dead letters, not away."""
    shop.order = new_order(WANTED, ManualClock(seed=1), "")[0]
    with pytest.raises(Fatal, match="not known"):
        await shop.paid()


async def test_a_contradiction_is_put_aside(shop: Shop) -> None:
    """A success after a failure contradicts it."""
    await shop.paid(status="failed")
    with pytest.raises(Fatal, match="contradicts"):
        await shop.paid(version=2)


@pytest.mark.parametrize("order", list(itertools.permutations(["paid", "refunded", "cancel"])))
async def test_cancellation_at_any_moment_ends_refunded(order: tuple[str, ...], shop: Shop) -> None:
    """Payment, refund and cancellation in any order, redelivered until they are taken, end refunded with each mail once."""
    waiting = list(order)
    for _ in range(4):
        for name in list(waiting):
            try:
                await getattr(shop, name)()
                waiting.remove(name)
            except Retry:
                continue
    assert waiting == []
    assert await shop.state() == "refunded"
    emails = [template for channel, template in await shop.notices() if channel == "email"]
    assert len(emails) == len(set(emails))
    assert "refund_issued" in emails


async def test_a_customer_without_contact_is_not_told(workbench: Any, clock: ManualClock) -> None:
    """Without an address, a phone and a domain for customers nobody is told, and the order is paid all the same."""
    ground = await workbench.open("orders")
    wanted = PlaceOrder(user_id="u", items=WANTED.items)
    order, items = new_order(wanted, clock, "")
    async with ground.transaction() as tx:
        await place(tx, order, items)
    shop = Shop(ground, workbench, order)
    await shop.paid()
    assert await shop.state() == "paid"
    assert await shop.notices() == []
