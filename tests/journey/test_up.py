"""`crossdock up` as a citizen: what it refuses in a sentence, and how it goes."""

import socket
import subprocess
from pathlib import Path

import pytest
from tests.journey.pipeline import ROOT, Pipeline, free_ports

from crossdock.ops import runfile
from crossdock.ops.folder import DataFolder

pytestmark = pytest.mark.journey


def refused(pipeline: Pipeline) -> str:
    """What `up` says when it does not start."""
    ended = subprocess.run(
        pipeline.command(), capture_output=True, text=True, timeout=60, cwd=ROOT, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    return ended.stderr


def test_a_second_up_on_the_same_folder_is_refused(pipeline: Pipeline) -> None:
    """The sentence names the process that has it; the first one is not disturbed."""
    sentence = refused(Pipeline(pipeline.data, *free_ports()))
    assert "is in use by another `crossdock up`" in sentence
    assert str(pipeline.run.supervisor_pid) in sentence
    assert pipeline.asked("status")["healthy"]


def test_a_taken_port_is_refused_by_name(pipeline: Pipeline, tmp_path: Path) -> None:
    """The port, who needs it, and the flag that moves it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(Pipeline(tmp_path / "data", free_ports()[0], port))
    assert f"port {port}" in sentence
    assert "--broker-port" in sentence


def test_a_folder_that_is_a_file_or_somebody_elses_is_refused(tmp_path: Path) -> None:
    """Nothing is started, nothing is touched."""
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refused(Pipeline(tmp_path / "file", *free_ports()))
    assert "not crossdock's" in refused(Pipeline(tmp_path, *free_ports()))
    assert (tmp_path / "file").read_text() == "mine"


def test_ctrl_c_drains_everything(tmp_path: Path) -> None:
    """No process is left, the folder is free, and the exit code is 0."""
    pipeline = Pipeline(tmp_path / "data", *free_ports())
    pipeline.up()
    pids = [process.pid for process in pipeline.run.processes if process.pid]
    assert pipeline.interrupt() == 0
    assert not any(runfile.is_alive(pid) for pid in pids)
    assert not DataFolder(pipeline.data).is_in_use()
    assert "Traceback" not in pipeline.lives[0].read_text()
