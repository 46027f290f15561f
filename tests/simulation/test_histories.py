"""Random histories of clients, time and crashes against the promises. A failing seed is the bug report."""

import os
from collections import Counter

import pytest
from tests.simulation.history import History

HISTORIES = int(os.environ.get("CROSSDOCK_HISTORIES", "10000"))
CHUNKS = 8

IN_A_THOUSAND = {
    "FIFO delivery": 5_300,
    "cancel": 3,
    "configured": 220,
    "crash": 500,
    "crash after a commit": 46,
    "crash before a commit": 48,
    "created again": 110,
    "dead letter": 500,
    "deduplication window over": 9,
    "delete": 800,
    "delivery after a delay": 2_700,
    "duplicate": 440,
    "expired": 1_200,
    "expired handle refused": 510,
    "fair delivery": 2_800,
    "flood": 7,
    "long poll answered": 400,
    "long poll in vain": 200,
    "move task CANCELLED": 3,
    "move task COMPLETED": 220,
    "move task FAILED": 47,
    "noisy tenant": 1,
    "purged letter": 620,
    "receive repeated": 30,
    "redelivery": 3_600,
    "redriven letter": 49,
    "restart": 220,
    "standard delivery": 6_500,
    "visibility change": 280,
    "visibility change of a lost receive": 8,
    "visibility set to 0": 130,
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
