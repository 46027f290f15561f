"""What a running pipeline is doing right now: its processes, whether each is ready, and how deep its queues are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.ops.depths import QueueDepth
from crossdock.ops.program import HttpProbe
from crossdock.ops.runfile import ProcessRow, Run


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as its supervisor sees it, and as it answers itself."""

    name: str
    state: str
    ready: bool | None
    """None for a process that cannot be asked."""
    pid: int | None
    restarts: int
    url: str | None
    log: str


@dataclass(frozen=True, slots=True)
class Status:
    """The pipeline at a glance."""

    healthy: bool
    """Every process is where it is meant to be."""
    processes: Sequence[ProcessStatus]
    queues: Sequence[QueueDepth]


async def processes_of(run: Run) -> list[ProcessStatus]:
    """Ask every process of the run whether it is ready."""
    return list(await asyncio.gather(*(_asked(process) for process in run.processes)))


def is_well(process: ProcessStatus) -> bool:
    """Ready, or done when it runs once."""
    return process.state == "done" or (process.state == "ready" and process.ready is not False)


async def _asked(process: ProcessRow) -> ProcessStatus:
    ready = await HttpProbe(process.url).passes() if process.url else None
    return ProcessStatus(process.name, process.state, ready, process.pid, process.restarts, process.url, process.log)
