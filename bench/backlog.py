"""What a backlog does to a server: rates with it against rates without it, memory, disk, and a restart with all of it.

Each server runs twice, once with the backlog and once with a queue that is new; the rounds alternate between the two.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench.rates import verdict
from bench.report import Table, failed_row
from bench.rounds import Bench, Load, Result, Run, measure, ratio
from bench.running import Failed, Running
from bench.servers import OURS, Server

CHUNK = 500_000
DISK_BYTES = 2_000
"""What a message may take on the disk while it is written and folded, generously."""
PEERS_MAX = 100_000
OURS_FILL_S = 3_600
RATE_TARGET = 0.85
RESIDENT_TARGET_MB = 300
RESTART_TARGET_S = 2.0
FIRST_S = 60
"""How long the first message after a restart may take."""
COLUMNS = [
    "server",
    "backlog",
    "filled, messages/s",
    "send, messages/s: new queue → backlog",
    "receive and delete, messages/s: new queue → backlog",
    "in batches of ten, messages/s",
    "resident MB (peak)",
    "disk MB",
]
RESTART_COLUMNS = [
    "server",
    "backlog",
    "stopped by",
    "first message after",
    "resident MB (peak)",
    "messages then / before",
]


class Pair(NamedTuple):
    """The same server twice, and the queue that each is measured with."""

    new: Running
    full: Running
    new_url: str
    full_url: str

    def load(self, bench: Bench, load: Load) -> tuple[Result, Result]:
        """A load on both in turn: without and with the backlog."""
        runs: tuple[list[Run], list[Run]] = ([], [])
        for _ in range(bench.settings.rounds_of(self.full.server)):
            for one, url, found in zip((self.new, self.full), (self.new_url, self.full_url), runs, strict=True):
                found.append(measure(one, load, bench.settings.seconds, "--queue-url", url))
        name = self.full.server.name
        return Result(f"{name}, new queue", load, runs[0]), Result(f"{name}, backlog", load, runs[1])


def ask(bench: Bench) -> list[Table]:
    """Two tables: the rates, and the restarts."""
    rates = Table("backlog", "Backlog, 16 connections", COLUMNS)
    restarts = Table("backlog", "Restart with the backlog", RESTART_COLUMNS)
    for size in bench.settings.backlogs:
        for server in bench.with_queues().servers:
            if server.name != OURS and size > PEERS_MAX:
                continue
            table, first = rates, [server.name, f"{size:,}"]
            try:
                with started_pair(bench, server, size) as pair:
                    rates_with(bench, pair, size, rates)
                    table = restarts
                    if server.keeps == "disk":
                        restarts.rows += restart(bench, pair, size, restarts.notes)
            except (Failed, OSError, RuntimeError) as error:
                bench.say(f"  {server.name}: {error}")
                table.rows.append(failed_row(table.columns, first, str(error)))
                table.broken |= server.name == OURS
    return [rates, restarts]


@contextmanager
def started_pair(bench: Bench, server: Server, size: int) -> Iterator[Pair]:
    """Two of a server, with a new queue each; their data is deleted at the end. Failed if the disk is too small."""
    folder = bench.folder / f"backlog-{size}-{server.name.replace(' ', '-')}"
    if server.keeps == "disk" and shutil.disk_usage(bench.folder).free < size * DISK_BYTES:
        raise Failed(f"{size * DISK_BYTES / 1e9:.1f} GB of free disk are needed")
    pair = (Running(server, folder / "new"), Running(server, folder / "full"))
    try:
        for one in pair:
            one.start()
        for one in pair:
            one.wait()
        yield Pair(*pair, *(one.endpoint.call("CreateQueue", QueueName="backlog")["QueueUrl"] for one in pair))
    finally:
        for one in pair:
            one.stop(signal.SIGKILL)
        shutil.rmtree(folder)


def fill(bench: Bench, pair: Pair, size: int) -> float:
    """Send so many messages, if any; messages/s. Failed if a peer takes too long."""
    server = pair.full.server
    limit_s = OURS_FILL_S if server.name == OURS else bench.settings.fill_s
    sent, took_s = 0, 0.0
    while sent < size:
        bench.say(f"backlog of {size:,}: {server.name} holds {sent:,}")
        if took_s >= limit_s:
            raise Failed(f"took only {sent:,} messages in {limit_s:g} s")
        flags = ["--queue-url", pair.full_url, "--messages", str(min(CHUNK, size - sent))]
        report, _ = pair.full.load("fill", limit_s - took_s, *flags)
        sent += report.messages
        took_s += report.seconds
    return sent / took_s if took_s else 0


def rates_with(bench: Bench, pair: Pair, size: int, table: Table) -> None:
    """Fill, then rates with the backlog and without it: a row of the table."""
    per_s = fill(bench, pair, size)
    os.sync()
    cells = []
    for load in (Load("send"), Load("drain")):
        bench.say(f"backlog of {size:,}, {load}: {pair.full.server.name}")
        new, full = pair.load(bench, load)
        table.measured += [new, full]
        share = ratio(full, new)
        cells.append(f"{new.rate:,.0f} → {full.rate:,.0f} ({share:.2f})")
        if pair.full.server.name == OURS:
            table.notes.append(
                f"{OURS}, {size:,}, {load.mode}: {share:.2f} × a new queue; {verdict(share, RATE_TARGET)}"
            )
    drained, _ = pair.full.load("drain-batch", bench.settings.seconds, "--queue-url", pair.full_url)
    peak_mb = pair.full.peak_mb()
    if pair.full.server.name == OURS:
        table.notes.append(f"{OURS}, {size:,}: {at_most(peak_mb, RESIDENT_TARGET_MB, 'MB resident')}")
    row = [
        pair.full.server.name,
        f"{size:,}",
        f"{per_s:,.0f}",
        *cells,
        f"{drained.messages_per_s:,}",
        f"{pair.full.resident_mb()} ({peak_mb})",
        f"{pair.full.disk_mb():,}" if pair.full.server.keeps == "disk" else "",
    ]
    table.rows.append(row)


def restart(bench: Bench, pair: Pair, size: int, notes: list[str]) -> Iterator[list[str]]:
    """Replace what was drained; kill it, then stop it as one should; each time start it again and receive. Two rows of the table."""
    one = pair.full
    fill(bench, pair, size - one.endpoint.count_messages(pair.full_url))
    for number in (signal.SIGKILL, signal.SIGTERM):
        bench.say(f"backlog of {size:,}, restart after {number.name}: {one.server.name}")
        before = one.endpoint.count_messages(pair.full_url)
        one.stop(number)
        began_s = time.monotonic()
        one.start()
        first_s = wait_for_message(one, pair.full_url) - began_s
        after = one.endpoint.count_messages(pair.full_url)
        if one.server.name == OURS:
            notes.append(f"{OURS}, {size:,}, {number.name}: {at_most(round(first_s, 2), RESTART_TARGET_S, 's')}")
            if after != before:
                raise Failed(f"{before:,} messages before {number.name}, {after:,} after it")
        memory = f"{one.resident_mb()} ({one.peak_mb()})"
        yield [one.server.name, f"{size:,}", number.name, f"{first_s:.2f} s", memory, f"{after:,} / {before:,}"]


def wait_for_message(one: Running, queue_url: str) -> float:
    """Receive until there is a message; when that was (monotonic seconds). Failed after a minute."""
    deadline = time.monotonic() + FIRST_S
    while time.monotonic() < deadline:
        try:
            if one.endpoint.call("ReceiveMessage", QueueUrl=queue_url).get("Messages"):
                return time.monotonic()
        except (OSError, RuntimeError):
            pass
        time.sleep(0.01)
    raise Failed(f"no message within {FIRST_S} s after the restart: {one.last_words()}")


def at_most(reached: float, target: float, unit: str) -> str:
    """Whether a limit was kept."""
    return f"{reached:g} {unit}, at most {target:g}: {'reached' if reached <= target else 'missed'}"
