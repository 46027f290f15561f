"""Changes of orders, each in one transaction: the new state, a line of the timeline, and the messages it causes.

Who asks for a change (HTTP or a payment event) is left to api.py and handlers.py.
"""

from decimal import Decimal
from typing import Any

import msgspec

from crossdock.clock import Clock
from crossdock.messaging import Retry, Transaction
from crossdock.services.contracts import Channel, Notification, OrderCancelled, OrderCreated, OrderItem, data_from
from crossdock.services.money import Money
from crossdock.services.orders import store
from crossdock.services.orders.model import Item, Order, Step
from crossdock.services.timestamps import iso

SUBJECTS = {
    "order_confirmation": "Order Confirmation",
    "payment_failed": "Payment Failed",
    "order_cancelled": "Order Cancelled",
    "refund_issued": "Refund Issued",
}


class Concurrent(Retry):
    """Somebody else changed the order at the same moment; the whole transaction is to be tried again."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What moves an order: for the timeline, and the fields of the order that change with it."""

    event: str
    detail: str = ""
    facts: dict[str, Any] = {}


async def place(tx: Transaction, order: Order, items: list[Item]) -> None:
    """Write a new order and ask for its payment."""
    await store.add(tx.session, order, items)
    await store.append(tx.session, order, "placed", f"total {order.total}")
    tx.publish(
        OrderCreated(
            order_id=order.id,
            user_id=order.user_id,
            items=[
                OrderItem(product_id=item.product_id, quantity=item.quantity, price=_price(item, order))
                for item in items
            ],
            total_amount=order.total.amount,
            timestamp=iso(order.created_ms),
            currency=order.currency,
            card=order.card,
        ),
        version=order.version,
    )


async def move(tx: Transaction, clock: Clock, order: Order, step: Step, happening: Happening) -> Order:
    """Take a step; the order as it is afterwards. Raises Concurrent."""
    moved = msgspec.structs.replace(
        order, state=step.to, version=order.version + 1, updated_ms=clock.now_ms(), **happening.facts
    )
    if not await store.change(tx.session, order, moved):
        raise Concurrent(f"{order.id} was changed at the same moment", after=0)
    await store.append(tx.session, moved, happening.event, happening.detail)
    if step.cancels:
        tx.publish(OrderCancelled(order_id=order.id, timestamp=iso(moved.updated_ms)), version=moved.version)
    if step.notice:
        await _notify(tx, moved, step.notice)
    return moved


async def _notify(tx: Transaction, order: Order, template: str) -> None:
    """Tell the customer on every channel that the order names."""
    if order.email is None and order.phone is None:
        return
    data = data_from(_variables(order, await store.items_of(tx.session, order.id)))
    for channel, recipient in ((Channel.EMAIL, order.email), (Channel.SMS, order.phone)):
        if recipient is not None:
            tx.publish(
                Notification(
                    type=channel, recipient=recipient, subject=SUBJECTS[template], template=template, data=data
                ),
                version=order.version,
            )


def _variables(order: Order, items: list[Item]) -> dict[str, Any]:
    """What the templates may use: the guide's orderId, items and totalAmount, and more where it is known."""
    variables: dict[str, Any] = {
        "orderId": order.id,
        "items": [
            {"productId": item.product_id, "quantity": item.quantity, "price": _price(item, order)}
            | ({"name": item.name} if item.name else {})
            for item in items
        ],
        "totalAmount": order.total.amount,
        "currency": order.currency,
    }
    optional = {
        "customerName": order.customer_name,
        "transactionId": order.transaction_id,
        "reason": order.failure_reason,
    }
    return variables | {name: value for name, value in optional.items() if value}


def _price(item: Item, order: Order) -> Decimal:
    return Money(item.price_minor, order.currency).amount
