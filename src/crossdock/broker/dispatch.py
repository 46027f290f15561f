"""One request end to end: find out who asks, decode, submit to the turn, encode the answer.

An error of ours becomes AWS's InternalFailure and a log line, never a traceback on the wire: here while a request is read, in the turn
while it runs. Paths that no AWS client uses (`/health`, `/metrics`, …) go to the operator's endpoints.
"""

from itertools import count
from typing import cast

import structlog

from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Operation, Shape
from crossdock.aws.wire.codec import Codec, find_codec
from crossdock.aws.wire.content_encoding import CONTENT_ENCODING, inflated
from crossdock.aws.wire.http import HttpRequest
from crossdock.broker.access import Access
from crossdock.broker.counts import RequestCounts
from crossdock.broker.endpoints import Endpoints
from crossdock.broker.outcome import Ticket
from crossdock.broker.server import Exchange
from crossdock.broker.turn import Turn
from crossdock.clock import Clock

log = structlog.get_logger()

Context = tuple[Codec, Operation]
"""What an exchange, which is the ticket of its request, remembers: in which protocol it is answered."""

UNKNOWN = "unknown"
"""The action of a request that was not read, or could not be."""


class Dispatch:
    """Joins the HTTP front to the turn."""

    def __init__(
        self,
        turn: Turn,
        access: Access,
        endpoints: Endpoints,
        counts: RequestCounts,
        clock: Clock,
        body_bytes_max: int,
    ) -> None:
        """`body_bytes_max` is of a body that came compressed."""
        self._turn = turn
        self._counts = counts
        self._access = access
        self._endpoints = endpoints
        self._body_bytes_max = body_bytes_max
        self._run_id = clock.new_id()[:23]
        self._numbers = count(1)

    def handle(self, request: HttpRequest, exchange: Exchange) -> None:
        """Take one request; its answer goes to `exchange`, now or later."""
        if (answer := self._endpoints.answer(request)) is not None:
            exchange.respond(answer)
            return
        sent = request
        codec = find_codec(sent)
        action = UNKNOWN
        try:
            if CONTENT_ENCODING in sent.headers:
                request = inflated(sent, self._body_bytes_max)
                codec = find_codec(request)
            caller = self._access.caller(sent, exchange.secure, codec.service)
            operation, command = codec.decode(request)
            action = operation.name
            exchange.context = codec, operation
            self._turn.submit(exchange, command, caller)
        except ApiError as error:
            self._refuse(exchange, codec, action, error)
        except Exception:
            log.exception("request failed", target=request.target)
            self._refuse(exchange, codec, action, ApiError())

    def abandon(self, exchange: Exchange) -> None:
        """The client went away before its answer."""
        if exchange.context is not None:
            self._turn.abandon(exchange)

    def deliver(self, ticket: Ticket, result: Shape | ApiError | None) -> None:
        """Send a reply of the machine to whoever waits for it."""
        assert isinstance(ticket, Exchange)
        codec, operation = cast(Context, ticket.context)
        if isinstance(result, ApiError):
            self._refuse(ticket, codec, operation.name, result)
        else:
            self._counts.succeeded[operation.name] += 1
            ticket.respond(codec.encode(operation, result, self._request_id()))

    def _refuse(self, exchange: Exchange, codec: Codec, action: str, error: ApiError) -> None:
        self._counts.failed[action, type(error)] += 1
        exchange.respond(codec.encode_error(error, self._request_id()))

    def _request_id(self) -> str:
        """A UUID-shaped id: one random beginning a run, then a number, since a random one for each answer would cost more than it is worth."""
        return f"{self._run_id}-{next(self._numbers):012x}"
