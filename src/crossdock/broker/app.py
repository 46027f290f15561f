"""The composition root of the broker: real clock, disk and sockets meet here, and nowhere else.

Start: open the store, rebuild the machine from it, listen. Stop: accept nothing new, answer the long polls empty, finish the last
commit, close the store.
"""

import asyncio
import gc
import signal
from pathlib import Path

import structlog
import uvloop

from crossdock.broker.access import Access, read_credentials
from crossdock.broker.dispatch import Dispatch
from crossdock.broker.endpoints import Endpoints
from crossdock.broker.metrics import Metrics
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.server import HttpServer, ServerSettings, listen, tls_context
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.broker.turn import Turn
from crossdock.clock import Clock, ManualClock, SystemClock

log = structlog.get_logger()

EXIT_STORAGE_FAILED = 74
"""EX_IOERR of sysexits.h."""


class Broker:
    """A broker in this process."""

    def __init__(self, settings: BrokerSettings, clock: Clock | None = None) -> None:
        """Open the store and rebuild the state; `StorageError` or `CredentialsError` says in a sentence why it cannot be done."""
        self.settings = settings
        self.clock = clock or (ManualClock(SystemClock().now_ms()) if settings.manual_clock else SystemClock())
        secrets = read_credentials(settings.credentials) if settings.credentials else None
        now_ms = self.clock.now_ms()
        self.store = Store.open(_storage_settings(settings), now_ms)
        self.machine = QueueMachine(_machine_settings(settings), self.clock, self.store)
        self.machine.restore(self.store.snapshot(), now_ms)
        strict = settings.durability is not Durability.RELAXED
        lag_ms = settings.lag_ms if strict else settings.relaxed_sync_ms
        self.turn = Turn(self.machine, self.store, self.clock, lag_ms, strict)
        metrics = Metrics(self.machine, self.store, lambda: self.server)
        self.endpoints = Endpoints(self.turn, metrics, self.clock)
        self.dispatch = Dispatch(self.turn, Access(settings, self.clock, secrets), self.endpoints, self.clock)
        self.server = HttpServer(self.dispatch, _server_settings(settings))
        self.stopped = asyncio.Event()

    async def start(self) -> str:
        """Listen, and return the URL under which the broker is reached."""
        self.turn.start(self.dispatch.deliver, self._storage_failed)
        settings = self.settings
        host, port = (await self.server.start(listen(settings.host, settings.port)))[0]
        self.endpoints.ready = True
        return f"{'https' if settings.tls_cert else 'http'}://{host}:{port}"

    async def stop(self) -> None:
        """Drain and close. What was acknowledged is on disk."""
        self.endpoints.ready = False
        self.turn.stop()
        await self.server.drain(self.settings.drain_ms / 1_000)
        self.store.close()

    def _storage_failed(self) -> None:
        asyncio.get_running_loop().call_later(1, self.stopped.set)


async def serve(settings: BrokerSettings) -> int:
    """Run a broker until SIGTERM or SIGINT; the exit code."""
    broker = Broker(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, broker.stopped.set)
    url = await broker.start()
    gc.freeze()
    log.info("broker is ready", url=url, durability=settings.durability.value, data=str(settings.data or "-"))
    await broker.stopped.wait()
    log.info("broker stops")
    await broker.stop()
    return EXIT_STORAGE_FAILED if broker.turn.failed else 0


def run(settings: BrokerSettings) -> int:
    """Run a broker in a new event loop until it is told to stop; the exit code."""
    return uvloop.run(serve(settings))


def _storage_settings(settings: BrokerSettings) -> StorageSettings:
    data: Path | None = None if settings.durability is Durability.MEMORY else settings.data
    return StorageSettings(data=data, free_space_min=settings.free_space_min)


def _machine_settings(settings: BrokerSettings) -> MachineSettings:
    return MachineSettings(
        home_region=settings.region,
        content_bytes_max=settings.content_bytes_max,
        waiters_max=settings.waiters_max,
    )


def _server_settings(settings: BrokerSettings) -> ServerSettings:
    tls = tls_context(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    return ServerSettings(connections_max=settings.connections_max, body_bytes_max=settings.body_bytes_max, tls=tls)
