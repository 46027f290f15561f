"""Orders through the front door: read them from files, place them so that a second run doubles nothing, follow them to their end.

A file is one JSON object, a JSON list, or JSON lines. A field `"cancel": true` is not sent: it tells us to cancel the order at once.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from crossdock.clock import Clock
from crossdock.ops.backoff import Backoff
from crossdock.ops.http import Answer, Api, Unreachable
from crossdock.ops.refusal import Refusal

END_STATES = frozenset({"paid", "payment_failed", "cancelled", "refunded"})
"""States in which an order may rest for ever."""

REFUSED = "refused"
LOST_TOUCH = "no answer"

_FIRST_LOOK_MS = 20
_LOOKS = Backoff(first_ms=_FIRST_LOOK_MS, most_ms=500, jitter=0.2)
_RETRIES = Backoff(first_ms=100, most_ms=2_000)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of a file, ready to be sent."""

    number: int
    """Its place in the file, from 1."""
    body: bytes
    key: str
    """The idempotency key: the same content at the same place among its equals has the same key."""
    cancel: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one line."""

    number: int
    order_id: str | None
    status: str
    problem: str | None
    """Why it was refused."""
    took_ms: int

    @property
    def at_end(self) -> bool:
        return self.status in END_STATES


@dataclass(frozen=True, slots=True)
class PlacingSettings:
    """Limits of one placing."""

    concurrency: int = 16
    patience_ms: int = 60_000
    """How long one order is tried to be placed, and then followed to its end."""
    wait: bool = False
    """Follow each order to its end."""


def read_orders(path: Path, salt: str = "") -> list[OrderLine]:
    """The orders of a file. With another `salt` the keys are others, so that the same file is placed anew. Raises Refusal."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}", "name a file with orders", exit_code=2) from None
    seen: Counter[str] = Counter()
    orders = []
    for number, fields in enumerate(_objects(path, content), start=1):
        cancel = fields.pop("cancel", b"false")
        body = msgspec.json.encode(fields)
        digest = hashlib.sha256(salt.encode() + body).hexdigest()[:32]
        orders.append(OrderLine(number, body, f"{digest}-{seen[digest]}", bytes(cancel) == b"true"))
        seen[digest] += 1
    if not orders:
        raise Refusal(f"there is no order in {path}", "see examples/order.json for what one looks like", exit_code=2)
    return orders


def _objects(path: Path, content: bytes) -> list[dict[str, msgspec.Raw]]:
    """The objects of a file with their values as they are written: no number goes through a float."""
    if path.suffix != ".jsonl":
        several = content.lstrip()[:1] == b"["
        return _decoded(f"{path}", content, list[dict[str, msgspec.Raw]]) if several else [_object(f"{path}", content)]
    lines = content.split(b"\n")
    return [_object(f"{path}, line {number}", line) for number, line in enumerate(lines, start=1) if line.strip()]


def _object(where: str, content: bytes) -> dict[str, msgspec.Raw]:
    found: dict[str, msgspec.Raw] = _decoded(where, content, dict[str, msgspec.Raw])
    return found


def _decoded(where: str, content: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refusal(
            f"{where}: not an order in JSON: {error}", "correct it and run the command again", exit_code=2
        ) from None


class OrderDesk:
    """Places orders at the order service, a bounded number at a time, and follows them."""

    def __init__(self, api: Api, clock: Clock, settings: PlacingSettings) -> None:
        self._api = api
        self._clock = clock
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._answered_ms = clock.monotonic_ms()
        """When the service last gave an answer to anybody."""

    async def place_all(self, lines: Sequence[OrderLine], done: Callable[[Placed], None]) -> list[Placed]:
        """Place all lines; `done` is told of each as it is placed or, with `wait`, at its end. In the order of the lines."""

        async def one(line: OrderLine) -> Placed:
            placed = await self._place(line)
            done(placed)
            return placed

        return await asyncio.gather(*(one(line) for line in lines))

    async def _place(self, line: OrderLine) -> Placed:
        async with self._slots:
            began_ms = self._clock.monotonic_ms()
            try:
                answer = await self._patiently("POST", "/orders", line.body, {"Idempotency-Key": line.key})
                if answer.status >= 400:
                    return self._placed(line, None, REFUSED, began_ms, _reason(answer))
                order_id, status = str(answer.body["orderId"]), str(answer.body["status"])
                if line.cancel:
                    status = await self._cancel(order_id)
            except Unreachable as gone:
                return self._placed(line, None, LOST_TOUCH, began_ms, str(gone))
        return await self._placed_and_followed(line, order_id, status, began_ms)

    async def _placed_and_followed(self, line: OrderLine, order_id: str, status: str, began_ms: int) -> Placed:
        """Outside the slot: many may be followed while others are placed."""
        problem = None
        if self._settings.wait:
            try:
                status = await self._follow(order_id, line.cancel)
            except Unreachable as gone:
                status, problem = LOST_TOUCH, str(gone)
        return self._placed(line, order_id, status, began_ms, problem)

    async def _cancel(self, order_id: str) -> str:
        """Cancel; the status afterwards. An order for which it is too late stays as it is."""
        answer = await self._patiently("POST", f"/orders/{order_id}/cancel", None, {})
        return str(answer.body["status"]) if answer.status == 200 else await self._status(order_id)

    async def _follow(self, order_id: str, cancelled: bool) -> str:
        """Look at the order, less and less often, until it rests. One that was cancelled does not rest in `paid`."""
        ends = END_STATES - {"paid"} if cancelled else END_STATES
        deadline_ms = self._clock.monotonic_ms() + self._settings.patience_ms
        looks = 0
        while (status := await self._status(order_id)) not in ends and self._clock.monotonic_ms() < deadline_ms:
            looks += 1
            await asyncio.sleep(_LOOKS.delay_ms(looks, self._clock.random()) / 1_000)
        return status

    async def _status(self, order_id: str) -> str:
        answer = await self._patiently("GET", f"/orders/{order_id}", None, {})
        return str(answer.body["status"])

    async def _patiently(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """Call again while the service is away or answers 5xx: a key makes that safe.

        Raises Unreachable when patience with this call, or with a service that answers nobody, ends.
        """
        began_ms = self._clock.monotonic_ms()
        failures = 0
        while True:
            failures += 1
            try:
                answer = await self._api.call(method, path, body, headers)
                if answer.status < 500:
                    self._answered_ms = self._clock.monotonic_ms()
                    return answer
                trouble = Unreachable(f"{self._api.url} answers {answer.status}")
            except Unreachable as gone:
                trouble = gone
            if self._clock.monotonic_ms() > min(began_ms, self._answered_ms) + self._settings.patience_ms:
                raise trouble
            await asyncio.sleep(_RETRIES.delay_ms(failures, self._clock.random()) / 1_000)

    def _placed(self, line: OrderLine, order_id: str | None, status: str, began_ms: int, problem: str | None) -> Placed:
        return Placed(line.number, order_id, status, problem, self._clock.monotonic_ms() - began_ms)


def _reason(answer: Answer) -> str:
    """The sentence of a problem+json answer."""
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else answer.body
    return f"{answer.status}: {detail}"
