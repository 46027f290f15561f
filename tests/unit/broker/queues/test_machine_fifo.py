"""FIFO queues: sending and deduplication, groups, rotation, what holds a group up, expired handles."""

import pytest
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import InvalidParameterValue, MissingParameter
from crossdock.broker.queues import receive


@pytest.fixture
def url(world: World) -> str:
    """A FIFO queue."""
    return world.create("q.fifo", VisibilityTimeout=30)


def handles_by_body(messages: list[sqs.Message]) -> dict[str, sqs.Message]:
    return {message.body: message for message in messages}


# Send


def test_group_and_deduplication_are_needed(world: World, url: str) -> None:
    """Facts 67 to 69: without a group, or without anything to recognise a duplicate by, a send is refused."""
    with pytest.raises(MissingParameter, match=r"^The request must contain the parameter MessageGroupId\.$"):
        world.send(url, message_deduplication_id="d")
    with pytest.raises(InvalidParameterValue, match="ContentBasedDeduplication enabled or MessageDeduplicationId"):
        world.send(url, message_group_id="g")


def test_batch_without_group(world: World, url: str) -> None:
    """Facts 67 and 68: in a batch the whole call fails, with another code."""
    entries = [
        sqs.SendMessageBatchRequestEntry("a", "x", message_group_id="g", message_deduplication_id="1"),
        sqs.SendMessageBatchRequestEntry("b", "x", message_deduplication_id="2"),
    ]
    with pytest.raises(InvalidParameterValue, match="The request must contain the parameter MessageGroupId"):
        world.call(sqs.SendMessageBatch(url, entries))
    assert world.counts(url) == (0, 0, 0)


def test_delays(world: World) -> None:
    """Facts 71 to 73: a message has no delay of its own, 0 means the queue's, and the order is kept."""
    url = world.create("q.fifo", DelaySeconds=2)
    with pytest.raises(InvalidParameterValue, match="Value 2 for parameter DelaySeconds is invalid"):
        world.send(url, message_group_id="g", message_deduplication_id="d", delay_seconds=2)
    world.send(url, "a", message_group_id="g", message_deduplication_id="1", delay_seconds=0)
    world.advance(1_000)
    world.send_fifo(url, "g", "b")
    assert world.counts(url) == (0, 0, 2)
    world.advance(1_000)
    assert world.bodies(url) == ["a"]
    world.advance(1_000)
    assert world.counts(url) == (1, 1, 0)


def test_delay_is_retroactive(world: World) -> None:
    """On a FIFO queue a change of DelaySeconds counts for messages that are delayed already."""
    url = world.create("q.fifo", DelaySeconds=600)
    world.send_fifo(url, "g", "a")
    world.call(sqs.SetQueueAttributes(url, {"DelaySeconds": "5"}))
    world.advance(5_000)
    assert world.bodies(url) == ["a"]


def test_duplicates(world: World, url: str) -> None:
    """Fact 74: a duplicate within five minutes succeeds with the original's ids and delivers nothing; it does not make the window longer."""
    first = world.send(url, "a", message_group_id="g", message_deduplication_id="d")
    world.delete(url, world.receive(url)[0])
    world.advance(200_000)
    again = world.send(url, "other", message_group_id="g", message_deduplication_id="d")
    assert (again.message_id, again.sequence_number) == (first.message_id, first.sequence_number)
    world.advance(99_999)
    world.send(url, "a", message_group_id="g", message_deduplication_id="d")
    assert world.receive(url) == []
    world.advance(1)
    assert world.send(url, "a", message_group_id="g", message_deduplication_id="d").message_id != first.message_id
    assert world.bodies(url) == ["a"]


def test_duplicates_in_one_batch(world: World, url: str) -> None:
    """Two entries with one deduplication id are one message."""
    entries = [
        sqs.SendMessageBatchRequestEntry(i, "x", message_group_id="g", message_deduplication_id="d") for i in "ab"
    ]
    one, other = world.call(sqs.SendMessageBatch(url, entries)).successful
    assert one.message_id == other.message_id
    assert world.counts(url) == (1, 0, 0)


def test_batch_keeps_its_order(world: World, url: str) -> None:
    """Fact 122: messages of a batch are in the order of its entries."""
    entries = [
        sqs.SendMessageBatchRequestEntry(f"e{i}", str(i), message_group_id="g", message_deduplication_id=str(i))
        for i in range(10)
    ]
    world.call(sqs.SendMessageBatch(url, entries))
    assert world.bodies(url) == [str(i) for i in range(10)]


def test_content_based(world: World) -> None:
    """Fact 75: the body alone decides, and an explicit id wins over it."""
    url = world.create("q.fifo", ContentBasedDeduplication="true")
    attributes = {"k": sqs.MessageAttributeValue("String", "x")}
    world.send(url, "a", message_group_id="g")
    world.send(url, "a", message_group_id="g", message_attributes=attributes)
    world.send(url, "a", message_group_id="g", message_deduplication_id="other")
    assert world.bodies(url) == ["a", "a"]


@pytest.mark.parametrize(("scope", "delivered"), [("queue", 1), ("messageGroup", 2)])
def test_scope(world: World, scope: str, delivered: int) -> None:
    """Fact 76: the same id in another group is a duplicate, unless the scope is the group."""
    url = world.create("q.fifo", DeduplicationScope=scope)
    for group in ("g", "h"):
        world.send(url, group, message_group_id=group, message_deduplication_id="d")
    assert len(world.bodies(url)) == delivered


def test_change_of_scope(world: World) -> None:
    """Fact 48: right after a change the old scope still decides; a minute later the new one."""
    url = world.create("q.fifo")
    world.call(sqs.SetQueueAttributes(url, {"DeduplicationScope": "messageGroup"}))
    for group in ("g", "h"):
        world.send(url, group, message_group_id=group, message_deduplication_id="d")
    assert world.counts(url) == (1, 0, 0)
    world.advance(60_000)
    for group in ("i", "j"):
        world.send(url, group, message_group_id=group, message_deduplication_id="e")
    assert world.counts(url) == (3, 0, 0)


def test_purge_forgets(world: World, url: str) -> None:
    """Fact 77: a purge clears the memory of deduplication."""
    world.send(url, "a", message_group_id="g", message_deduplication_id="d")
    world.call(sqs.PurgeQueue(url))
    world.send(url, "b", message_group_id="g", message_deduplication_id="d")
    assert world.bodies(url) == ["b"]


def test_sequence_numbers(world: World, url: str) -> None:
    """Facts 78 and 79: twenty digits, growing, also shown by a receive beside group and deduplication id."""
    sent = [world.send(url, i, message_group_id=i, message_deduplication_id=i) for i in "abc"]
    numbers = [result.sequence_number for result in sent]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 3
    assert all(len(number) == 20 for number in numbers)
    shown = world.receive(url, 1, message_system_attribute_names=["All"])[0].attributes
    assert shown["SequenceNumber"] == numbers[0]
    assert (shown["MessageGroupId"], shown["MessageDeduplicationId"]) == ("a", "a")


# Receive


def test_one_group_first(world: World, url: str) -> None:
    """Fact 101: a receive takes what it can of one group before it goes on."""
    for group, body in (("g1", "a"), ("g2", "b"), ("g1", "c"), ("g1", "d")):
        world.send_fifo(url, group, body)
    assert world.bodies(url) == ["a", "c", "d", "b"]


def test_locked(world: World, url: str) -> None:
    """Facts 102 and 100: a group with messages in flight is skipped; the others of it count as visible."""
    world.send_fifo(url, "g", "a", "b", "c")
    world.send_fifo(url, "h", "x")
    assert world.bodies(url, 2) == ["a", "b"]
    assert world.counts(url) == (2, 2, 0)
    assert world.bodies(url) == ["x"]
    assert world.bodies(url) == []


def test_one_comes_back(world: World, url: str) -> None:
    """Fact 103: the visible ones up to the first that is not can come."""
    world.send_fifo(url, "g", "m1", "m2", "m3")
    held = handles_by_body(world.receive(url, 2))
    world.hide(url, held["m1"], 0)
    assert world.bodies(url) == ["m1"]


def test_unlocked_by_deletes(world: World, url: str) -> None:
    """Facts 103 and 105: the group opens when the last of its messages in flight is deleted, not before."""
    world.send_fifo(url, "g", "m1", "m2", "m3")
    held = handles_by_body(world.receive(url, 2))
    world.delete(url, held["m1"])
    assert world.bodies(url) == []
    world.delete(url, held["m2"])
    assert world.bodies(url) == ["m3"]


@pytest.mark.parametrize(("extended", "comes"), [("m1", []), ("m2", ["m1"]), ("m3", ["m1", "m2"])])
def test_extended(world: World, url: str, extended: str, comes: list[str]) -> None:
    """Fact 104: a message that is hidden for longer holds up everything behind it in its group."""
    world.send_fifo(url, "g", "m1", "m2", "m3")
    held = handles_by_body(world.receive(url))
    world.hide(url, held[extended], 60)
    world.advance(30_000)
    assert world.bodies(url) == comes


def test_rotation(world: World, url: str) -> None:
    """Facts 106 and 108: a group that was returned goes behind the others, its own order kept."""
    world.send_fifo(url, "g1", "a", "b")
    world.send_fifo(url, "g2", "x")
    assert world.bodies(url, 1, visibility_timeout=0) == ["a"]
    assert world.bodies(url, 1, visibility_timeout=0) == ["x"]
    assert world.bodies(url, 2, visibility_timeout=0) == ["a", "b"]


def test_turns_after_a_delete(world: World, url: str) -> None:
    """Fact 106: what was never received comes in order of arrival, whether or not its group gave something before."""
    world.send_fifo(url, "g1", "a")
    world.send_fifo(url, "g2", "x")
    world.send_fifo(url, "g1", "b")
    world.send_fifo(url, "g3", "y")
    world.delete(url, world.receive(url, 1)[0])
    assert world.bodies(url, 3) == ["x", "b", "y"]


def test_waiters(world: World, url: str) -> None:
    """Fact 107: a delete of what is in flight wakes a long poll at once, a send to the locked group does not."""
    world.send_fifo(url, "g", "a")
    held = world.receive(url)[0]
    waiting = world.poll(url)
    world.send_fifo(url, "g", "b")
    assert world.polled(waiting) is None
    world.delete(url, held)
    assert world.polled(waiting) == ["b"]


def test_emptied_group(world: World, url: str) -> None:
    """Fact 109: a group that was emptied works again."""
    for body in "ab":
        world.send_fifo(url, "g", body)
        message = world.receive(url)[0]
        assert message.body == body
        world.delete(url, message)


def test_retention_in_a_group(world: World) -> None:
    """A message that is past its retention no longer holds its group up, even in flight."""
    url = world.create("q.fifo", MessageRetentionPeriod=60, VisibilityTimeout=600)
    world.send_fifo(url, "g", "a")
    world.receive(url)
    world.advance(30_000)
    world.send_fifo(url, "g", "b")
    waiting = world.ask(sqs.ReceiveMessage(url, wait_time_seconds=20))
    world.advance(20_000)
    assert world.polled(waiting) == []
    waiting = world.ask(sqs.ReceiveMessage(url, wait_time_seconds=20))
    world.advance(10_000)
    assert world.polled(waiting) == ["b"]


def test_in_flight_limit(monkeypatch: pytest.MonkeyPatch, world: World, url: str) -> None:
    """Fact 92: beyond the limit in flight a FIFO queue just returns nothing."""
    monkeypatch.setattr(receive, "IN_FLIGHT_MAX", 2)
    for group in "abc":
        world.send_fifo(url, group, group)
    assert len(world.receive(url)) == 2
    assert world.receive(url) == []


def test_attempt(world: World, url: str) -> None:
    """Fact 93: the same attempt id gives the same messages and handles, hidden anew."""
    world.send_fifo(url, "g", "a", "b")
    first = world.receive(url, receive_request_attempt_id="try")
    world.advance(20_000)
    assert world.receive(url, receive_request_attempt_id="try") == first
    world.advance(29_999)
    assert world.receive(url) == []
    world.advance(1)
    assert world.bodies(url) == ["a", "b"]


def test_attempt_that_was_changed(world: World, url: str) -> None:
    """Fact 93: once a message of it was deleted or changed, an attempt id means a new receive."""
    world.send_fifo(url, "g", "a", "b")
    first = world.receive(url, 1, receive_request_attempt_id="try")
    world.delete(url, first[0])
    assert [m.body for m in world.receive(url, 1, receive_request_attempt_id="try")] == ["b"]


def test_attempt_ids(world: World, url: str) -> None:
    """Fact 93: an attempt id has 1 to 128 characters; a standard queue takes one and makes nothing of it, as AWS does."""
    with pytest.raises(InvalidParameterValue):
        world.receive(url, receive_request_attempt_id="x" * 129)
    assert world.receive(world.create("standard"), receive_request_attempt_id="x") == []


# Delete


def test_expired_handle(world: World, url: str) -> None:
    """Fact 111: an expired handle is refused, by a delete and by a change of visibility."""
    world.send_fifo(url, "g", "a")
    message = world.receive(url)[0]
    world.advance(30_000)
    with pytest.raises(InvalidParameterValue) as raised:
        world.delete(url, message)
    assert raised.value.message == (
        f"Value {message.receipt_handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )
    with pytest.raises(InvalidParameterValue):
        world.hide(url, message, 10)
    assert world.bodies(url) == ["a"]


def test_handle_of_an_older_receive(world: World, url: str) -> None:
    """Once another consumer has the message, the handle of the first no longer deletes it."""
    world.send_fifo(url, "g", "a")
    old = world.receive(url)[0]
    world.advance(30_000)
    new = world.receive(url)[0]
    with pytest.raises(InvalidParameterValue, match="expired"):
        world.delete(url, old)
    world.delete(url, new)
    assert not world.store.stored


def test_extended_handle(world: World, url: str) -> None:
    """Fact 111: a delete in the extended time works."""
    world.send_fifo(url, "g", "a")
    message = world.receive(url)[0]
    world.hide(url, message, 100)
    world.advance(99_999)
    world.delete(url, message)
    assert not world.store.stored


def test_durability(world: World, url: str) -> None:
    """Whatever happens to a FIFO queue is on disk before it is answered."""
    world.send_fifo(url, "g", "a")
    message = world.receive(url)[0]
    assert world.last.durable
    world.hide(url, message, 5)
    assert world.last.durable
    world.advance(5_000)
    waiting = world.poll(url)
    assert world.polled(waiting) == ["a"]
    assert world.last.durable
