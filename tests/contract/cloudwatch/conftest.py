"""A broker in the process, its clock, and clients of its services."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.config import Config

from crossdock.testing import LocalBroker


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    """A fresh broker in memory, with a clock that the test moves, at the beginning of a minute."""
    with LocalBroker() as broker:
        broker.clock.advance(40)
        assert broker.clock.now_ms() % 60_000 == 0
        yield broker


@pytest.fixture
def cloudwatch(broker: LocalBroker) -> Any:
    """A client that leaves every check to the broker."""
    return broker.client("cloudwatch", config=Config(parameter_validation=False))


@pytest.fixture
def sqs(broker: LocalBroker) -> Any:
    return broker.client("sqs")


def at(broker: LocalBroker, minutes: float = 0) -> datetime:
    """The broker's time, so many minutes later."""
    return datetime.fromtimestamp(broker.clock.now_ms() / 1_000 + minutes * 60, UTC)


def queue_metric(
    broker: LocalBroker, name: str, statistic: str = "Sum", queue: str = "orders", minutes: int = 60
) -> list[float]:
    """A statistic of a queue by the minute, the oldest first, of the minutes that are over."""
    answer = broker.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName=name,
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=at(broker, -minutes),
        EndTime=at(broker, 0),
        Period=60,
        Statistics=[statistic],
    )
    return [point[statistic] for point in sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])]
