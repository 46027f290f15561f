"""Rounds: one load on every server in turn, A B A B, so that what disturbs the machine disturbs all of them."""

import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from bench.load import Report
from bench.running import Failed, Running
from bench.servers import FRONT, Server


class Backlog(NamedTuple):
    """So many messages of so many bytes."""

    messages: int
    body_bytes: int = 512

    def __str__(self) -> str:
        return f"{self.messages:,}" if self.body_bytes == 512 else f"{self.messages:,} of {self.body_bytes:,} bytes"


class Settings(NamedTuple):
    """How much of everything."""

    seconds: float = 1
    """How long one load is measured."""
    rounds: int = 5
    backlogs: tuple[Backlog, ...] = (Backlog(100_000), Backlog(1_000_000), Backlog(10_000_000))
    fill_s: float = 30
    """How long a peer may take to be filled with a backlog."""
    idle_s: float = 10

    @property
    def warmup_s(self) -> float:
        """How long a load runs before it is measured."""
        return self.seconds / 4

    def rounds_of(self, server: Server) -> int:
        """Slow servers have one round, as long as those of the others together."""
        return 1 if server.slow else self.rounds

    def seconds_of(self, server: Server) -> float:
        """How long each of its rounds is."""
        return self.seconds * self.rounds if server.slow else self.seconds


class Bench(NamedTuple):
    """What every question needs to know: how much, of whom, and where data goes."""

    settings: Settings
    servers: Sequence[Server]
    folder: Path

    def say(self, text: str) -> None:
        """Progress, for a person who waits."""
        print(text, file=sys.stderr, flush=True)

    def with_queues(self) -> "Bench":
        """All servers but our front, which has no queues."""
        return self._replace(servers=[server for server in self.servers if server.name != FRONT])


class Load(msgspec.Struct, frozen=True):
    """A load, as bench.load takes it, with its pace (units/s) where it has one."""

    mode: str
    connections: int = 16
    rate: float = 0

    def __str__(self) -> str:
        return f"{self.mode}, {self.connections} connection{'s' if self.connections > 1 else ''}"

    def flags(self) -> list[str]:
        """For the command line of bench.load."""
        return ["--connections", str(self.connections), "--rate", str(self.rate)]


class Run(msgspec.Struct, frozen=True):
    """One load on one server."""

    report: Report
    cpu_ms: float
    """Of the server, per 1,000 requests."""
    resident_mb: int
    """Of the server, afterwards."""


class Result(msgspec.Struct, frozen=True):
    """All rounds of a load on one server."""

    server: str
    load: Load
    runs: list[Run]

    def median(self, figure: Callable[[Run], float]) -> float:
        """The middle one of all rounds."""
        return statistics.median(figure(run) for run in self.runs)

    @property
    def rate(self) -> float:
        """Messages/s, the median."""
        return self.median(messages_per_s)

    def spread(self) -> str:
        """Messages/s: the median, with the least and the most if there was more than one round."""
        rates = [run.report.messages_per_s for run in self.runs]
        return f"{self.rate:,.0f} ({min(rates):,.0f}–{max(rates):,.0f})" if len(rates) > 1 else f"{self.rate:,.0f}"


def messages_per_s(run: Run) -> float:
    """The rate of a run."""
    return run.report.messages_per_s


def compare(bench: Bench, servers: Sequence[Running], load: Load, problems: dict[str, str]) -> dict[str, Result]:
    """A load on every server, round after round. Who fails is left out from there on, and why is added to `problems`."""
    settings = bench.settings
    runs: dict[str, list[Run]] = {}
    for number in range(settings.rounds):
        for one in servers:
            name = one.server.name
            if name in problems or number >= settings.rounds_of(one.server):
                continue
            bench.say(f"{load}, round {number + 1} of {settings.rounds}: {name}")
            try:
                run = measure(one, load, settings.seconds_of(one.server), "--warmup", str(settings.warmup_s))
                if run.report.unit_max_ms == 0:
                    raise Failed(f"{load.mode}: nothing came to its end within {settings.seconds_of(one.server):g} s")
                runs.setdefault(name, []).append(run)
            except Failed as error:
                problems[name] = str(error)
                bench.say(f"  {name}: {error}")
    return {name: Result(name, load, found) for name, found in runs.items() if name not in problems}


def measure(one: Running, load: Load, seconds: float, *flags: str) -> Run:
    """One load on one server; Failed says why not."""
    report, cpu_ms = one.load(load.mode, seconds, *load.flags(), *flags)
    return Run(report, cpu_ms, one.resident_mb())


def ratio(ours: Result, theirs: Result) -> float:
    """How many times the rate of theirs ours is: the median over rounds that ran side by side."""
    pairs = zip(ours.runs, theirs.runs, strict=False)
    return statistics.median(messages_per_s(our) / max(1.0, messages_per_s(their)) for our, their in pairs)
