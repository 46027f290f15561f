"""Random histories of clients, time and crashes against the promises. A failing seed is the bug report."""

import os
from collections import Counter

import pytest
from tests.simulation.history import History

HISTORIES = int(os.environ.get("CROSSDOCK_HISTORIES", "10000"))
CHUNKS = 8

IN_A_THOUSAND = {
    "FIFO delivery": 9_800,
    "cancel": 6,
    "crash": 900,
    "crash after a commit": 140,
    "crash before a commit": 140,
    "dead letter": 990,
    "deduplication window over": 44,
    "delete": 1_600,
    "delivery after a delay": 4_900,
    "duplicate": 880,
    "expired": 2_500,
    "expired handle refused": 850,
    "fair delivery": 5_000,
    "flood": 32,
    "long poll answered": 790,
    "long poll in vain": 300,
    "move task CANCELLED": 6,
    "move task COMPLETED": 410,
    "move task FAILED": 140,
    "noisy tenant": 4,
    "purged letter": 810,
    "redelivery": 7_000,
    "redriven letter": 150,
    "restart": 410,
    "standard delivery": 12_000,
    "visibility change": 550,
    "visibility change of a lost receive": 42,
    "visibility set to 0": 270,
}
"""What at least happens in a thousand histories: a simulation in which nothing happens finds nothing."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_promises_hold(chunk: int) -> None:
    """Over thousands of random histories with crashes, nothing acknowledged is lost, nothing deleted comes back, FIFO order holds."""
    seen: Counter[str] = Counter()
    seeds = range(chunk, HISTORIES, CHUNKS)
    for seed in seeds:
        try:
            History(seed, seen).run()
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
    if len(seeds) >= 1_000:
        rare = {what: seen[what] for what, least in IN_A_THOUSAND.items() if seen[what] < least * len(seeds) / 1_000}
        assert not rare, f"seldom in {len(seeds)} histories: {rare}"
