"""The story of one order across the services, told in the order of time; each service is asked over its public API."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from crossdock.ops.http import Api, Unreachable
from crossdock.ops.refusal import Refusal
from crossdock.ops.runfile import Run


@dataclass(frozen=True, slots=True)
class Chapter:
    """Something that happened to an order."""

    at_ms: int
    at: str
    service: str
    what: str


@dataclass(frozen=True, slots=True)
class Story:
    """An order: what it is, and what happened to it."""

    order_id: str
    facts: Mapping[str, str]
    events: tuple[Chapter, ...]


async def story(run: Run, order_id: str) -> Story:
    """Ask everybody who knows of the order. Raises Refusal when the order service does not know it, or somebody does not answer."""
    asked = quote(order_id, safe="")
    try:
        order, timeline, books, notices = await asyncio.gather(
            _get(run, "orders", f"/orders/{asked}"),
            _get(run, "orders", f"/orders/{asked}/timeline"),
            _get(run, "provider", f"/ledger?reference={asked}"),
            _get(run, "notifications", f"/notifications?orderId={asked}"),
        )
    except Unreachable as gone:
        raise Refusal(str(gone), "look at `crossdock status`") from None
    if order is None:
        raise Refusal(f"there is no order {order_id}", "see `crossdock order place` for ids, or name another --data")
    events = [*_of_orders(timeline), *_of_provider(books), *_of_notifications(notices)]
    return Story(order_id, _facts(order), tuple(sorted(events, key=lambda event: event.at_ms)))


async def _get(run: Run, process: str, path: str) -> Any:
    """The JSON that a process answers; None for what it does not know."""
    api = Api(run.url_of(process))
    try:
        answer = await api.get(path)
    finally:
        api.close()
    if answer.status >= 500:
        raise Unreachable(f"{process} answers {answer.status}")
    return answer.body if answer.status == 200 else None


def _facts(order: dict[str, Any]) -> dict[str, str]:
    shown = {
        "status": order["status"],
        "total": f"{order['totalAmount']} {order['currency']}",
        "items": len(order["items"]),
        "customer": order["userId"],
        "email": order["email"],
        "phone": order["phone"],
        "payment": order["paymentId"],
        "transaction": order["transactionId"],
        "failure": order["failureReason"],
    }
    return {name: str(value) for name, value in shown.items() if value is not None}


def _of_orders(timeline: dict[str, Any] | None) -> list[Chapter]:
    moments = timeline["moments"] if timeline else []
    return [_chapter(one["atMs"], "orders", f"{one['event']} → {one['status']}", one["detail"]) for one in moments]


def _of_provider(books: dict[str, Any] | None) -> list[Chapter]:
    if books is None:
        return []
    charges = [
        _chapter(one["createdMs"], "provider", f"charge {one['status']}", f"{one['id']} {one['code']} {one['card']}")
        for one in books["charges"]
    ]
    return [*charges, *(_chapter(one["createdMs"], "provider", "refund", one["id"]) for one in books["refunds"])]


def _of_notifications(notices: dict[str, Any] | None) -> list[Chapter]:
    sent = notices["notifications"] if notices else []
    return [
        _chapter(
            one["updatedMs"],
            "notifications",
            f"{one['template']} {one['status']}",
            f"{one['channel']} {one['recipient']}",
        )
        for one in sent
    ]


def _chapter(at_ms: int, service: str, what: str, detail: str) -> Chapter:
    moment = datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%H:%M:%S.%f")[:-3]
    return Chapter(at_ms, moment, service, f"{what} ({' '.join(detail.split())})" if detail else what)
