"""The payment service's HTTP API.

GET  /payments/{orderId}      the payment of an order, its attempts and every call to the provider
POST /webhooks/provider       events of the provider; only recorded here, the reconciler reads them
"""

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request, Response

from crossdock.services.foundation import Foundation
from crossdock.services.json_bodies import decode
from crossdock.services.payments import store
from crossdock.services.payments.model import Attempt, Call, Payment, PaymentState
from crossdock.services.payments.reconciler import Webhook
from crossdock.services.problems import Problem, not_found
from crossdock.services.timestamps import iso
from crossdock.services.web import answer, gives, read_json, takes
from crossdock.services.webhook_signature import HEADER, verify


class AttemptView(msgspec.Struct, frozen=True, rename="camel"):
    """A question to the provider; `due_ms` says when it is asked again, null once it is answered."""

    kind: str
    tries: int
    due_ms: int | None


class CallView(msgspec.Struct, frozen=True, rename="camel"):
    """One answer of the provider, or its absence."""

    kind: str
    via: str
    outcome: str
    detail: str
    at_ms: int


class PaymentView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A payment as the API shows it."""

    payment_id: str
    order_id: str
    status: PaymentState
    amount: Decimal
    currency: str
    cancel_requested: bool
    transaction_id: str | None
    refund_id: str | None
    failure_reason: str | None
    created_at: str
    updated_at: str
    attempts: list[AttemptView]
    calls: list[CallView]


KINDS = [PaymentView, Webhook]
"""What the OpenAPI schema describes."""


class PaymentsApi:
    """The endpoints. `wake` tells the reconciler of a new webhook."""

    def __init__(self, foundation: Foundation, webhook_secret: str, wake: Callable[[], None]) -> None:
        self._foundation = foundation
        self._secret = webhook_secret
        self._wake = wake

    def router(self) -> APIRouter:
        """The routes."""
        routes = APIRouter(tags=["payments"], default_response_class=Response)
        routes.get("/payments/{order_id}", responses=gives(PaymentView, HTTPStatus.OK))(self.shown)
        routes.post("/webhooks/provider", openapi_extra=takes(Webhook))(self.webhook)
        return routes

    async def shown(self, order_id: str) -> Response:
        """The payment of an order."""
        async with self._foundation.reading() as session:
            payment = await store.of_order(session, order_id)
            if payment is None:
                raise not_found("payment of order", order_id)
            attempts = await store.attempts_of(session, payment.id)
            calls = await store.calls_of(session, payment.id)
        return answer(_view(payment, attempts, calls))

    async def webhook(self, request: Request, signature: Annotated[str, Header(alias=HEADER)] = "") -> Response:
        """Record an event of the provider. An event that is recorded already is acknowledged again."""
        body = await read_json(request)
        clock = self._foundation.clock
        if not verify(self._secret, body, signature, clock.now_ms()):
            raise Problem(HTTPStatus.UNAUTHORIZED, "the signature is missing, wrong or too old")
        event = decode(body, Webhook)
        async with self._foundation.transaction() as tx:
            await store.keep_webhook(tx.session, event.id, body, clock.now_ms())
        self._wake()
        return answer({"received": event.id})


def _view(payment: Payment, attempts: list[Attempt], calls: list[Call]) -> PaymentView:
    return PaymentView(
        payment_id=payment.id,
        order_id=payment.order_id,
        status=payment.state,
        amount=payment.amount.amount,
        currency=payment.currency,
        cancel_requested=payment.cancel_requested,
        transaction_id=payment.transaction_id,
        refund_id=payment.refund_id,
        failure_reason=payment.failure_reason,
        created_at=iso(payment.created_ms),
        updated_at=iso(payment.updated_ms),
        attempts=[AttemptView(attempt.kind, attempt.tries, attempt.due_ms) for attempt in attempts],
        calls=[CallView(call.kind, call.via, call.outcome, call.detail, call.at_ms) for call in calls],
    )
