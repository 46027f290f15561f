"""The HTTP front alone, as the upper bound of what the broker can reach: every request is answered at once with the same answer.

    python -m bench.front [--port 0] [--bare]

`--bare` serves with httptools and uvloop and nothing else (no limits, no order, no timeouts): the bound of the bound.
"""

import argparse
import asyncio
import signal
from typing import Any

import httptools
import uvloop

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.server import Exchange, HttpServer, ServerSettings, listen

ANSWER = b'{"MD5OfMessageBody":"00000000000000000000000000000000","MessageId":"00000000-0000-4000-a000-000000000000"}'
HEADERS = (
    ("Content-Type", "application/x-amz-json-1.0"),
    ("x-amzn-RequestId", "00000000-0000-4000-a000-000000000000"),
)


class Trivial:
    """Answers everything the same."""

    def handle(self, request: HttpRequest, exchange: Exchange) -> None:
        exchange.respond(HttpResponse(200, ANSWER, HEADERS))

    def abandon(self, exchange: Exchange) -> None:
        """Nobody waits here."""


class Bare(asyncio.Protocol):
    """The least that answers."""

    WHOLE = b"".join(
        [
            b"HTTP/1.1 200 OK\r\n",
            *(f"{name}: {value}\r\n".encode() for name, value in HEADERS),
            b"Content-Length: %d\r\n\r\n" % len(ANSWER),
            ANSWER,
        ]
    )

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.data_received = httptools.HttpRequestParser(self).feed_data

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body = body

    def on_message_complete(self) -> None:
        self.headers = []
        self.transport.write(self.WHOLE)


async def serve(port: int, bare: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    sockets = listen("127.0.0.1", port)
    server = HttpServer(Trivial(), ServerSettings())
    if bare:
        await loop.create_server(Bare, sock=sockets[0])
    else:
        await server.start(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="The HTTP front alone")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bare", action="store_true", help="httptools and uvloop, nothing else")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.bare))


if __name__ == "__main__":
    main()
