"""Runs a set of programs as one: starts them in the order of their needs, keeps each alive, changes their number, drains them.

A program without `eager` starts when all that it needs has been ready. Draining goes the other way round, in waves, within one time
limit; whoever is not gone by then is killed. What the programs are is `pipeline.py`; how one process lives is `keeper.py`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossdock.clock import Clock, SystemClock
from crossdock.ops.backoff import Backoff
from crossdock.ops.folder import DataFolder
from crossdock.ops.keeper import Keeper, Nursery
from crossdock.ops.logs import Echo, no_echo
from crossdock.ops.program import Program, stop_order
from crossdock.ops.refusal import Refusal


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """Limits of a supervisor."""

    start_ms: int = 60_000
    """By then everything has been ready, or the start has failed."""
    deaths_at_start: int = 3
    """Whoever died so often before it was ever ready will not start."""
    drain_ms: int = 9_000
    """From SIGTERM to the first to SIGKILL to the last."""
    keep_for_needed_ms: int = 2_000
    """Of that, what is kept for each later wave."""
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """The processes of a set of programs."""

    def __init__(
        self,
        programs: Sequence[Program],
        folder: DataFolder,
        settings: SupervisorSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Check the programs; nothing is started. Raises ValueError when their needs do not add up."""
        self._waves = stop_order(programs)
        self._programs = {program.name: program for program in programs}
        self._folder = folder
        self._settings = settings or SupervisorSettings()
        self._clock = clock or SystemClock()
        self._nursery: Nursery | None = None
        self._changed: Callable[[], None] = lambda: None
        self._keepers: dict[str, list[Keeper]] = {name: [] for name in self._programs}
        self._tasks: dict[Keeper, asyncio.Task[None]] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}

    @property
    def keepers(self) -> list[Keeper]:
        """Every process, in the order of the programs."""
        return [keeper for keepers in self._keepers.values() for keeper in keepers]

    async def start(
        self,
        lock: int,
        environment: Mapping[str, str],
        echo: Echo = no_echo,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Start everything and return when all has been ready once (what runs once: has succeeded).

        Raises Refusal when a program does not come up; then the caller drains.
        """
        settings = self._settings
        self._changed = changed
        self._nursery = Nursery(
            self._folder, lock, environment, self._clock, settings.backoff, settings.deaths_at_start, echo, changed
        )
        self._starting = {name: asyncio.create_task(self._start_program(name)) for name in self._programs}
        try:
            async with asyncio.timeout(settings.start_ms / 1_000):
                await asyncio.gather(*self._starting.values())
        except TimeoutError:
            late = [name for name, keepers in self._keepers.items() if not self._are_ready(keepers)]
            raise Refusal(
                f"not ready after {settings.start_ms // 1_000} s: {', '.join(late)}",
                f"read the log in {self._log_of(late[0])}",
            ) from None

    async def resize(self, name: str, count: int) -> None:
        """Have `count` processes of the program `name`: start more, or stop the youngest and wait until they are gone."""
        program = self._programs[name]
        if program.ports and count > 1:
            raise ValueError(f"{name} listens on a port: there can be only one of it")
        keepers = self._keepers[name]
        while len(keepers) < count:
            self._spawn_keeper(program, len(keepers) + 1)
        if surplus := keepers[count:]:
            await self._end(surplus, self._settings.drain_ms)
            del keepers[count:]
            self._changed()

    async def drain(self) -> None:
        """Stop everything, whoever needs something before it; kill what is not gone when the time is up."""
        await self._abandon_start()
        deadline_ms = self._clock.monotonic_ms() + self._settings.drain_ms
        for number, wave in enumerate(self._waves):
            kept_ms = (len(self._waves) - number - 1) * self._settings.keep_for_needed_ms
            left_ms = deadline_ms - kept_ms - self._clock.monotonic_ms()
            await self._end([keeper for name in wave for keeper in self._keepers[name]], left_ms)

    def kill(self) -> None:
        """End everything now; a `drain` under way then ends at once."""
        for keeper in self.keepers:
            keeper.kill()

    async def _start_program(self, name: str) -> None:
        program = self._programs[name]
        if not program.eager:
            await asyncio.gather(*(self._starting[need] for need in program.needs))
        for number in range(program.count):
            self._spawn_keeper(program, number + 1)
        for keeper in self._keepers[name]:
            await keeper.decided.wait()
            if not keeper.was_ready:
                raise _will_not_start(keeper)

    def _spawn_keeper(self, program: Program, number: int) -> None:
        assert self._nursery is not None, "start comes first"
        keeper = Keeper(program, program.name if number == 1 else f"{program.name}-{number}", self._nursery)
        self._keepers[program.name].append(keeper)
        self._tasks[keeper] = asyncio.create_task(keeper.run())

    def _are_ready(self, keepers: Sequence[Keeper]) -> bool:
        return bool(keepers) and all(keeper.was_ready for keeper in keepers)

    def _log_of(self, name: str) -> Path:
        return self._folder.logs / f"{name}.log"

    async def _abandon_start(self) -> None:
        for task in self._starting.values():
            task.cancel()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)

    async def _end(self, keepers: Sequence[Keeper], within_ms: int) -> None:
        """Stop these and wait; kill them when the time is up."""
        tasks = [self._tasks[keeper] for keeper in keepers if keeper in self._tasks]
        for keeper in keepers:
            keeper.stop()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=max(within_ms, 0) / 1_000)
        if late:
            for keeper in keepers:
                keeper.kill()
        await asyncio.gather(*tasks)
        for keeper in keepers:
            self._tasks.pop(keeper, None)


def _will_not_start(keeper: Keeper) -> Refusal:
    said = f"; its last words: {keeper.last_words[-1].strip()}" if keeper.last_words else ""
    return Refusal(
        f"{keeper.name} died {keeper.failures} times while it started{said}", f"read the log in {keeper.log_path}"
    )
