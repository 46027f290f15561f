"""HTTP/1.1 between bytes and values, without I/O: `RequestReader` makes requests of bytes, `encode` makes bytes of a response.

The grammar is llhttp's, by way of httptools, in its strict mode. What is added here are limits, chunked and repeated headers put together,
and the offer of HTTP/2 by `Upgrade`, which is declined by going on in HTTP/1.1. Sockets, order, time and closing belong to `connection`.

    IDLE ── first byte ──► HEAD ── blank line ──► BODY ── last byte, request delivered ──► IDLE

Source: RFC 9110 and RFC 9112; AWS for what its clients send.
"""

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

import httptools

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.server_settings import ServerSettings
from crossdock.clock import Clock

NAMES_REMEMBERED = 1_024
NAME_LENGTH_MAX = 64
"""Of a name that is remembered."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}

Deliver = Callable[[HttpRequest, bool], None]
"""Takes a request, and whether its client wants to keep the connection."""


IDLE, HEAD, BODY = range(3)
"""Which part of a request the next byte belongs to."""


class Refused(Exception):
    """The bytes are no request that is served here: the answer is `status` with `text`, and the connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def response(self) -> HttpResponse:
        """The answer, in plain text."""
        return HttpResponse(
            self.status, f"{self.text}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),), close=True
        )


class RequestReader:
    """Reads the requests of one connection. The methods `on_…` are called by the parser."""

    __slots__ = (
        "_body",
        "_body_size",
        "_deliver",
        "_head_suspect",
        "_headers",
        "_lines",
        "_on_continue",
        "_parser",
        "_received",
        "_settings",
        "_target",
        "_upgrading",
        "part",
    )

    def __init__(self, settings: ServerSettings, deliver: Deliver, on_continue: Callable[[], None]) -> None:
        """`on_continue` is called when a client waits for leave to send its body (Expect: 100-continue)."""
        self._settings = settings
        self._deliver = deliver
        self._on_continue = on_continue
        self._target = b""
        self._lines: dict[str, str] = {}
        """Headers as they come; after the body these are trailers, which nobody reads."""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._received = 0
        self._head_suspect = False
        self._upgrading = False
        self.part = IDLE
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> Refused | None:
        """Read on, delivering each request that is complete; a refusal when nothing after it can be read."""
        self._received += len(data)
        self._head_suspect = self._received > self._settings.head_bytes_max
        try:
            while data:
                data = self._parse(data)
        except Refused as refused:
            return refused.with_traceback(None)
        return self._overlong()

    def _parse(self, data: bytes) -> bytes:
        """Parse `data` and return what is still to be parsed: nothing, unless a client offers to upgrade."""
        wrong: BaseException
        try:
            self._parser.feed_data(data)
            return b""
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade() + data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            wrong = error.__context__ or error
        except httptools.HttpParserError as error:
            wrong = Refused(400, f"This is not HTTP/1.1: {error}.")
        raise wrong  # out here, where it has no context that leads back to all that was read

    @property
    def held(self) -> int:
        """Bytes of a body that is not complete."""
        return self._body_size

    def close(self) -> None:
        """Let go of those who hold this object in turn, so that nothing is left to the garbage collector."""
        del self._parser, self._deliver, self._on_continue

    def _overlong(self) -> Refused | None:
        """Whether the request that is under way has become too long. What came before it in the same read does not count."""
        if self.part == IDLE:
            self._received = 0
        elif self.part == HEAD and self._received > self._settings.head_bytes_max:
            return self._head_too_large()
        elif self._received > self._settings.wire_bytes_max:
            return self._body_too_large()
        return None

    def on_message_begin(self) -> None:
        self.part = HEAD

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self._lines
        key = NAMES[name]
        if key in headers:
            headers[key] += "," + value.decode("latin-1")
        else:
            headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.part = BODY
        headers = self._headers = self._lines
        self._lines = {}
        if self._head_suspect:
            self._check_head_size()
        if "host" not in headers:
            self._check_version()
        if "expect" in headers:
            self._check_expectation(headers["expect"])
        if self._parser.should_upgrade():
            self._check_upgrade()

    def on_body(self, piece: bytes) -> None:
        self._body_size += len(piece)
        if self._body_size > self._settings.body_bytes_max:
            raise self._body_too_large()
        self._body.append(piece)

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        pieces = self._body
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        target = self._target.decode()
        if target[0] != "/":
            target = _origin_form(target)
        parser = self._parser
        request = HttpRequest(parser.get_method().decode(), target, self._headers, body)
        self._reset()
        self._deliver(request, parser.should_keep_alive())

    def _reset(self) -> None:
        self.part = IDLE
        self._target = b""
        self._lines = {}
        self._body = []
        self._body_size = 0
        self._received = 0

    def _check_head_size(self) -> None:
        size = len(self._target) + sum(len(name) + len(value) + 4 for name, value in self._headers.items())
        if size > self._settings.head_bytes_max:
            raise self._head_too_large()

    def _check_version(self) -> None:
        """For requests without Host, which were allowed before HTTP/1.1."""
        version = self._parser.get_http_version()
        if version == "1.1":
            raise Refused(400, "A request of HTTP/1.1 needs a Host header.")
        if version != "1.0":
            raise Refused(505, "This server speaks HTTP/1.1.")

    def _check_expectation(self, expectation: str) -> None:
        if expectation.lower() != "100-continue":
            raise Refused(417, "The only expectation that is met is 100-continue.")
        if int(self._headers.get("content-length", "0")) > self._settings.body_bytes_max:
            raise self._body_too_large()
        if self._parser.get_http_version() == "1.1":
            self._on_continue()

    def _check_upgrade(self) -> None:
        if self._parser.get_method() == b"CONNECT":
            raise Refused(405, "This server is no proxy.")
        self._upgrading = True

    def _without_upgrade(self) -> bytes:
        """Begin anew with the request that offers another protocol, as if it did not (RFC 9110, 7.8): its head."""
        headers = [f"{name}: {value}\r\n" for name, value in self._headers.items() if name not in ("upgrade", "expect")]
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (
            self._parser.get_method(),
            self._target,
            "".join(headers).encode("latin-1"),
        )
        self._upgrading = False
        self._reset()
        self._parser = httptools.HttpRequestParser(self)
        return head

    def _head_too_large(self) -> Refused:
        return Refused(431, f"Request line and headers must not exceed {self._settings.head_bytes_max} bytes.")

    def _body_too_large(self) -> Refused:
        return Refused(413, f"The body must not exceed {self._settings.body_bytes_max} bytes.")


class Names(dict[bytes, str]):
    """Header names as clients spell them → as requests carry them: a lookup costs less than decoding each time."""

    def __missing__(self, name: bytes) -> str:
        key = name.decode("latin-1").lower()
        if len(self) < NAMES_REMEMBERED and len(name) <= NAME_LENGTH_MAX:
            self[name] = key
        return key


NAMES = Names()


def _origin_form(target: str) -> str:
    """Path and query of a target as proxies are sent it, with scheme and host (RFC 9112, 3.2.2); `*` stays."""
    _, is_absolute, rest = target.partition("://")
    if not is_absolute:
        return target
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/"


class Date:
    """The Date header, made once a second at the most."""

    __slots__ = ("_clock", "_line", "_second")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = ""

    def line(self) -> str:
        """`Date: Tue, 14 Nov 2023 22:13:20 GMT` and the end of the line."""
        second = self._clock.now_ms() // 1_000
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._line


def encode(response: HttpResponse, connection_line: str, date_line: str, with_body: bool) -> bytes:
    """The bytes of a response. `connection_line` and `date_line` are whole header lines or empty."""
    body = response.body
    headers = "".join([f"{name}: {value}\r\n" for name, value in response.headers])
    head = f"{STATUS_LINES[response.status]}{headers}{date_line}Content-Length: {len(body)}\r\n{connection_line}\r\n"
    return head.encode("latin-1") + body if with_body else head.encode("latin-1")
