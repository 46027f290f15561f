"""Keeps one process alive: starts it, sees that it is ready, writes its log, starts it again when it dies, stops it.

    starting ──ready──► ready ──dies──► waiting ──backoff──► starting
       │  └──────────dies──────────────────▲
       └──(once) exits with 0──► done          any of these ──stop()──► stopping ──► stopped

Which processes there are, and when each may start, is the supervisor's affair.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from crossdock.clock import Clock
from crossdock.ops.backoff import Backoff
from crossdock.ops.folder import DataFolder
from crossdock.ops.lifeline import SUPERVISED
from crossdock.ops.logs import Echo, Lines, RotatingLog
from crossdock.ops.program import Program

HEALTHY_MS = 10_000
"""Whoever was ready for so long has no failures behind it any more."""
PUMP_GRACE_S = 1.0
"""How long the output of a dead process is waited for: a grandchild may hold the pipe."""
LAST_WORDS = 5


class State(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    READY = "ready"
    WAITING = "waiting"
    DONE = "done"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Nursery:
    """What all keepers of a supervisor share."""

    folder: DataFolder
    lock: int
    """The descriptor of the folder's lock: a child that holds it keeps the folder taken while it lives."""
    environment: Mapping[str, str]
    clock: Clock
    backoff: Backoff
    deaths_at_start: int
    """Whoever died so often before it was ever ready will not come up."""
    echo: Echo
    changed: Callable[[], None]
    """Called after every change of state."""


class Keeper:
    """The keeper of one process of a program."""

    def __init__(self, program: Program, name: str, nursery: Nursery) -> None:
        self.program = program
        self.name = name
        self.log_path = nursery.folder.logs / f"{name}.log"
        self.state = State.STARTING
        self.pid: int | None = None
        self.restarts = 0
        self.failures = 0
        """Deaths in a row, without HEALTHY_MS of readiness between them."""
        self.was_ready = False
        self.decided = asyncio.Event()
        """Set when it is known whether the process comes up: it was ready, or it died too often before."""
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self._nursery = nursery
        self._stop = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep the process alive until `stop` is called, or, for a program that runs once, until it has succeeded."""
        log = RotatingLog(self.log_path)
        try:
            while not self._stop.is_set():
                if await self._live(log) == 0 and self.program.once:
                    self._came_up(State.DONE)
                    return
                if not self._stop.is_set():
                    await self._wait_after_death()
        finally:
            log.close()
        self._enter(State.STOPPED)

    def stop(self) -> None:
        """Ask the process to end (SIGTERM) and start it no more."""
        self._stop.set()
        if self._process is not None and self._process.returncode is None:
            self._enter(State.STOPPING)
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End the process now, and start it no more."""
        self._stop.set()
        self._send(signal.SIGKILL)

    async def _live(self, log: RotatingLog) -> int:
        """One life of the process, from its start to the end of its output; its exit code."""
        try:
            self._process = process = await self._spawn()
        except OSError as error:
            self.last_words.append(f"cannot start {self.program.command[0]}: {error.strerror}")
            return 127
        self.pid = process.pid
        self._enter(State.STARTING)
        if self._stop.is_set():
            self._send(signal.SIGTERM)
        pump = asyncio.create_task(self._pump(process, log))
        probing = asyncio.create_task(self._become_ready())
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            self.pid = None
        with suppress(TimeoutError):
            await asyncio.wait_for(pump, PUMP_GRACE_S)
        return code

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self._nursery.environment, SUPERVISED: "1", "PYTHONUNBUFFERED": "1"},
            pass_fds=(self._nursery.lock,),
            start_new_session=True,
        )

    async def _pump(self, process: asyncio.subprocess.Process, log: RotatingLog) -> None:
        assert process.stdout is not None
        lines = Lines()
        while chunk := await process.stdout.read(65536):
            for line in lines.feed(chunk):
                self._write(line, log)
        for line in lines.end():
            self._write(line, log)

    def _write(self, line: bytes, log: RotatingLog) -> None:
        log.write(line)
        text = line.decode("utf-8", "replace")
        self.last_words.append(text)
        self._nursery.echo(self.name, text)

    async def _become_ready(self) -> None:
        if self.program.once:
            return
        if self.program.probe is not None:
            await self.program.probe.wait()
        if not self._stop.is_set():
            self._came_up(State.READY)
        await asyncio.sleep(HEALTHY_MS / 1_000)
        self.failures = 0

    async def _wait_after_death(self) -> None:
        self.failures += 1
        self.restarts += 1
        nursery = self._nursery
        if self.failures >= nursery.deaths_at_start:
            self.decided.set()
        delay_ms = nursery.backoff.delay_ms(self.failures, nursery.clock.random())
        nursery.echo(self.name, f"has died (exit {self._exit_text()}); starts again in {delay_ms} ms")
        self._enter(State.WAITING)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), delay_ms / 1_000)

    def _exit_text(self) -> str:
        code = self._process.returncode if self._process else None
        return signal.Signals(-code).name if code is not None and code < 0 else str(code)

    def _came_up(self, state: State) -> None:
        self.was_ready = True
        self.decided.set()
        self._enter(state)

    def _enter(self, state: State) -> None:
        self.state = state
        self._nursery.changed()

    def _send(self, number: signal.Signals) -> None:
        """Signal the whole process group: what the process itself started goes with it."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
