"""How long a waiting long poll takes to get the message that is sent, beside a bare round trip of the same server."""

from bench.report import Table, failed_row
from bench.rounds import Bench, Load, Result, compare
from bench.running import running
from bench.servers import OURS

COLUMNS = ["server", "send to received, p50 / p99 ms", "bare round trip, p50 / p99 ms", "difference, p50 / p99 ms"]
WAKE = Load("wake", 16)
PING = Load("ping", 1, rate=50)
"""One GetQueueUrl now and then: nobody is busy with it."""
P50_TARGET_MS, P99_TARGET_MS = 1.0, 3.0


def ask(bench: Bench) -> list[Table]:
    """Measure all servers in turn."""
    table = Table("wake", "Long-poll wake-up, eight pairs of a poller and a sender", COLUMNS)
    asked = bench.with_queues()
    with running(asked.servers, bench.folder) as (started, problems):
        pings = compare(asked, started, PING, problems)
        wakes = compare(asked, started, WAKE, problems)
    table.measured += [*pings.values(), *wakes.values()]
    for server in asked.servers:
        if server.name in problems:
            table.rows.append(failed_row(COLUMNS, [server.name], problems[server.name]))
            continue
        ping, wake = percentiles(pings[server.name]), percentiles(wakes[server.name], of_units=True)
        more = (wake[0] - ping[0], wake[1] - ping[1])
        table.rows.append([server.name, *(f"{p50:.2f} / {p99:.2f}" for p50, p99 in (wake, ping, more))])
        if server.name == OURS:
            reached = more[0] <= P50_TARGET_MS and more[1] <= P99_TARGET_MS
            target = f"p50 at most {P50_TARGET_MS:g} ms and p99 at most {P99_TARGET_MS:g} ms above a bare round trip"
            table.notes.append(f"{OURS}: {target}: {'reached' if reached else 'missed'}")
    table.broken = OURS in problems
    return [table]


def percentiles(result: Result, of_units: bool = False) -> tuple[float, float]:
    """p50 and p99, medians of the rounds, of requests or of units (ms)."""
    if of_units:
        return result.median(lambda run: run.report.unit_p50_ms), result.median(lambda run: run.report.unit_p99_ms)
    return result.median(lambda run: run.report.p50_ms), result.median(lambda run: run.report.p99_ms)
