"""ReceiveMessage and DeleteMessage on standard queues: limits, long polls, what is shown, which handles still work."""

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


# Parameters


@pytest.mark.parametrize("wait", [{}, {"WaitTimeSeconds": 0}, {"WaitTimeSeconds": 1}])
def test_nothing_there(sqs: Any, create: Call, clock: BrokerClock, waiting: Call, wait: dict[str, int]) -> None:
    """Fact 80: an empty answer has no Messages key, with status 200, after a short poll and after a long one."""
    answer = waiting(sqs.receive_message, QueueUrl=create(), **wait)
    clock.advance(1)
    answered = answer.result(timeout=60)
    assert answered.keys() == {"ResponseMetadata"}
    assert answered["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("number", [-1, 0, 11])
def test_numbers_of_messages(sqs: Any, create: Call, refusal: Call, number: int) -> None:
    """Fact 81: 1 to 10."""
    assert refusal(sqs.receive_message, QueueUrl=create(), MaxNumberOfMessages=number) == (
        "InvalidParameterValue",
        f"Value {number} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        400,
    )


@pytest.mark.parametrize("seconds", [-1, 21])
def test_waiting_times(sqs: Any, create: Call, refusal: Call, seconds: int) -> None:
    """Fact 82: 0 to 20 seconds."""
    assert refusal(sqs.receive_message, QueueUrl=create(), WaitTimeSeconds=seconds) == (
        "InvalidParameterValue",
        f"Value {seconds} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        400,
    )


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_visibility_timeouts(sqs: Any, create: Call, refusal: Call, seconds: int) -> None:
    """Fact 91: 0 seconds to 12 hours."""
    code, _, _ = refusal(sqs.receive_message, QueueUrl=create(), VisibilityTimeout=seconds)
    assert code == "InvalidParameterValue"


def test_one_message_unless_asked_for_more(sqs: Any, create: Call) -> None:
    """Fact 81: the default is one."""
    url = create()
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(5)])
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 4


def test_oldest_first(sqs: Any, create: Call, bodies: Call, clock: BrokerClock) -> None:
    """Fact 94: a small queue gives its oldest message first, and one that comes back before a newer one."""
    url = create()
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert bodies(url, MaxNumberOfMessages=1, VisibilityTimeout=3) == ["a"]
    clock.advance(1.5)
    sqs.send_message(QueueUrl=url, MessageBody="c")
    clock.advance(3)
    assert [bodies(url, MaxNumberOfMessages=1)[0] for _ in range(3)] == ["a", "b", "c"]


# Long polls


def test_a_send_ends_a_wait(sqs: Any, create: Call, waiting: Call, clock: BrokerClock) -> None:
    """Fact 83: a long poll returns with the first message and does not wait for more."""
    url = create()
    before = clock.now_ms()
    answer = waiting(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10)
    sqs.send_message(QueueUrl=url, MessageBody="foobared")
    assert [message["Body"] for message in answer.result(timeout=60)["Messages"]] == ["foobared"]
    assert clock.now_ms() == before


def test_what_is_there_is_not_waited_for(sqs: Any, create: Call, bodies: Call) -> None:
    """Fact 83: fewer messages than asked for are enough."""
    url = create()
    for body in "ab":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert bodies(url, MaxNumberOfMessages=3, WaitTimeSeconds=5) == ["a", "b"]


def test_the_queues_own_wait(sqs: Any, create: Call, waiting: Call) -> None:
    """Fact 83: ReceiveMessageWaitTimeSeconds counts where a call says nothing; an explicit 0 overrides it."""
    url = create(ReceiveMessageWaitTimeSeconds="10")
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    answer = waiting(sqs.receive_message, QueueUrl=url)
    assert not answer.done()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(answer.result(timeout=60)["Messages"]) == 1


def test_time_ends_a_wait_too(sqs: Any, create: Call, waiting: Call, clock: BrokerClock) -> None:
    """Fact 83: a delayed message that falls due, and one whose visibility timeout ends."""
    url = create(VisibilityTimeout="3")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    for _ in range(2):
        answer = waiting(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=5)
        clock.advance(3)
        assert answer.result(timeout=60)["Messages"][0]["Body"] == "delayed"


def test_waiters_are_served_in_turn(sqs: Any, create: Call, waiting: Call) -> None:
    """One message answers one long poll, the one that has waited longest."""
    url = create()
    first, second = (waiting(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20) for _ in range(2))
    sqs.send_message(QueueUrl=url, MessageBody="1")
    assert first.result(timeout=60)["Messages"][0]["Body"] == "1"
    assert not second.done()
    sqs.send_message(QueueUrl=url, MessageBody="2")
    assert second.result(timeout=60)["Messages"][0]["Body"] == "2"


# What is shown


def test_system_attributes(sqs: Any, create: Call, receive: Call, clock: BrokerClock) -> None:
    """Facts 84, 85 and 89: all of them under All; the count includes this receive, the first receive stays."""
    url = create()
    sent_ms = clock.now_ms()
    sqs.send_message(
        QueueUrl=url, MessageBody="msg", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}}
    )
    clock.advance(2)
    first_ms = clock.now_ms()
    for count in (1, 2):
        (message,) = receive(url, VisibilityTimeout=0, AttributeNames=["All"])
        assert message.keys() == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body", "Attributes"}
        assert message["Attributes"].pop("SenderId")
        assert message["Attributes"] == {
            "SentTimestamp": str(sent_ms),
            "ApproximateReceiveCount": str(count),
            "ApproximateFirstReceiveTimestamp": str(first_ms),
        }
        clock.advance(1)


def test_the_trace_header_is_shown(sqs: Any, create: Call, receive: Call) -> None:
    """Fact 85: AWSTraceHeader is shown where it was sent."""
    url = create()
    traced = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=traced)
    assert receive(url, AttributeNames=["All"])[0]["Attributes"]["AWSTraceHeader"] == TRACE


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_some_system_attributes(sqs: Any, create: Call, receive: Call, parameter: str) -> None:
    """Facts 86 and 87: the old parameter and the new one; what a message does not have is left out."""
    url = create()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    for names in (["SenderId"], ["SenderId", "SequenceNumber"]):
        (message,) = receive(url, VisibilityTimeout=0, **{parameter: names})
        assert message["Attributes"].keys() == {"SenderId"}


def test_both_parameters(json_client: Any, query_client: Any, new_name: Call) -> None:
    """Fact 87: when they differ the JSON protocol follows the new one and the Query protocol the old one."""
    url = json_client.create_queue(QueueName=new_name(), Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    json_client.send_message(QueueUrl=url, MessageBody="x")
    both = {"QueueUrl": url, "MessageSystemAttributeNames": ["All"], "AttributeNames": ["SenderId"]}
    assert len(json_client.receive_message(**both)["Messages"][0]["Attributes"]) == 4
    assert query_client.receive_message(**both)["Messages"][0]["Attributes"].keys() == {"SenderId"}
    both["AttributeNames"] = ["All"]
    for client in (json_client, query_client):
        assert len(client.receive_message(**both)["Messages"][0]["Attributes"]) == 4


def test_queues_are_separate(sqs: Any, create: Call, bodies: Call) -> None:
    """What is sent to one queue is in no other."""
    one, other = create(), create()
    sqs.send_message(QueueUrl=one, MessageBody="x")
    assert bodies(other) == []
    assert bodies(one) == ["x"]


# Delete


def test_every_receive_has_its_own_handle(sqs: Any, create: Call, receive: Call) -> None:
    """Facts 90 and 110: an older handle still deletes."""
    url = create()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first, second = (receive(url, VisibilityTimeout=0)[0]["ReceiptHandle"] for _ in range(2))
    assert first != second
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first)
    assert receive(url) == []


def test_an_expired_handle_deletes(sqs: Any, create: Call, receive: Call, counts: Call, clock: BrokerClock) -> None:
    """Fact 110: also after the visibility timeout, and again and again."""
    url = create()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = receive(url, VisibilityTimeout=1)[0]["ReceiptHandle"]
    clock.advance(2)
    assert counts(url) == (1, 0, 0)
    for _ in range(3):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        assert counts(url) == (0, 0, 0)


def test_a_handle_that_is_none(sqs: Any, create: Call, refusal: Call) -> None:
    """Fact 98: malformed handles are refused by both actions that take one."""
    url = create()
    refused = ("ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.', 404)
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage") == refused
    change = {"ReceiptHandle": "garbage", "VisibilityTimeout": 60}
    assert refusal(sqs.change_message_visibility, QueueUrl=url, **change) == refused
    missing = ("MissingParameter", "The request must contain the parameter ReceiptHandle.", 400)
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="") == missing
    assert refusal(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle="", VisibilityTimeout=60) == missing


# Retention


def test_retention(sqs: Any, create: Call, receive: Call, counts: Call, clock: BrokerClock) -> None:
    """Facts 47 and 139: a message past its retention is gone, also in flight; deleting it is still a success."""
    url = create(MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="waiting")
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    handle = receive(url, MaxNumberOfMessages=1, VisibilityTimeout=3_600)[0]["ReceiptHandle"]
    assert counts(url) == (1, 1, 0)
    clock.advance(61)
    assert receive(url) == []
    assert counts(url) == (0, 0, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    longer = create()
    sqs.send_message(QueueUrl=longer, MessageBody="x")
    clock.advance(120)
    sqs.set_queue_attributes(QueueUrl=longer, Attributes={"MessageRetentionPeriod": "60"})
    assert receive(longer) == []


# Purge


def test_purge(sqs: Any, create: Call, receive: Call, bodies: Call, counts: Call, clock: BrokerClock) -> None:
    """Fact 123: visible, in-flight and delayed messages go, later ones stay."""
    url = create()
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    receive(url, MaxNumberOfMessages=1, VisibilityTimeout=3)
    sqs.send_message(QueueUrl=url, MessageBody="d", DelaySeconds=2)
    assert counts(url) == (2, 1, 1)
    sqs.purge_queue(QueueUrl=url)
    assert counts(url) == (0, 0, 0)
    sqs.send_message(QueueUrl=url, MessageBody="later")
    clock.advance(10)
    assert bodies(url) == ["later"]


def test_one_purge_a_minute(sqs: Any, create: Call, refusal: Call, clock: BrokerClock) -> None:
    """Fact 124: the second one within 60 seconds is refused, by the queue's name."""
    url = create()
    sqs.purge_queue(QueueUrl=url)
    assert refusal(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {url.rpartition('/')[2]} is allowed every 60 seconds.",
        403,
    )
    clock.advance(60)
    sqs.purge_queue(QueueUrl=url)
