"""The bench runs: its smallest form, on our own servers, with real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVERS = ["--servers", "crossdock durable,front"]
SMALLEST = [*SERVERS, "--seconds", "0.2", "--rounds", "1", "--backlogs", "2000", "--idle-seconds", "0.2"]
ROWS = {
    "SendMessage": 2,
    "Send, receive, delete": 2,
    "Send, receive, delete in batches of ten": 1,
    "Send, receive, delete, FIFO with 64 groups": 2,
    "Long-poll wake-up, eight pairs of a poller and a sender": 1,
    "Backlog, 16 connections": 1,
    "Restart with the backlog": 2,
    "Idle": 1,
}
"""How many lines our broker has in the table of each title."""

pytestmark = pytest.mark.journey


def test_the_bench_answers_every_question(tmp_path: Path) -> None:
    """Every question has its table and no message is lost."""
    report = tmp_path / "report.md"
    command = [sys.executable, "-m", "bench.run", *SMALLEST, "--report", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    text = report.read_text()
    assert text.rpartition("The run took")[0] in done.stdout
    assert "not measured" not in text
    tables = dict(part.split("\n", 1) for part in text.split("## ")[1:])
    assert {title: table.count("| crossdock durable |") for title, table in tables.items()} == ROWS
    assert "processor: " in text


def test_a_backlog_that_has_grown_is_restarted_as_it_is() -> None:
    """More was sent than drained: nothing is filled up."""
    flags = [
        "--only",
        "backlog",
        "--servers",
        "crossdock durable",
        "--backlogs",
        "10",
        "--seconds",
        "0.4",
        "--rounds",
        "1",
    ]
    command = [sys.executable, "-m", "bench.run", *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout
    assert "filling crossdock durable: 0 of 10\n" in done.stderr
    assert done.stdout.count("| SIGTERM |") == 1


def test_a_bench_that_is_stopped_leaves_no_server_behind(tmp_path: Path) -> None:
    """SIGTERM ends what it started and removes what that wrote."""
    flags = ["--only", "idle", "--servers", "front", "--idle-seconds", "60", "--data", str(tmp_path)]
    command = [sys.executable, "-m", "bench.run", *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr is not None
        assert "idle for 60 s" in bench.stderr.readline()
        started = Path(f"/proc/{bench.pid}/task/{bench.pid}/children").read_text().split()
        assert len(started) == 1
        bench.terminate()
        assert bench.wait(60) == 128 + 15
    assert not Path(f"/proc/{started[0]}").exists()
    assert list(tmp_path.iterdir()) == []
