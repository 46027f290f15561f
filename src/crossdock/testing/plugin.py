"""The pytest plugin. Switch it on in your conftest.py: `pytest_plugins = ["crossdock.testing.plugin"]`.

def test_a_message_comes_back(crossdock_sqs, crossdock_clock):
    url = crossdock_sqs.create_queue(QueueName="orders")["QueueUrl"]
    ...
    crossdock_clock.advance(seconds=30)
"""

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from crossdock.testing.broker import BrokerClock, LocalBroker


@pytest.fixture
def crossdock_broker() -> Iterator[LocalBroker]:
    """A fresh broker in memory, on a free port, with a clock that stands still."""
    with LocalBroker() as broker:
        yield broker


@pytest.fixture
def crossdock_sqs(crossdock_broker: LocalBroker) -> Any:
    """A boto3 SQS client of that broker."""
    return crossdock_broker.client("sqs")


@pytest.fixture
def crossdock_clock(crossdock_broker: LocalBroker) -> BrokerClock:
    """That broker's clock."""
    return crossdock_broker.clock


@pytest.fixture
def crossdock_environment(crossdock_broker: LocalBroker, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """That broker's variables, set in this process for the time of the test, and no other AWS_ variable; boto3 begins anew."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = crossdock_broker.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return variables
