"""All 200 example orders through a whole pipeline: each ends where its card and its customer send it, and the audit finds nothing."""

import re
from collections import Counter

import msgspec
import pytest
from tests.journey.pipeline import ORDERS, Pipeline

from crossdock.ops.http import Api
from crossdock.ops.orders import OrderLine, read_orders
from crossdock.services.cards import CARDS, DEFAULT_CARD, Behaviour

pytestmark = pytest.mark.journey


def expected_ends(line: OrderLine) -> set[str]:
    """Where an order may end. Cancelled at once, it may have been paid or declined before the cancellation."""
    card = msgspec.json.decode(line.body).get("card", DEFAULT_CARD)
    declines = CARDS[card].behaviour is Behaviour.DECLINE
    if line.cancel:
        return {"cancelled", "payment_failed"} if declines else {"cancelled", "refunded"}
    return {"payment_failed"} if declines else {"paid"}


def test_the_first_order_is_paid_and_confirmed(pipeline: Pipeline) -> None:
    """The README's first order: paid, and its mail is in the inbox; placed again it is the same order."""
    (placed,) = pipeline.asked("order", "place", "examples/order.json", "--wait")
    assert placed["status"] == "paid"
    (again,) = pipeline.asked("order", "place", "examples/order.json", "--wait")
    assert again["order_id"] == placed["order_id"]
    pipeline.audited()
    (mail,) = pipeline.asked("mail", "list", "--to", "user@example.com")
    shown = pipeline.crossdock("mail", "show", str(mail["id"])).stdout
    assert placed["order_id"] in shown
    assert "59.98" in shown


def test_two_hundred_orders_end_where_they_must(pipeline: Pipeline) -> None:
    """Every order of the examples, through POST /orders; the audit is empty, and each accepted order was charged once."""
    lines = read_orders(ORDERS)
    placed = pipeline.asked("order", "place", str(ORDERS), "--wait", "--timeout", "180")
    assert len(placed) == len(lines)
    pipeline.audited()
    ids = [one["order_id"] for one in placed]
    assert len(set(ids)) == len(ids)
    ends = {order_id: pipeline.status_of(order_id) for order_id in ids}
    wrong = [
        (line.number, ends[order_id])
        for line, order_id in zip(lines, ids, strict=True)
        if ends[order_id] not in expected_ends(line)
    ]
    assert not wrong
    check_charges(pipeline, ends)
    check_mails(pipeline, ends)


def check_charges(pipeline: Pipeline, ends: dict[str, str]) -> None:
    """The provider's own ledger: one accepted charge for each paid or refunded order, none for the others."""
    charges = pipeline.asked("provider", "ledger", "--limit", "1000")["charges"]
    taken = Counter(charge["reference"] for charge in charges if charge["status"] == "succeeded")
    for order_id, status in ends.items():
        if status in ("paid", "refunded"):
            assert taken[order_id] == 1, f"{order_id} is {status}"
        elif status == "payment_failed":
            assert taken[order_id] == 0, f"{order_id} is {status}"


def check_mails(pipeline: Pipeline, ends: dict[str, str]) -> None:
    """The inbox itself, mail by mail: exactly one confirmation for each paid order, none for an order that failed."""
    inbox = Api(pipeline.run.url_of("inbox"))
    mails = inbox.call_now("GET", "/messages?limit=1000").body["messages"]
    assert len(mails) < 1_000
    confirmed: Counter[str] = Counter()
    for mail in mails:
        if mail["subject"] == "Order Confirmation":
            confirmed.update(
                set(re.findall(r"ord_[0-9a-f]{32}", inbox.call_now("GET", f"/messages/{mail['id']}").body["text"]))
            )
    inbox.close()
    for order_id, status in ends.items():
        if status in ("paid", "payment_failed"):
            assert confirmed[order_id] == (status == "paid"), f"{order_id} is {status}"


def test_the_story_of_an_order_is_told_across_services(pipeline: Pipeline) -> None:
    """`order show` has the order's steps, the provider's charge and the mail, in the order of time."""
    (placed,) = pipeline.asked("order", "place", "examples/order.json", "--wait")
    pipeline.audited()
    told = pipeline.asked("order", "show", placed["order_id"])
    assert {event["service"] for event in told["events"]} >= {"orders", "provider", "notifications"}
    assert [event["at_ms"] for event in told["events"]] == sorted(event["at_ms"] for event in told["events"])


def test_status_says_that_all_is_well(pipeline: Pipeline) -> None:
    """Every process is ready, and the queues are flat."""
    found = pipeline.asked("status")
    assert found["healthy"]
    names = {queue["name"] for queue in found["queues"]}
    assert {"ecommerce-order-queue", "ecommerce-payment-queue.fifo", "ecommerce-dlq.fifo"} <= names
    assert all(queue["visible"] == 0 for queue in found["queues"])


def test_an_order_that_nobody_knows_is_a_sentence(pipeline: Pipeline) -> None:
    """Exit code 1, no traceback."""
    ended = pipeline.crossdock("order", "show", "ord_nobody")
    assert ended.returncode == 1
    assert "there is no order ord_nobody" in ended.stderr
    assert "Traceback" not in ended.stderr
