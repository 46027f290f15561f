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
from bench.rounds import Backlog, Bench, Load, Result, Run, measure, ratio
from bench.running import Failed, Running
from bench.servers import OURS, Server

CHUNK_BYTES = 256 << 20
"""How much is sent between two lines of progress."""
BATCH_BYTES = 1 << 20
"""What the messages of a batch may have together."""
OVERHEAD_BYTES = 500
DISK_TIMES = 2
"""What a message takes on the disk besides its body, and how often while it is written and folded; generously."""
PEERS_BYTES = 100_000 * 512
"""What peers can be expected to hold in memory."""
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

    def load(self, bench: Bench, load: Load, body_bytes: int) -> tuple[Result, Result]:
        """A load on both in turn: without and with the backlog."""
        runs: tuple[list[Run], list[Run]] = ([], [])
        for _ in range(bench.settings.rounds_of(self.full.server)):
            for one, url, found in zip((self.new, self.full), (self.new_url, self.full_url), runs, strict=True):
                found.append(measure(one, load, bench.settings.seconds, "--queue-url", url, "--size", str(body_bytes)))
        name = self.full.server.name
        return Result(f"{name}, new queue", load, runs[0]), Result(f"{name}, backlog", load, runs[1])


def ask(bench: Bench) -> list[Table]:
    """Two tables: the rates, and the restarts."""
    rates = Table("backlog", "Backlog, 16 connections", COLUMNS)
    restarts = Table("backlog", "Restart with the backlog", RESTART_COLUMNS)
    for backlog in bench.settings.backlogs:
        for server in bench.with_queues().servers:
            if server.name != OURS and backlog.messages * backlog.body_bytes > PEERS_BYTES:
                continue
            table, first = rates, [server.name, f"{backlog}"]
            try:
                with started_pair(bench, server, backlog) as pair:
                    rates_with(bench, pair, backlog, rates)
                    table = restarts
                    if server.keeps == "disk":
                        restarts.rows += restart(bench, pair, backlog, restarts.notes)
            except (Failed, OSError, RuntimeError) as error:
                bench.say(f"  {server.name}: {error}")
                table.rows.append(failed_row(table.columns, first, str(error)))
                table.broken |= server.name == OURS
    return [rates, restarts]


@contextmanager
def started_pair(bench: Bench, server: Server, backlog: Backlog) -> Iterator[Pair]:
    """Two of a server, with a new queue each; their data is deleted at the end. Failed if the disk is too small."""
    folder = bench.folder / f"backlog-of-{server.name.replace(' ', '-')}"
    needed = backlog.messages * (backlog.body_bytes + OVERHEAD_BYTES) * DISK_TIMES
    if server.keeps == "disk" and shutil.disk_usage(bench.folder).free < needed:
        raise Failed(f"{needed / 1e9:.1f} GB of free disk are needed")
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


def fill(bench: Bench, pair: Pair, backlog: Backlog) -> float:
    """Send so many messages (at least one); messages/s. Failed if a peer takes too long."""
    server = pair.full.server
    limit_s = OURS_FILL_S if server.name == OURS else bench.settings.fill_s
    mode = "fill" if backlog.body_bytes * 10 <= BATCH_BYTES else "fill-single"
    sent, took_s = 0, 0.0
    while sent < backlog.messages:
        bench.say(f"filling {server.name}: {sent:,} of {backlog}")
        if took_s >= limit_s:
            raise Failed(f"took only {sent:,} messages in {limit_s:g} s")
        most = min(CHUNK_BYTES // backlog.body_bytes, backlog.messages - sent)
        flags = ["--queue-url", pair.full_url, "--size", str(backlog.body_bytes), "--messages", str(most)]
        report, _ = pair.full.load(mode, limit_s - took_s, *flags)
        sent += report.messages
        took_s += report.seconds
    return sent / took_s


def rates_with(bench: Bench, pair: Pair, backlog: Backlog, table: Table) -> None:
    """Fill, then rates with the backlog and without it: a row of the table."""
    per_s = fill(bench, pair, backlog)
    os.sync()
    cells = []
    for load in (Load("send"), Load("drain")):
        bench.say(f"backlog of {backlog}, {load}: {pair.full.server.name}")
        new, full = pair.load(bench, load, backlog.body_bytes)
        table.measured += [new, full]
        share = ratio(full, new)
        cells.append(f"{new.rate:,.0f} → {full.rate:,.0f} ({share:.2f})")
        if pair.full.server.name == OURS:
            table.notes.append(
                f"{OURS}, {backlog}, {load.mode}: {share:.2f} × a new queue; {verdict(share, RATE_TARGET)}"
            )
    size = ["--size", str(backlog.body_bytes)]
    drained, _ = pair.full.load("drain-batch", bench.settings.seconds, "--queue-url", pair.full_url, *size)
    peak_mb = pair.full.peak_mb()
    if pair.full.server.name == OURS:
        table.notes.append(f"{OURS}, {backlog}: {at_most(peak_mb, RESIDENT_TARGET_MB, 'MB resident')}")
    row = [
        pair.full.server.name,
        f"{backlog}",
        f"{per_s:,.0f}",
        *cells,
        f"{drained.messages_per_s:,}",
        f"{pair.full.resident_mb()} ({peak_mb})",
        f"{pair.full.disk_mb():,}" if pair.full.server.keeps == "disk" else "",
    ]
    table.rows.append(row)


def restart(bench: Bench, pair: Pair, backlog: Backlog, notes: list[str]) -> Iterator[list[str]]:
    """Replace what was drained; kill it, then stop it as one should; each time start it again and receive. Two rows of the table."""
    one = pair.full
    left = one.endpoint.count_messages(pair.full_url)
    if left < backlog.messages:
        fill(bench, pair, backlog._replace(messages=backlog.messages - left))
    for number in (signal.SIGKILL, signal.SIGTERM):
        bench.say(f"backlog of {backlog}, restart after {number.name}: {one.server.name}")
        before = one.endpoint.count_messages(pair.full_url)
        one.stop(number)
        began_s = time.monotonic()
        one.start()
        first_s = wait_for_message(one, pair.full_url) - began_s
        after = one.endpoint.count_messages(pair.full_url)
        if one.server.name == OURS:
            notes.append(f"{OURS}, {backlog}, {number.name}: {at_most(round(first_s, 2), RESTART_TARGET_S, 's')}")
            if after != before:
                raise Failed(f"{before:,} messages before {number.name}, {after:,} after it")
        memory = f"{one.resident_mb()} ({one.peak_mb()})"
        yield [one.server.name, f"{backlog}", number.name, f"{first_s:.2f} s", memory, f"{after:,} / {before:,}"]


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
