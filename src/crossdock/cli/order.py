"""`crossdock order`: place orders from files, show what happened to one."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from crossdock.cli.screen import DATA, Data, Json, console, print_json, table
from crossdock.clock import SystemClock
from crossdock.ops import runfile
from crossdock.ops.folder import DataFolder
from crossdock.ops.http import Api
from crossdock.ops.orders import LOST_TOUCH, REFUSED, OrderDesk, OrderLine, Placed, PlacingSettings, read_orders
from crossdock.ops.timeline import Story, story

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Place orders and follow them.")

SHOWN_PROBLEMS = 10


@app.command()
def place(
    file: Annotated[Path, typer.Argument(help="One order, a list of orders (.json), or one order per line (.jsonl).")],
    data: Data = DATA,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow each order until it is paid, failed, cancelled or refunded.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Place the file anew; else a second run finds the orders of the first.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Orders on their way at a time.")] = 16,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds of patience with one order.")] = 60,
    as_json: Json = False,
) -> None:
    """Place every order of FILE. Exit code 1 when one was refused or, with --wait, has not come to rest."""
    clock = SystemClock()
    lines = read_orders(file, salt=clock.new_id() if again else "")
    api = Api(runfile.running(DataFolder(data)).url_of("orders"))
    desk = OrderDesk(api, clock, PlacingSettings(concurrency, timeout * 1_000, wait))
    began_ms = clock.monotonic_ms()
    placed = asyncio.run(_place(desk, lines, show_progress=len(lines) > 1 and not as_json))
    took_ms = clock.monotonic_ms() - began_ms
    if as_json:
        print_json(placed)
    else:
        _summary(placed, took_ms, "" if data == DATA else f" --data {data}")
    if any(one.order_id is None or (wait and not one.at_end) for one in placed):
        raise typer.Exit(1)


@app.command()
def show(
    order_id: Annotated[str, typer.Argument(help="The id that `order place` printed.")],
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """What happened to an order, across the services, in the order of time."""
    told = asyncio.run(story(runfile.running(DataFolder(data)), order_id))
    if as_json:
        print_json(told)
    else:
        _tell(told)


async def _place(desk: OrderDesk, lines: Sequence[OrderLine], show_progress: bool) -> list[Placed]:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task("orders", total=len(lines))
    with progress if show_progress else nullcontext():
        return await desk.place_all(lines, lambda _: progress.advance(task))


def _summary(placed: Sequence[Placed], took_ms: int, flag: str) -> None:
    if len(placed) == 1 and (only := placed[0]).order_id is not None:
        table(("order", "status", "ms"), [(only.order_id, only.status, only.took_ms)])
        console.print(f"next: [bold]crossdock order show {only.order_id}{flag}[/bold]")
        return
    counts = Counter(one.status for one in placed)
    rows = [(status, counts[status]) for status in sorted(counts)]
    table(("status", "orders"), rows, title=f"{len(placed)} orders in {took_ms / 1000:.1f} s")
    problems = [one for one in placed if one.status in (REFUSED, LOST_TOUCH)]
    for one in problems[:SHOWN_PROBLEMS]:
        console.print(f"order {one.number} of the file: {one.problem}", markup=False)
    if len(problems) > SHOWN_PROBLEMS:
        console.print(f"and {len(problems) - SHOWN_PROBLEMS} more")


def _tell(told: Story) -> None:
    facts = [(name, value) for name, value in told.facts.items()]
    table(("order", told.order_id), facts)
    console.print()
    table(("time (UTC)", "service", "what"), [(event.at, event.service, event.what) for event in told.events])
