"""What a supervisor runs, as values: programs, what they need, and how to see that they are ready."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.ops.http import Api, Unreachable
from crossdock.ops.ports import PortUse

PROBE_EVERY_S = 0.05
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when a GET of `path` below `url` answers 200."""

    url: str
    path: str = "/ready"

    async def wait(self) -> None:
        """Ask until it passes."""
        while True:
            if await self.passes():
                return
            await asyncio.sleep(PROBE_EVERY_S)

    async def passes(self) -> bool:
        api = Api(self.url, PROBE_TIMEOUT_S)
        try:
            return (await api.get(self.path)).status == 200
        except Unreachable:
            return False
        finally:
            api.close()


@dataclass(frozen=True, slots=True)
class Program:
    """One program, of which one or several processes run."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Programs that are to be stopped after this one, and, unless `eager`, to be ready before this one starts."""
    eager: bool = False
    """Starts at once and itself waits for what it needs: that makes a cold start as fast as the machine allows."""
    once: bool = False
    """Runs to its end; done when it exits with 0."""
    probe: HttpProbe | None = None
    """None: ready as soon as it runs."""
    ports: tuple[PortUse, ...] = ()
    """With ports there can be one process of it only."""
    count: int = 1

    @property
    def url(self) -> str | None:
        """Where the program is reached, for those that are."""
        return self.probe.url if self.probe else None


def stop_order(programs: Sequence[Program]) -> list[list[str]]:
    """Names in waves: whoever needs something is stopped before it. Raises ValueError on a circle or an unknown name."""
    left = {program.name: set(program.needs) for program in programs}
    if unknown := {need for needs in left.values() for need in needs} - left.keys():
        raise ValueError(f"nobody provides {', '.join(sorted(unknown))}")
    waves = []
    while left:
        needed = set().union(*left.values())
        wave = [name for name in left if name not in needed]
        if not wave:
            raise ValueError(f"{', '.join(sorted(left))} need each other")
        waves.append(wave)
        for name in wave:
            del left[name]
    return waves
