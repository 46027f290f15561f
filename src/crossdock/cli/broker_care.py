"""`crossdock broker backup | restore | check | compact`: care of a data folder. The work itself is in `broker/storage`."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from crossdock.broker import control
from crossdock.broker.storage.backup import backup, check_backup, restore
from crossdock.broker.storage.check import check
from crossdock.broker.storage.check_tables import Report
from crossdock.broker.storage.compact import compact, settle
from crossdock.broker.storage.database_files import Show
from crossdock.broker.storage.errors import StorageError
from crossdock.cli.screen import Json, print_json
from crossdock.clock import SystemClock

EXIT_UNSOUND = 1
EXIT_REFUSED = 2

REMEDY = "Keep it, and restore a backup into a new folder: crossdock broker restore FILE --data NEW"
REMEDY_BACKUP = "Use another backup."

NICE = 10
"""A backup gives way to the broker beside it."""

Data = Annotated[
    Path, typer.Option("--data", envvar="CROSSDOCK_DATA", readable=False, help="The broker's data folder.")
]
"""Whether it can be read is the storage's affair, whose sentences say what to do; so it is with files."""
DATA = Path("data/broker")


def backup_data(
    file: Annotated[Path, typer.Argument(readable=False, help="Where to write it.")],
    data: Data = DATA,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy all messages to FILE, while the broker serves or not. FILE appears when it is complete and found to be sound."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.nice(NICE)
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    with _refusing(), _progress(as_json) as show:
        _check_target(file, data, force)
        if not control.fold(data):
            settle(data, clock.now_ms())
        report = backup(data, file, show)
    took_s = (clock.monotonic_ms() - began_ms) / 1_000
    size = file.stat().st_size
    if as_json:
        print_json(
            {"file": str(file), "bytes": size, "queues": report.queues, "messages": report.messages, "seconds": took_s}
        )
    else:
        typer.echo(f"{file}: {_holds(report)}, {size} bytes, in {took_s:.1f} s")


def restore_data(
    file: Annotated[Path, typer.Argument(readable=False, help="A backup.")], data: Data = DATA, as_json: Json = False
) -> None:
    """Make a new data folder from a backup, after checking all of it."""
    with _refusing(), _progress(as_json) as show:
        report = restore(file, data, show)
    if as_json:
        print_json({"data": str(data), "queues": report.queues, "messages": report.messages})
    else:
        typer.echo(f"{data}: {_holds(report)}, restored from {file}")


def check_data(
    file: Annotated[
        Path | None, typer.Argument(readable=False, help="A backup to check instead of a data folder.")
    ] = None,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Read everything in a data folder or a backup; exit code 1 if it is not sound. Nothing is changed."""
    with _refusing(), _progress(as_json) as show:
        report = check(data, show) if file is None else check_backup(file, show)
    if as_json:
        print_json({"checked": str(file or data), "sound": not report.problems, "report": report})
    else:
        facts = f", {report.journal_facts} facts in the journal" if file is None else ""
        typer.echo(f"{file or data}: {_holds(report)}{facts}")
        typer.echo("\n".join(report.problems) or "sound")
    if report.problems:
        typer.echo(
            f"{file or data} is damaged, and left as it is. {REMEDY if file is None else REMEDY_BACKUP}", err=True
        )
        raise typer.Exit(EXIT_UNSOUND)


def compact_data(data: Data = DATA, as_json: Json = False) -> None:
    """Give all free space of a data folder back to the disk, while no broker uses it. It takes as much space as the messages."""
    with _refusing():
        before, after = compact(data, SystemClock().now_ms())
    if as_json:
        print_json({"data": str(data), "bytes_before": before, "bytes_after": after})
    else:
        typer.echo(f"{data}: {before} bytes before, {after} bytes after")


def _check_target(file: Path, data: Path, force: bool) -> None:
    if file.is_dir():
        raise StorageError(f"{file} is a folder; name a file in it")
    if file.exists() and not force:
        raise StorageError(f"{file} is there already; name another file, or replace it with --force")
    if not file.absolute().parent.is_dir():
        raise StorageError(f"there is no folder {file.parent}; make it first")
    if file.resolve().is_relative_to(data.resolve()):
        raise StorageError(f"{file} is inside the data folder; put a backup elsewhere, best on another disk")


def _holds(report: Report) -> str:
    return f"{report.queues} queues, {report.messages} messages"


@contextmanager
def _refusing() -> Iterator[None]:
    """What storage refuses is a sentence and an exit code."""
    try:
        yield
    except StorageError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def refuse(sentence: str) -> NoReturn:
    """Say it, and end with EXIT_REFUSED."""
    typer.echo(f"crossdock broker: {sentence}", err=True)
    raise typer.Exit(EXIT_REFUSED)


@contextmanager
def _progress(quiet: bool) -> Iterator[Show]:
    """A bar for each part of the work, on stderr: stdout has the result only."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown = console.is_terminal and not quiet
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        parts: dict[str, TaskID] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in parts:
                parts[part] = progress.add_task(part)
            progress.update(parts[part], completed=done, total=total)

        yield show
