"""The composition root of the broker: real clock, disk and sockets meet here, and nowhere else.

Start: open the store, rebuild the machine from it, listen. Stop: accept nothing new, answer the long polls empty, finish the last
commit, close the store.
"""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path

import structlog
import uvloop

from crossdock.broker import process_memory
from crossdock.broker.access import Access, read_credentials
from crossdock.broker.control import Control
from crossdock.broker.dispatch import Dispatch
from crossdock.broker.endpoints import Endpoints
from crossdock.broker.file_limit import connections_within, raise_file_limit
from crossdock.broker.idle_fold import IdleFold
from crossdock.broker.machines import Machines
from crossdock.broker.metrics import FrontCounts, Metrics
from crossdock.broker.queues.machine import MachineSettings, QueueMachine
from crossdock.broker.server import HttpServer, ServerSettings, listen, tls_context
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.broker.storage.folder import WATCH
from crossdock.broker.storage.store import StorageFailed, StorageSettings, Store, opening
from crossdock.broker.storage.watch_database import WatchDatabase
from crossdock.broker.systemd import Notifier, inherited_sockets
from crossdock.broker.turn import Turn
from crossdock.broker.watch.alarm import ALARM, Alarm
from crossdock.broker.watch.machine import WatchMachine
from crossdock.clock import Clock, ManualClock, SystemClock

log = structlog.get_logger()

EXIT_STORAGE_FAILED = 74
"""EX_IOERR of sysexits.h."""

FAREWELL_S = 1.0
"""How long a broker whose storage failed still tells its clients."""


class Broker:
    """A broker in this process."""

    def __init__(self, settings: BrokerSettings, clock: Clock | None = None) -> None:
        """Open the store and rebuild the state; `StorageError` or `CredentialsError` says in a sentence why it cannot be done."""
        self.settings = settings
        self.clock = clock or (ManualClock(SystemClock().now_ms()) if settings.manual_clock else SystemClock())
        secrets = read_credentials(settings.credentials) if settings.credentials else None
        now_ms, data = self.clock.now_ms(), _data(settings)
        self.store = Store.open(_storage_settings(settings), now_ms)
        self.machine = QueueMachine(_machine_settings(settings), self.clock, self.store)
        with opening(settings.data):
            self.machine.restore(self.store.snapshot(), now_ms)
        strict = settings.durability is not Durability.RELAXED
        lag_ms = settings.lag_ms if strict else settings.relaxed_sync_ms
        self.watch_database = WatchDatabase(data and data / WATCH)
        awake = not isinstance(self.clock, ManualClock)
        with opening(settings.data):
            watch = WatchMachine(self.watch_database, self.machine, _announce, self.clock, awake)
        self.turn = Turn(Machines(self.machine, watch), self.store, self.clock, lag_ms, strict)
        self.idle_fold = IdleFold(self._rest, settings.quiet_ms / 1_000, asyncio.get_running_loop().call_later)
        metrics = Metrics(self.machine, self.store, self._front_counts, now_ms)
        self.endpoints = Endpoints(self.turn, metrics, self.clock)
        self.dispatch = Dispatch(
            self.turn,
            Access(settings, self.clock, secrets),
            self.endpoints,
            metrics.requests,
            self.clock,
            settings.body_bytes_max,
        )
        self.server = HttpServer(self.dispatch, _server_settings(settings), self.clock)
        self.control = Control(self.turn, data)
        self.stopped = asyncio.Event()
        self.on_rest: Callable[[], None] = lambda: None
        """Called when the broker is idle and everything is folded."""

    async def start(self, sockets: Sequence[socket.socket] = ()) -> list[str]:
        """Listen on `sockets`, or, where there are none, as the settings say. Returns the URLs under which the broker is reached.

        ListenError if it cannot listen there."""
        settings = self.settings
        self.turn.start(self.dispatch.deliver, self._storage_failed)
        self.turn.on_commit = self.idle_fold.stir
        addresses = await self.server.start(sockets or listen(settings.host, settings.port))
        await self.control.start()
        self.endpoints.ready = True
        return [_url(host, port, secure=settings.tls_cert is not None) for host, port in addresses]

    async def stop(self) -> bool:
        """Drain and close; whether all of it is on disk. If not, what was acknowledged still is, except with relaxed durability."""
        self.endpoints.ready = False
        self.idle_fold.stop()
        self.control.close()
        self.server.begin_drain()
        self.turn.stop()
        await self.server.drain(self.settings.drain_ms / 1_000)
        self.watch_database.close()
        try:
            self.store.close()
        except StorageFailed as failure:
            log.critical("storage failed while the broker stopped", reason=str(failure))
            return False
        return not self.turn.failed

    def _rest(self) -> bool:
        """One step towards an empty journal; whether there is more to do."""
        if self.turn.fold():
            return True
        self.store.rest()
        self.on_rest()
        return False

    def _front_counts(self) -> FrontCounts:
        server, counters = self.server, self.server.counters
        return FrontCounts(
            connections=server.connections,
            connections_max=self.settings.connections_max,
            accepted=counters.accepted,
            refused=counters.refused,
            requests=counters.requests,
            open_requests=server.open_requests,
            bytes_received=counters.bytes_received,
            bytes_sent=counters.bytes_sent,
        )

    def _storage_failed(self) -> None:
        asyncio.get_running_loop().call_later(FAREWELL_S, self.stopped.set)


async def serve(settings: BrokerSettings, environ: MutableMapping[str, str]) -> int:
    """Run a broker until SIGTERM or SIGINT; the exit code. `environ` is where systemd leaves its word."""
    systemd, sockets = Notifier(environ), inherited_sockets(environ)
    log.info("broker starts", data=str(settings.data or "-"), durability=settings.durability.value, pid=os.getpid())
    broker = Broker(_within_limits(settings))
    loop = asyncio.get_running_loop()
    for number in _stop_signals():
        loop.add_signal_handler(number, broker.stopped.set)
    urls = await broker.start(sockets)
    process_memory.settle()
    broker.on_rest = process_memory.give_back
    log.info("broker is ready", url=urls[0], urls=urls)
    systemd.ready(f"Serving {' '.join(urls)}")
    await broker.stopped.wait()
    log.info("broker stops", connections=broker.server.connections, waiters=broker.machine.waiting)
    systemd.stopping(
        "The data folder cannot be written: see the log" if broker.turn.failed else "Answering what is under way"
    )
    complete = await broker.stop()
    systemd.close()
    log.info("broker stopped")
    return 0 if complete else EXIT_STORAGE_FAILED


def run(settings: BrokerSettings) -> int:
    """Run a broker in a new event loop until it is told to stop; the exit code. Its files are for their owner alone."""
    os.umask(0o077)
    return uvloop.run(serve(settings, os.environ))


def _stop_signals() -> list[signal.Signals]:
    """SIGHUP is the end of a terminal, unless nohup or whoever started the broker has it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGTERM, signal.SIGINT, *([] if ignored else [signal.SIGHUP])]


def _within_limits(settings: BrokerSettings) -> BrokerSettings:
    """The settings with as many connections as the operating system allows."""
    files_max = raise_file_limit()
    connections_max = connections_within(files_max, settings.connections_max)
    if connections_max < settings.connections_max:
        log.warning(
            "the limit of open files allows fewer connections than asked for",
            connections_max=connections_max,
            asked_for=settings.connections_max,
            files_max=files_max,
            remedy="raise the hard limit (ulimit -Hn, or LimitNOFILE= of a systemd unit), or ask for fewer",
        )
    return replace(settings, connections_max=connections_max)


def _url(host: str, port: int, secure: bool) -> str:
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _data(settings: BrokerSettings) -> Path | None:
    return None if settings.durability is Durability.MEMORY else settings.data


def _storage_settings(settings: BrokerSettings) -> StorageSettings:
    return StorageSettings(data=_data(settings), free_space_min=settings.free_space_min)


def _machine_settings(settings: BrokerSettings) -> MachineSettings:
    return MachineSettings(
        home_region=settings.region,
        content_bytes_max=settings.content_bytes_max,
        waiters_max=settings.waiters_max,
    )


def _server_settings(settings: BrokerSettings) -> ServerSettings:
    return ServerSettings(
        connections_max=settings.connections_max, body_bytes_max=settings.body_bytes_max, tls=_tls(settings)
    )


def _tls(settings: BrokerSettings) -> ssl.SSLContext | None:
    certificate, key = settings.tls_cert, settings.tls_key
    if certificate is None or key is None:
        return None
    try:
        return tls_context(certificate, key)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"the TLS certificate {certificate} and its key {key} cannot be used: {reason}") from error


def _announce(before: Alarm, alarm: Alarm) -> None:
    """The log tells operators of alarms; it is where those without an address of their own are seen."""
    tell = log.warning if alarm.state.value == ALARM else log.info
    said = {"alarm": alarm.name.name, "region": alarm.name.region, "account": alarm.name.account}
    tell("alarm changed its state", **said, before=before.state.value, now=alarm.state.value, reason=alarm.state.reason)
