"""Sending to standard queues."""

import pytest
from tests.unit.broker.queues.world import CALLER, World

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, InvalidParameterValue
from crossdock.broker.outcome import Caller

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_result(world: World) -> None:
    """Fact 55: an id and the MD5 of the body; the other MD5s only with attributes; a sequence number only on FIFO."""
    url = world.create()
    plain = world.send(url, "hello")
    assert len(plain.message_id) == 36
    assert plain.md5_of_message_body == "5d41402abc4b2a76b9719d911017c592"
    assert plain.md5_of_message_attributes is plain.md5_of_message_system_attributes is plain.sequence_number is None
    rich = world.send(
        url,
        message_attributes={"k": sqs.MessageAttributeValue("String", "x")},
        message_system_attributes={"AWSTraceHeader": sqs.MessageAttributeValue("String", TRACE)},
    )
    assert rich.md5_of_message_attributes == "a45daa70926828a2f0a1db3418e6feb4"
    assert rich.md5_of_message_system_attributes == "5ae4d5d7636402d80f4eb6d213245a88"


def test_trace_header(world: World) -> None:
    """Fact 57: the HTTP header becomes the attribute; one in the request wins over it."""
    url = world.create()
    traced = Caller(CALLER.account, CALLER.region, CALLER.principal, CALLER.base_url, trace_header="Root=1-from-http")
    world.call(sqs.SendMessage(url, "a"), traced)
    own = {"AWSTraceHeader": sqs.MessageAttributeValue("String", TRACE)}
    world.call(sqs.SendMessage(url, "b", message_system_attributes=own), traced)
    messages = world.receive(url, message_system_attribute_names=["AWSTraceHeader"])
    assert [message.attributes for message in messages] == [
        {"AWSTraceHeader": "Root=1-from-http"},
        {"AWSTraceHeader": TRACE},
    ]


def test_delay(world: World) -> None:
    """Fact 58: a message's delay overrides the queue's, 0 included."""
    url = world.create(DelaySeconds=10)
    world.send(url, "queue's delay")
    world.send(url, "none", delay_seconds=0)
    world.send(url, "own", delay_seconds=20)
    assert world.counts(url) == (1, 0, 2)
    assert world.bodies(url) == ["none"]
    world.advance(9_999)
    assert world.bodies(url) == []
    world.advance(1)
    assert world.bodies(url) == ["queue's delay"]
    world.advance(10_000)
    assert world.bodies(url) == ["own"]


def test_delay_of_a_queue_is_not_retroactive(world: World) -> None:
    """On a standard queue a change of DelaySeconds leaves messages that are delayed already as they are."""
    url = world.create(DelaySeconds=10)
    world.send(url)
    world.call(sqs.SetQueueAttributes(url, {"DelaySeconds": "600"}))
    world.advance(10_000)
    assert world.bodies(url) == ["hello"]


def test_group_on_a_standard_queue(world: World) -> None:
    """Fact 59: a group comes back as an attribute, does not lock, and brings no sequence number."""
    url = world.create()
    assert world.send(url, "a", message_group_id="g").sequence_number is None
    world.send(url, "b", message_group_id="g")
    first = world.receive(url, 1, message_system_attribute_names=["All"])[0]
    assert first.attributes["MessageGroupId"] == "g"
    assert "SequenceNumber" not in first.attributes
    assert world.bodies(url) == ["b"]


def test_refused_send_stores_nothing(world: World) -> None:
    """A message that is refused leaves no trace."""
    url = world.create(MaximumMessageSize=1_024)
    with pytest.raises(InvalidParameterValue, match="Message must be shorter than 1024 bytes"):
        world.send(url, "x" * 1_025)
    assert world.last.facts == []
    assert world.counts(url) == (0, 0, 0)
    world.send(url, "x" * 1_024)


def test_batch(world: World) -> None:
    """Facts 119 and 120: an entry that fails does not harm the others; without failures there is no list of them."""
    url = world.create(MaximumMessageSize=1_024)
    entries = [
        sqs.SendMessageBatchRequestEntry("good", "a"),
        sqs.SendMessageBatchRequestEntry("long", "x" * 1_025),
        sqs.SendMessageBatchRequestEntry("bad", "\uffff"),
        sqs.SendMessageBatchRequestEntry("late", "b", delay_seconds=3),
    ]
    result = world.call(sqs.SendMessageBatch(url, entries))
    assert [entry.id for entry in result.successful] == ["good", "late"]
    assert [(entry.id, entry.code, entry.sender_fault) for entry in result.failed] == [
        ("long", "InvalidParameterValue", True),
        ("bad", "InvalidMessageContents", True),
    ]
    assert world.counts(url) == (1, 0, 1)
    assert world.call(sqs.SendMessageBatch(url, entries[:1])).failed is None


def test_batch_refused_as_a_whole(world: World) -> None:
    """Fact 121: a call-level error stores none of the batch."""
    url = world.create()
    twice = [sqs.SendMessageBatchRequestEntry("a", "x"), sqs.SendMessageBatchRequestEntry("a", "y")]
    with pytest.raises(ApiError, match="Id a repeated"):
        world.call(sqs.SendMessageBatch(url, twice))
    assert world.counts(url) == (0, 0, 0)
