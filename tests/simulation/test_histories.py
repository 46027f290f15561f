"""Random histories of clients, time and crashes against the promises. A failing seed is the bug report."""

import os
from collections import Counter

import pytest
from tests.simulation.history import History

HISTORIES = int(os.environ.get("CROSSDOCK_HISTORIES", "10000"))
CHUNKS = 8

IN_A_THOUSAND = {
    "FIFO delivery": 15_000,
    "cancel": 20,
    "crash": 1_500,
    "crash after a commit": 250,
    "crash before a commit": 250,
    "dead letter": 2_000,
    "deduplication window over": 100,
    "delete": 3_000,
    "delivery after a delay": 8_000,
    "duplicate": 1_500,
    "expired": 4_000,
    "expired handle refused": 1_500,
    "fair delivery": 12_000,
    "long poll answered": 1_200,
    "long poll in vain": 300,
    "move task": 800,
    "move task CANCELLED": 20,
    "move task COMPLETED": 600,
    "move task FAILED": 200,
    "noisy tenant": 30,
    "purged letter": 1_500,
    "redelivery": 14_000,
    "redriven letter": 400,
    "restart": 600,
    "standard delivery": 25_000,
    "visibility change": 1_000,
    "visibility change of a lost receive": 120,
    "visibility set to 0": 500,
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
