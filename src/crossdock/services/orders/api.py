"""The order service's HTTP API.

POST /orders                    Idempotency-Key: same key and body, same answer; another body, 422
GET  /orders                    ?userId= &status= &limit= &cursor=, newest first
GET  /orders/{id}
POST /orders/{id}/cancel
GET  /orders/{id}/timeline
"""

import hashlib
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.exc import IntegrityError

from crossdock.messaging import Transaction
from crossdock.services.foundation import Foundation
from crossdock.services.money import Money
from crossdock.services.orders import store
from crossdock.services.orders.actions import Concurrent, Happening, move, place
from crossdock.services.orders.model import Item, Moment, Order, OrderState, Step, Trigger, Verdict, step
from crossdock.services.orders.requests import PlaceOrder, new_order
from crossdock.services.problems import conflict, not_found, unprocessable
from crossdock.services.timestamps import iso
from crossdock.services.web import answer, encode, gives, read, takes

LIST_LIMIT_MAX = 200
KEY_LENGTH_MAX = 255
TRIES = 5
"""How often a change is tried again when somebody else changed the order at the same moment."""


class ItemView(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line of an order as the API shows it."""

    product_id: str
    quantity: int
    price: Decimal
    name: str = ""


class OrderView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An order as the API shows it."""

    order_id: str
    user_id: str
    status: OrderState
    version: int
    items: list[ItemView]
    total_amount: Decimal
    currency: str
    email: str | None
    phone: str | None
    payment_id: str | None
    transaction_id: str | None
    failure_reason: str | None
    created_at: str
    updated_at: str


class OrderPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a list of orders; `cursor` asks for the next one, null on the last."""

    orders: list[OrderView]
    cursor: str | None


class MomentView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of a timeline as the API shows it."""

    version: int
    at_ms: int
    at: str
    event: str
    status: OrderState
    detail: str


class TimelineView(msgspec.Struct, frozen=True, rename="camel"):
    """Everything that happened to an order, oldest first."""

    order_id: str
    moments: list[MomentView]


KINDS = [PlaceOrder, OrderView, OrderPage, TimelineView]
"""What the OpenAPI schema describes."""


class OrdersApi:
    """The endpoints."""

    def __init__(self, foundation: Foundation, mail_domain: str) -> None:
        self._foundation = foundation
        self._mail_domain = mail_domain

    def router(self) -> APIRouter:
        """The routes."""
        routes = APIRouter(tags=["orders"], default_response_class=Response)
        ok, created = HTTPStatus.OK, HTTPStatus.CREATED
        routes.post(
            "/orders", status_code=created, openapi_extra=takes(PlaceOrder), responses=gives(OrderView, created)
        )(self.place)
        routes.get("/orders", responses=gives(OrderPage, ok))(self.listed)
        routes.get("/orders/{order_id}", responses=gives(OrderView, ok))(self.shown)
        routes.post("/orders/{order_id}/cancel", responses=gives(OrderView, ok))(self.cancel)
        routes.get("/orders/{order_id}/timeline", responses=gives(TimelineView, ok))(self.timeline)
        return routes

    async def place(
        self,
        request: Request,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_LENGTH_MAX)] = None,
    ) -> Response:
        """Place an order; its payment begins by itself."""
        wanted = await read(request, PlaceOrder)
        order, items = new_order(wanted, self._foundation.clock, self._mail_domain)
        body = encode(_view(order, items))
        if idempotency_key is not None:
            body = await self._place_once(_remembered(idempotency_key, wanted, body, order), order, items)
        else:
            async with self._foundation.transaction() as tx:
                await place(tx, order, items)
        return Response(body, HTTPStatus.CREATED, media_type="application/json")

    async def listed(
        self,
        user_id: Annotated[str | None, Query(alias="userId")] = None,
        status: OrderState | None = None,
        limit: Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX)] = 50,
        cursor: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Response:
        """List orders, newest first."""
        wanted = store.Filter(user_id=user_id, state=status, before=cursor, limit=limit + 1)
        async with self._foundation.reading() as session:
            found = await store.listed(session, wanted)
            items = await store.items_of_all(session, [order.id for order in found[:limit]])
        page = [_view(order, items[order.id]) for order in found[:limit]]
        return answer(OrderPage(page, page[-1].order_id if len(found) > limit else None))

    async def shown(self, order_id: str) -> Response:
        """One order."""
        async with self._foundation.reading() as session:
            order = await store.find(session, order_id)
            if order is None:
                raise not_found("order", order_id)
            return answer(_view(order, await store.items_of(session, order_id)))

    async def cancel(self, order_id: str) -> Response:
        """Cancel an order: it is not charged, or its money is given back. Repeating it changes nothing."""
        for _ in range(TRIES):
            try:
                async with self._foundation.transaction() as tx:
                    order = await self._cancel(tx, order_id)
                    return answer(_view(order, await store.items_of(tx.session, order_id)))
            except Concurrent:
                continue
        raise conflict("the order is being changed by others, try again")

    async def timeline(self, order_id: str) -> Response:
        """What happened to an order."""
        async with self._foundation.reading() as session:
            moments = await store.timeline_of(session, order_id)
        if not moments:
            raise not_found("order", order_id)
        return answer(TimelineView(order_id, [_moment(moment) for moment in moments]))

    async def _place_once(self, entry: store.Remembered, order: Order, items: list[Item]) -> bytes:
        """Place an order unless the key was used; the bytes of the first answer."""
        try:
            async with self._foundation.transaction() as tx:
                known = await store.remembered(tx.session, entry.key)
                if known is None:
                    await store.remember(tx.session, entry)
                    await place(tx, order, items)
        except IntegrityError:
            async with self._foundation.reading() as session:
                known = await store.remembered(session, entry.key)
        if known is None:
            return entry.answer
        if known.fingerprint != entry.fingerprint:
            raise unprocessable("the Idempotency-Key was used for another order", field="Idempotency-Key")
        return known.answer

    async def _cancel(self, tx: Transaction, order_id: str) -> Order:
        order = await store.find(tx.session, order_id)
        if order is None:
            raise not_found("order", order_id)
        todo = step(order.state, Trigger.CANCEL)
        if todo is Verdict.REPEATED:
            return order
        if not isinstance(todo, Step):
            raise conflict(f"the order is {order.state}, it cannot be cancelled any more", orderStatus=order.state)
        return await move(tx, self._foundation.clock, order, todo, Happening(event=Trigger.CANCEL))


def _remembered(key: str, wanted: PlaceOrder, body: bytes, order: Order) -> store.Remembered:
    """The fingerprint is that of the meaning: white space and the order of the fields do not count."""
    fingerprint = hashlib.sha256(encode(wanted)).hexdigest()
    return store.Remembered(
        key=key, fingerprint=fingerprint, answer=body, order_id=order.id, created_ms=order.created_ms
    )


def _view(order: Order, items: list[Item]) -> OrderView:
    return OrderView(
        order_id=order.id,
        user_id=order.user_id,
        status=order.state,
        version=order.version,
        items=[
            ItemView(item.product_id, item.quantity, Money(item.price_minor, order.currency).amount, item.name)
            for item in items
        ],
        total_amount=order.total.amount,
        currency=order.currency,
        email=order.email,
        phone=order.phone,
        payment_id=order.payment_id,
        transaction_id=order.transaction_id,
        failure_reason=order.failure_reason,
        created_at=iso(order.created_ms),
        updated_at=iso(order.updated_ms),
    )


def _moment(moment: Moment) -> MomentView:
    return MomentView(
        version=moment.version,
        at_ms=moment.at_ms,
        at=iso(moment.at_ms),
        event=moment.event,
        status=moment.state,
        detail=moment.detail,
    )
