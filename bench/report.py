"""Tables as Markdown, and the report as a file."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from bench.machine import Machine
from bench.rounds import Result


class Table(msgspec.Struct):
    """The answer to one question: cells are text, as a person reads them."""

    question: str
    title: str
    columns: list[str]
    rows: list[list[str]] = []
    notes: list[str] = []
    """Ratios and targets, below the table."""
    measured: list[Result] = []
    """What the cells come from, for machines."""
    broken: bool = False
    """Whether crossdock itself failed."""

    def markdown(self) -> str:
        """Title, table, notes."""
        lines = [f"## {self.title}", "", bar(self.columns), bar(["---"] * len(self.columns)), *map(bar, self.rows), ""]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)]).rstrip() + "\n"


def bar(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |"


def failed_row(columns: Sequence[str], first: Sequence[str], reason: str) -> list[str]:
    """The line of a server that could not be measured: its first cells, and why."""
    return [*first, f"not measured: {reason}", *[""] * (len(columns) - len(first) - 1)]


def head(machine: Machine, command: str) -> str:
    """What comes before the tables."""
    return "\n".join(["# Bench", "", *machine.lines(), f"- command: `{command}`", ""])


def write(path: Path, machine: Machine, command: str, tables: Sequence[Table], end: str) -> None:
    """Write the report as it stands."""
    path.write_text("\n".join([head(machine, command), *(table.markdown() for table in tables), end, ""]))
