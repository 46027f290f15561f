"""The order service's API over real HTTP: what it does, what it refuses, and that a refusal stores nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from crossdock.services.orders.api import KINDS, OrdersApi
from crossdock.services.web import ServiceApi, serving

GOOD: dict[str, Any] = {"userId": "user_789", "items": [{"productId": "prod_001", "quantity": 2, "price": 29.99}]}


@pytest.fixture
async def ground(workbench: Any) -> Any:
    """The order service without queues."""
    return await workbench.open("orders")


@pytest.fixture
async def http(ground: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the API."""
    api = ServiceApi("orders", KINDS, ground.check)
    api.include_router(OrdersApi(ground, "customers.example").router())
    async with serving(api, ground.listener) as url, aiohttp.ClientSession(url) as session:
        yield session


async def place(http: aiohttp.ClientSession, order: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
    """POST an order."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    async with http.post("/orders", data=json.dumps(order), headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_placing_an_order(http: aiohttp.ClientSession, ground: Any, workbench: Any) -> None:
    """An order is stored as pending with its computed total, and the guide's ORDER_CREATED waits in the outbox."""
    status, order = await place(http, GOOD | {"totalAmount": 1})
    assert (status, order["status"], order["totalAmount"], order["currency"]) == (201, "pending", 59.98, "USD")
    (event,) = await workbench.published(ground)
    assert event["queue"] == "ecommerce-order-queue"
    assert event["version"] == "1"
    assert event["body"] == {
        "orderId": order["orderId"],
        "userId": "user_789",
        "items": [{"productId": "prod_001", "quantity": 2, "price": 29.99}],
        "totalAmount": 59.98,
        "timestamp": "2023-11-14T22:13:20Z",
    }
    async with http.get(f"/orders/{order['orderId']}") as response:
        assert await response.json() == order


async def test_idempotency(http: aiohttp.ClientSession, ground: Any, workbench: Any) -> None:
    """The same key and order answer the same bytes and place one order; the same key with another order is refused."""
    first = await place(http, GOOD, "k1")
    again = await place(http, dict(reversed(GOOD.items())), "k1")
    other = await place(http, GOOD | {"userId": "user_1"}, "k1")
    assert first == again
    assert other[0] == 422
    assert len(await workbench.published(ground)) == 1


async def test_cancelling(http: aiohttp.ClientSession, ground: Any, workbench: Any) -> None:
    """A cancellation changes the order, tells payments and the customer, and may be repeated without effect."""
    _, order = await place(http, GOOD)
    for _ in range(2):
        async with http.post(f"/orders/{order['orderId']}/cancel") as response:
            assert response.status == 200
            assert (await response.json())["status"] == "cancelled"
    events = await workbench.published(ground)
    assert [event["type"] for event in events] == ["ORDER_CREATED", "ORDER_CANCELLED", "NOTIFICATION"]
    assert events[2]["body"]["recipient"] == "user_789@customers.example"
    async with http.get(f"/orders/{order['orderId']}/timeline") as response:
        moments = (await response.json())["moments"]
    assert [(moment["event"], moment["status"]) for moment in moments] == [
        ("placed", "pending"),
        ("cancel", "cancelled"),
    ]


async def test_listing(http: aiohttp.ClientSession, workbench: Any) -> None:
    """Lists go from the newest to the oldest, page by page, filtered by user and status."""
    placed = []
    for number in range(5):
        workbench.clock.advance(1)
        placed.append((await place(http, GOOD | {"userId": f"user_{number % 2}"}))[1]["orderId"])
    seen: list[str] = []
    cursor = ""
    while True:
        async with http.get("/orders", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})) as response:
            page = await response.json()
        seen += [order["orderId"] for order in page["orders"]]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == placed[::-1]
    async with http.get("/orders", params={"userId": "user_1", "status": "pending"}) as response:
        assert [order["orderId"] for order in (await response.json())["orders"]] == [placed[3], placed[1]]


def order_with(**change: Any) -> dict[str, Any]:
    """The good order with other fields."""
    return GOOD | change


def item_with(**change: Any) -> dict[str, Any]:
    """The good order with other fields in its item."""
    return GOOD | {"items": [GOOD["items"][0] | change]}


BAD: list[tuple[str, Any]] = [
    ("no user", {"items": GOOD["items"]}),
    ("empty user", order_with(userId="")),
    ("control characters", order_with(userId="a\u0000b")),
    ("number as user", order_with(userId=7)),
    ("no items", order_with(items=[])),
    ("101 items", order_with(items=GOOD["items"] * 101)),
    ("quantity 0", item_with(quantity=0)),
    ("negative quantity", item_with(quantity=-1)),
    ("quantity 10001", item_with(quantity=10_001)),
    ("fraction of a piece", item_with(quantity=1.5)),
    ("huge quantity", item_with(quantity=10**30)),
    ("negative price", item_with(price=-0.01)),
    ("too many decimals", item_with(price=1.001)),
    ("price NaN", item_with(price="NaN")),
    ("price beyond everything", item_with(price="1e999999999")),
    ("total beyond 64 bits", item_with(price=92233720368547758.07, quantity=2)),
    ("yen with decimals", order_with(currency="JPY")),
    ("unknown currency", order_with(currency="XXQ")),
    ("unknown card", order_with(card="4242424242424242")),
    ("address without @", order_with(email="nobody")),
    ("address with a line break", order_with(email="a@b.example\nBcc: c@d.example")),
    ("phone without country", order_with(phone="0123456")),
    ("an array", []),
    ("null", None),
]


@pytest.mark.parametrize("order", [order for _, order in BAD], ids=[name for name, _ in BAD])
async def test_bad_orders_are_refused(order: Any, http: aiohttp.ClientSession, ground: Any, workbench: Any) -> None:
    """An order that breaks a rule is refused with 422 and a problem, and nothing is stored."""
    status, problem = await place(http, order)
    assert status == 422, problem
    assert problem["status"] == 422
    assert problem["detail"]
    assert await workbench.published(ground) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "status"),
    [
        ("POST", "/orders", b'{"userId":', "application/json", 400),
        ("POST", "/orders", b"\xff\xfe", "application/json", 400),
        ("POST", "/orders", b'{"userId": "\xff"}', "application/json", 400),
        ("POST", "/orders", b'{"x":' + b"[" * 100_000, "application/json", 400),
        ("POST", "/orders", b"{}", "text/plain", 415),
        ("POST", "/orders", b"userId=1", "application/x-www-form-urlencoded", 415),
        ("POST", "/orders", b" " * 2 * 1024 * 1024, "application/json", 413),
        ("PUT", "/orders", b"{}", "application/json", 405),
        ("GET", "/nowhere", b"", "", 404),
        ("GET", "/orders/ord_none", b"", "", 404),
        ("GET", "/orders/ord_none/timeline", b"", "", 404),
        ("POST", "/orders/ord_none/cancel", b"", "", 404),
        ("GET", "/orders?limit=0", b"", "", 422),
        ("GET", "/orders?limit=x", b"", "", 422),
        ("GET", "/orders?status=lost", b"", "", 422),
    ],
)
async def test_bad_requests_are_problems(
    method: str, path: str, body: bytes, content_type: str, status: int, http: aiohttp.ClientSession
) -> None:
    """Whatever is wrong with a request, the answer is problem+json with the right status, never a 500."""
    headers = {"Content-Type": content_type} if content_type else {}
    async with http.request(method, path, data=body, headers=headers) as response:
        assert response.status == status, await response.text()
        assert response.content_type == "application/problem+json"
        problem = json.loads(await response.read())
    assert problem["status"] == status
    assert problem["title"]


async def test_operation(http: aiohttp.ClientSession) -> None:
    """Health, readiness, metrics and an OpenAPI schema whose references all resolve."""
    for path in ("/health", "/ready", "/metrics"):
        async with http.get(path) as response:
            assert response.status == 200
    async with http.get("/openapi.json") as response:
        text = await response.text()
    schema = json.loads(text)
    assert schema["paths"]["/orders"]["post"]["requestBody"]
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert {"PlaceOrder", "OrderView"} <= names <= schema["components"]["schemas"].keys()
