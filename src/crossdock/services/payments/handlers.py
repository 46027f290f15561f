"""What the payment service does with orders: charge each at most once, and give the money back when the order is cancelled.

Plain functions; service.py registers them with the worker, tests call them directly. Before the provider is asked, the intent is on disk:
whatever dies at any moment, the same question with the same key is asked again, by the reconciler.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import event as orm_event

from crossdock.clock import Clock
from crossdock.messaging import Fatal, Transaction
from crossdock.services.contracts import OrderCancelled, OrderCreated
from crossdock.services.money import Money, MoneyError, money, total
from crossdock.services.payments import store
from crossdock.services.payments.gateway import ChargeOrder, PaymentGateway
from crossdock.services.payments.model import AWAITING, AttemptKind, Payment, PaymentState, attempt_of
from crossdock.services.payments.settlement import apply, refund, settle


@dataclass(frozen=True, slots=True)
class Cashier:
    """What the handlers work with."""

    gateway: PaymentGateway
    clock: Clock
    takeover_ms: int
    """How long after an intent the reconciler takes it for abandoned; longer than a call to the gateway can last."""
    wake: Callable[[], None]
    """Tells the reconciler that it has something to do."""


async def on_order_created(event: OrderCreated, tx: Transaction, cashier: Cashier) -> None:
    """Charge the order. One that is known already was charged, is being charged, or was cancelled before it came."""
    amount = _amount(event)
    known = await store.of_order(tx.session, event.order_id)
    if known is not None:
        _check_same(known, amount)
        return
    clock = cashier.clock
    payment = _new(event.order_id, PaymentState.AUTHORIZING, amount, event.card, clock)
    attempt = attempt_of(payment.id, AttemptKind.CHARGE, clock.now_ms() + cashier.takeover_ms)
    await store.add(tx.session, payment, attempt)
    await tx.checkpoint()
    result = await cashier.gateway.charge(
        ChargeOrder(key=attempt.key, order_id=event.order_id, amount=amount, card=event.card)
    )
    if await settle(tx, clock, attempt, result):
        after_commit(tx, cashier.wake)


async def on_order_cancelled(event: OrderCancelled, tx: Transaction, cashier: Cashier) -> None:
    """Do not charge the order, or give its money back; what is under way is remembered and settled when it ends."""
    payment = await store.of_order(tx.session, event.order_id)
    if payment is None:
        await store.add(
            tx.session, _new(event.order_id, PaymentState.CANCELLED, Money(0), "", cashier.clock), attempt=None
        )
    elif payment.state in AWAITING:
        if not payment.cancel_requested:
            await apply(tx, cashier.clock, payment, None, cancel_requested=True)
    elif await refund(tx, cashier.clock, payment):
        after_commit(tx, cashier.wake)


def after_commit(tx: Transaction, call: Callable[[], None]) -> None:
    """Call once what was written so far is committed."""
    orm_event.listen(tx.session.sync_session, "after_commit", lambda _: call(), once=True)


def _new(order_id: str, state: PaymentState, amount: Money, card: str, clock: Clock) -> Payment:
    now_ms = clock.now_ms()
    return Payment(
        id=f"pay_{clock.new_event_id().replace('-', '')}",
        order_id=order_id,
        state=state,
        version=1,
        event_version=0,
        cancel_requested=state is PaymentState.CANCELLED,
        currency=amount.currency,
        amount_minor=amount.minor,
        card=card,
        transaction_id=None,
        refund_id=None,
        failure_reason=None,
        created_ms=now_ms,
        updated_ms=now_ms,
    )


def _amount(event: OrderCreated) -> Money:
    """What the order costs. Raises Fatal when its own sum does not agree."""
    try:
        claimed = money(event.total_amount, event.currency)
        prices = [(money(item.price, event.currency), item.quantity) for item in event.items]
        summed = total([Money(price.minor * quantity, price.currency) for price, quantity in prices], event.currency)
    except MoneyError as error:
        raise Fatal(f"order {event.order_id}: {error}") from None
    if claimed != summed or claimed.minor < 0:
        raise Fatal(f"order {event.order_id} says {claimed}, its items cost {summed}")
    return claimed


def _check_same(known: Payment, amount: Money) -> None:
    if known.state is not PaymentState.CANCELLED and known.amount != amount:
        raise Fatal(f"order {known.order_id} costs {amount} now, its payment was for {known.amount}")
