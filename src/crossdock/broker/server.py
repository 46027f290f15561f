"""The HTTP server: listening sockets, the start and the end of serving, and what is asked of the operating system.

Each connection looks after itself (`connection`); what requests mean is the handler's affair.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from crossdock.broker.connection import Connection, Exchange, Front, Handler
from crossdock.broker.server_settings import ServerSettings
from crossdock.clock import Clock, SystemClock

__all__ = ["Exchange", "Handler", "HttpServer", "ListenError", "ServerSettings", "listen", "tls_context"]

BACKLOG = 4_096
ANY_ADDRESS = "::"


class ListenError(Exception):
    """The address or port that was asked for cannot be had. The text is a sentence for the person who chose it."""


class HttpServer:
    """Serves a handler on any number of sockets, in the event loop that started it."""

    def __init__(self, handler: Handler, settings: ServerSettings, clock: Clock | None = None) -> None:
        """`clock` gives the Date header."""
        self._settings = settings
        self._front = Front(handler, settings, clock or SystemClock())
        self._servers: list[asyncio.Server] = []
        self._sweep_timer: asyncio.TimerHandle | None = None
        self.counters = self._front.counters

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._front.connections)

    @property
    def open_requests(self) -> int:
        """How many are not answered yet."""
        return sum(connection.open_requests for connection in self._front.connections)

    async def start(self, sockets: Sequence[socket.socket]) -> list[tuple[str, int]]:
        """Accept connections from `sockets`, which are the server's from now on; the host and port of each."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        for listener in sockets:
            server = await loop.create_server(
                lambda: Connection(self._front, loop),
                sock=listener,
                backlog=BACKLOG,
                ssl=settings.tls,
                ssl_handshake_timeout=settings.head_timeout_s if settings.tls else None,
            )
            self._servers.append(server)
        self._sweep()
        return [listener.getsockname()[:2] for listener in sockets]

    def begin_drain(self) -> None:
        """Accept nothing new. Each connection closes after the answers that are due on it, and the last of them says so."""
        self._stop_listening()
        front = self._front
        front.draining = True
        for connection in tuple(front.connections):
            connection.drain()

    async def drain(self, grace_s: float) -> None:
        """Begin to drain, and return when every connection is closed; what is not answered after `grace_s` is abandoned."""
        self.begin_drain()
        front = self._front
        if front.connections:
            try:
                await asyncio.wait_for(front.emptied.wait(), grace_s)
            except TimeoutError:
                self.close()

    def close(self) -> None:
        """Close everything at once."""
        self._stop_listening()
        for connection in tuple(self._front.connections):
            connection.abort()

    def _stop_listening(self) -> None:
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _sweep(self) -> None:
        """Close connections that nobody uses: one timer for all of them, and a long one."""
        for connection in tuple(self._front.connections):
            connection.close_if_unused()
        self._sweep_timer = asyncio.get_running_loop().call_later(self._settings.idle_timeout_s, self._sweep)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `port` of every address that `host` means; port 0 is any free port. ListenError if they cannot be had.

    `::` means every address of both IPv6 and IPv4, where the operating system has both."""
    both = host == ANY_ADDRESS and socket.has_dualstack_ipv6()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        families = {family: address for family, _, _, _, address in found}
        return [
            socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=both)
            for family, address in families.items()
        ]
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ListenError(f"cannot listen on {host}:{port}: {reason}; choose another --host or --port") from error


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context for a server with this certificate chain and key, both PEM files. OSError or ssl.SSLError if they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context
