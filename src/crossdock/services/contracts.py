"""The message contracts of the platform: the guide's bodies, field for field.

What the guide's bodies do not have is an optional extra that is left out when it has its default (`currency` for all but US dollars,
`card` for all but the default test card, `reason` of a failure), so the guide's own cases are byte-compatible. Prices and amounts are
JSON numbers, exact; `money.py` turns them into minor units.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from crossdock.messaging import Contracts, Event, contract
from crossdock.services.cards import DEFAULT_CARD
from crossdock.services.money import DEFAULT_CURRENCY


class OrderItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of an order; `price` is that of one piece."""

    product_id: str
    quantity: int
    price: Decimal


@contract("ORDER_CREATED", business_key="ORDER_CREATED:{orderId}")
class OrderCreated(Event, frozen=True, kw_only=True):
    """An order wants to be paid."""

    order_id: str
    user_id: str
    items: list[OrderItem]
    total_amount: Decimal
    timestamp: str
    currency: str = DEFAULT_CURRENCY
    card: str = DEFAULT_CARD


@contract("ORDER_CANCELLED", business_key="ORDER_CANCELLED:{orderId}")
class OrderCancelled(Event, frozen=True, kw_only=True):
    """An order is not wanted any more: do not charge it, or give the money back."""

    order_id: str
    timestamp: str


class PaymentStatus(StrEnum):
    """How a payment ended, in the guide's words."""

    SUCCESS = "success"
    FAILED = "failed"


@contract("PAYMENT_PROCESSED", business_key="PAYMENT_PROCESSED:{paymentId}")
class PaymentProcessed(Event, frozen=True, kw_only=True):
    """A payment ended, well or not. `transaction_id` is the provider's, empty when there is none."""

    payment_id: str
    order_id: str
    status: PaymentStatus
    amount: Decimal
    transaction_id: str
    timestamp: str
    currency: str = DEFAULT_CURRENCY
    reason: str = ""


@contract("PAYMENT_REFUNDED", business_key="PAYMENT_REFUNDED:{paymentId}")
class PaymentRefunded(Event, frozen=True, kw_only=True):
    """The money of a payment was given back. `refund_id` is the provider's."""

    payment_id: str
    order_id: str
    amount: Decimal
    refund_id: str
    timestamp: str
    currency: str = DEFAULT_CURRENCY


class Channel(StrEnum):
    """The `type` of a notification: how it reaches its recipient."""

    EMAIL = "email"
    SMS = "sms"


@contract("NOTIFICATION")
class Notification(Event, frozen=True, kw_only=True):
    """The command to tell somebody something. `data` fills the template; it is JSON as it came, see `data_of`."""

    type: Channel
    recipient: str
    subject: str
    template: str
    data: msgspec.Raw


_DATA_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_DATA_ENCODER = msgspec.json.Encoder(decimal_format="number")


def data_of(notification: Notification) -> dict[str, Any]:
    """The template's variables, decimals exact. Raises msgspec.DecodeError unless it is a JSON object."""
    return _DATA_DECODER.decode(notification.data)


def data_from(variables: dict[str, Any]) -> msgspec.Raw:
    """The `data` of a notification."""
    return msgspec.Raw(_DATA_ENCODER.encode(variables))


CONTRACTS = Contracts([OrderCreated, OrderCancelled, PaymentProcessed, PaymentRefunded, Notification])
