"""The broker that others' tests use: its clock, its restart, what it says when it is used wrongly, and the fixtures around it."""

import os
import threading
from pathlib import Path
from typing import Any

import boto3
import pytest

from crossdock.testing import LocalBroker

pytest_plugins = ["crossdock.testing.plugin"]


def new_queue(sqs: Any, **attributes: str) -> str:
    """The URL of a queue with these attributes."""
    return sqs.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]


def test_two_weeks_pass_at_once(crossdock_broker: LocalBroker) -> None:
    """A message is there for the whole of its retention, and not a millisecond longer."""
    sqs, clock = crossdock_broker.client(), crossdock_broker.clock
    url = new_queue(sqs, MessageRetentionPeriod="1209600", VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="one")
    clock.advance(1_209_600 - 0.001)
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    clock.advance(0.001)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_running_clock_ends_long_polls(crossdock_broker: LocalBroker) -> None:
    """Threads that poll one after the other go on without anybody moving the clock; afterwards it stands still again."""
    sqs, clock = crossdock_broker.client(), crossdock_broker.clock
    url, polls = new_queue(sqs), []

    def poll() -> None:
        while len(polls) < 3:
            polls.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

    worker, start_ms = threading.Thread(target=poll), clock.now_ms()
    with clock.running(speed=5_000):
        worker.start()
        worker.join()
    assert polls == [[], [], []]
    assert (stopped_ms := clock.now_ms()) >= start_ms + 60_000
    clock.advance(1)
    assert clock.now_ms() == stopped_ms + 1_000


def test_a_restart_empties_a_broker_in_memory(crossdock_broker: LocalBroker) -> None:
    """Nothing is left, not even the minute for which a deleted queue's name is taken; clients, URL and time go on."""
    sqs, url_before = crossdock_broker.client(), crossdock_broker.url
    sqs.delete_queue(QueueUrl=new_queue(sqs))
    crossdock_broker.clock.advance(10)
    now_ms = crossdock_broker.clock.now_ms()
    crossdock_broker.restart()
    assert (crossdock_broker.url, crossdock_broker.clock.now_ms()) == (url_before, now_ms)
    assert sqs.get_queue_attributes(QueueUrl=new_queue(sqs), AttributeNames=["QueueArn"])
    crossdock_broker.restart()
    assert "QueueUrls" not in sqs.list_queues()


def test_a_restart_keeps_what_is_on_disk(tmp_path: Path) -> None:
    """Twelve hours of visibility timeout are twelve hours over a restart, and new messages get new ids."""
    with LocalBroker(data=tmp_path) as broker:
        sqs = broker.client()
        url = new_queue(sqs, VisibilityTimeout="43200")
        ids = {sqs.send_message(QueueUrl=url, MessageBody="one")["MessageId"]}
        assert sqs.receive_message(QueueUrl=url)["Messages"]
        broker.clock.advance(43_000)
        broker.restart()
        ids.add(sqs.send_message(QueueUrl=url, MessageBody="two", DelaySeconds=900)["MessageId"])
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        broker.clock.advance(200)
        [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert message["Body"] == "one"
    assert len(ids) == 2


def test_a_broker_restarts_while_its_clock_runs(crossdock_broker: LocalBroker) -> None:
    """The clock waits for the restart, and goes on."""
    clock = crossdock_broker.clock
    with clock.running(speed=1_000):
        crossdock_broker.restart()
        restarted_ms = clock.now_ms()
        while clock.now_ms() == restarted_ms:
            assert crossdock_broker.url


def test_wrong_use_is_told_at_once() -> None:
    """Before and after the `with` a sentence says what to do; time does not go back."""
    broker = LocalBroker()
    for use in (broker.client, broker.environment, broker.restart, lambda: broker.clock.advance(1)):
        with pytest.raises(RuntimeError, match="inside `with LocalBroker"):
            use()
    with broker, pytest.raises(ValueError, match=r"time does not go back: advance\(-1\)"):
        broker.clock.advance(-1)
    with pytest.raises(RuntimeError, match="inside `with LocalBroker"):
        broker.clock.advance(1)


def test_a_broker_may_be_entered_again(tmp_path: Path) -> None:
    """What its folder keeps is there the second time."""
    broker = LocalBroker(data=tmp_path)
    with broker:
        new_queue(broker.client())
    with broker:
        assert len(broker.client().list_queues()["QueueUrls"]) == 1


def test_code_finds_the_broker_in_its_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients made without arguments reach the broker, whatever the developer's shell says and whatever boto3 remembers of it."""
    monkeypatch.setenv("AWS_PROFILE", "of-the-shell")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session.__new__(boto3.Session))
    variables = request.getfixturevalue("crossdock_environment")
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == variables
    url = new_queue(boto3.client("sqs"))
    assert url.startswith(variables["AWS_ENDPOINT_URL"])
