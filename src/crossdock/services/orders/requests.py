"""What a customer may ask for, and how an order comes of it: the limits of commerce.md, each refused with a sentence.

Types, lengths and ranges are declared on the request values; what depends on several fields is checked in `new_order`.
"""

import re
from decimal import Decimal
from typing import Annotated

import msgspec

from crossdock.clock import Clock
from crossdock.services.cards import CARDS, DEFAULT_CARD
from crossdock.services.money import DEFAULT_CURRENCY, Money, MoneyError, money, total
from crossdock.services.orders.model import Item, Order, OrderState
from crossdock.services.problems import unprocessable

_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=_NO_CONTROL)]
Label = Annotated[str, msgspec.Meta(max_length=200, pattern=_NO_CONTROL)]
Email = Annotated[
    str,
    msgspec.Meta(max_length=254, pattern=r"^[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+$"),
]
Phone = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164")]

_PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing wanted; `price` is that of one piece."""

    product_id: Name
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    price: Decimal
    name: Label = ""


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Body of POST /orders: the guide's fields and ours. Unknown fields are ignored, a total too: it is computed, not trusted."""

    user_id: Name
    items: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=100)]
    currency: str = DEFAULT_CURRENCY
    card: str = DEFAULT_CARD
    email: Email | None = None
    phone: Phone | None = None
    customer_name: Label = ""


def new_order(wanted: PlaceOrder, clock: Clock, mail_domain: str) -> tuple[Order, list[Item]]:
    """The order that is wanted, in its first state. Raises Problem 422 with the field in `field`."""
    if wanted.card not in CARDS:
        raise unprocessable(f"card {wanted.card!r} is not known", field="$.card")
    items = [_item(number, line, wanted.currency) for number, line in enumerate(wanted.items)]
    now_ms = clock.now_ms()
    order = Order(
        id=f"ord_{clock.new_event_id().replace('-', '')}",
        user_id=wanted.user_id,
        state=OrderState.PENDING,
        version=1,
        payment_version=0,
        currency=wanted.currency,
        total_minor=_total(items, wanted.currency).minor,
        card=wanted.card,
        email=wanted.email or _address_of(wanted.user_id, mail_domain),
        phone=wanted.phone,
        customer_name=wanted.customer_name,
        payment_id=None,
        transaction_id=None,
        failure_reason=None,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    return order, items


def _item(number: int, line: Line, currency: str) -> Item:
    field = f"$.items[{number}].price"
    try:
        price = money(line.price, currency)
    except MoneyError as error:
        raise unprocessable(str(error), field=field) from None
    if price.minor < 0:
        raise unprocessable("a price is not negative", field=field)
    return Item(product_id=line.product_id, name=line.name, quantity=line.quantity, price_minor=price.minor)


def _total(items: list[Item], currency: str) -> Money:
    try:
        return total([Money(item.price_minor * item.quantity, currency) for item in items], currency)
    except MoneyError as error:
        raise unprocessable(str(error), field="$.items") from None


def _address_of(user_id: str, domain: str) -> str | None:
    """Where a customer without an address is reached; None if the id makes no address or there is no domain for them."""
    return f"{user_id}@{domain}" if domain and len(user_id) <= 64 and _PLAIN_LOCAL_PART.fullmatch(user_id) else None
