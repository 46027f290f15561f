"""Servers in processes of their own: start, watch what they cost, put a load on them, kill, start again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from bench.channel import Endpoint
from bench.load import Report
from bench.servers import ROOT, Server

TICKS = os.sysconf("SC_CLK_TCK")
START_S = 60
STOP_S = 60
ANSWER_S = 120
"""How much longer than it should a load may take before it is given up."""


class Failed(Exception):
    """A server did not start or did not do what was asked; the text is the reason, in a line."""


class Running:
    """A server on a free port with a data folder of its own, which may be started again after it was stopped."""

    def __init__(self, server: Server, data: Path) -> None:
        self.server = server
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.endpoint = Endpoint("127.0.0.1", self.port)
        self.log = data.with_name(f"{data.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, without waiting for it. Failed if the server is not installed."""
        if self.server.absent:
            raise Failed(self.server.absent)
        environment = {**os.environ, **self.server.environment(self.port, self.data)}
        with self.log.open("wb") as log:
            command = self.server.command(self.port, self.data)
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it answers requests. Failed if it exits or takes too long."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._started().poll() is not None:
                raise Failed(f"does not start: {self.last_words()}")
            try:
                self.endpoint.call("ListQueues")
                return
            except (OSError, RuntimeError):
                time.sleep(0.05)
        raise Failed(f"does not answer within {START_S} s: {self.last_words()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process, if it runs; after a minute by force."""
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def last_words(self) -> str:
        """The last line that the process wrote."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:200] if lines else "it said nothing"

    def cpu_s(self) -> float:
        """User and system seconds so far."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> int:
        """Resident memory."""
        return self._status_kb("VmRSS") // 1024

    def peak_mb(self) -> int:
        """The most resident memory since the process began."""
        return self._status_kb("VmHWM") // 1024

    def disk_mb(self) -> int:
        """What its data folder takes on the disk."""
        return sum(path.stat().st_blocks for path in self.data.rglob("*") if path.is_file()) * 512 >> 20

    def load(self, mode: str, seconds: float, *flags: str) -> tuple[Report, float]:
        """Put a load on it (see bench.load); the report, and the server's CPU ms per 1,000 requests. Failed if anything went wrong."""
        command = [sys.executable, "-m", "bench.load", f"http://127.0.0.1:{self.port}"]
        command += ["--mode", mode, "--seconds", str(seconds), *flags]
        before_s = self.cpu_s()
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + ANSWER_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"{mode}: not at its end {ANSWER_S} s after it should be") from None
        after_s = self.cpu_s()
        if done.returncode != 0:
            raise Failed((done.stderr.strip().splitlines() or ["no report"])[-1][:200])
        report = msgspec.json.decode(done.stdout, type=Report)
        return report, (after_s - before_s) * 1e6 / max(1, report.requests)

    def _status_kb(self, name: str) -> int:
        for line in self._read("status").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise Failed(f"the server exited: {self.last_words()}")

    def _read(self, name: str) -> str:
        """A file about the process from /proc."""
        process = self._started()
        if process.poll() is not None:
            raise Failed(f"the server exited: {self.last_words()}")
        return Path(f"/proc/{process.pid}/{name}").read_text()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise Failed("the server does not run")
        return self.process


@contextmanager
def running(servers: Sequence[Server], folder: Path) -> Iterator[tuple[list[Running], dict[str, str]]]:
    """Start servers together; those that answer, and by name why the others do not. All are stopped at the end."""
    started: list[Running] = []
    problems: dict[str, str] = {}
    try:
        for number, server in enumerate(servers):
            one = Running(server, folder / f"{number}-{server.name.replace(' ', '-')}")
            try:
                one.start()
                started.append(one)
            except (Failed, OSError) as error:
                problems[server.name] = str(error)
        answering = []
        for one in started:
            try:
                one.wait()
                answering.append(one)
            except Failed as error:
                problems[one.server.name] = str(error)
        yield answering, problems
    finally:
        for one in started:
            one.stop()
