"""The notification service's HTTP API.

GET    /notifications                    ?orderId= &limit=, newest first
GET    /receipts/{orderId}
GET    /templates
GET    /templates/{name}/preview         ?format=html|text|sms
GET    /suppressions
PUT    /suppressions/{recipient}         {"reason": "..."}
DELETE /suppressions/{recipient}
"""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from crossdock.services.contracts import Channel
from crossdock.services.foundation import Foundation
from crossdock.services.notifications import store
from crossdock.services.notifications.rendering import EXAMPLES, Renderer
from crossdock.services.problems import not_found
from crossdock.services.web import answer, gives, read, takes

LIST_LIMIT_MAX = 500


class NotificationView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A notification as the API shows it."""

    event_id: str
    order_id: str | None
    template: str
    channel: str
    recipient: str
    subject: str
    status: str
    message_id: str
    detail: str
    created_ms: int
    updated_ms: int


class NotificationList(msgspec.Struct, frozen=True):
    """Notifications, newest first."""

    notifications: list[NotificationView]


class ReceiptList(msgspec.Struct, frozen=True):
    """What is known of an order's payments."""

    receipts: list[store.Receipt]


class TemplateList(msgspec.Struct, frozen=True):
    """The names of all templates."""

    templates: list[str]


class SuppressionList(msgspec.Struct, frozen=True):
    """Recipients who get nothing any more."""

    suppressions: list[store.Suppression]


class Suppress(msgspec.Struct, frozen=True):
    """Body of PUT /suppressions/{recipient}."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Format(StrEnum):
    """Which part of a template to preview."""

    HTML = "html"
    TEXT = "text"
    SMS = "sms"


KINDS = [NotificationList, ReceiptList, TemplateList, SuppressionList, Suppress]
"""What the OpenAPI schema describes."""

Limit = Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX)]


class NotificationsApi:
    """The endpoints."""

    def __init__(self, foundation: Foundation, renderer: Renderer) -> None:
        self._foundation = foundation
        self._renderer = renderer

    def router(self) -> APIRouter:
        """The routes."""
        routes = APIRouter(tags=["notifications"], default_response_class=Response)
        ok = HTTPStatus.OK
        routes.get("/notifications", responses=gives(NotificationList, ok))(self.listed)
        routes.get("/receipts/{order_id}", responses=gives(ReceiptList, ok))(self.receipts)
        routes.get("/templates", responses=gives(TemplateList, ok))(self.templates)
        routes.get("/templates/{name}/preview")(self.preview)
        routes.get("/suppressions", responses=gives(SuppressionList, ok))(self.suppressions)
        routes.put("/suppressions/{recipient}", openapi_extra=takes(Suppress), responses=gives(store.Suppression, ok))(
            self.suppress
        )
        routes.delete("/suppressions/{recipient}", status_code=HTTPStatus.NO_CONTENT)(self.unsuppress)
        return routes

    async def listed(
        self, order_id: Annotated[str | None, Query(alias="orderId")] = None, limit: Limit = 50
    ) -> Response:
        """List notifications, newest first."""
        async with self._foundation.reading() as session:
            entries = await store.listed(session, order_id, limit)
        return answer(NotificationList([_view(entry) for entry in entries]))

    async def receipts(self, order_id: str) -> Response:
        """The receipts of an order."""
        async with self._foundation.reading() as session:
            return answer(ReceiptList(await store.receipts_of(session, order_id)))

    async def templates(self) -> Response:
        """The names of all templates."""
        return answer(TemplateList(list(EXAMPLES)))

    async def preview(self, name: str, part: Annotated[Format, Query(alias="format")] = Format.HTML) -> Response:
        """A template, filled with an example."""
        if name not in EXAMPLES:
            raise not_found("template", name)
        channel = Channel.SMS if part is Format.SMS else Channel.EMAIL
        content = self._renderer.render(name, channel, name, EXAMPLES[name])
        if part is Format.HTML:
            return Response(content.html, media_type="text/html")
        return Response(content.text, media_type="text/plain")

    async def suppressions(self, limit: Limit = 50) -> Response:
        """Recipients who get nothing any more."""
        async with self._foundation.reading() as session:
            return answer(SuppressionList(await store.suppressed(session, limit)))

    async def suppress(self, request: Request, recipient: str) -> Response:
        """Send nothing more to a recipient."""
        wanted = await read(request, Suppress)
        suppression = store.Suppression(recipient.lower(), wanted.reason, self._foundation.clock.now_ms())
        async with self._foundation.transaction() as tx:
            await store.suppress(tx.session, suppression)
        return answer(suppression)

    async def unsuppress(self, recipient: str) -> Response:
        """Send to a recipient again."""
        async with self._foundation.transaction() as tx:
            if not await store.unsuppress(tx.session, recipient):
                raise not_found("suppression of", recipient)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _view(entry: store.Entry) -> NotificationView:
    return NotificationView(
        event_id=entry.event_id,
        order_id=entry.order_id,
        template=entry.template,
        channel=entry.channel,
        recipient=entry.recipient,
        subject=entry.subject,
        status=entry.state,
        message_id=entry.message_id,
        detail=entry.detail,
        created_ms=entry.created_ms,
        updated_ms=entry.updated_ms,
    )
