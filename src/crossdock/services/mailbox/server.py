"""The two faces of the mailbox: SMTP in, HTTP out.

GET /messages           ?to=ADDRESS&limit=N, newest first
GET /messages/{id}      the same with headers, text and HTML
GET /messages/{id}/raw  the mail as it came (message/rfc822)
GET /health /ready
"""

from typing import Any

import msgspec
from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from crossdock.clock import Clock
from crossdock.services import lean_http
from crossdock.services.lean_http import answer, number
from crossdock.services.mailbox.store import MailStore, contents
from crossdock.services.problems import not_found

MAIL_BYTES_MAX = 10 * 1024 * 1024
LIST_LIMIT_MAX = 1_000


class Intake:
    """What the SMTP server does with a mail: keep it, then acknowledge."""

    def __init__(self, store: MailStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The name is aiosmtpd's."""
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self._store.keep(envelope.mail_from or "", list(envelope.rcpt_tos), raw, self._clock.now_ms())
        return "250 Kept"


class Reader:
    """The HTTP handlers."""

    def __init__(self, store: MailStore) -> None:
        self._store = store

    async def list_messages(self, request: web.Request) -> web.Response:
        """GET /messages."""
        mails = self._store.newest(request.query.get("to"), number(request, "limit", 50, LIST_LIMIT_MAX))
        return answer({"messages": mails})

    async def get_message(self, request: web.Request) -> web.Response:
        """GET /messages/{id}."""
        wanted = int(request.match_info["id"])
        mail, raw = self._store.mail(wanted), self._store.raw(wanted)
        if mail is None or raw is None:
            raise not_found("message", str(wanted))
        shown: dict[str, Any] = msgspec.to_builtins(mail) | msgspec.to_builtins(contents(raw))
        return answer(shown)

    async def get_raw(self, request: web.Request) -> web.Response:
        """GET /messages/{id}/raw."""
        raw = self._store.raw(int(request.match_info["id"]))
        if raw is None:
            raise not_found("message", request.match_info["id"])
        return web.Response(body=raw, content_type="message/rfc822")


def application(store: MailStore) -> web.Application:
    """The routes. An id has at most 18 digits, so it fits the database's integers."""
    reader = Reader(store)
    app = lean_http.application(body_limit=1024)
    app.add_routes(
        [
            web.get("/messages", reader.list_messages),
            web.get(r"/messages/{id:\d{1,18}}", reader.get_message),
            web.get(r"/messages/{id:\d{1,18}}/raw", reader.get_raw),
        ]
    )
    return app


def smtp_session(store: MailStore, clock: Clock) -> SMTP:
    """The protocol of one SMTP connection."""
    return SMTP(
        Intake(store, clock),
        data_size_limit=MAIL_BYTES_MAX,
        enable_SMTPUTF8=True,
        hostname="localhost",
        ident="crossdock mailbox",
    )
