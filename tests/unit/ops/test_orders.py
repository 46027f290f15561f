"""Order files are read exactly, and placed so that a second run doubles nothing."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from crossdock.clock import SystemClock
from crossdock.ops.http import Api
from crossdock.ops.orders import OrderDesk, OrderLine, Placed, PlacingSettings, read_orders
from crossdock.ops.refusal import Refusal


def test_one_order_a_list_and_lines_are_read(tmp_path: Path) -> None:
    """The three forms of a file yield the same orders; empty lines do not count."""
    one, several, lines = tmp_path / "one.json", tmp_path / "several.json", tmp_path / "lines.jsonl"
    one.write_text('{\n "userId": "u1"\n}')
    several.write_text('[{"userId":"u1"}, {"userId":"u2"}]')
    lines.write_text('{"userId": "u1"}\n\n{"userId": "u2"}\n')
    assert read_orders(one)[0].body == b'{"userId":"u1"}'
    assert [order.key for order in read_orders(several)] == [order.key for order in read_orders(lines)]


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    """No number of an order goes through a binary float."""
    file = tmp_path / "order.json"
    file.write_text('{"price": 12345678901234567.89, "n": 1.10}')
    assert read_orders(file)[0].body == b'{"price":12345678901234567.89,"n":1.10}'


def test_the_wish_to_cancel_is_ours_and_not_sent(tmp_path: Path) -> None:
    """`cancel` is taken out of the body."""
    file = tmp_path / "orders.jsonl"
    file.write_text('{"userId":"u","cancel":true}\n{"userId":"u","cancel":false}\n')
    first, second = read_orders(file)
    assert (first.cancel, second.cancel) == (True, False)
    assert first.body == second.body == b'{"userId":"u"}'


def test_keys_follow_the_content_and_tell_equal_lines_apart(tmp_path: Path) -> None:
    """Two equal lines are two orders; moving lines, or adding others, changes no key; a salt changes all."""
    file = tmp_path / "orders.jsonl"
    file.write_text('{"a":1}\n{"b":1}\n{"a":1}\n')
    first, other, second = (order.key for order in read_orders(file))
    assert len({first, other, second}) == 3
    file.write_text('{"b":1}\n{"c":1}\n{"a":1}\n{"a":1}\n')
    assert [order.key for order in read_orders(file)[::2]] == [other, first]
    assert read_orders(file)[3].key == second
    assert {order.key for order in read_orders(file, salt="x")}.isdisjoint({first, other, second})


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("order.json", "{", "order.json: not an order in JSON"),
        ("orders.jsonl", '{"a":1}\n{"a"\n', "line 2: not an order"),
        ("orders.jsonl", "[1]\n", "line 1: not an order"),
        ("order.json", "7", "not an order"),
        ("orders.jsonl", "\n\n", "there is no order"),
        ("orders.json", "[]", "there is no order"),
        ("order.json", "", "not an order"),
    ],
)
def test_a_file_that_holds_no_orders_is_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    """The sentence names the file, and the line where there are lines; exit code 2."""
    (tmp_path / name).write_text(content)
    with pytest.raises(Refusal, match=words) as refused:
        read_orders(tmp_path / name)
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The reason of the system is named."""
    with pytest.raises(Refusal, match=r"cannot read .*No such file"):
        read_orders(tmp_path / "none.json")


class Shop:
    """A small order service: keys are honoured, an order is paid after some looks, trouble is served first."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.trouble: list[int] = []
        self.looks_until_paid = 2

    def place(self, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body.get("quantity") == -1:
            return 422, {"title": "Unprocessable", "detail": "quantity is at least 1"}
        if key not in self.orders:
            order_id = f"ord_{len(self.orders)}"
            self.orders[key] = {"orderId": order_id, "status": "pending", "looks": 0}
        return 201, self.orders[key]

    def order(self, order_id: str) -> dict[str, Any]:
        return next(order for order in self.orders.values() if order["orderId"] == order_id)

    def look(self, order_id: str) -> tuple[int, dict[str, Any]]:
        order = self.order(order_id)
        order["looks"] += 1
        if order["status"] == "pending" and order["looks"] >= self.looks_until_paid:
            order["status"] = "paid"
        return 200, order

    def cancel(self, order_id: str) -> tuple[int, dict[str, Any]]:
        self.order(order_id)["status"] = "cancelled"
        return 200, self.order(order_id)


@pytest.fixture
def shop() -> Iterator[tuple[Shop, Api]]:
    """The small order service on a free port, and its client."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if shop.trouble:
                self.answer(shop.trouble.pop(), {})
            elif self.path == "/orders":
                self.answer(*shop.place(self.headers["Idempotency-Key"], body))
            else:
                self.answer(*shop.cancel(self.path.split("/")[2]))

        def do_GET(self) -> None:
            self.answer(*shop.look(self.path.split("/")[2]))

        def answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    api = Api(f"http://127.0.0.1:{server.server_port}")
    yield shop, api
    api.close()
    server.shutdown()
    server.server_close()


def lines(*bodies: bytes, cancel: bool = False) -> list[OrderLine]:
    return [OrderLine(number, body, f"key-{number}", cancel) for number, body in enumerate(bodies, start=1)]


async def place(api: Api, orders: list[OrderLine], wait: bool = True, patience_ms: int = 5_000) -> list[Placed]:
    told: list[Placed] = []
    desk = OrderDesk(api, SystemClock(), PlacingSettings(wait=wait, patience_ms=patience_ms))
    placed = await desk.place_all(orders, told.append)
    assert sorted(told, key=lambda one: one.number) == placed
    return placed


async def test_orders_are_followed_to_their_end(shop: tuple[Shop, Api]) -> None:
    """With `wait` an order is looked at until it rests; the answers stand in the order of the file."""
    placed = await place(shop[1], lines(b'{"a":1}', b'{"a":2}', b'{"a":3}'))
    assert [(one.number, one.status) for one in placed] == [(1, "paid"), (2, "paid"), (3, "paid")]


async def test_without_waiting_the_first_status_is_told(shop: tuple[Shop, Api]) -> None:
    """Without `wait` nobody looks."""
    (placed,) = await place(shop[1], lines(b"{}"), wait=False)
    assert (placed.status, placed.order_id) == ("pending", "ord_0")


async def test_a_second_run_places_nothing_new(shop: tuple[Shop, Api]) -> None:
    """The same keys find the same orders."""
    first = await place(shop[1], lines(b"{}", b"{}"))
    second = await place(shop[1], lines(b"{}", b"{}"))
    assert [one.order_id for one in first] == [one.order_id for one in second]
    assert len(shop[0].orders) == 2


async def test_a_refused_order_tells_why_and_the_others_go_on(shop: tuple[Shop, Api]) -> None:
    """The sentence of the problem is kept."""
    refused, fine = await place(shop[1], lines(b'{"quantity":-1}', b"{}"))
    assert (refused.status, refused.problem, refused.order_id) == ("refused", "422: quantity is at least 1", None)
    assert fine.status == "paid"


async def test_an_order_that_is_to_be_cancelled_is_cancelled_at_once(shop: tuple[Shop, Api]) -> None:
    """The cancellation follows the order without a pause."""
    (placed,) = await place(shop[1], lines(b"{}", cancel=True))
    assert placed.status == "cancelled"


async def test_trouble_of_the_service_is_waited_out(shop: tuple[Shop, Api]) -> None:
    """A 503 is no answer: the order is sent again with the same key."""
    shop[0].trouble = [503, 503]
    (placed,) = await place(shop[1], lines(b"{}"))
    assert placed.status == "paid"
    assert len(shop[0].orders) == 1


async def test_a_service_that_never_comes_back_is_told(shop: tuple[Shop, Api]) -> None:
    """When patience ends the line says that there was no answer."""
    shop[0].trouble = [503] * 100
    (placed,) = await place(shop[1], lines(b"{}"), patience_ms=200)
    assert (placed.status, placed.order_id) == ("no answer", None)


async def test_patience_with_a_dead_service_is_not_spent_on_each_order_anew() -> None:
    """When nobody has had an answer for as long as patience lasts, the orders that wait for a slot are given up too."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    desk = OrderDesk(Api(f"http://127.0.0.1:{port}"), clock, PlacingSettings(concurrency=1, patience_ms=300))
    placed = await desk.place_all(lines(*[b"{}"] * 20), lambda _: None)
    assert {one.status for one in placed} == {"no answer"}
    assert clock.monotonic_ms() - began_ms < 3_000


async def test_an_order_that_does_not_come_to_rest_is_told_as_it_is(shop: tuple[Shop, Api]) -> None:
    """Patience ends; the last status seen is told."""
    shop[0].looks_until_paid = 10_000
    (placed,) = await place(shop[1], lines(b"{}"), patience_ms=100)
    assert placed.status == "pending"
    assert not placed.at_end
