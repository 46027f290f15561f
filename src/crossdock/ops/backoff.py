"""How long to wait after the n-th failure in a row: a decision as a value; waiting is the caller's job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential growth from `first_ms` to `most_ms`, of which chance takes away up to the share `jitter`."""

    first_ms: int = 200
    most_ms: int = 15_000
    jitter: float = 0.3

    def delay_ms(self, failures: int, chance: float) -> int:
        """Milliseconds to wait after `failures` failures in a row (1 or more); `chance` is a number in [0, 1)."""
        doublings = min(failures - 1, 32)
        full = min(self.first_ms << doublings, self.most_ms)
        return round(full * (1 - self.jitter * chance))
