"""Dead-letter queues: when a message moves, and what it keeps."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.mark.parametrize("most", [1, 2])
def test_the_receive_that_would_be_one_too_many(
    sqs: Any, with_dead_letters: Call, bodies: Call, counts: Call, most: int
) -> None:
    """Fact 125: a message moves on that attempt, not before, and the attempt comes back without it."""
    url, dead = with_dead_letters(most, VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="test")
    for _ in range(most):
        assert bodies(url) == ["test"]
        assert counts(dead) == (0, 0, 0)
    assert bodies(url) == []
    assert counts(url) == (0, 0, 0)
    assert bodies(dead) == ["test"]


def test_the_others_come(sqs: Any, with_dead_letters: Call, bodies: Call, clock: BrokerClock) -> None:
    """Fact 125: the attempt on which a message moves gives the other messages."""
    url, dead = with_dead_letters(1, VisibilityTimeout="5")
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    bodies(url)
    sqs.send_message(QueueUrl=url, MessageBody="fine")
    clock.advance(5)
    assert bodies(url) == ["fine"]
    assert bodies(dead) == ["poison"]


def test_what_a_dead_letter_keeps(
    sqs: Any, with_dead_letters: Call, receive: Call, arn_of: Call, clock: BrokerClock
) -> None:
    """Fact 126: id, body, attributes, trace header and both timestamps; the count goes on; its source is added."""
    url, dead = with_dead_letters(1, VisibilityTimeout="0")
    attributes = {"MyAttribute": {"DataType": "String", "StringValue": "foobar"}}
    traced = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes, MessageSystemAttributes=traced)
    everything = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    clock.advance(1)
    (before,) = receive(url, **everything)
    clock.advance(1)
    assert receive(url) == []
    (after,) = receive(dead, **everything)
    assert before.pop("ReceiptHandle") != after.pop("ReceiptHandle")
    assert before["Attributes"].pop("ApproximateReceiveCount") == "1"
    assert after["Attributes"].pop("ApproximateReceiveCount") == "2"
    assert after["Attributes"].pop("DeadLetterQueueSourceArn") == arn_of(url)
    assert before == after


def test_a_fifo_group_goes_on(sqs: Any, create_fifo: Call, arn_of: Call, receive: Call) -> None:
    """Fact 127: after its head went to the dead-letter queue, with its id, the group works on."""
    dead = create_fifo(MessageRetentionPeriod="1209600")
    policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 2})
    url = create_fifo(VisibilityTimeout="60", RedrivePolicy=policy)
    sent = sqs.send_message(QueueUrl=url, MessageBody="foobar", MessageGroupId="1")
    for expected in (1, 1, 0):
        assert len(receive(url, VisibilityTimeout=0)) == expected
    (message,) = receive(dead)
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "foobar")
    second = sqs.send_message(QueueUrl=url, MessageBody="foobar2", MessageGroupId="1")
    assert [message["MessageId"] for message in receive(url)] == [second["MessageId"]]


def test_a_chain(sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bodies: Call) -> None:
    """A dead-letter queue may have one of its own; a message is received in each."""
    first, second = with_dead_letters(1, VisibilityTimeout="0")
    third = create()
    policy = json.dumps({"deadLetterTargetArn": arn_of(third), "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=second, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=first, MessageBody="test")
    for url in (first, second):
        assert bodies(url) == ["test"]
        assert bodies(url) == []
    assert bodies(third) == ["test"]


def test_retention_of_dead_letters(
    sqs: Any, create: Call, create_fifo: Call, arn_of: Call, bodies: Call, clock: BrokerClock
) -> None:
    """Fact 128: it counts from the first send on a standard queue, from the move on a FIFO queue."""
    for make, ids, kept in ((create, {}, []), (create_fifo, {"MessageGroupId": "g"}, ["x"])):
        dead = make(MessageRetentionPeriod="100")
        policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 1})
        url = make(VisibilityTimeout="0", RedrivePolicy=policy)
        sqs.send_message(QueueUrl=url, MessageBody="x", **ids)
        clock.advance(90)
        assert bodies(url) == ["x"]
        assert bodies(url) == []
        clock.advance(20)
        assert bodies(dead) == kept


def test_sources(sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call) -> None:
    """Facts 129 and 140: the queues that name this one, under a key in lower case, in pages where MaxResults is given."""
    one, dead = with_dead_letters()
    policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 50})
    two = create(RedrivePolicy=policy)
    answer = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert answer.keys() == {"queueUrls", "ResponseMetadata"}
    assert set(answer["queueUrls"]) == {one, two}
    page = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1)
    rest = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1, NextToken=page["NextToken"])
    assert {*page["queueUrls"], *rest["queueUrls"]} == {one, two}
    assert "NextToken" not in rest


def test_no_sources(json_client: Any, new_name: Call) -> None:
    """Fact 129: like every empty list, that of the sources is left out."""
    url = json_client.create_queue(QueueName=new_name())["QueueUrl"]
    assert "queueUrls" not in json_client.list_dead_letter_source_queues(QueueUrl=url)
