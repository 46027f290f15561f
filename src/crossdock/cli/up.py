"""`crossdock up`: start the whole pipeline, show its logs, say what runs where, drain on Ctrl-C."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from crossdock.broker.settings import Durability
from crossdock.cli.screen import DATA, Data, console, table
from crossdock.ops.logs import Echo, Prefixer, no_echo
from crossdock.ops.pipeline import PipelineSettings
from crossdock.ops.runfile import Run
from crossdock.ops.up import PipelineRun, Screen

app = typer.Typer(add_completion=False)

FIRST_ORDER = "examples/order.json"


@app.command()
def up(
    data: Data = DATA,
    port_base: Annotated[int, typer.Option(help="The services take the six ports after this one.")] = 8000,
    broker_port: Annotated[int, typer.Option(help="Port of the broker.")] = 9324,
    durability: Annotated[Durability, typer.Option(help="Of the broker.")] = Durability.DURABLE,
    quiet: Annotated[bool, typer.Option("--quiet", help="Keep the logs to their files.")] = False,
) -> None:
    """Start broker, queues, provider, inbox and services; drain all within 10 s on Ctrl-C, at once on a second one."""
    settings = PipelineSettings(data, port_base, broker_port, durability.value)
    screen = Screen(no_echo if quiet else _echo(), lambda run, took_ms: _ready(settings, run, took_ms), _draining)
    console.print(f"starting the pipeline on [bold]{data}[/bold]")
    asyncio.run(PipelineRun(settings, screen).run(os.environ))
    console.print("stopped")


def _echo() -> Echo:
    prefixer = Prefixer(len("notifications"), colour=sys.stdout.isatty())

    def echo(name: str, line: str) -> None:
        sys.stdout.write(prefixer.prefixed(name, line) + "\n")
        sys.stdout.flush()

    return echo


def _ready(settings: PipelineSettings, run: Run, took_ms: int) -> None:
    rows = [(process.name, process.state, process.pid, process.url) for process in run.processes]
    console.print()
    table(("process", "state", "pid", "url"), rows, title=f"everything serves after {took_ms / 1000:.1f} s")
    flag = "" if settings.data == DATA else f" --data {settings.data}"
    order = FIRST_ORDER if Path(FIRST_ORDER).exists() else "ORDER.json"
    region = run.environment["AWS_REGION"]
    regions = f"AWS_REGION={region} AWS_DEFAULT_REGION={region}"  # boto3 and the AWS CLI v1 read the second only
    console.print(f"\nqueues for any SDK: AWS_ENDPOINT_URL={settings.broker_url} {regions}", soft_wrap=True)
    console.print(f"next: [bold]{_command()} order place {order} --wait{flag}[/bold]", soft_wrap=True)
    console.print("Ctrl-C drains and stops\n")


def _command() -> str:
    """How the reader can call this program from where he is."""
    called = Path(sys.argv[0])
    if called.name != "crossdock":
        return "crossdock"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _draining() -> None:
    console.print("draining (Ctrl-C again kills)")
