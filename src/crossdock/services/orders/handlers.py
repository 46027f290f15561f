"""What the order service does with payment events: duplicates are ignored, gaps waited for, contradictions put aside.

Plain functions; service.py registers them with the worker, tests call them directly.
"""

from crossdock.clock import Clock
from crossdock.messaging import Fatal, Retry, Transaction
from crossdock.services.contracts import PaymentProcessed, PaymentRefunded, PaymentStatus
from crossdock.services.money import Money, MoneyError, money
from crossdock.services.orders import store
from crossdock.services.orders.actions import Happening, move
from crossdock.services.orders.model import Order, Step, Trigger, Verdict, step

GAP_WAIT_S = 1.0
"""How long an event waits for its forerunner."""


async def on_payment_processed(event: PaymentProcessed, tx: Transaction, clock: Clock) -> None:
    """The payment ended: the order is paid or its payment has failed, and a cancelled order will be given its money back."""
    succeeded = event.status is PaymentStatus.SUCCESS
    trigger = Trigger.PAYMENT_SUCCEEDED if succeeded else Trigger.PAYMENT_FAILED
    found = await _next_step(tx, event.order_id, trigger)
    if found is None:
        return
    order, todo = found
    if succeeded and (paid := _money(event)) != order.total:
        raise Fatal(f"{event.payment_id} paid {paid}, {order.id} costs {order.total}")
    facts = {
        "payment_version": _version(tx, order),
        "payment_id": event.payment_id,
        "transaction_id": event.transaction_id or None,
        "failure_reason": event.reason or None,
    }
    detail = event.transaction_id if succeeded else event.reason
    await move(tx, clock, order, todo, Happening(event=trigger, detail=detail, facts=facts))


async def on_payment_refunded(event: PaymentRefunded, tx: Transaction, clock: Clock) -> None:
    """The money was given back."""
    found = await _next_step(tx, event.order_id, Trigger.REFUNDED)
    if found is None:
        return
    order, todo = found
    facts = {"payment_version": _version(tx, order)}
    await move(tx, clock, order, todo, Happening(event=Trigger.REFUNDED, detail=event.refund_id, facts=facts))


async def _next_step(tx: Transaction, order_id: str, trigger: Trigger) -> tuple[Order, Step] | None:
    """The order and its step; None when there is nothing to do. Raises Retry for a gap, Fatal for a contradiction."""
    order = await store.find(tx.session, order_id)
    if order is None:
        raise Fatal(f"order {order_id} is not known here")
    version = tx.envelope.event_version if tx.envelope else None
    if version is not None and version <= order.payment_version:
        return None
    if version is not None and version > order.payment_version + 1:
        raise Retry(f"{order_id} waits for payment event {order.payment_version + 1}", after=GAP_WAIT_S)
    todo = step(order.state, trigger)
    if todo is Verdict.REPEATED:
        return None
    if isinstance(todo, Verdict):
        raise Fatal(f"order {order_id} is {order.state}, {trigger} contradicts that")
    return order, todo


def _version(tx: Transaction, order: Order) -> int:
    """The payment events applied after this one; a foreign producer sends no version."""
    version = tx.envelope.event_version if tx.envelope else None
    return order.payment_version + 1 if version is None else version


def _money(event: PaymentProcessed) -> Money:
    try:
        return money(event.amount, event.currency)
    except MoneyError as error:
        raise Fatal(f"{event.payment_id}: {error}") from None
