"""Fair queues keep the dwell time of quiet tenants low while another tenant floods the queue, by AWS's published rule.

Source: SQS Developer Guide, "Amazon SQS fair queues".
"""

from dataclasses import replace

import pytest
from tests.simulation.tenants import Load, Tenants, Waits

CALM = Load(seed=1)
"""50 consumers that take 25 messages a second, and four tenants that send 4 of them together."""


def run(load: Load) -> Waits:
    """Play a load, and say how the quiet tenants fared."""
    waits = Tenants(load).run()
    print(f"{load}: p95 {waits.p95()} ms of {len(waits.quiet)} quiet messages, {waits.left} left behind")
    assert len(waits.quiet) > 100
    return waits


@pytest.mark.parametrize("seed", [1, 2])
def test_a_flood_does_not_harm_quiet_tenants(seed: int) -> None:
    """One tenant sends four times what all consumers can take: quiet tenants wait for a free consumer, about as without the flood."""
    calm = run(replace(CALM, seed=seed))
    flooded = run(replace(CALM, seed=seed, flood_rate=100))
    assert flooded.left > 10_000, "the flood is one"
    assert flooded.p95() <= calm.p95() + 500
    assert max(flooded.quiet) <= 3_000


def test_without_groups_a_flood_harms_everyone() -> None:
    """The same flood without MessageGroupId: quiet tenants wait behind the backlog, a hundred times longer. With it the consumers do no
    less: the flood gets all that quiet tenants leave."""
    unfair = run(replace(CALM, flood_rate=100, fair=False))
    fair = run(replace(CALM, flood_rate=100))
    assert unfair.p95() >= 100 * max(fair.p95(), 100)
    assert fair.received >= 0.98 * unfair.received


def test_noisy_by_processing_time() -> None:
    """A tenant below thirty messages in flight floods all the same: by its share of the processing time it is noisy."""
    few = replace(CALM, consumers=20, quiet_rate=0.25, quiet_tenants=8, work_ms=4_000)
    flooded = run(replace(few, flood_rate=20))
    unfair = run(replace(few, flood_rate=20, fair=False))
    assert flooded.left > 1_000
    assert flooded.p95() <= 1_500
    assert unfair.p95() >= 60_000


def test_afterwards_everyone_is_equal_again() -> None:
    """When the backlog of a flood is used up, its tenant is served at once, as any other."""
    waits = run(replace(CALM, flood_rate=60, flood_to_s=120, otherwise_rate=1))
    assert waits.left > 1_000
    assert max(waits.flood) > 60_000
    assert max(waits.flood[-20:]) <= 500
