"""A whole pipeline with real processes, on ports and a data folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossdock.ops import runfile
from crossdock.ops.http import Api
from crossdock.ops.runfile import Run

ROOT = Path(__file__).parents[2]
ORDERS = ROOT / "examples" / "orders.jsonl"
CROSSDOCK = (sys.executable, "-m", "crossdock.cli.main")
PORTS_OF_SERVICES = 6
START_S = 90.0
"""More than the supervisor itself waits for: what is late it names."""


def until(condition: Callable[[], object], within_s: float, what: str) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"after {within_s} s: {what}"
        time.sleep(0.05)


def free_ports() -> tuple[int, int]:
    """A base with six free ports after it, and a port for the broker, both below the range from which the system gives ports."""
    base = 12_000 + os.getpid() * 61 % 1_000 * 16  # test processes with neighbouring ids begin far apart
    while not all(is_free(base + offset) for offset in range(PORTS_OF_SERVICES + 2)):
        base += 16
    return base, base + PORTS_OF_SERVICES + 1


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass
class Pipeline:
    """`crossdock up` as a process of its own, and the commands that speak to it."""

    data: Path
    port_base: int
    broker_port: int
    process: subprocess.Popen[bytes] | None = None
    lives: list[Path] = field(default_factory=list)

    def up(self) -> None:
        """Start, and return when everything has been ready."""
        output = self.data.parent / f"{self.data.name}.up{len(self.lives)}.log"
        self.lives.append(output)
        with output.open("wb") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT)
        until(self._is_up, START_S, f"not up: {output.read_text()[-3000:]}")

    def command(self) -> list[str]:
        ports = ("--port-base", str(self.port_base), "--broker-port", str(self.broker_port))
        return [*CROSSDOCK, "up", "--data", str(self.data), *ports]

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.lives[-1].read_text()[-3000:]
        run = runfile.read(self.data / "run.json")
        return run is not None and run.ready and run.supervisor_pid == self.process.pid

    @property
    def run(self) -> Run:
        found = runfile.read(self.data / "run.json")
        assert found is not None
        return found

    def pid_of(self, name: str) -> int | None:
        return next(process.pid for process in self.run.processes if process.name == name)

    def kill(self, name: str) -> None:
        """kill -9 one process, and wait until another one serves in its place."""
        pid = self.pid_of(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self._is_ready_again(name, pid), START_S, f"{name} did not come back")

    def _is_ready_again(self, name: str, old: int) -> bool:
        return any(one.name == name and one.state == "ready" and one.pid != old for one in self.run.processes)

    def kill_all(self) -> None:
        """kill -9 everything, the supervisor first."""
        assert self.process is not None
        pids = [process.pid for process in self.run.processes if process.pid]
        self.process.kill()
        for pid in pids:
            if runfile.is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def crossdock(self, *arguments: str, timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
        """Run a command against this pipeline."""
        command = [*CROSSDOCK, *arguments, "--data", str(self.data)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT, stdin=subprocess.DEVNULL
        )

    def asked(self, *arguments: str, timeout_s: float = 200) -> Any:
        """The JSON that a command prints; its exit code must be 0."""
        ended = self.crossdock(*arguments, "--json", timeout_s=timeout_s)
        assert ended.returncode == 0, f"{arguments}: {ended.stderr}{ended.stdout[-3000:]}"
        return json.loads(ended.stdout)

    def status_of(self, order_id: str) -> str:
        """The status of an order, from the order service itself."""
        answer = Api(self.run.url_of("orders")).call_now("GET", f"/orders/{order_id}")
        return str(answer.body["status"])

    def charges(self) -> int:
        """How many charges the provider's own ledger has."""
        answer = Api(self.run.url_of("provider")).call_now("GET", "/ledger?limit=1000")
        return len(answer.body["charges"])

    def audited(self) -> None:
        """The audit finds nothing, at once or when the last messages have come to rest."""
        ended = self.crossdock("audit", "--wait", "120")
        assert ended.returncode == 0, ended.stdout + ended.stderr
