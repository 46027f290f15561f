"""What SQS tells CloudWatch: the metrics of every active queue, once a minute.

A queue is active while it holds messages or something happens to it, and for six hours after. What was counted since the last minute is
one sample; so is each gauge. Source: SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS".
"""

from collections.abc import Iterable, Iterator

from crossdock.aws.arn import QueueName
from crossdock.broker.queues.census import QueueCensus
from crossdock.broker.watch.samples import MetricName, Point, Samples, one

NAMESPACE = "AWS/SQS"

ACTIVE_MINUTES = 360

COUNTED = {
    "NumberOfMessagesSent": "sent",
    "NumberOfMessagesReceived": "received",
    "NumberOfEmptyReceives": "empty_receives",
    "NumberOfMessagesDeleted": "deleted",
}

GAUGES = {
    "ApproximateNumberOfMessagesVisible": "visible",
    "ApproximateNumberOfMessagesNotVisible": "not_visible",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


class Collector:
    """Remembers what was counted, to tell what is new."""

    def __init__(self) -> None:
        self._before: dict[QueueName, QueueCensus] = {}
        self._active_minute: dict[QueueName, int] = {}

    @property
    def any_active(self) -> bool:
        """Whether any queue was active when it was last looked at."""
        return bool(self._active_minute)

    def collect(self, censuses: Iterable[QueueCensus], first: int, last: int) -> Iterator[tuple[MetricName, Point]]:
        """The samples of the minutes `first` to `last` (since 1970), as the queues stand at their end.

        What was counted belongs to the first of them: nothing happened in the others.
        """
        active: dict[QueueName, int] = {}
        before: dict[QueueName, QueueCensus] = {}
        for census in censuses:
            name = census.name
            counted = self._counted(census)
            if census.visible or census.not_visible or census.delayed:
                active_minute = last
            else:
                active_minute = first if any(counted.values()) else self._active_minute.get(name, 0)
            end = min(last + 1, active_minute + ACTIVE_MINUTES)
            for minute in range(max(first, end - ACTIVE_MINUTES), end):
                yield from _points(census, counted if minute == first else {}, minute, last)
            if last - active_minute < ACTIVE_MINUTES:
                active[name] = active_minute
            before[name] = census
        self._active_minute, self._before = active, before

    def _counted(self, census: QueueCensus) -> dict[str, int]:
        """What was counted since the last minute, by the field of the census. A queue made anew counts from zero again."""
        before = self._before.get(census.name)
        if before is not None and (before.sent > census.sent or before.received > census.received):
            before = None
        fields = (*COUNTED.values(), "sent_bytes", "deduplicated")
        return {field: getattr(census, field) - getattr(before, field, 0) for field in fields}


def _points(census: QueueCensus, counted: dict[str, int], minute: int, last: int) -> Iterator[tuple[MetricName, Point]]:
    """The samples of one queue in one minute; `counted` is empty when nothing happened."""
    account, region, name = census.name

    def point(metric: str, samples: Samples, unit: str = "Count") -> tuple[MetricName, Point]:
        full = MetricName(account, region, NAMESPACE, metric, (("QueueName", name),))
        return full, Point(minute * 60, samples, unit)

    for metric, field in COUNTED.items():
        yield point(metric, one(counted.get(field, 0)))
    for metric, field in GAUGES.items():
        yield point(metric, one(getattr(census, field)))
    age_s = max(0, census.oldest_age_ms // 1_000 - (last - minute) * 60)
    yield point("ApproximateAgeOfOldestMessage", one(age_s), "Seconds")
    if sent := counted.get("sent"):
        sizes = Samples(sent, counted["sent_bytes"], census.smallest, census.largest)
        yield point("SentMessageSize", sizes, "Bytes")
    if census.fifo:
        yield point("NumberOfDeduplicatedSentMessages", one(counted.get("deduplicated", 0)))
    if census.fair:
        yield point("ApproximateNumberOfNoisyGroups", one(census.noisy_tenants))
