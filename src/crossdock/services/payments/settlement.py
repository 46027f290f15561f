"""What the provider's answers do to payments: one writer for calls, webhooks and the reconciler, each change in one transaction.

A change is fenced by the payment's version; an answer that comes twice, or by two ways at once, changes a payment once and is published
once. Whom to ask and when is left to handlers.py and reconciler.py.
"""

from typing import Any

import msgspec

from crossdock.clock import Clock
from crossdock.messaging import Retry, Transaction
from crossdock.services.contracts import PaymentProcessed, PaymentRefunded, PaymentStatus
from crossdock.services.payments import store
from crossdock.services.payments.gateway import Charged, Declined, Refunded, Result, Unknown
from crossdock.services.payments.model import (
    TRANSITIONS,
    Attempt,
    AttemptKind,
    Call,
    Payment,
    PaymentState,
    Trigger,
    attempt_of,
    pause_ms,
)
from crossdock.services.timestamps import iso


class Concurrent(Retry):
    """Somebody else changed the payment at the same moment; the whole transaction is to be tried again."""


async def settle(tx: Transaction, clock: Clock, attempt: Attempt, result: Result, via: str = "call") -> bool:
    """Write down an answer and what it changes. True when more is to be asked of the provider. Raises Concurrent."""
    payment = await store.find(tx.session, attempt.payment_id)
    if payment is None:
        raise LookupError(f"attempt {attempt.key} has no payment")
    await store.log_call(tx.session, _call(attempt, result, via, clock))
    match result:
        case Unknown():
            return await _ask_again(tx, clock, payment, attempt)
        case Charged(transaction_id):
            after = await _answered(tx, clock, payment, attempt, Trigger.CHARGED, transaction_id=transaction_id)
            return after.cancel_requested and await refund(tx, clock, after)
        case Declined(code):
            await _answered(tx, clock, payment, attempt, Trigger.DECLINED, failure_reason=code)
        case Refunded(refund_id):
            await _answered(tx, clock, payment, attempt, Trigger.REFUNDED, refund_id=refund_id)
    return False


async def refund(tx: Transaction, clock: Clock, payment: Payment) -> bool:
    """Decide to give the money back: the intent is written, the reconciler asks the provider. False when there is none to give."""
    if (payment.state, Trigger.CANCEL) not in TRANSITIONS:
        return False
    await apply(tx, clock, payment, Trigger.CANCEL, cancel_requested=True)
    await store.add_attempt(tx.session, attempt_of(payment.id, AttemptKind.REFUND, clock.now_ms()))
    return True


async def apply(tx: Transaction, clock: Clock, payment: Payment, trigger: Trigger | None, **facts: Any) -> Payment:
    """Change a payment: by a trigger that its state allows (None: only facts change). Raises Concurrent."""
    state = TRANSITIONS[payment.state, trigger] if trigger else payment.state
    moved = msgspec.structs.replace(
        payment, state=state, version=payment.version + 1, updated_ms=clock.now_ms(), **facts
    )
    if not await store.change(tx.session, payment, moved):
        raise Concurrent(f"{payment.id} was changed at the same moment", after=0)
    return moved


async def _answered(
    tx: Transaction, clock: Clock, payment: Payment, attempt: Attempt, trigger: Trigger, **facts: Any
) -> Payment:
    """The provider has answered for good: close the attempt, move the payment and tell of it, unless that was done before."""
    await store.schedule(tx.session, attempt.key, attempt.tries + 1, None)
    if (payment.state, trigger) not in TRANSITIONS:
        return payment
    moved = await apply(tx, clock, payment, trigger, event_version=payment.event_version + 1, **facts)
    tx.publish(_event(moved), version=moved.event_version, group=f"order-{moved.order_id}")
    return moved


async def _ask_again(tx: Transaction, clock: Clock, payment: Payment, attempt: Attempt) -> bool:
    known = await store.attempt(tx.session, attempt.key)
    if known is None or known.due_ms is None:
        return False  # a webhook has answered meanwhile
    due_ms = clock.now_ms() + pause_ms(attempt.tries, clock.random())
    await store.schedule(tx.session, attempt.key, attempt.tries + 1, due_ms)
    if (payment.state, Trigger.NO_ANSWER) in TRANSITIONS:
        await apply(tx, clock, payment, Trigger.NO_ANSWER)
    return True


def _event(payment: Payment) -> PaymentProcessed | PaymentRefunded:
    timestamp = iso(payment.updated_ms)
    if payment.state is PaymentState.REFUNDED:
        return PaymentRefunded(
            payment_id=payment.id,
            order_id=payment.order_id,
            amount=payment.amount.amount,
            refund_id=payment.refund_id or "",
            timestamp=timestamp,
            currency=payment.currency,
        )
    succeeded = payment.state is PaymentState.SUCCEEDED
    return PaymentProcessed(
        payment_id=payment.id,
        order_id=payment.order_id,
        status=PaymentStatus.SUCCESS if succeeded else PaymentStatus.FAILED,
        amount=payment.amount.amount,
        transaction_id=payment.transaction_id or "",
        timestamp=timestamp,
        currency=payment.currency,
        reason=payment.failure_reason or "",
    )


def _call(attempt: Attempt, result: Result, via: str, clock: Clock) -> Call:
    return Call(
        payment_id=attempt.payment_id,
        key=attempt.key,
        kind=attempt.kind,
        via=via,
        outcome=type(result).__name__.lower(),
        detail=str(msgspec.structs.astuple(result)[0]),
        at_ms=clock.now_ms(),
    )
