"""`crossdock broker restore | check | compact`: care of a data folder that no broker uses. The work itself is in `broker/storage`."""

from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from crossdock.broker.storage import backup, check
from crossdock.broker.storage.errors import StorageError
from crossdock.clock import SystemClock

EXIT_UNSOUND = 1
EXIT_REFUSED = 2

Data = Annotated[Path, typer.Option("--data", envvar="CROSSDOCK_DATA", help="The broker's data folder.")]


def restore(file: Annotated[Path, typer.Argument(help="A backup.")], data: Data) -> None:
    """Make a new data folder from a backup."""
    try:
        backup.restore(file, data)
    except (StorageError, OSError) as error:
        _refuse(error)
    typer.echo(f"{data} is restored from {file}")


def check_data(
    data: Data, as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False
) -> None:
    """Read everything in a data folder; exit 1 if it is not sound. Nothing is changed."""
    try:
        report = check.check(data)
    except (StorageError, OSError) as error:
        _refuse(error)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        typer.echo(f"{report.queues} queues, {report.messages} messages, {report.journal_facts} facts in the journal")
        typer.echo("\n".join(report.problems) or "sound")
    if report.problems:
        raise typer.Exit(EXIT_UNSOUND)


def compact(data: Data) -> None:
    """Fold the journal and give free space back to the disk."""
    try:
        before, after = check.compact(data, SystemClock().now_ms())
    except (StorageError, OSError) as error:
        _refuse(error)
    typer.echo(f"{before} bytes before, {after} bytes after")


def _refuse(error: Exception) -> NoReturn:
    typer.echo(f"crossdock broker: {error}", err=True)
    raise typer.Exit(EXIT_REFUSED) from error
