"""One connection of the HTTP front: requests in, answers out in the same order, and what a client may keep waiting.

    OPEN ── Connection: close, drain ──► LAST ANSWERS ── all written ──► closed
      └──── refused ──► REFUSING ── answer written ──► LINGERING ── client closes, or linger_s ──► closed

A client waits on the handler without limit (a long poll); the handler waits on a client for as long as the settings say. Answers
that belong to one read leave in one write: uvloop gathers them until the end of its iteration.

Bytes and values are `framing`'s affair, listening and draining `server`'s.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.arriving import Arriving
from crossdock.broker.counts import Counters
from crossdock.broker.framing import BODY, CONTINUE, HEAD, IDLE, Date, Refused, RequestReader, encode
from crossdock.broker.leaving import Leaving
from crossdock.broker.rare_log import RareWarning
from crossdock.broker.server_settings import ServerSettings
from crossdock.clock import Clock

log = structlog.get_logger()

KEEP_ALIVE_LINE = "Connection: keep-alive\r\n"
CLOSE_LINE = "Connection: close\r\n"


class Handler(Protocol):
    """Who answers requests."""

    def handle(self, request: HttpRequest, exchange: "Exchange") -> None:
        """Answer `request`, now or later, by `exchange.respond`."""

    def abandon(self, exchange: "Exchange") -> None:
        """The client went away before the answer, which is not wanted any more."""


class Front:
    """What the connections of one server share."""

    def __init__(self, handler: Handler, settings: ServerSettings, clock: Clock) -> None:
        self.handler = handler
        self.settings = settings
        self.date = Date(clock)
        self.arriving = Arriving(settings.arriving_bytes_max)
        self.leaving = Leaving(settings, clock)
        self.too_many = RareWarning("connections are refused: there are too many", clock)
        self.counters = Counters()
        self.connections: set[Connection] = set()
        self.draining = False
        self.emptied = asyncio.Event()
        """Set when the last connection is closed."""


class Exchange:
    """A request that wants an answer. Equal only to itself, so it may stand for the request elsewhere."""

    __slots__ = ("_connection", "_keep_alive_line", "answer", "context", "last", "with_body")

    def __init__(self, connection: "Connection", keep_alive_line: str, last: bool, with_body: bool) -> None:
        self._connection = connection
        self._keep_alive_line = keep_alive_line
        self.with_body = with_body
        self.last = last
        """Whether the connection closes after the answer."""
        self.answer: bytes | None = None
        self.context: object | None = None
        """Room for the handler."""

    @property
    def secure(self) -> bool:
        """Whether the request came over TLS."""
        return self._connection.secure

    def respond(self, response: HttpResponse) -> None:
        """Answer. Nothing happens if the client went away."""
        assert self.answer is None, "a request is answered once"
        connection = self._connection
        if response.close:
            self.last = True
            connection.stop_reading()
        connection_line = CLOSE_LINE if self.last else self._keep_alive_line
        self.answer = encode(response, connection_line, connection.date.line(), self.with_body)
        connection.release(self)


class Connection(asyncio.Protocol):
    """The server's end of one connection."""

    __slots__ = (
        "_burst",
        "_continue_owed",
        "_front",
        "_held_up",
        "_holds",
        "_loop",
        "_pending",
        "_reader",
        "_reading",
        "_reading_paused",
        "_refused",
        "_timer",
        "_transport",
        "_unhandled",
        "_used",
        "_watched_part",
        "_writing_paused",
        "date",
        "secure",
    )

    def __init__(self, front: Front, loop: asyncio.AbstractEventLoop) -> None:
        self._front = front
        self._loop = loop
        self._transport: asyncio.Transport
        self._reader = RequestReader(front.settings, self._deliver, self._give_leave)
        self._pending: deque[Exchange] = deque()
        self._unhandled: deque[tuple[HttpRequest, bool] | Refused] = deque()
        """What the last read brought beyond what may be under way."""
        self._burst = 0
        """How many requests were handled in this iteration of the event loop."""
        self._reading = True
        """False once nothing that arrives matters any more."""
        self._reading_paused = False
        self._refused = False
        self._continue_owed = False
        self._holds = self._held_up = False
        self._used = True
        self._watched_part = IDLE
        self._timer: asyncio.TimerHandle | None = None
        """How long the client may take over what it owes: the rest of a request, or going away."""
        self._writing_paused = False
        self.date = front.date
        self.secure = front.settings.tls is not None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        front = self._front
        front.connections.add(self)
        front.emptied.clear()
        front.counters.accepted += 1
        if len(front.connections) > front.settings.connections_max:
            self._turn_away()

    def data_received(self, data: bytes) -> None:
        self._front.counters.bytes_received += len(data)
        if not self._reading:
            return
        self._burst = 0
        refusal = self._reader.feed(data)
        if refusal is not None:
            self._refuse(refusal)
        elif self._reader.part != self._watched_part:
            self._watch_part()
        if (held := self._reader.held) or self._holds:
            self._holds = held > 0
            self._front.arriving.note(self, held)

    def eof_received(self) -> bool:
        """Give a client that only closed its sending side a moment for the answers that are due."""
        if not self._pending or self._refused or self.secure:
            return False
        self._reading = False
        self._pending[-1].last = True
        self._set_timer(self._front.settings.half_close_s, self._transport.abort)
        return True

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._front.leaving.note(self._transport)
        self._pause_reading()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._front.leaving.forget(self._transport)
        self._resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reading = False
        self._cancel_timer()
        self._reader.close()
        front = self._front
        front.leaving.forget(self._transport)
        front.arriving.note(self, 0)
        front.connections.discard(self)
        if not front.connections:
            front.emptied.set()
        self._abandon_pending()

    # What the server calls

    @property
    def open_requests(self) -> int:
        """How many requests are not answered yet."""
        return len(self._pending)

    def drain(self) -> None:
        """Answer what is under way, and close."""
        if self._pending:
            self._reading = False
            self._pending[-1].last = True
        elif self._reader.part == IDLE or not self._reading:
            self._close()

    def close_if_unused(self) -> None:
        """Close if there was no request since the last call, even if there are answers that nobody takes."""
        if self._pending:
            self._used = True
        elif self._used:
            self._used = False
        elif self._reader.part == IDLE or not self._reading:
            self._transport.abort()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._transport.abort()

    # From request to answer

    def stop_reading(self) -> None:
        """A last answer is known: requests that come from now on are not for this connection."""
        self._reading = False

    def _deliver(self, request: HttpRequest, keep_alive: bool) -> None:
        if self._reading_paused:
            self._unhandled.append((request, keep_alive))
        elif self._reading:
            self._handle(request, keep_alive)

    def _handle(self, request: HttpRequest, keep_alive: bool) -> None:
        self._used = True
        if self._watched_part != IDLE:
            self._unwatch_part()
        front = self._front
        front.counters.requests += 1
        self._reading = keep_alive and not front.draining
        keep_alive_line = KEEP_ALIVE_LINE if "connection" in request.headers else ""
        exchange = Exchange(self, keep_alive_line, not self._reading, request.method != "HEAD")
        self._pending.append(exchange)
        self._burst += 1
        if self._burst == front.settings.pipelined_max:
            self._pause_reading()
            self._loop.call_soon(self._begin_burst)
        elif len(self._pending) >= front.settings.pipelined_max:
            self._pause_reading()
        try:
            front.handler.handle(request, exchange)
        except Exception:
            log.exception("handler failed", target=request.target)
            if exchange.answer is None:
                exchange.respond(Refused(500, "Internal error.").response())

    def release(self, exchange: Exchange) -> None:
        """Write the answer of `exchange` and of those behind it that only waited for it, unless it must wait itself."""
        pending = self._pending
        if not pending or pending[0] is not exchange:
            return
        while pending and (answer := pending[0].answer) is not None:
            last = pending.popleft().last
            self._front.counters.bytes_sent += len(answer)
            self._transport.write(answer)
            if self._writing_paused:
                self._front.leaving.note(self._transport)
            if last:
                self._finish()
                return
        if self._continue_owed:
            self._give_leave()
        if self._reading_paused:
            self._resume_reading()

    def _give_leave(self) -> None:
        """Tell the client to send its body, once everything before is answered."""
        self._continue_owed = bool(self._pending or self._unhandled)
        if not self._continue_owed and self._reader.part == BODY:
            self._transport.write(CONTINUE)

    def _refuse(self, refusal: Refused) -> None:
        """Read no more, and close after this answer has taken its turn. What follows a last request is not even refused."""
        if self._unhandled:
            self._unhandled.append(refusal)
            return
        if not self._reading:
            return
        self._reading = False
        self._refused = True
        self._cancel_timer()
        exchange = Exchange(self, "", last=True, with_body=True)
        self._pending.append(exchange)
        exchange.respond(refusal.response())

    def _turn_away(self) -> None:
        """There are too many connections. The client is told so, unless many are being told already: they take open files."""
        front, settings = self._front, self._front.settings
        front.counters.refused += 1
        front.too_many.happened(connections_max=settings.connections_max, remedy="raise --connections-max")
        if len(front.connections) > settings.connections_max + settings.refusals_max:
            self._transport.abort()
        else:
            self._refuse(Refused(503, "Too many connections."))

    def _finish(self) -> None:
        """The last answer is written: close. Who was refused may still be sending, and would lose the answer to a reset."""
        self._reading = False
        self._abandon_pending()
        if not self._refused:
            self._close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume_reading()
        self._set_timer(self._front.settings.linger_s, self._transport.abort)

    def _close(self) -> None:
        """Close as soon as everything is written."""
        self._reading = False
        self._cancel_timer()
        self._transport.close()

    def _abandon_pending(self) -> None:
        self._unhandled.clear()
        pending, self._pending = self._pending, deque()
        for exchange in pending:
            if exchange.answer is None:
                self._front.handler.abandon(exchange)

    # What a client may keep waiting

    def _watch_part(self) -> None:
        """Give the client time for the part of a request that it has begun."""
        if self._reading_paused or not self._reading:
            return
        self._watched_part = self._reader.part
        if self._watched_part == IDLE:
            self._cancel_timer()
            return
        settings = self._front.settings
        self._set_timer(
            settings.head_timeout_s if self._watched_part == HEAD else settings.body_timeout_s, self._stalled
        )

    def _unwatch_part(self) -> None:
        self._watched_part = IDLE
        self._cancel_timer()

    def _stalled(self) -> None:
        self._refuse(Refused(408, "The request did not arrive in time."))

    def _pause_reading(self) -> None:
        if self._reading and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
            self._unwatch_part()

    def hold_up(self, held_up: bool) -> None:
        """Read no more while too much of other bodies is held."""
        self._held_up = held_up
        (self._pause_reading if held_up else self._resume_reading)()

    def _begin_burst(self) -> None:
        """Go on after others had their turn: one read full of requests that are answered at once must not keep them waiting."""
        self._burst = 0
        self._resume_reading()

    def _resume_reading(self) -> None:
        """Go on, first with what was read already, once half of what may be under way is answered and written."""
        most = self._front.settings.pipelined_max
        may_go_on = not self._writing_paused and len(self._pending) <= most // 2 and self._burst < most
        if not self._reading_paused or not may_go_on or self._held_up:
            return
        self._reading_paused = False
        self._handle_unhandled()
        if not self._reading_paused and not self._transport.is_closing():
            self._transport.resume_reading()
            self._watch_part()

    def _handle_unhandled(self) -> None:
        while self._unhandled and not self._reading_paused:
            match self._unhandled.popleft():
                case Refused() as refusal:
                    self._refuse(refusal)
                case request, keep_alive:
                    self._deliver(request, keep_alive)

    def _set_timer(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(delay_s, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
