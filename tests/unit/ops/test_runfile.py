"""DATA/run.json: written whole, read without trust."""

import os
from pathlib import Path

import pytest

from crossdock.ops import runfile
from crossdock.ops.refusal import Refusal
from crossdock.ops.runfile import ProcessRow, Run

ORDERS = ProcessRow(name="orders", state="ready", pid=7, restarts=0, url="http://127.0.0.1:8001", log="logs/orders.log")
RUN = Run(supervisor_pid=6, started_ms=1, ready=True, environment={"AWS_REGION": "ap-southeast-1"}, processes=(ORDERS,))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A run survives the file, and no other file is left."""
    runfile.write(tmp_path / "run.json", RUN)
    assert runfile.read(tmp_path / "run.json") == RUN
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"supervisor_pid": "x"}', b"\xff\xfe"])
def test_a_file_that_cannot_be_read_counts_as_none(tmp_path: Path, content: bytes | None) -> None:
    """Missing, cut or foreign: there is no run."""
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    assert runfile.read(tmp_path / "run.json") is None


def test_urls_are_found_by_name() -> None:
    """A process that is not there is refused in a sentence."""
    assert RUN.url_of("orders") == "http://127.0.0.1:8001"
    with pytest.raises(Refusal, match="runs no console"):
        RUN.url_of("console")


def test_this_process_is_alive_and_an_impossible_one_is_not() -> None:
    """Liveness by process id."""
    assert runfile.is_alive(os.getpid())
    assert not runfile.is_alive(2**22 + 1)
