"""Dead-letter queues and message move tasks."""

import json

import pytest
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.errors import ApiError, InvalidParameterValue, ResourceNotFound


def redrive(arn: str, count: int = 1) -> str:
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": count})


def pair(world: World, name: str = "source", target: str = "dead", count: int = 1) -> tuple[str, str]:
    """A queue and its dead-letter queue."""
    dead = world.create(target)
    return world.create(name, VisibilityTimeout=1, RedrivePolicy=redrive(world.arn(dead), count)), dead


def bury(world: World, source: str, *bodies: str) -> None:
    """Send messages and have each of them dead-lettered."""
    for body in bodies:
        world.send(source, body)
    while any(world.counts(source)):
        world.receive(source)
        world.advance(1_000)


# Configuration


@pytest.mark.parametrize("target", ["nowhere", "other.fifo"])
def test_dead_letter_queue_must_fit(world: World, target: str) -> None:
    """Fact 44: the dead-letter queue must exist and be of the same type, at creation and later."""
    world.create("other.fifo")
    policy = redrive(f"arn:aws:sqs:us-east-1:000000000000:{target}")
    with pytest.raises(InvalidParameterValue, match=r"for parameter RedrivePolicy is invalid. Reason: Dead"):
        world.create("source", RedrivePolicy=policy)
    url = world.create("source")
    with pytest.raises(InvalidParameterValue):
        world.call(sqs.SetQueueAttributes(url, {"RedrivePolicy": policy}))
    with pytest.raises(InvalidParameterValue):
        world.create("f.fifo", RedrivePolicy=redrive("arn:aws:sqs:us-east-1:000000000000:source"))


def test_same_account_and_region(world: World) -> None:
    """Fact 44: a dead-letter queue elsewhere will not do."""
    world.create("dead")
    with pytest.raises(
        InvalidParameterValue, match=r"Reason: Dead-letter target must be in same region as the source\.$"
    ):
        world.create("source", RedrivePolicy=redrive("arn:aws:sqs:eu-west-1:000000000000:dead"))
    with pytest.raises(
        InvalidParameterValue, match=r"Reason: Dead-letter target owner should be same as the source\.$"
    ):
        world.create("source", RedrivePolicy=redrive("arn:aws:sqs:us-east-1:111122223333:dead"))


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:source"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:else"]}, False),
    ],
)
def test_redrive_allow_policy(world: World, allow: dict[str, object], allowed: bool) -> None:
    """Fact 45: the dead-letter queue decides which queues may name it."""
    dead = world.create("dead", RedriveAllowPolicy=json.dumps(allow))
    policy = redrive(world.arn(dead))
    if allowed:
        world.create("source", RedrivePolicy=policy)
    else:
        with pytest.raises(InvalidParameterValue):
            world.create("source", RedrivePolicy=policy)


def test_sources(world: World) -> None:
    """Fact 129: ListDeadLetterSourceQueues names them, in pages where asked for."""
    dead = world.create("dead")
    urls = [world.create(f"s{i}", RedrivePolicy=redrive(world.arn(dead))) for i in range(3)]
    assert world.call(sqs.ListDeadLetterSourceQueues(dead)).queue_urls == urls
    page = world.call(sqs.ListDeadLetterSourceQueues(dead, max_results=2))
    assert page.queue_urls == urls[:2]
    assert world.call(sqs.ListDeadLetterSourceQueues(dead, page.next_token, 2)).queue_urls == urls[2:]
    assert world.call(sqs.ListDeadLetterSourceQueues(urls[0])).queue_urls is None


# Dead-lettering


def test_moves_on_the_attempt_too_many(world: World) -> None:
    """Fact 125: received once, moved at the next attempt, which returns the other messages."""
    source, dead = pair(world)
    world.send(source, "pill")
    assert world.bodies(source) == ["pill"]
    world.advance(1_000)
    assert world.counts(dead) == (0, 0, 0)
    world.send(source, "other")
    assert world.bodies(source) == ["other"]
    assert world.bodies(dead) == ["pill"]


def test_history_of_a_dead_letter(world: World) -> None:
    """Fact 126: id, body, attributes and times stay, the count goes on, the source is named."""
    source, dead = pair(world)
    attributes = {"k": sqs.MessageAttributeValue("String", "x")}
    trace = {"AWSTraceHeader": sqs.MessageAttributeValue("String", "Root=1")}
    sent = world.send(source, "pill", message_attributes=attributes, message_system_attributes=trace)
    sent_ms = world.now_ms
    world.advance(100)
    received_ms = world.now_ms
    world.receive(source)
    world.advance(1_000)
    assert world.receive(source) == []
    message = world.receive(dead, message_system_attribute_names=["All"], message_attribute_names=["All"])[0]
    assert message.message_id == sent.message_id
    assert message.md5_of_message_attributes == sent.md5_of_message_attributes
    assert message.attributes == {
        "SenderId": "AIDAEXAMPLE",
        "SentTimestamp": str(sent_ms),
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": str(received_ms),
        "AWSTraceHeader": "Root=1",
        "DeadLetterQueueSourceArn": world.arn(source),
    }


def test_dead_letter_wakes_a_long_poll(world: World) -> None:
    """Who waits at the dead-letter queue gets the message in the step that moves it, when it is on disk."""
    source, dead = pair(world)
    world.send(source, "pill")
    world.receive(source)
    waiting = world.poll(dead)
    world.advance(1_000)
    world.receive(source)
    assert world.polled(waiting) == ["pill"]
    assert world.last.durable


def test_dead_letter_queue_that_is_gone(world: World) -> None:
    """Without its dead-letter queue a message is received on and on."""
    source, dead = pair(world)
    world.send(source, "pill")
    world.call(sqs.DeleteQueue(dead))
    for _ in range(3):
        assert world.bodies(source) == ["pill"]
        world.advance(1_000)


def test_fifo_dead_letters(world: World) -> None:
    """Fact 127: the group goes on behind a dead-lettered message, which keeps its id and its group."""
    source, dead = pair(world, "source.fifo", "dead.fifo")
    world.send_fifo(source, "g", "pill", "next")
    pill = world.receive(source, 1)[0]
    world.advance(1_000)
    assert world.bodies(source) == ["next"]
    message = world.receive(dead, message_system_attribute_names=["MessageGroupId"])[0]
    assert message.message_id == pill.message_id
    assert message.attributes == {"MessageGroupId": "g"}


@pytest.mark.parametrize(("suffix", "left"), [("", 0), (".fifo", 1)])
def test_retention_of_dead_letters(world: World, suffix: str, left: int) -> None:
    """Fact 128: retention goes on in a standard dead-letter queue, and begins again in a FIFO one."""
    dead = world.create(f"dead{suffix}", MessageRetentionPeriod=60)
    source = world.create(f"source{suffix}", VisibilityTimeout=1, RedrivePolicy=redrive(world.arn(dead)))
    group = {"message_group_id": "g", "message_deduplication_id": "d"} if suffix else {}
    world.send(source, "pill", **group)
    world.receive(source)
    world.advance(50_000)
    world.receive(source)
    assert world.counts(dead) == (1, 0, 0)
    world.advance(20_000)
    assert world.counts(dead) == (left, 0, 0)


def test_a_longer_retention_is_that_of_what_comes_later(world: World) -> None:
    """What was over when the retention was prolonged stays over; an old message that is dead-lettered afterwards is not over."""
    dead = world.create("dead", MessageRetentionPeriod=60)
    source = world.create("source", VisibilityTimeout=1, RedrivePolicy=redrive(world.arn(dead)))
    world.send(source, "pill")
    world.receive(source)
    world.advance(600_000)
    world.call(sqs.SetQueueAttributes(dead, {"MessageRetentionPeriod": "86400"}))
    world.receive(source)
    assert world.bodies(dead) == ["pill"]


def test_no_ping_pong(world: World) -> None:
    """Two queues that are each other's dead-letter queue pass a message on once per receive."""
    one = world.create("one", VisibilityTimeout=1)
    other = world.create("other", VisibilityTimeout=1, RedrivePolicy=redrive(world.arn(one)))
    world.call(sqs.SetQueueAttributes(one, {"RedrivePolicy": redrive(world.arn(other))}))
    waiting = {url: world.poll(url) for url in (one, other)}
    world.send(one, "ball")
    assert world.polled(waiting[one]) == ["ball"]
    world.advance(1_000)
    assert world.bodies(one) == []
    assert world.polled(waiting[other]) == ["ball"]


# Move tasks


def start(world: World, dead: str, destination: str | None = None, rate: int | None = None) -> str:
    """The handle of a new task."""
    arn = None if destination is None else world.arn(destination)
    return world.call(sqs.StartMessageMoveTask(world.arn(dead), arn, rate)).task_handle


def task_of(world: World, dead: str) -> sqs.ListMessageMoveTasksResultEntry:
    return world.call(sqs.ListMessageMoveTasks(world.arn(dead))).results[0]


def test_source_must_be_a_dead_letter_queue(world: World) -> None:
    """Facts 130 and 131: the source is some queue's dead-letter queue; unknown queues are not found."""
    source, dead = pair(world)
    with pytest.raises(InvalidParameterValue, match=r"^Source queue must be configured as a Dead Letter Queue\.$"):
        start(world, source)
    unknown = "arn:aws:sqs:us-east-1:000000000000:nowhere"
    with pytest.raises(ResourceNotFound, match="The resource that you specified for the SourceArn parameter"):
        world.call(sqs.StartMessageMoveTask(unknown))
    with pytest.raises(ResourceNotFound, match="The resource that you specified for the DestinationArn parameter"):
        world.call(sqs.StartMessageMoveTask(world.arn(dead), unknown))


def test_back_to_where_they_came_from(world: World) -> None:
    """Fact 136: without a destination each message returns to its own source, and begins anew."""
    dead = world.create("dead")
    sources = [world.create(f"s{i}", VisibilityTimeout=1, RedrivePolicy=redrive(world.arn(dead))) for i in range(2)]
    for source, body in zip(sources, "ab", strict=True):
        bury(world, source, body)
    start(world, dead)
    world.advance(0)
    for source, body in zip(sources, "ab", strict=True):
        message = world.receive(source, message_system_attribute_names=["All"])[0]
        assert message.body == body
        assert message.attributes["ApproximateReceiveCount"] == "1"
        assert "DeadLetterQueueSourceArn" not in message.attributes
    assert task_of(world, dead).status == "RUNNING"
    world.advance(1_000)
    assert task_of(world, dead).status == "COMPLETED"
    assert task_of(world, dead).approximate_number_of_messages_moved == 2


def test_to_a_destination(world: World) -> None:
    """A task with a destination moves all messages there, and wakes who waits."""
    source, dead = pair(world)
    destination = world.create("destination")
    bury(world, source, "a", "b")
    waiting = world.poll(destination)
    start(world, dead, destination)
    world.advance(0)
    assert world.polled(waiting) == ["a", "b"]
    assert world.counts(dead) == (0, 0, 0)


def test_rate(world: World) -> None:
    """Fact 137: the first moves at once; four at one a second take three seconds."""
    source, dead = pair(world)
    destination = world.create("destination")
    bury(world, source, *"abcd")
    start(world, dead, destination, rate=1)
    world.advance(0)
    assert world.counts(destination)[0] == 1
    world.advance(2_999)
    assert world.counts(destination)[0] == 3
    world.advance(1)
    assert world.counts(destination)[0] == 4


def test_one_task_at_a_time(world: World) -> None:
    """Fact 132: a second task while one runs is refused."""
    source, dead = pair(world)
    bury(world, source, *"ab")
    start(world, dead, rate=1)
    with pytest.raises(InvalidParameterValue, match="There is already a task running"):
        start(world, dead)


def test_cancel(world: World) -> None:
    """Facts 134 and 138: a cancelled task leaves the rest where it is."""
    source, dead = pair(world)
    bury(world, source, *"abc")
    handle = start(world, dead, rate=1)
    world.advance(1_000)
    assert world.call(sqs.CancelMessageMoveTask(handle)).approximate_number_of_messages_moved == 2
    world.advance(10_000)
    assert task_of(world, dead).status == "CANCELLED"
    assert world.counts(dead)[0] == 1
    for bad in ("garbage", handle):
        with pytest.raises(ApiError):
            world.call(sqs.CancelMessageMoveTask(bad))


def test_destination_gone(world: World) -> None:
    """Fact 138: a task whose destination is deleted fails, and the rest stays."""
    source, dead = pair(world)
    destination = world.create("destination")
    bury(world, source, *"abc")
    start(world, dead, destination, rate=1)
    world.advance(0)
    world.call(sqs.DeleteQueue(destination))
    world.advance(10_000)
    entry = task_of(world, dead)
    assert (entry.status, entry.failure_reason) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert world.counts(dead)[0] == 2
    assert world.bodies(dead) == ["b", "c"]


def test_a_message_that_nobody_dead_lettered(world: World) -> None:
    """A task without a destination fails at a message that was sent to the dead-letter queue; with a destination it goes on."""
    _, dead = pair(world)
    world.send(dead, "sent here")
    start(world, dead)
    world.advance(0)
    entry = task_of(world, dead)
    assert (entry.status, entry.failure_reason) == ("FAILED", "CouldNotDetermineMessageSource")
    assert world.counts(dead) == (1, 0, 0)
    destination = world.create("destination")
    start(world, dead, destination)
    world.advance(0)
    assert world.bodies(destination) == ["sent here"]


def test_task_over_a_restart(world: World) -> None:
    """A task goes on after a restart."""
    source, dead = pair(world)
    bury(world, source, *"abc")
    start(world, dead, rate=1)
    world.advance(0)
    world.restart()
    world.advance(5_000)
    assert task_of(world, dead).status == "COMPLETED"
    assert sorted(world.bodies(source)) == ["a", "b", "c"]


def test_fifo_move_task(world: World) -> None:
    """A FIFO dead-letter queue gives back its groups in order."""
    source, dead = pair(world, "source.fifo", "dead.fifo")
    world.send_fifo(source, "g", *"abc")
    while any(world.counts(source)):
        world.receive(source)
        world.advance(1_000)
    start(world, dead)
    world.advance(0)
    assert world.bodies(source) == ["a", "b", "c"]
    with pytest.raises(InvalidParameterValue):
        start(world, dead, world.create("standard"))
