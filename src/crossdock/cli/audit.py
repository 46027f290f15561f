"""`crossdock audit`: prove promise 5 from the databases, or list what breaks it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from crossdock.cli.screen import DATA, Data, Json, console, print_json, table
from crossdock.clock import SystemClock
from crossdock.ops.audit import Violation, violations
from crossdock.ops.books import read_books

app = typer.Typer(add_completion=False)

LOOK_AGAIN_S = 0.5
SHOWN = 50


@app.command()
def audit(
    data: Data = DATA,
    wait: Annotated[int, typer.Option(min=0, help="Seconds in which a pipeline at work may come to rest.")] = 0,
    as_json: Json = False,
) -> None:
    """Every order in an end state, charged at most once, told of exactly once. Exit code 1 and a list when not."""
    found = asyncio.run(_audited(data, wait * 1_000))
    if as_json:
        print_json(found)
    else:
        _show(found)
    if found:
        raise typer.Exit(1)


async def _audited(data: Path, wait_ms: int) -> list[Violation]:
    """Look until nothing is found or the time is up."""
    clock = SystemClock()
    deadline_ms = clock.monotonic_ms() + wait_ms
    while True:
        found = violations(read_books(data))
        if not found or clock.monotonic_ms() >= deadline_ms:
            return found
        await asyncio.sleep(LOOK_AGAIN_S)


def _show(found: Sequence[Violation]) -> None:
    if not found:
        console.print("nothing found: every order ended, was charged at most once, and was told of once")
        return
    table(("rule", "about", "what"), [(one.rule, one.subject, one.what) for one in found[:SHOWN]])
    if len(found) > SHOWN:
        console.print(f"and {len(found) - SHOWN} more; --json lists all")
