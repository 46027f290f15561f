"""The client side of a measurement, as cheap as Python allows: requests are bytes made beforehand, answers are looked at, not parsed.

Only what servers of the SQS protocol send is understood: HTTP/1.1 with Content-Length or chunks, one request at a time per connection.
A server that closes the connection with an answer is connected to again for the next request, as every SDK does; that time counts.
"""

import asyncio
import http.client
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

HEADERS = (
    "POST / HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "X-Amz-Target: AmazonSQS.{action}\r\n"
    "Content-Type: application/x-amz-json-1.0\r\n"
    "User-Agent: Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11 cfg/retry-mode#legacy\r\n"
    "X-Amz-Date: 20260101T000000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n"
    "amz-sdk-invocation-id: 00000000-0000-4000-a000-000000000000\r\n"
    "amz-sdk-request: attempt=1\r\n"
    "Accept-Encoding: identity\r\n"
    "Content-Length: "
)
"""What boto3 sends, with a signature that nobody made: for servers that do not verify it."""


COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class Wrong(Exception):
    """A server answered what it must not; the text says what."""


class Endpoint(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    def head(self, action: str) -> bytes:
        """The head of a request, up to the length of its body."""
        return HEADERS.format(host=f"{self.host}:{self.port}", action=action, signature="0" * 64).encode()

    def call(self, action: str, **parameters: Any) -> Any:
        """One request outside of what is measured; RuntimeError if it fails."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        names = dict(line.split(": ", 1) for line in self.head(action).decode().split("\r\n")[2:-1])
        try:
            connection.request("POST", "/", json.dumps(parameters), names)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{action}: {answer.status} {body[:500]!r}")
            return json.loads(body or b"{}")
        except (http.client.HTTPException, ValueError) as error:
            raise RuntimeError(f"{action}: {error!r}") from error
        finally:
            connection.close()

    def count_messages(self, queue_url: str) -> int:
        """How many messages a queue holds: visible, in flight and delayed."""
        answer = self.call("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=list(COUNTS))
        return sum(int(answer["Attributes"][name]) for name in COUNTS)


def request(head: bytes, body: bytes) -> bytes:
    """The bytes of a request whose head was made by `Endpoint.head`."""
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)


class Watcher(Protocol):
    """Who watches over the channels of a measurement."""

    def took(self, ns: int) -> None:
        """A request was answered after so long."""

    def failed(self, error: Exception) -> None:
        """Something went wrong: an answer that must not be, or none."""


class Channel(asyncio.Protocol):
    """A connection with at most one request under way; `step(channel, body)` takes its answer."""

    __slots__ = (
        "_closing",
        "_endpoint",
        "_opening",
        "_rest",
        "_sent_ns",
        "_transport",
        "_watcher",
        "began_ns",
        "number",
        "step",
    )

    def __init__(self, number: int, endpoint: Endpoint, watcher: Watcher) -> None:
        self.number = number
        self.step: Callable[[Channel, bytes], None]
        self.began_ns = 0
        """When the unit of work began that the request is a part of."""
        self._sent_ns = 0
        self._endpoint = endpoint
        self._watcher = watcher
        self._rest = b""
        self._closing = False
        """Whether the last answer was the last of its connection."""
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect."""
        self._closing = False
        await asyncio.get_running_loop().create_connection(lambda: self, *self._endpoint)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closing:
            self._watcher.failed(exc or ConnectionError("the server closed the connection"))

    def send(self, data: bytes) -> None:
        """Send a request."""
        self._sent_ns = time.perf_counter_ns()
        if self._closing:
            self._opening = asyncio.get_running_loop().create_task(self._send_anew(data))
        else:
            self._transport.write(data)

    async def _send_anew(self, data: bytes) -> None:
        self._transport.set_protocol(asyncio.Protocol())
        self._transport.close()
        try:
            await self.open()
        except OSError as error:
            self._watcher.failed(error)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._closing = True
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        length_at = data.find(b"ength: ", 0, end)
        if end < 0:
            self._rest = data
        elif length_at < 0:
            self._take_chunks(data, end)
        else:
            body_at = end + 4
            length = int(data[length_at + 7 : data.index(b"\r", length_at)])
            if len(data) < body_at + length:
                self._rest = data
                return
            self._rest = b""
            self._closing = data.find(b"onnection: close", 0, end) > 0
            self._take(data[9:12], data[body_at:])

    def _take_chunks(self, data: bytes, end: int) -> None:
        if not data.endswith(b"\r\n0\r\n\r\n"):
            self._rest = data
            return
        self._rest = b""
        pieces, at = [], end + 4
        while (size := int(data[at : (line_end := data.index(b"\r\n", at))], 16)) > 0:
            pieces.append(data[line_end + 2 : line_end + 2 + size])
            at = line_end + 4 + size
        self._closing = data.find(b"onnection: close", 0, end) > 0
        self._take(data[9:12], b"".join(pieces))

    def _take(self, status: bytes, body: bytes) -> None:
        try:
            if status != b"200":
                raise Wrong(f"status {status.decode()}: {body[:200]!r}")
            self._watcher.took(time.perf_counter_ns() - self._sent_ns)
            self.step(self, body)
        except Exception as error:
            self._watcher.failed(error)
