"""The provider's HTTP side.

    POST /charges          Idempotency-Key; 201 succeeded, 402 declined, the same answer for the same key
    POST /refunds          Idempotency-Key; 201; a charge is given back once
    GET  /charges/{id}
    GET  /ledger           ?reference=ORDER&limit=N: charges and refunds
    GET  /knobs            PUT sets those it names and leaves the others
    GET  /health /ready

409 answers a key whose first request is still in work, or that was used with another body; 400, 413, 415 and 422 mean that
nothing was charged and never will be. Errors are problem+json.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from crossdock.clock import Clock
from crossdock.services import lean_http
from crossdock.services.lean_http import answer, number, read
from crossdock.services.problems import Problem, conflict, not_found, unprocessable
from crossdock.services.provider.ledger import Ledger
from crossdock.services.provider.model import (
    Charge,
    ChargeRequest,
    ChargeStatus,
    Knobs,
    Plan,
    Refund,
    RefundRequest,
    plan,
)
from crossdock.services.provider.webhooks import WebhookSender, announce

T = TypeVar("T")
BODY_BYTES_MAX = 64 * 1024
LEDGER_LIMIT_MAX = 1_000
KEY_LENGTH_MAX = 255


class Provider:
    """The handlers, and the keys that are in work right now."""

    def __init__(self, ledger: Ledger, sender: WebhookSender | None, clock: Clock) -> None:
        self._ledger = ledger
        self._sender = sender
        self._clock = clock
        self._knobs = ledger.knobs()
        self._in_flight: set[str] = set()

    async def create_charge(self, request: web.Request) -> web.Response:
        """POST /charges."""
        key, wanted = await _keyed(request, ChargeRequest)
        with self._only_one(key):
            await asyncio.sleep(self._knobs.latency_ms / 1000)
            if known := self._ledger.charge_by_key(key):
                return _about(_same_charge(known, wanted))
            todo = plan(
                wanted.card,
                self._knobs,
                failed_before=self._ledger.has_failed(key),
                chance=self._clock.random(),
            )
            if todo.fail_first:
                self._ledger.note_fault(key)
                raise Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "simulated failure, nothing was charged")
            if todo.slow:
                await asyncio.sleep(self._knobs.slow_ms / 1000)
            charge = self._charge(key, wanted, todo)
        if todo.hang:
            await asyncio.sleep(self._knobs.hang_ms / 1000)
        return _about(charge)

    async def create_refund(self, request: web.Request) -> web.Response:
        """POST /refunds."""
        key, wanted = await _keyed(request, RefundRequest)
        with self._only_one(key):
            await asyncio.sleep(self._knobs.latency_ms / 1000)
            if known := self._ledger.refund_by_key(key):
                if known.charge != wanted.charge:
                    raise conflict("the key was used for another refund")
                return answer(known, HTTPStatus.CREATED)
            refund = self._refund(key, self._refundable(wanted.charge))
        return answer(refund, HTTPStatus.CREATED)

    async def get_charge(self, request: web.Request) -> web.Response:
        """GET /charges/{id}."""
        charge_id = request.match_info["id"]
        charge = self._ledger.charge(charge_id)
        if charge is None:
            raise not_found("charge", charge_id)
        return answer(charge)

    async def get_ledger(self, request: web.Request) -> web.Response:
        """GET /ledger."""
        reference = request.query.get("reference")
        limit = number(request, "limit", 100, LEDGER_LIMIT_MAX)
        return answer(
            {"charges": self._ledger.charges(reference, limit), "refunds": self._ledger.refunds(reference, limit)}
        )

    async def get_knobs(self, request: web.Request) -> web.Response:
        """GET /knobs."""
        return answer(self._knobs)

    async def put_knobs(self, request: web.Request) -> web.Response:
        """PUT /knobs."""
        change = await read(request, dict[str, Any])
        try:
            self._knobs = msgspec.convert(msgspec.to_builtins(self._knobs) | change, Knobs)
        except msgspec.ValidationError as error:
            raise unprocessable(str(error)) from None
        self._ledger.set_knobs(self._knobs)
        return answer(self._knobs)

    @contextlib.contextmanager
    def _only_one(self, key: str) -> Iterator[None]:
        if key in self._in_flight:
            raise conflict("a request with this key is in work")
        self._in_flight.add(key)
        try:
            yield
        finally:
            self._in_flight.discard(key)

    def _charge(self, key: str, wanted: ChargeRequest, todo: Plan) -> Charge:
        charge = Charge(
            id=f"txn_{self._clock.new_id().replace('-', '')}",
            idempotency_key=key,
            reference=wanted.reference,
            amount=wanted.amount,
            currency=wanted.currency,
            card=wanted.card,
            status=ChargeStatus.DECLINED if todo.decline_code else ChargeStatus.SUCCEEDED,
            code=todo.decline_code,
            created_ms=self._clock.now_ms(),
        )
        self._record(charge)
        return charge

    def _refundable(self, charge_id: str) -> Charge:
        charge = self._ledger.charge(charge_id)
        if charge is None:
            raise not_found("charge", charge_id)
        if charge.status is ChargeStatus.DECLINED:
            raise conflict("a declined charge took no money")
        if self._ledger.refund_of(charge_id):
            raise conflict("the charge was given back already")
        return charge

    def _refund(self, key: str, charge: Charge) -> Refund:
        refund = Refund(
            id=f"ref_{self._clock.new_id().replace('-', '')}",
            idempotency_key=key,
            charge=charge.id,
            reference=charge.reference,
            amount=charge.amount,
            currency=charge.currency,
            created_ms=self._clock.now_ms(),
        )
        self._record(refund)
        return refund

    def _record(self, entry: Charge | Refund) -> None:
        self._ledger.record(entry, announce(entry, self._knobs, self._clock) if self._sender else [])
        if self._sender:
            self._sender.wake()


def application(provider: Provider) -> web.Application:
    """The routes."""
    app = lean_http.application(BODY_BYTES_MAX)
    app.add_routes(
        [
            web.post("/charges", provider.create_charge),
            web.get("/charges/{id}", provider.get_charge),
            web.post("/refunds", provider.create_refund),
            web.get("/ledger", provider.get_ledger),
            web.get("/knobs", provider.get_knobs),
            web.put("/knobs", provider.put_knobs),
        ]
    )
    return app


async def _keyed(request: web.Request, kind: type[T]) -> tuple[str, T]:
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise Problem(HTTPStatus.BAD_REQUEST, f"an Idempotency-Key of 1 to {KEY_LENGTH_MAX} characters is required")
    return key, await read(request, kind)


def _same_charge(known: Charge, wanted: ChargeRequest) -> Charge:
    if (known.amount, known.currency, known.card, known.reference) != msgspec.structs.astuple(wanted):
        raise conflict("the key was used for another charge")
    return known


def _about(charge: Charge) -> web.Response:
    declined = charge.status is ChargeStatus.DECLINED
    return answer(charge, HTTPStatus.PAYMENT_REQUIRED if declined else HTTPStatus.CREATED)
