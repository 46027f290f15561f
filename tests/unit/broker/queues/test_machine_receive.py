"""Receiving from standard queues: short polls, long polls, order, attributes, retention."""

import pytest
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import InvalidParameterValue, OverLimit, QueueDoesNotExist
from crossdock.broker.queues import receive
from crossdock.broker.queues.machine import MachineSettings


def test_empty(world: World) -> None:
    """Fact 80: nothing there is an answer without messages."""
    url = world.create()
    assert world.call(sqs.ReceiveMessage(url)) == sqs.ReceiveMessageResult()


@pytest.mark.parametrize("limit", [0, 11, -1])
def test_limit(world: World, limit: int) -> None:
    """Fact 81: MaxNumberOfMessages is 1 to 10, by default 1."""
    url = world.create()
    text = (
        f"^Value {limit} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.$"
    )
    with pytest.raises(InvalidParameterValue, match=text):
        world.receive(url, limit)
    world.send(url)
    world.send(url)
    assert len(world.call(sqs.ReceiveMessage(url)).messages) == 1


@pytest.mark.parametrize("wait", [21, -1])
def test_wait_limit(world: World, wait: int) -> None:
    """Fact 82: WaitTimeSeconds is 0 to 20."""
    url = world.create()
    text = f"^Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.$"
    with pytest.raises(InvalidParameterValue, match=text):
        world.receive(url, wait_time_seconds=wait)


def test_members(world: World) -> None:
    """Fact 84: without attribute names a message has an id, a handle, its body and the MD5 of it."""
    url = world.create()
    sent = world.send(url, "hello", message_attributes={"k": sqs.MessageAttributeValue("String", "x")})
    message = world.receive(url)[0]
    assert message == sqs.Message(sent.message_id, message.receipt_handle, sent.md5_of_message_body, "hello")


def test_system_attributes(world: World) -> None:
    """Facts 85, 86 and 89: All shows sender, times and count; a name that means nothing here is ignored."""
    url = world.create(VisibilityTimeout=1)
    world.send(url)
    sent_ms = world.now_ms
    world.advance(500)
    first_ms = world.now_ms
    world.receive(url)
    world.advance(1_000)
    message = world.receive(url, message_system_attribute_names=["All"])[0]
    assert message.attributes == {
        "SenderId": "AIDAEXAMPLE",
        "SentTimestamp": str(sent_ms),
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": str(first_ms),
    }
    world.advance(1_000)
    assert world.receive(url, message_system_attribute_names=["SequenceNumber"])[0].attributes is None


def test_message_attributes(world: World) -> None:
    """Facts 65 and 88: attributes by prefix, with the MD5 of what is shown."""
    url = world.create(VisibilityTimeout=0)
    attributes = {name: sqs.MessageAttributeValue("String", "x") for name in ("k", "Hello", "Help")}
    world.send(url, message_attributes=attributes)
    shown = world.receive(url, message_attribute_names=["Hel.*"])[0]
    assert set(shown.message_attributes) == {"Hello", "Help"}
    only_k = world.receive(url, message_attribute_names=["k", "AWS.", "..foo"])[0]
    assert only_k.md5_of_message_attributes == "a45daa70926828a2f0a1db3418e6feb4"
    assert world.receive(url, message_attribute_names=["unknown"])[0].md5_of_message_attributes is None


def test_handles(world: World) -> None:
    """Fact 90: each receive makes a new handle, and the older one still deletes."""
    url = world.create(VisibilityTimeout=0)
    world.send(url)
    old, new = world.receive(url)[0], world.receive(url)[0]
    assert old.message_id == new.message_id
    assert old.receipt_handle != new.receipt_handle
    world.delete(url, old)
    assert world.receive(url) == []


def test_visibility_zero(world: World) -> None:
    """Fact 91: with VisibilityTimeout 0 the message is there again at once, once, and not twice in one answer."""
    url = world.create(VisibilityTimeout=30)
    world.send(url)
    assert world.bodies(url, visibility_timeout=0) == ["hello"]
    assert world.bodies(url) == ["hello"]
    assert world.bodies(url) == []
    with pytest.raises(InvalidParameterValue):
        world.receive(url, visibility_timeout=43_201)


def test_order(world: World) -> None:
    """Fact 94: the oldest first, and one that came back before newer ones."""
    url = world.create()
    for body in "abc":
        world.send(url, body)
    assert world.bodies(url, 1, visibility_timeout=1) == ["a"]
    world.advance(1_000)
    assert world.bodies(url) == ["a", "b", "c"]


def test_poison_goes_to_the_back(world: World) -> None:
    """A message that was received three times goes behind those that are in the queue by then."""
    url = world.create(VisibilityTimeout=1)
    world.send(url, "pill")
    for body in ("b", "c"):
        world.send(url, body)
    for _ in range(3):
        assert world.bodies(url, 1) == ["pill"]
        world.advance(1_000)
    world.send(url, "after")
    assert world.bodies(url) == ["b", "c", "pill", "after"]


def test_in_flight_limit(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Fact 92: beyond the limit a short poll is refused, a long poll waits."""
    monkeypatch.setattr(receive, "IN_FLIGHT_MAX", 3)
    url = world.create()
    for _ in range(5):
        world.send(url)
    held = world.receive(url)
    assert len(held) == 3
    with pytest.raises(OverLimit):
        world.receive(url)
    waiting = world.poll(url)
    assert world.polled(waiting) is None
    world.delete(url, held[0])
    assert world.polled(waiting) == ["hello"]


# Long polls


def test_long_poll_is_answered_by_a_send(world: World) -> None:
    """Fact 83: a long poll returns with the first message, in the step that sends it."""
    url = world.create()
    waiting = world.poll(url)
    assert world.polled(waiting) is None
    world.send(url, "now")
    assert world.polled(waiting) == ["now"]


def test_long_poll_ends_empty(world: World) -> None:
    """Fact 80: a long poll that finds nothing is answered empty when its time is over, and not before."""
    url = world.create()
    waiting = world.poll(url, wait=3)
    world.advance(2_999)
    assert world.polled(waiting) is None
    world.advance(1)
    assert world.replies[waiting] == sqs.ReceiveMessageResult()
    assert world.machine.waiting == 0


def test_wait_of_the_queue(world: World) -> None:
    """Fact 83: the queue's wait counts when the parameter is absent, and an explicit 0 overrides it."""
    url = world.create(ReceiveMessageWaitTimeSeconds=5)
    assert world.receive(url, wait_time_seconds=0) == []
    waiting = world.ask(sqs.ReceiveMessage(url))
    world.advance(4_999)
    assert waiting not in world.replies
    world.advance(1)
    assert waiting in world.replies


def test_long_poll_ends_with_a_delay(world: World) -> None:
    """Fact 83: a delayed message that falls due ends the wait, and so does one whose visibility ends."""
    url = world.create(VisibilityTimeout=8)
    world.send(url, delay_seconds=2)
    first = world.poll(url)
    world.advance(2_000)
    assert world.polled(first) == ["hello"]
    second = world.poll(url)
    world.advance(8_000)
    assert world.polled(second) == ["hello"]


def test_long_polls_in_turn(world: World) -> None:
    """Those who wait are served in the order in which they came."""
    url = world.create()
    first, second = world.poll(url, limit=1), world.poll(url, limit=1)
    world.send(url, "a")
    world.send(url, "b")
    assert (world.polled(first), world.polled(second)) == (["a"], ["b"])


def test_who_waits_is_before_who_comes(world: World) -> None:
    """A message that falls due at this very moment goes to the long poll that waits, not to the receive that comes."""
    url = world.create()
    world.send(url, delay_seconds=2)
    waiting = world.poll(url)
    world.clock.advance(2_000)
    assert world.bodies(url) == []
    assert world.polled(waiting) == ["hello"]


def test_abandoned(world: World) -> None:
    """A long poll whose client went away takes no message."""
    url = world.create()
    gone, there = world.poll(url), world.poll(url)
    world.machine.abandon(gone)
    world.machine.abandon("never seen")
    world.send(url)
    assert gone not in world.replies
    assert world.polled(there) == ["hello"]


def test_queue_deleted_under_a_long_poll(world: World) -> None:
    """A long poll on a queue that is deleted is told so."""
    url = world.create()
    waiting = world.poll(url)
    world.call(sqs.DeleteQueue(url))
    assert isinstance(world.replies[waiting], QueueDoesNotExist)


def test_drain(world: World) -> None:
    """When the broker stops, every long poll is answered empty."""
    url = world.create()
    waiting = [world.poll(url) for _ in range(3)]
    outcome = world.machine.drain()
    assert outcome.replies == [(ticket, sqs.ReceiveMessageResult()) for ticket in waiting]
    assert world.machine.waiting == 0


def test_too_many_long_polls() -> None:
    """Beyond the limit on waiters a long poll is refused at once."""
    world = World(MachineSettings(waiters_max=1))
    url = world.create()
    world.poll(url)
    refused = world.poll(url)
    assert isinstance(world.replies[refused], OverLimit)


def test_many_idle_long_polls_are_no_work(world: World) -> None:
    """The machine wants to be woken for the first end only, however many wait."""
    url = world.create()
    for _ in range(2_000):
        world.poll(url, wait=20)
    assert world.machine.next_deadline_ms() == world.now_ms + 20_000
    world.advance(20_000)
    assert world.machine.waiting == 0


# Retention


def test_retention(world: World) -> None:
    """Fact 139: a message past its retention vanishes, in flight too, and a delete with its handle still succeeds."""
    url = world.create(MessageRetentionPeriod=60, VisibilityTimeout=600)
    world.send(url, "held")
    held = world.receive(url)[0]
    world.send(url, "waiting")
    world.advance(60_000)
    assert world.counts(url) == (0, 0, 0)
    assert not world.store.stored
    world.delete(url, held)


def test_lower_retention(world: World) -> None:
    """Fact 47: lowering the retention ends that of messages that are there."""
    url = world.create()
    world.send(url, "old")
    world.send(url, "held")
    world.receive(url, 1)
    world.advance(100_000)
    world.send(url, "young")
    world.call(sqs.SetQueueAttributes(url, {"MessageRetentionPeriod": "90"}))
    world.advance(0)
    assert world.counts(url) == (1, 0, 0)
    assert world.bodies(url) == ["young"]


def test_raised_retention(world: World) -> None:
    """A longer retention keeps what is there for longer."""
    url = world.create(MessageRetentionPeriod=60)
    world.send(url, "untouched")
    world.send(url, "delayed", delay_seconds=30)
    world.call(sqs.SetQueueAttributes(url, {"MessageRetentionPeriod": "120"}))
    world.advance(119_999)
    assert world.counts(url) == (2, 0, 0)
    world.advance(1)
    assert world.counts(url) == (0, 0, 0)


def test_durability(world: World) -> None:
    """A receive from a standard queue need not wait for the disk; sends and deletes do."""
    url = world.create()
    world.send(url)
    assert world.last.durable
    message = world.receive(url)[0]
    assert not world.last.durable
    world.hide(url, message, 5)
    assert not world.last.durable
    world.delete(url, message)
    assert world.last.durable


def test_large_messages_fill_an_answer(world: World) -> None:
    """Ten messages of 1 MiB do not come at once, however they are written; they all come, and ten of 256 KiB do."""
    url = world.create()
    for number in range(10):
        world.send(url, f"{number}" + "x" * 1_000_000)
    sizes = []
    while messages := world.receive(url, 10):
        sizes.append(len(messages))
    assert sizes == [5, 5]
    for _ in range(10):
        world.send(url, "y" * 250_000)
    assert len(world.receive(url, 10)) == 10
