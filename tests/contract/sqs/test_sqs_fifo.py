"""FIFO queues: parameters, duplicates, sequence numbers, and in which order groups are given."""

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

NO_GROUP = ("MissingParameter", "The request must contain the parameter MessageGroupId.", 400)
NO_ID = (
    "InvalidParameterValue",
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    400,
)


@pytest.fixture
def send(sqs: Any) -> Call:
    """Send messages named like g1-m1, each to the group before its hyphen; the answers."""

    def to_groups(url: str, *texts: str) -> list[dict[str, Any]]:
        return [
            sqs.send_message(QueueUrl=url, MessageBody=text, MessageGroupId=text.partition("-")[0]) for text in texts
        ]

    return to_groups


@pytest.fixture
def delete(sqs: Any) -> Call:
    """Delete received messages."""

    def each(url: str, *messages: dict[str, Any]) -> None:
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return each


# Send


def test_group_and_deduplication_are_needed(sqs: Any, create_fifo: Call, refusal: Call) -> None:
    """Facts 67, 68 and 69: each lack has its error."""
    url = create_fifo(ContentBasedDeduplication="false")
    message = {"QueueUrl": url, "MessageBody": "x"}
    assert refusal(sqs.send_message, **message, MessageDeduplicationId="d") == NO_GROUP
    assert refusal(sqs.send_message, **message, MessageGroupId="g") == NO_ID


def test_the_longest_ids(sqs: Any, create_fifo: Call) -> None:
    """Fact 70: 128 characters, punctuation included."""
    ids = {"MessageGroupId": "!~" * 64, "MessageDeduplicationId": "a" * 128}
    assert sqs.send_message(QueueUrl=create_fifo(), MessageBody="x", **ids)["SequenceNumber"]


@pytest.mark.parametrize("queue_delay", ["0", "5"])
def test_no_delay_of_its_own(sqs: Any, create_fifo: Call, refusal: Call, queue_delay: str) -> None:
    """Fact 71: a message for a FIFO queue has none, whatever the queue's."""
    message = {"QueueUrl": create_fifo(DelaySeconds=queue_delay), "MessageBody": "x", "MessageGroupId": "g"}
    assert refusal(sqs.send_message, **message, DelaySeconds=2) == (
        "InvalidParameterValue",
        "Value 2 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type.",
        400,
    )


def test_the_queues_delay(sqs: Any, create_fifo: Call, bodies: Call, clock: BrokerClock) -> None:
    """Facts 72 and 73: it delays each message and keeps the order; an explicit 0 means it too."""
    url = create_fifo(DelaySeconds="2")
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", DelaySeconds=0)
    clock.advance(1)
    assert bodies(url) == []
    clock.advance(1)
    assert bodies(url) == ["a", "b", "c"]


def test_sequence_numbers(sqs: Any, create_fifo: Call, send: Call, receive: Call) -> None:
    """Facts 55, 78 and 79: 20 digits, increasing over groups, shown with group and deduplication id under All."""
    url = create_fifo(VisibilityTimeout="0")
    numbers = [sent["SequenceNumber"] for sent in send(url, "1-a", "2-b", "1-c")]
    assert all(len(number) == 20 and number.isdigit() for number in numbers)
    assert sorted(set(numbers)) == numbers
    message = receive(url, AttributeNames=["All"])[0]
    attributes = message["Attributes"]
    assert attributes.keys() == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SequenceNumber",
    }
    assert (attributes["SequenceNumber"], attributes["MessageGroupId"]) == (numbers[0], "1")
    assert receive(url, AttributeNames=["SequenceNumber"])[0]["Attributes"] == {"SequenceNumber": numbers[0]}


# Duplicates


@pytest.mark.parametrize("content_based", ["true", "false"])
def test_duplicates(
    sqs: Any, create_fifo: Call, receive: Call, delete: Call, clock: BrokerClock, content_based: str
) -> None:
    """Fact 74: within five minutes of the first send a duplicate is accepted and never delivered; it gets the original's answer.

    Neither a delete of the first nor a duplicate in between changes that.
    """
    url = create_fifo(ContentBasedDeduplication=content_based)
    message = {"QueueUrl": url, "MessageBody": '{"foo": "bar"}', "MessageGroupId": "g"}
    if content_based == "false":
        message["MessageDeduplicationId"] = "dedup1"
    original = sqs.send_message(**message)
    delete(url, *receive(url))
    for _ in range(2):
        clock.advance(149)
        duplicate = sqs.send_message(**message)
        assert duplicate["MessageId"] == original["MessageId"]
        assert duplicate["SequenceNumber"] == original["SequenceNumber"]
        assert receive(url) == []
    clock.advance(3)
    assert sqs.send_message(**message)["MessageId"] != original["MessageId"]
    assert len(receive(url)) == 1


def test_what_a_duplicate_is_told_by(sqs: Any, create_fifo: Call, bodies: Call) -> None:
    """Fact 75: the body alone, not its attributes; an explicit id wins over it."""
    url = create_fifo()
    message = {"QueueUrl": url, "MessageBody": "same", "MessageGroupId": "g"}
    sqs.send_message(**message)
    sqs.send_message(**message, MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    assert bodies(url, VisibilityTimeout=0) == ["same"]
    sqs.send_message(**message, MessageDeduplicationId="1")
    sqs.send_message(**{**message, "MessageBody": "other"}, MessageDeduplicationId="1")
    sqs.send_message(**message, MessageDeduplicationId="2")
    assert bodies(url) == ["same", "same", "same"]


@pytest.mark.parametrize("content_based", ["true", "false"])
@pytest.mark.parametrize(("scope", "delivered"), [("queue", ["1"]), ("messageGroup", ["1", "2"])])
def test_scopes(
    sqs: Any, create_fifo: Call, receive: Call, content_based: str, scope: str, delivered: list[str]
) -> None:
    """Fact 76: one id in two groups is a duplicate within the queue, and none within its group."""
    url = create_fifo(ContentBasedDeduplication=content_based, DeduplicationScope=scope)
    for group in ("1", "2"):
        ids = {"MessageGroupId": group} | ({} if content_based == "true" else {"MessageDeduplicationId": "same"})
        sqs.send_message(QueueUrl=url, MessageBody="Test", **ids)
    groups = [message["Attributes"]["MessageGroupId"] for message in receive(url, AttributeNames=["MessageGroupId"])]
    assert groups == delivered


def test_a_purge_forgets(sqs: Any, create_fifo: Call, bodies: Call) -> None:
    """Fact 77: after a purge the same id is new."""
    url = create_fifo()
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    sqs.send_message(QueueUrl=url, MessageBody="1", **ids)
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="2", **ids)
    assert bodies(url) == ["2"]


# Groups


def test_one_group_first(create_fifo: Call, send: Call, bodies: Call) -> None:
    """Fact 101: a receive takes what it can of one group, in order, before the next."""
    url = create_fifo()
    send(url, "g1-a", "g2-a", "g1-b", "g1-c")
    assert bodies(url) == ["g1-a", "g1-b", "g1-c", "g2-a"]


def test_one_after_the_other(create_fifo: Call, send: Call, receive: Call, delete: Call) -> None:
    """Facts 102 and 105: a group is locked until what was received is deleted, all of it."""
    url = create_fifo()
    send(url, *(f"g-{number}" for number in range(4)))
    for number in range(4):
        (message,) = receive(url, MaxNumberOfMessages=1)
        assert message["Body"] == f"g-{number}"
        assert receive(url) == []
        delete(url, message)


def test_rotation(create_fifo: Call, send: Call, bodies: Call, clock: BrokerClock) -> None:
    """Facts 102 and 106: a group that was read goes behind those that wait."""
    url = create_fifo(VisibilityTimeout="1")
    send(url, "g1-m1", "g1-m2", "g1-m3", "g1-m4", "g2-m1", "g3-m1")
    assert bodies(url, MaxNumberOfMessages=2) == ["g1-m1", "g1-m2"]
    assert bodies(url, MaxNumberOfMessages=1) == ["g2-m1"]
    clock.advance(2)
    assert bodies(url, VisibilityTimeout=0) == ["g3-m1", "g1-m1", "g1-m2", "g1-m3", "g1-m4", "g2-m1"]


def test_zero_visibility(create_fifo: Call, send: Call, bodies: Call) -> None:
    """Fact 108: a receive with a timeout of 0 leaves the groups open, behind the others and in order inside."""
    url = create_fifo()
    send(url, "g1-m1", "g2-m1", "g2-m2", "g3-m1", "g1-m2")
    assert bodies(url, MaxNumberOfMessages=3, VisibilityTimeout=0) == ["g1-m1", "g1-m2", "g2-m1"]
    assert bodies(url, VisibilityTimeout=0) == ["g3-m1", "g1-m1", "g1-m2", "g2-m1", "g2-m2"]


@pytest.mark.parametrize("seconds", [0, 1])
def test_part_of_a_group_is_back(
    create_fifo: Call, send: Call, receive: Call, bodies: Call, hide: Call, clock: BrokerClock, seconds: int
) -> None:
    """Facts 103 and 106: one visible message opens its group, behind those that wait; up to the first hidden one."""
    url = create_fifo()
    send(url, "g1-m1", "g1-m2", "g2-m1")
    first, _ = receive(url, MaxNumberOfMessages=2)
    hide(url, first, seconds)
    clock.advance(seconds * 2)
    assert bodies(url, MaxNumberOfMessages=3) == ["g2-m1", "g1-m1"]


@pytest.mark.parametrize(("extended", "free"), [(0, []), (1, ["g-0"]), (2, ["g-0", "g-1"])])
def test_one_message_holds_up_the_rest(
    create_fifo: Call,
    send: Call,
    receive: Call,
    bodies: Call,
    hide: Call,
    clock: BrokerClock,
    extended: int,
    free: list[str],
) -> None:
    """Fact 104: while the others are visible again, an extended one blocks itself and what is behind it."""
    url = create_fifo(VisibilityTimeout="1")
    send(url, "g-0", "g-1", "g-2")
    hide(url, receive(url)[extended], 4)
    clock.advance(2.5)
    assert bodies(url) == free


def test_all_deleted(create_fifo: Call, send: Call, receive: Call, bodies: Call, delete: Call) -> None:
    """Facts 101, 103 and 106: once nothing of a group is in flight, the rest of it comes, behind messages that are older and before
    one that is newer."""
    url = create_fifo()
    send(url, "g1-m1", "g2-m1", "g1-m2", "g2-m2", "g1-m2", "g1-m3", "g1-m4", "g3-m1")
    delete(url, *receive(url, MaxNumberOfMessages=2))
    assert bodies(url) == ["g2-m1", "g2-m2", "g1-m3", "g1-m4", "g3-m1"]


def test_some_deleted(create_fifo: Call, send: Call, receive: Call, bodies: Call, delete: Call) -> None:
    """Fact 105: a group of which one is still in flight stays locked."""
    url = create_fifo()
    send(url, "g1-m1", "g2-m1", "g1-m2", "g2-m2", "g1-m3", "g3-m1")
    first, _ = receive(url, MaxNumberOfMessages=2)
    delete(url, first)
    assert bodies(url) == ["g2-m1", "g2-m2", "g3-m1"]


def test_what_ends_a_wait(sqs: Any, create_fifo: Call, send: Call, receive: Call, delete: Call, waiting: Call) -> None:
    """Fact 107: the delete of the message in flight does, another send to its group does not."""
    url = create_fifo()
    send(url, "g-1")
    messages = receive(url)
    answer = waiting(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    send(url, "g-2")
    assert not answer.done()
    delete(url, *messages)
    assert answer.result(timeout=60)["Messages"][0]["Body"] == "g-2"


def test_an_emptied_group(create_fifo: Call, send: Call, receive: Call, bodies: Call, delete: Call) -> None:
    """Fact 109: it works again once a message is sent to it."""
    url = create_fifo()
    send(url, "g-1")
    delete(url, *receive(url))
    assert bodies(url) == []
    send(url, "g-2")
    assert bodies(url) == ["g-2"]


def test_order_after_a_timeout(create_fifo: Call, send: Call, bodies: Call, clock: BrokerClock) -> None:
    """Facts 101 and 103: what nobody deleted comes again in the same order."""
    url = create_fifo(VisibilityTimeout="1")
    send(url, "g-0", "g-1", "g-2")
    for _ in range(2):
        assert bodies(url) == ["g-0", "g-1", "g-2"]
        clock.advance(2)


# Repeated receives


def test_an_attempt_that_is_repeated(create_fifo: Call, send: Call, receive: Call, clock: BrokerClock) -> None:
    """Fact 93: within five minutes the same attempt id gives the same messages, hidden anew."""
    url = create_fifo(VisibilityTimeout="10")
    send(url, "g-1", "g-2", "h-1")
    attempt = {"MaxNumberOfMessages": 2, "ReceiveRequestAttemptId": "attempt-1"}
    first = receive(url, **attempt)
    clock.advance(5)
    again = receive(url, **attempt)
    assert [message["MessageId"] for message in again] == [message["MessageId"] for message in first]
    clock.advance(8)
    assert [message["Body"] for message in receive(url)] == ["h-1"]


@pytest.mark.parametrize("change", ["delete", "hide"])
def test_an_attempt_that_was_used(
    create_fifo: Call, send: Call, receive: Call, delete: Call, hide: Call, change: str
) -> None:
    """Fact 93: once one of its messages was deleted or had its visibility changed, an attempt is a new one."""
    url = create_fifo()
    send(url, "g-1", "h-1")
    attempt = {"MaxNumberOfMessages": 1, "ReceiveRequestAttemptId": "attempt-1"}
    (message,) = receive(url, **attempt)
    if change == "delete":
        delete(url, message)
    else:
        hide(url, message, 100)
    assert [message["Body"] for message in receive(url, **attempt)] == ["h-1"]


def test_an_attempt_on_a_standard_queue(sqs: Any, create: Call, bodies: Call) -> None:
    """Fact 93: it is accepted there and means nothing."""
    url = create()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert bodies(url, ReceiveRequestAttemptId="attempt-1") == ["x"]
    assert bodies(url, ReceiveRequestAttemptId="attempt-1") == []
