"""Visibility: how long a received message is hidden, and how that is changed; on standard queues unless a test says otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]


@pytest.fixture
def url(sqs: Any, create: Call) -> str:
    """A queue with one message in it and a visibility timeout of two seconds."""
    queue_url: str = create(VisibilityTimeout="2")
    sqs.send_message(QueueUrl=queue_url, MessageBody="test")
    return queue_url


def test_the_queues_timeout(url: str, receive: Call, clock: BrokerClock) -> None:
    """Facts 90 and 95: hidden for as long as the queue says, then there again under a new handle."""
    (first,) = receive(url)
    clock.advance(1.9)
    assert receive(url) == []
    clock.advance(0.1)
    (second,) = receive(url)
    assert first["ReceiptHandle"] != second["ReceiptHandle"]


def test_a_receive_with_zero(url: str, receive: Call) -> None:
    """Fact 91: visible at once, that one time only."""
    assert len(receive(url, VisibilityTimeout=0)) == 1
    assert len(receive(url)) == 1
    assert receive(url) == []


def test_a_receive_with_its_own_timeout(url: str, receive: Call, clock: BrokerClock) -> None:
    """Fact 91: it stands for that receive, the queue's for the next."""
    receive(url, VisibilityTimeout=10)
    clock.advance(9)
    assert receive(url) == []
    clock.advance(1)
    assert len(receive(url)) == 1
    clock.advance(2)
    assert len(receive(url)) == 1


def test_extension(url: str, receive: Call, hide: Call, clock: BrokerClock) -> None:
    """Fact 95: the timeout counts from the change."""
    (message,) = receive(url)
    for _ in range(4):
        clock.advance(1)
        hide(url, message, 2)
        assert receive(url) == []
    clock.advance(2)
    assert len(receive(url)) == 1


def test_giving_back(url: str, receive: Call, hide: Call) -> None:
    """Fact 95: with 0 it is back at once, and the next receive hides it as usual."""
    (message,) = receive(url)
    hide(url, message, 0)
    assert [again["MessageId"] for again in receive(url)] == [message["MessageId"]]
    assert receive(url) == []


def test_giving_back_ends_a_wait(url: str, sqs: Any, receive: Call, hide: Call, waiting: Call) -> None:
    """Facts 83 and 95: whoever waits has it at once."""
    (message,) = receive(url)
    answer = waiting(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    hide(url, message, 0)
    assert answer.result(timeout=60)["Messages"][0]["MessageId"] == message["MessageId"]


def test_after_it_expired(url: str, receive: Call, hide: Call, clock: BrokerClock) -> None:
    """Fact 96: a message that is visible again is hidden anew."""
    (message,) = receive(url)
    clock.advance(3)
    hide(url, message, 10)
    assert receive(url) == []
    clock.advance(10)
    assert len(receive(url)) == 1


def test_with_an_older_handle(url: str, receive: Call, hide: Call) -> None:
    """Fact 96: the handle of an earlier receive changes the message too."""
    (older,) = receive(url, VisibilityTimeout=0)
    receive(url, VisibilityTimeout=100)
    hide(url, older, 0)
    assert len(receive(url)) == 1


def test_of_a_deleted_message(url: str, sqs: Any, receive: Call, refusal: Call) -> None:
    """Fact 97: there is nothing to change."""
    (message,) = receive(url)
    handle = message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert refusal(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=42) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change.",
        400,
    )


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_out_of_range(url: str, sqs: Any, receive: Call, refusal: Call, seconds: int) -> None:
    """Fact 99: 0 seconds to 12 hours."""
    handle = receive(url)[0]["ReceiptHandle"]
    assert refusal(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds) == (
        "InvalidParameterValue",
        f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.",
        400,
    )


def test_twelve_hours_in_all(url: str, sqs: Any, receive: Call, refusal: Call, clock: BrokerClock) -> None:
    """Fact 99: counted from the receive, no message is hidden for longer."""
    handle = receive(url, VisibilityTimeout=43_200)[0]["ReceiptHandle"]
    clock.advance(10)
    change = {"QueueUrl": url, "ReceiptHandle": handle}
    code, text, _ = refusal(sqs.change_message_visibility, **change, VisibilityTimeout=43_191)
    assert code == "InvalidParameterValue"
    assert "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]" in text
    sqs.change_message_visibility(**change, VisibilityTimeout=43_190)


def test_counts(url: str, sqs: Any, receive: Call, counts: Call, clock: BrokerClock) -> None:
    """Fact 100: visible, in flight and delayed messages are counted apart."""
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    assert counts(url) == (1, 0, 1)
    receive(url)
    assert counts(url) == (0, 1, 1)
    clock.advance(1)
    assert counts(url) == (1, 1, 0)
    clock.advance(1)
    assert counts(url) == (2, 0, 0)


def test_counts_of_a_fifo_queue(sqs: Any, create_fifo: Call, receive: Call, counts: Call) -> None:
    """Fact 100: in a group that is locked only what was received is in flight; the rest counts as visible."""
    url = create_fifo()
    for group, body in (("1", "a"), ("1", "b"), ("1", "c"), ("2", "d"), ("3", "e")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    assert counts(url) == (5, 0, 0)
    messages = receive(url, MaxNumberOfMessages=4)
    assert counts(url) == (1, 4, 0)
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(url) == (1, 0, 0)


def test_an_expired_handle_of_a_fifo_queue(
    sqs: Any, create_fifo: Call, receive: Call, refusal: Call, clock: BrokerClock
) -> None:
    """Fact 111: on a FIFO queue it is refused by both actions; while extended it is not expired."""
    url = create_fifo(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = receive(url)[0]["ReceiptHandle"]
    clock.advance(2)
    expired = (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        400,
    )
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == expired
    change = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 5}
    assert refusal(sqs.change_message_visibility, **change) == expired
    change["ReceiptHandle"] = receive(url)[0]["ReceiptHandle"]
    sqs.change_message_visibility(**change)
    clock.advance(4)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=change["ReceiptHandle"])
    clock.advance(10)
    assert receive(url) == []
