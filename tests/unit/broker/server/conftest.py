"""A server on a free port with a handler in the test's hands, and a client that speaks bytes."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
import pytest
import structlog
import uvloop

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.server import Exchange, HttpServer, ServerSettings, listen
from crossdock.clock import Clock


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable]:
    """The event loop that the broker runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def log_lines() -> "AsyncIterator[list]":
    """What was logged; empty at the end unless the test expects otherwise and clears it."""
    with structlog.testing.capture_logs() as lines:
        yield lines
    assert not lines


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the server does by itself."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


class Answer(NamedTuple):
    """A response as the client reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict:
        return msgspec.json.decode(self.body)


class Client:
    """One connection; what goes out is bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def get(self, target: str, *headers: str) -> None:
        lines = "".join(f"{line}\r\n" for line in headers)
        self.send(f"GET {target} HTTP/1.1\r\nHost: here\r\n{lines}\r\n".encode())

    def post(self, target: str, body: bytes, *headers: str) -> None:
        lines = "".join(f"{line}\r\n" for line in headers)
        self.send(f"POST {target} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body)

    async def answer(self, with_body: bool = True) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", "0")) if with_body else 0
        return Answer(int(first.split(" ")[1]), headers, await self.reader.readexactly(size))

    async def closed(self) -> bool:
        """Whether the server closes without sending more."""
        return await self.reader.read() == b""

    def reset(self) -> None:
        """Close so that the server sees a broken connection."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return


class Script:
    """A handler that does what the path says: echo, answer later, answer much, close, fail."""

    def __init__(self) -> None:
        self.later: list[Exchange] = []
        self.abandoned: list[Exchange] = []
        self.changed = asyncio.Event()

    def handle(self, request: HttpRequest, exchange: Exchange) -> None:
        match request.path:
            case "/later":
                self.later.append(exchange)
                self.changed.set()
            case "/fail":
                raise RuntimeError("a fault of the handler")
            case "/much":
                exchange.respond(HttpResponse(200, bytes(int(request.query))))
            case path:
                exchange.respond(HttpResponse(200, msgspec.json.encode(request), close=path == "/close"))

    def abandon(self, exchange: Exchange) -> None:
        self.abandoned.append(exchange)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def until_later(self, count: int) -> None:
        """Wait until `count` requests wait for their answers."""
        await self.until(lambda: len(self.later) >= count)

    async def until_abandoned(self, count: int) -> None:
        await self.until(lambda: len(self.abandoned) >= count)


class Timer:
    """Something that is to happen at a time, in seconds."""

    def __init__(self, at_s: float, callback: Callable[[], None]) -> None:
        self.at_s = at_s
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """The event loop of one connection, where time passes only when the test lets it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_soon = loop.call_soon
        self._now_s = 0.0
        self._timers: list[Timer] = []

    @property
    def due_s(self) -> list[float]:
        """In how many seconds something happens."""
        return sorted(timer.at_s - self._now_s for timer in self._timers if timer.callback)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        self._timers.append(Timer(self._now_s + delay_s, callback))
        return self._timers[-1]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds
        for timer in [timer for timer in self._timers if timer.at_s <= self._now_s]:
            self._timers.remove(timer)
            if timer.callback is not None:
                timer.callback()


class Running:
    """A server and what talks to it."""

    def __init__(self, server: HttpServer, script: Script, port: int) -> None:
        self.server = server
        self.script = script
        self.port = port
        self.clients: list[Client] = []

    async def until_empty(self) -> None:
        """Wait until every connection is closed."""
        await self.server._front.emptied.wait()

    async def connect_timeless(self) -> tuple[Client, Timers]:
        """The first connection, and its time in the test's hands."""
        client = await self.connect()
        await until(lambda: self.server.connections == 1)
        [connection] = self.server._front.connections
        connection._loop = timers = Timers(connection._loop)
        return client, timers

    async def connect(self, tls: ssl.SSLContext | None = None) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, ssl=tls))
        self.clients.append(client)
        return client


@pytest.fixture
async def start() -> AsyncIterator[Callable]:
    """Starts a server with the settings that differ from the default."""
    all_running: list[Running] = []

    async def start(clock: Clock | None = None, **settings: object) -> Running:
        script = Script()
        server = HttpServer(script, ServerSettings(**settings), clock)
        [(_, port)] = await server.start(listen("127.0.0.1", 0))
        all_running.append(Running(server, script, port))
        return all_running[-1]

    yield start
    for running in all_running:
        running.server.close()
        for client in running.clients:
            await client.close()
        await running.server.drain(1)
        await asyncio.sleep(0)
        assert running.server.connections == 0
