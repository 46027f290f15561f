"""The example files: valid orders, and of every kind that the pipeline must cope with."""

from pathlib import Path

import msgspec

from crossdock.clock import ManualClock
from crossdock.ops.orders import read_orders
from crossdock.services.cards import CARDS, Behaviour
from crossdock.services.money import decimals
from crossdock.services.orders.model import Item, Order
from crossdock.services.orders.requests import PlaceOrder, new_order

EXAMPLES = Path(__file__).parents[3] / "examples"


def accepted(file: str) -> list[tuple[Order, list[Item]]]:
    """The orders of a file, as the order service takes them; it raises when it refuses one."""
    clock = ManualClock()
    wanted = [msgspec.json.decode(line.body, type=PlaceOrder) for line in read_orders(EXAMPLES / file)]
    return [new_order(one, clock, mail_domain="customers.example") for one in wanted]


def test_the_first_order_is_the_guides() -> None:
    """Two pieces at 29.99, paid with the default card."""
    ((order, _),) = accepted("order.json")
    assert str(order.total) == "59.98 USD"
    assert CARDS[order.card].behaviour is Behaviour.ACCEPT


def test_two_hundred_orders_are_accepted_and_each_can_be_confirmed() -> None:
    """The order service refuses none, and each has an address to be confirmed to."""
    orders = accepted("orders.jsonl")
    assert len(orders) == 200
    assert all(order.email for order, _ in orders)


def test_the_orders_cover_what_happens_in_a_shop() -> None:
    """Currencies of 0, 2 and 3 decimals, long lists, foreign scripts, every kind of card, cancellations, equal orders, free and tiny prices."""
    orders = accepted("orders.jsonl")
    lines = read_orders(EXAMPLES / "orders.jsonl")
    assert {decimals(order.currency) for order, _ in orders} == {0, 2, 3}
    assert sum(order.currency == "JPY" for order, _ in orders) >= 20
    assert {CARDS[order.card].behaviour for order, _ in orders} == set(Behaviour)
    assert {card for card, kind in CARDS.items() if kind.decline_code} <= {order.card for order, _ in orders}
    assert sum(len(items) == 100 for _, items in orders) == 3
    assert max(item.quantity for _, items in orders for item in items) == 10_000
    assert any(item.price_minor == 0 for _, items in orders for item in items)
    assert sum(not order.customer_name.isascii() for order, _ in orders) >= 20
    assert sum(not item.name.isascii() for _, items in orders for item in items) >= 50
    assert sum(line.cancel for line in lines) >= 10
    assert any(line.key.endswith("-1") for line in lines), "two lines are equal and are two orders"
