"""The message bodies are the guide's, byte for byte, and numbers stay exact."""

import json
from decimal import Decimal

import pytest

from crossdock.messaging import Attribute, Event, ReceivedMessage, encode
from crossdock.services.contracts import (
    CONTRACTS,
    Channel,
    Notification,
    OrderCreated,
    OrderItem,
    PaymentProcessed,
    PaymentStatus,
    data_from,
    data_of,
)
from crossdock.services.topology import TOPOLOGY

ORDER = OrderCreated(
    order_id="ord_123456",
    user_id="user_789",
    items=[OrderItem(product_id="prod_001", quantity=2, price=Decimal("29.99"))],
    total_amount=Decimal("59.98"),
    timestamp="2024-01-02T10:30:00Z",
)
PAYMENT = PaymentProcessed(
    payment_id="pay_123456",
    order_id="ord_123456",
    status=PaymentStatus.SUCCESS,
    amount=Decimal("59.98"),
    transaction_id="txn_abc123",
    timestamp="2024-01-02T10:31:00Z",
)
NOTIFICATION = Notification(
    type=Channel.EMAIL,
    recipient="user@example.com",
    subject="Order Confirmation",
    template="order_confirmation",
    data=data_from({"orderId": "ord_123456", "items": [], "totalAmount": Decimal("59.98")}),
)

GUIDE = [
    (
        "ORDER_CREATED",
        ORDER,
        '{"orderId":"ord_123456","userId":"user_789","items":[{"productId":"prod_001","quantity":2,"price":29.99}],'
        '"totalAmount":59.98,"timestamp":"2024-01-02T10:30:00Z"}',
    ),
    (
        "PAYMENT_PROCESSED",
        PAYMENT,
        '{"paymentId":"pay_123456","orderId":"ord_123456","status":"success","amount":59.98,'
        '"transactionId":"txn_abc123","timestamp":"2024-01-02T10:31:00Z"}',
    ),
    (
        "NOTIFICATION",
        NOTIFICATION,
        '{"type":"email","recipient":"user@example.com","subject":"Order Confirmation","template":"order_confirmation",'
        '"data":{"orderId":"ord_123456","items":[],"totalAmount":59.98}}',
    ),
]


@pytest.mark.parametrize(("event_type", "event", "body"), GUIDE)
def test_bodies_are_the_guides(event_type: str, event: Event, body: str) -> None:
    """The guide's messages are written and read as the guide writes them, also from a producer that sends only eventType."""
    assert encode(event) == body
    message = ReceivedMessage(
        message_id="m", receipt_handle="r", body=body, attributes={"eventType": Attribute("String", event_type)}
    )
    assert CONTRACTS.decode(message).event == event


def test_extras_are_left_out_by_default_and_written_otherwise() -> None:
    """Currency and card ride in the body only when they are not the default."""
    body = json.loads(
        encode(OrderCreated(**{f: getattr(ORDER, f) for f in ORDER.__struct_fields__} | {"currency": "JPY"}))
    )
    assert body["currency"] == "JPY"
    assert "card" not in body


def test_template_data_is_exact() -> None:
    """Numbers in a notification's data are decimals, digit for digit."""
    assert data_of(NOTIFICATION)["totalAmount"] == Decimal("59.98")


def test_every_contract_has_a_route() -> None:
    """The topology knows where each event goes, payment events to both of their subscribers."""
    assert set(TOPOLOGY.routes) == {
        "ORDER_CREATED",
        "ORDER_CANCELLED",
        "PAYMENT_PROCESSED",
        "PAYMENT_REFUNDED",
        "NOTIFICATION",
    }
    consumers = [queue.consumer for queue in TOPOLOGY.subscribers("PAYMENT_PROCESSED")]
    assert consumers == ["orders", "notifications"]
