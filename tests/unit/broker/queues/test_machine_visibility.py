"""ChangeMessageVisibility and DeleteMessage, and their batches, on standard queues."""

import pytest
from tests.unit.broker.queues.world import CALLER, World

from crossdock.aws.api import sqs
from crossdock.aws.errors import InvalidParameterValue, ReceiptHandleIsInvalid


def test_counts_from_the_call(world: World) -> None:
    """Fact 95: the timeout counts from the call, and the next receive does not remember it."""
    url = world.create(VisibilityTimeout=30)
    world.send(url)
    message = world.receive(url)[0]
    world.advance(20_000)
    world.hide(url, message, 15)
    world.advance(14_999)
    assert world.receive(url) == []
    world.advance(1)
    assert world.bodies(url) == ["hello"]
    world.advance(29_999)
    assert world.receive(url) == []
    world.advance(1)
    assert world.bodies(url) == ["hello"]


def test_zero(world: World) -> None:
    """Fact 95: 0 brings the message back at once, to whoever waits."""
    url = world.create()
    world.send(url)
    message = world.receive(url)[0]
    waiting = world.poll(url)
    world.hide(url, message, 0)
    assert world.polled(waiting) == ["hello"]


def test_after_the_end(world: World) -> None:
    """Fact 96: on a standard queue a handle hides its message again after the visibility ended."""
    url = world.create(VisibilityTimeout=1)
    world.send(url)
    message = world.receive(url)[0]
    world.advance(1_000)
    assert world.counts(url) == (1, 0, 0)
    world.hide(url, message, 5)
    assert world.counts(url) == (0, 1, 0)
    assert world.receive(url) == []
    world.advance(5_000)
    assert world.bodies(url) == ["hello"]


def test_hidden_again_and_again(world: World) -> None:
    """A message that is hidden while it is visible comes back once, not twice."""
    url = world.create(VisibilityTimeout=1)
    world.send(url, "a")
    message = world.receive(url)[0]
    for _ in range(3):
        world.advance(1_000)
        world.hide(url, message, 1)
    world.advance(1_000)
    world.send(url, "b")
    assert world.bodies(url) == ["a", "b"]


def test_older_handle(world: World) -> None:
    """Fact 96: an older handle changes the message after a newer receive."""
    url = world.create(VisibilityTimeout=1)
    world.send(url)
    old = world.receive(url)[0]
    world.advance(1_000)
    world.receive(url, visibility_timeout=600)
    world.hide(url, old, 0)
    assert world.bodies(url) == ["hello"]


def test_deleted(world: World) -> None:
    """Fact 97: a message that was deleted is not available for a change."""
    url = world.create()
    world.send(url)
    message = world.receive(url)[0]
    world.delete(url, message)
    with pytest.raises(InvalidParameterValue) as raised:
        world.hide(url, message, 5)
    assert raised.value.message == (
        f"Value {message.receipt_handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )


def test_garbage(world: World) -> None:
    """Fact 98: a malformed handle, for a change and for a delete."""
    url = world.create()
    text = '^The input receipt handle "garbage" is not a valid receipt handle.$'
    with pytest.raises(ReceiptHandleIsInvalid, match=text):
        world.call(sqs.ChangeMessageVisibility(url, "garbage", 1))
    with pytest.raises(ReceiptHandleIsInvalid, match=text):
        world.call(sqs.DeleteMessage(url, "garbage"))


def test_range(world: World) -> None:
    """Fact 99: at most twelve hours, and at most twelve hours in all since the receive."""
    url = world.create(VisibilityTimeout=600)
    world.send(url)
    message = world.receive(url)[0]
    with pytest.raises(InvalidParameterValue, match="Must be between 0 and 43200"):
        world.hide(url, message, 43_201)
    world.advance(1_000)
    with pytest.raises(InvalidParameterValue, match="Total VisibilityTimeout for the message is beyond the limit"):
        world.hide(url, message, 43_200)
    world.hide(url, message, 43_199)


def test_counts(world: World) -> None:
    """Fact 100: visible, in flight and delayed are counted apart."""
    url = world.create()
    for _ in range(3):
        world.send(url)
    world.send(url, delay_seconds=60)
    message = world.receive(url, 1)[0]
    assert world.counts(url) == (2, 1, 1)
    world.delete(url, message)
    assert world.counts(url) == (2, 0, 1)


def test_delete_by_any_handle(world: World) -> None:
    """Fact 110: an expired handle deletes, an older one too, and once more after that."""
    url = world.create(VisibilityTimeout=1)
    world.send(url)
    old = world.receive(url)[0]
    world.advance(1_000)
    newer = world.receive(url)[0]
    world.advance(1_000)
    world.delete(url, old)
    assert world.receive(url) == []
    world.delete(url, old)
    world.delete(url, newer)


def test_handle_of_another_queue(world: World) -> None:
    """A handle of one queue means nothing to another."""
    one, other = world.create("one"), world.create("other")
    world.send(one)
    message = world.receive(one)[0]
    with pytest.raises(ReceiptHandleIsInvalid):
        world.delete(other, message)


def test_delete_batch(world: World) -> None:
    """Fact 112: a bad handle fails its entry; a message named twice is deleted once."""
    url = world.create()
    world.send(url)
    message = world.receive(url)[0]
    entries = [
        sqs.DeleteMessageBatchRequestEntry("good", message.receipt_handle),
        sqs.DeleteMessageBatchRequestEntry("again", message.receipt_handle),
        sqs.DeleteMessageBatchRequestEntry("bad", "garbage"),
    ]
    result = world.call(sqs.DeleteMessageBatch(url, entries))
    assert [entry.id for entry in result.successful] == ["good", "again"]
    assert [(entry.id, entry.code, entry.sender_fault) for entry in result.failed] == [
        ("bad", "ReceiptHandleIsInvalid", True)
    ]
    assert not world.store.stored


def test_visibility_batch(world: World) -> None:
    """Each entry of a batch stands for itself."""
    url = world.create()
    for body in "ab":
        world.send(url, body)
    handles = [message.receipt_handle for message in world.receive(url)]
    entries = [
        sqs.ChangeMessageVisibilityBatchRequestEntry("zero", handles[0], 0),
        sqs.ChangeMessageVisibilityBatchRequestEntry("long", handles[1], 43_201),
    ]
    result = world.call(sqs.ChangeMessageVisibilityBatch(url, entries))
    assert [entry.id for entry in result.successful] == ["zero"]
    assert [entry.id for entry in result.failed] == ["long"]
    assert world.bodies(url) == ["a"]


def test_results(world: World) -> None:
    """Fact 113: these actions answer with nothing."""
    url = world.create()
    world.send(url)
    message = world.receive(url)[0]
    for command in (
        sqs.ChangeMessageVisibility(url, message.receipt_handle, 5),
        sqs.DeleteMessage(url, message.receipt_handle),
        sqs.SetQueueAttributes(url, {"DelaySeconds": "1"}),
        sqs.TagQueue(url, {"a": "b"}),
        sqs.UntagQueue(url, ["a"]),
        sqs.PurgeQueue(url),
        sqs.DeleteQueue(url),
    ):
        assert world.call(command) is None


def test_many_deletes_leave_nothing_behind(world: World) -> None:
    """Deadlines of deleted messages do not pile up, however long they would have been hidden."""
    url = world.create(VisibilityTimeout=43_200)
    queue = world.machine._registry.of_url(url, CALLER)
    for _ in range(5_000):
        world.send(url)
        world.delete(url, world.receive(url)[0])
    assert len(queue._deadlines) < 3_000
