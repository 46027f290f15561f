"""How commands show things: a table for people, one JSON document for machines; and the options that many commands share."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

WIDE = 1_000

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
"""Lines are folded for a terminal only; a file or a pipe gets them whole."""

Data = Annotated[Path, typer.Option("--data", envvar="CROSSDOCK_PIPELINE", help="The data folder of the pipeline.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

DATA = Path("data")

_STATE_STYLES = {
    "ready": "green",
    "done": "green",
    "paid": "green",
    "waiting": "red",
    "payment_failed": "yellow",
    "refunded": "yellow",
    "cancelled": "yellow",
}


def print_json(value: Any) -> None:
    """One JSON document, indented."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table; a column whose cells are all numbers is set to the right, None is a dash."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    cells = [tuple(row) for row in rows]
    for number, name in enumerate(columns):
        numeric = bool(cells) and all(isinstance(row[number], int | None) for row in cells)
        drawn.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(_cell(value) for value in row))
    if title:
        console.print(title, style="italic", soft_wrap=True)
    console.print(drawn)


def _cell(value: object) -> str:
    text = "-" if value is None else str(value).replace("[", r"\[")
    style = _STATE_STYLES.get(text)
    return f"[{style}]{text}[/{style}]" if style else text
