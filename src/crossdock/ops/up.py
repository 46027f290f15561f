"""One whole run of the pipeline: take the folder, look at the ports, start, write down what runs where, wait, drain.

Screens are the CLI's affair: it hands in what to do with a log line and with the news that all is ready.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crossdock.clock import Clock, SystemClock
from crossdock.ops import runfile
from crossdock.ops.autoscale import Autoscaler, AutoScalingApi
from crossdock.ops.folder import DataFolder
from crossdock.ops.keeper import Keeper
from crossdock.ops.logs import Echo
from crossdock.ops.pipeline import PipelineSettings, groups, process_environment, programs, queue_environment
from crossdock.ops.ports import require_free
from crossdock.ops.refusal import Refusal
from crossdock.ops.runfile import ProcessRow, Run
from crossdock.ops.supervisor import Supervisor

ORPHANS_MS = 3_000
"""How long the processes of a killed supervisor may take to be gone."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What people see of a run."""

    echo: Echo
    ready: Callable[[Run, int], None]
    """Everything serves; after so many milliseconds."""
    draining: Callable[[], None]


class PipelineRun:
    """One run of `crossdock up`, from the command to the last process gone."""

    def __init__(self, settings: PipelineSettings, screen: Screen, clock: Clock | None = None) -> None:
        self._settings = settings
        self._screen = screen
        self._clock = clock or SystemClock()
        self._folder = DataFolder(settings.data)
        self._programs = programs(settings)
        self._supervisor = Supervisor(self._programs, self._folder, clock=self._clock)
        self._started_ms = self._clock.now_ms()
        self._ready = False
        self._stop = asyncio.Event()

    async def run(self, environment: Mapping[str, str]) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Raises Refusal when the folder, a port or a program is not as it must be."""
        began_ms = self._clock.monotonic_ms()
        self._listen_to_signals()
        self._folder.prepare()
        lock = await self._take_folder()
        try:
            require_free([use for program in self._programs for use in program.ports], self._settings.host)
            if await self._start(lock, environment):
                self._screen.ready(self._snapshot(), self._clock.monotonic_ms() - began_ms)
                await self._follow_groups()
            self._screen.draining()
        finally:
            await self._supervisor.drain()
            self._folder.run_file.unlink(missing_ok=True)
            os.close(lock)

    async def _start(self, lock: int, environment: Mapping[str, str]) -> bool:
        """Start everything; False when a signal came first."""
        process_env = process_environment(self._settings, environment)
        start = asyncio.create_task(self._supervisor.start(lock, process_env, self._screen.echo, self._write_down))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([start, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not start.done():
            start.cancel()
            return False
        start.result()
        self._ready = True
        self._write_down()
        return True

    async def _follow_groups(self) -> None:
        """Have as many workers as the scaling groups say, until it is time to stop."""
        api = AutoScalingApi(queue_environment(self._settings.broker_url), self._clock)
        scaling = asyncio.create_task(Autoscaler(api, self._supervisor, groups()).run())
        await self._stop.wait()
        scaling.cancel()
        await asyncio.gather(scaling, return_exceptions=True)
        api.close()

    async def _take_folder(self) -> int:
        """The lock of the folder; the processes of a run whose supervisor was killed are given time to go."""
        deadline_ms = self._clock.monotonic_ms() + ORPHANS_MS
        while True:
            if (lock := self._folder.try_lock()) is not None:
                return lock
            run = runfile.read(self._folder.run_file)
            if (run and runfile.is_alive(run.supervisor_pid)) or self._clock.monotonic_ms() > deadline_ms:
                who = f" (process {run.supervisor_pid})" if run else ""
                raise Refusal(
                    f"{self._folder.path} is in use by another `crossdock up`{who}",
                    "stop that one, or name another folder with --data and other ports with --port-base and --broker-port",
                )
            await asyncio.sleep(0.05)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)

    def _told_to_stop(self) -> None:
        """The first time drain, the second time kill."""
        if self._stop.is_set():
            self._supervisor.kill()
        self._stop.set()

    def _write_down(self) -> None:
        runfile.write(self._folder.run_file, self._snapshot())

    def _snapshot(self) -> Run:
        return Run(
            supervisor_pid=os.getpid(),
            started_ms=self._started_ms,
            ready=self._ready,
            environment=queue_environment(self._settings.broker_url),
            processes=tuple(_row(keeper) for keeper in self._supervisor.keepers),
        )


def _row(keeper: Keeper) -> ProcessRow:
    return ProcessRow(
        name=keeper.name,
        state=keeper.state.value,
        pid=keeper.pid,
        restarts=keeper.restarts,
        url=keeper.program.url,
        log=str(keeper.log_path),
    )
