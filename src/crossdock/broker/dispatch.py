"""One request end to end: decode, find out who asks, submit to the turn, encode the answer.

The one broad `except` of the broker is here: an error of ours becomes AWS's InternalFailure and a log line, never a traceback on the
wire. Paths that no AWS client uses (`/health`, `/metrics`, …) go to the operator's endpoints.
"""

from itertools import count

import structlog

from crossdock.aws.errors import ApiError
from crossdock.aws.shapes import Operation, Shape
from crossdock.aws.wire.codec import Codec, find_codec
from crossdock.aws.wire.http import HttpRequest
from crossdock.broker.access import Access
from crossdock.broker.endpoints import Endpoints
from crossdock.broker.outcome import Ticket
from crossdock.broker.server import Exchange
from crossdock.broker.turn import Turn
from crossdock.clock import Clock

log = structlog.get_logger()


class Asked:
    """A request on its way through the machine: whom to answer, and in which protocol."""

    __slots__ = ("codec", "exchange", "operation")

    def __init__(self, exchange: Exchange, codec: Codec, operation: Operation) -> None:
        self.exchange = exchange
        self.codec = codec
        self.operation = operation


class Dispatch:
    """Joins the HTTP front to the turn."""

    def __init__(self, turn: Turn, access: Access, endpoints: Endpoints, clock: Clock) -> None:
        self._turn = turn
        self._access = access
        self._endpoints = endpoints
        self._run_id = clock.new_id()[:23]
        self._numbers = count(1)

    def handle(self, request: HttpRequest, exchange: Exchange) -> None:
        """Take one request; its answer goes to `exchange`, now or later."""
        if (answer := self._endpoints.answer(request)) is not None:
            exchange.respond(answer)
            return
        codec = find_codec(request)
        try:
            operation, command = codec.decode(request)
            caller = self._access.caller(request, exchange.secure)
            asked = exchange.ticket = Asked(exchange, codec, operation)
            self._turn.submit(asked, command, caller)
        except ApiError as error:
            exchange.respond(codec.encode_error(error, self._request_id()))
        except Exception:
            log.exception("request failed", target=request.target)
            exchange.respond(codec.encode_error(ApiError(), self._request_id()))

    def abandon(self, exchange: Exchange) -> None:
        """The client went away before its answer."""
        if exchange.ticket is not None:
            self._turn.abandon(exchange.ticket)

    def deliver(self, ticket: Ticket, result: Shape | ApiError | None) -> None:
        """Send a reply of the machine to whoever waits for it."""
        assert isinstance(ticket, Asked)
        request_id = self._request_id()
        if isinstance(result, ApiError):
            ticket.exchange.respond(ticket.codec.encode_error(result, request_id))
        else:
            ticket.exchange.respond(ticket.codec.encode(ticket.operation, result, request_id))

    def _request_id(self) -> str:
        """A UUID-shaped id: one random beginning a run, then a number, since a random one for each answer would cost more than it is worth."""
        return f"{self._run_id}-{next(self._numbers):012x}"
