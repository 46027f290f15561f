"""How long restarts wait, as a table."""

import pytest

from crossdock.ops.backoff import Backoff

BACKOFF = Backoff(first_ms=200, most_ms=15_000, jitter=0.3)


@pytest.mark.parametrize(
    ("failures", "chance", "delay_ms"),
    [
        (1, 0.0, 200),
        (2, 0.0, 400),
        (5, 0.0, 3_200),
        (8, 0.0, 15_000),
        (1_000, 0.0, 15_000),
        (1, 0.5, 170),
        (8, 0.999, 10_504),
    ],
)
def test_the_wait_doubles_up_to_a_limit_and_chance_shortens_it(failures: int, chance: float, delay_ms: int) -> None:
    """Each failure doubles the wait up to the limit; chance takes away up to the share `jitter`."""
    assert BACKOFF.delay_ms(failures, chance) == delay_ms
