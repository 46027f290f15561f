"""What a server costs while nobody asks it for anything."""

import time

from bench.report import Table, failed_row
from bench.rounds import Bench
from bench.running import running
from bench.servers import OURS

SETTLE_S = 3
RESIDENT_TARGET_MB = 60
CPU_TARGET = 0.001
"""The share of a core that still counts as none: two ticks in twenty seconds."""


def ask(bench: Bench) -> list[Table]:
    """All servers at once, each just started and left alone."""
    seconds = bench.settings.idle_s
    columns = ["server", f"CPU seconds in {seconds:g} s", "resident MB"]
    table = Table("idle", "Idle", columns)
    with running(bench.servers, bench.folder) as (started, problems):
        time.sleep(SETTLE_S)
        bench.say(f"idle for {seconds:g} s")
        before = {one.server.name: one.cpu_s() for one in started}
        time.sleep(seconds)
        used = {one.server.name: one.cpu_s() - before[one.server.name] for one in started}
        resident = {one.server.name: one.resident_mb() for one in started}
    for server in bench.servers:
        if server.name in problems:
            table.rows.append(failed_row(columns, [server.name], problems[server.name]))
        else:
            table.rows.append([server.name, f"{used[server.name]:.2f}", str(resident[server.name])])
    if OURS in used:
        reached = resident[OURS] <= RESIDENT_TARGET_MB and used[OURS] <= seconds * CPU_TARGET
        target = f"at most {RESIDENT_TARGET_MB} MB and no CPU"
        table.notes.append(f"{OURS}: {target}: {'reached' if reached else 'missed'}")
    table.broken = OURS in problems
    return [table]
