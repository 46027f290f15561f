"""Samples of a metric, put together: what every statistic is made of."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class MetricName(NamedTuple):
    """What a metric is called, in full."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    """(name, value), in the order of the names."""


class Samples(NamedTuple):
    """Some samples of one metric. There is at least one."""

    number: float
    sum: float
    minimum: float
    maximum: float

    def statistic(self, name: str) -> float:
        """SampleCount, Average, Sum, Minimum or Maximum. KeyError for any other."""
        return STATISTICS[name](self)


STATISTICS: dict[str, Callable[[Samples], float]] = {
    "SampleCount": lambda samples: samples.number,
    "Average": lambda samples: samples.sum / samples.number,
    "Sum": lambda samples: samples.sum,
    "Minimum": lambda samples: samples.minimum,
    "Maximum": lambda samples: samples.maximum,
}


class Point(NamedTuple):
    """The samples of a moment, which is the beginning of a second, a minute, or longer for old ones."""

    start_s: int
    samples: Samples
    unit: str


class Span(NamedTuple):
    """Some time, in periods that are counted from its beginning. Seconds."""

    start_s: int
    end_s: int
    """Exclusive."""
    period_s: int


def one(value: float) -> Samples:
    """A single sample."""
    return Samples(1.0, value, value, value)


def together(some: Iterable[Samples]) -> Samples:
    """All of several samples; there must be some."""
    every = list(some)
    return Samples(
        sum(samples.number for samples in every),
        sum(samples.sum for samples in every),
        min(samples.minimum for samples in every),
        max(samples.maximum for samples in every),
    )
