"""The life of an order, pure: its states, what moves it between them, and what each move tells others.

    pending ──payment succeeded──▶ paid ──cancel──▶ refund_pending ──refunded──▶ refunded
       │ │                          └───────────────refunded───────────────────────▲
       │ └──payment failed──▶ payment_failed              ▲
       └──cancel──▶ cancelled ──payment succeeded─────────┘
                     ▲     └──payment failed──┐
                     └────────────────────────┘

A payment that succeeds after the order was cancelled is given back; the payment service knows of the cancellation and does so by
itself. Storing an order and sending what a move tells are left to store.py and actions.py.
"""

from enum import StrEnum
from typing import Final

import msgspec

from crossdock.services.money import Money


class OrderState(StrEnum):
    """Where an order stands; the `status` of the API."""

    PENDING = "pending"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    CANCELLED = "cancelled"
    REFUND_PENDING = "refund_pending"
    REFUNDED = "refunded"


class Trigger(StrEnum):
    """What can happen to an order."""

    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"
    CANCEL = "cancel"
    REFUNDED = "refunded"


class Step(msgspec.Struct, frozen=True):
    """A move: the new state, the template of the notice to the customer, and whether payments must hear of a cancellation."""

    to: OrderState
    notice: str = ""
    cancels: bool = False


class Verdict(StrEnum):
    """Why a trigger does not move an order."""

    REPEATED = "repeated"
    """It says what the order has already gone through."""
    IMPOSSIBLE = "impossible"
    """It contradicts the state of the order."""


_S, _T = OrderState, Trigger

TRANSITIONS: Final[dict[tuple[OrderState, Trigger], Step]] = {
    (_S.PENDING, _T.PAYMENT_SUCCEEDED): Step(_S.PAID, notice="order_confirmation"),
    (_S.PENDING, _T.PAYMENT_FAILED): Step(_S.PAYMENT_FAILED, notice="payment_failed"),
    (_S.PENDING, _T.CANCEL): Step(_S.CANCELLED, notice="order_cancelled", cancels=True),
    (_S.PAID, _T.CANCEL): Step(_S.REFUND_PENDING, notice="order_cancelled", cancels=True),
    (_S.PAID, _T.REFUNDED): Step(_S.REFUNDED, notice="refund_issued"),
    (_S.CANCELLED, _T.PAYMENT_SUCCEEDED): Step(_S.REFUND_PENDING),
    (_S.CANCELLED, _T.PAYMENT_FAILED): Step(_S.CANCELLED),
    (_S.REFUND_PENDING, _T.REFUNDED): Step(_S.REFUNDED, notice="refund_issued"),
}

REPEATED: Final[frozenset[tuple[OrderState, Trigger]]] = frozenset(
    {
        (_S.PAID, _T.PAYMENT_SUCCEEDED),
        (_S.REFUND_PENDING, _T.PAYMENT_SUCCEEDED),
        (_S.REFUNDED, _T.PAYMENT_SUCCEEDED),
        (_S.REFUNDED, _T.REFUNDED),
        (_S.PAYMENT_FAILED, _T.PAYMENT_FAILED),
        (_S.CANCELLED, _T.CANCEL),
        (_S.REFUND_PENDING, _T.CANCEL),
        (_S.REFUNDED, _T.CANCEL),
    }
)

END_STATES: Final = frozenset({_S.PAID, _S.PAYMENT_FAILED, _S.CANCELLED, _S.REFUNDED})


def step(state: OrderState, trigger: Trigger) -> Step | Verdict:
    """What the trigger does to an order in that state."""
    key = (state, trigger)
    return TRANSITIONS.get(key) or (Verdict.REPEATED if key in REPEATED else Verdict.IMPOSSIBLE)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is stored. `version` counts its changes, `payment_version` the payment events that were applied."""

    id: str
    user_id: str
    state: OrderState
    version: int
    payment_version: int
    currency: str
    total_minor: int
    card: str
    email: str | None
    phone: str | None
    customer_name: str
    payment_id: str | None
    transaction_id: str | None
    failure_reason: str | None
    created_ms: int
    updated_ms: int

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order; the price is that of one piece."""

    product_id: str
    name: str
    quantity: int
    price_minor: int


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order's timeline: what happened and where the order stood after it."""

    version: int
    at_ms: int
    event: str
    state: OrderState
    detail: str
