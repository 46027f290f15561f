"""What the broker counts as it runs, cheaply: histograms, and requests by their result. To show it is left to `metrics`."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

from crossdock.aws.errors import ApiError


class Histogram:
    """How often values fell between bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: the greatest value of each bucket, ascending. One bucket more takes what is greater than all."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0
        """The sum of all values."""

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class RequestCounts:
    """How many requests were answered: by action, and by error where there was one."""

    __slots__ = ("failed", "succeeded")

    def __init__(self) -> None:
        self.succeeded: defaultdict[str, int] = defaultdict(int)
        """By action."""
        self.failed: defaultdict[tuple[str, type[ApiError]], int] = defaultdict(int)
        """By action and error. The action of a request that could not be read is `unknown`: labels are never what clients make up."""


class Counters:
    """What the front has counted so far."""

    __slots__ = ("accepted", "bytes_received", "bytes_sent", "refused", "requests")

    def __init__(self) -> None:
        self.accepted = 0
        self.refused = 0
        self.requests = 0
        self.bytes_received = 0
        self.bytes_sent = 0
