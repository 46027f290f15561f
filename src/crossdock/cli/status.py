"""`crossdock status`: what runs where, and how deep the queues are."""

import asyncio
import os

import typer

from crossdock.cli.screen import DATA, Data, Json, print_json, table
from crossdock.clock import SystemClock
from crossdock.messaging import Sqs, SqsError
from crossdock.ops import runfile
from crossdock.ops.depths import QueueDepth, depths
from crossdock.ops.folder import DataFolder
from crossdock.ops.runfile import Run
from crossdock.ops.status import Status, is_well, processes_of

app = typer.Typer(add_completion=False)


@app.command()
def status(data: Data = DATA, as_json: Json = False) -> None:
    """Processes and queues of the pipeline that runs on the data folder. Exit code 1 when one is not well."""
    run = runfile.running(DataFolder(data))
    found = asyncio.run(_status(run))
    if as_json:
        print_json(found)
    else:
        _show(found)
    if not found.healthy:
        raise typer.Exit(1)


async def _status(run: Run) -> Status:
    processes, queues = await asyncio.gather(processes_of(run), _queues(run))
    return Status(all(is_well(process) for process in processes), processes, queues)


async def _queues(run: Run) -> list[QueueDepth]:
    """The depths; none while the broker is away, which the table of processes tells already."""
    os.environ.update(run.environment)
    try:
        async with Sqs(SystemClock()) as sqs:
            return await depths(sqs)
    except SqsError:
        return []


def _show(found: Status) -> None:
    rows = [(one.name, one.state, _answer(one.ready), one.pid, one.restarts, one.url) for one in found.processes]
    table(("process", "state", "answers", "pid", "restarts", "url"), rows)
    table(
        ("\nqueue", "\nvisible", "\nin flight", "\ndelayed"),
        [(one.name, one.visible, one.in_flight, one.delayed) for one in found.queues],
    )


def _answer(ready: bool | None) -> str | None:
    return None if ready is None else "yes" if ready else "no"
