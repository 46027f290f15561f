"""How many messages per second, and what they cost: a table per kind of load, with the ratios that are targets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bench.report import Table, failed_row
from bench.rounds import Bench, Load, Result, compare, ratio
from bench.running import running
from bench.servers import FRONT, OURS, Server

COLUMNS = [
    "server",
    "connections",
    "messages/s",
    "p50 / p99 ms",
    "CPU ms per 1,000 requests",
    "resident MB",
    f"{OURS} : this",
]
DISK_TARGET = 10.0
"""How many times as fast as a peer that is durable too."""
FRONT_TARGET = 0.6
"""What share of the requests/s of our front alone."""


class Comparison(NamedTuple):
    """Loads of a kind, and how many times as fast as the fastest peer in memory we must be."""

    question: str
    title: str
    loads: Sequence[Load]
    memory_target: float

    def ask(self, bench: Bench) -> list[Table]:
        """Measure all servers in turn."""
        asked = bench if self.question == "send" else bench.with_queues()
        table = Table(self.question, self.title, COLUMNS)
        with running(asked.servers, bench.folder) as (started, problems):
            for load in self.loads:
                here = dict(problems)
                results = compare(asked, started, load, here)
                for server in asked.servers:
                    table.rows.append(row(server, load, results, here))
                table.measured += results.values()
                table.notes += notes(asked.servers, load, results, self.memory_target)
                table.broken |= OURS in here
        if table.measured:
            costs = [run.report.load_cpu_us for result in table.measured for run in result.runs]
            table.notes.append(
                f"The load generator itself took {min(costs):.0f} to {max(costs):.0f} µs of CPU per request."
            )
        if bench.settings.rounds == 1:
            table.notes.append("One round: a ratio near its target is undecided.")
        return [table]


COMPARISONS = [
    Comparison("send", "SendMessage", [Load("send", 16), Load("send", 64)], 2.0),
    Comparison("cycle", "Send, receive, delete", [Load("cycle", 16), Load("cycle", 64)], 2.0),
    Comparison("batch", "Send, receive, delete in batches of ten", [Load("batch", 16)], 1.5),
    Comparison("fifo", "Send, receive, delete, FIFO with 64 groups", [Load("fifo", 16), Load("fifo", 64)], 2.0),
]


def row(server: Server, load: Load, results: Mapping[str, Result], problems: Mapping[str, str]) -> list[str]:
    """One server under one load: medians."""
    result = results.get(server.name)
    if result is None:
        return failed_row(COLUMNS, [server.name, str(load.connections)], problems[server.name])
    p50, p99 = (result.median(figure) for figure in (lambda run: run.report.p50_ms, lambda run: run.report.p99_ms))
    ours = results.get(OURS)
    return [
        server.name,
        str(load.connections),
        result.spread(),
        f"{p50:.2f} / {p99:.2f}",
        f"{result.median(lambda run: run.cpu_ms):.0f}",
        f"{result.median(lambda run: run.resident_mb):.0f}",
        "" if ours is None or server.name == OURS else f"{ratio(ours, result):.2f}",
    ]


def notes(servers: Sequence[Server], load: Load, results: Mapping[str, Result], memory_target: float) -> Iterator[str]:
    """The ratios that are targets: to the fastest peers in memory and on disk, and to our front."""
    ours = results.get(OURS)
    if ours is None:
        return
    for keeps, kind, target in (("memory", "in-memory", memory_target), ("disk", "durable", DISK_TARGET)):
        peers = [server.name for server in servers if server.peer and server.keeps == keeps and server.name in results]
        if peers:
            fastest = max(peers, key=lambda name: results[name].rate)
            times = ratio(ours, results[fastest])
            yield f"{load}: {times:.2f} × the fastest {kind} peer ({fastest}); {verdict(times, target)}"
    if FRONT in results:
        share = ratio(ours, results[FRONT])
        yield f"{load}: {share:.2f} × our front alone; {verdict(share, FRONT_TARGET)}"


def verdict(reached: float, target: float) -> str:
    """Whether a target was reached."""
    return f"target {target:g}: {'reached' if reached >= target else 'missed'}"
