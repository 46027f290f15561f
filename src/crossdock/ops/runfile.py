"""What runs where, written down for other commands: DATA/run.json. Only the supervisor writes it."""

import os
from pathlib import Path

import msgspec

from crossdock.ops.folder import DataFolder
from crossdock.ops.refusal import Refusal


class ProcessRow(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process."""

    name: str
    state: str
    pid: int | None
    restarts: int
    url: str | None
    """Where people and programs reach it."""
    log: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A running pipeline."""

    supervisor_pid: int
    started_ms: int
    ready: bool
    """Whether everything has been ready once."""
    environment: dict[str, str]
    """What a client of the queues needs in its environment: endpoint, region, credentials of the local broker."""
    processes: tuple[ProcessRow, ...]

    def url_of(self, name: str) -> str:
        """Where the process `name` is reached."""
        for process in self.processes:
            if process.name == name and process.url is not None:
                return process.url
        raise Refusal(f"this pipeline runs no {name}", "see `crossdock status` for what it runs")


def write(path: Path, run: Run) -> None:
    """Write whole or not at all: readers never see half a file."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")
    fresh.replace(path)


def read(path: Path) -> Run | None:
    """What the file says; None when there is none or it cannot be read. The pipeline may have died since."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.MsgspecError):
        return None


def running(folder: DataFolder) -> Run:
    """The pipeline that runs on this folder. Raises Refusal when there is none."""
    run = read(folder.run_file) if folder.is_in_use() else None
    if run is None:
        raise Refusal(
            f"no pipeline runs on {folder.path}", "start one with `crossdock up`, or name the folder of one with --data"
        )
    return run


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
