"""After a restart the machine is as it was."""

import pytest
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.broker.queues.machine import MachineSettings


def same_after_restart(world: World) -> None:
    """Restart, and compare with what was."""
    world.store.commit()
    before = world.machine.describe(world.now_ms)
    world.restart()
    assert world.machine.describe(world.now_ms) == before


def test_standard(world: World) -> None:
    """Messages visible, in flight, delayed and returned, attributes and tags come back."""
    url = world.create(VisibilityTimeout=10)
    world.call(sqs.TagQueue(url, {"a": "b"}))
    world.call(sqs.SetQueueAttributes(url, {"DelaySeconds": "1"}))
    for number in range(10):
        world.send(url, str(number), delay_seconds=0)
    world.send(url, "delayed")
    world.receive(url, 2, visibility_timeout=1)
    world.advance(2_000)
    world.receive(url, 3)
    world.send(url, "delayed again")
    same_after_restart(world)
    assert world.counts(url) == (8, 3, 1)
    assert world.bodies(url, visibility_timeout=60) == ["3", "4", "5", "6", "7", "8", "9", "delayed"]
    world.advance(10_000)
    assert world.bodies(url) == ["0", "1", "2", "delayed again"]


def test_handles_survive(world: World) -> None:
    """A handle from before the restart deletes its message after it."""
    url = world.create()
    world.send(url)
    message = world.receive(url)[0]
    world.store.commit()
    world.restart()
    world.delete(url, message)
    assert not world.store.stored


@pytest.mark.parametrize("window", [4, 4_096])
def test_a_receive_that_was_lost(window: int) -> None:
    """A standard receive may be lost in a crash: its message is there again, and its handle still works, once."""
    world = World(MachineSettings(window=window))
    url = world.create()
    for number in range(20):
        world.send(url, str(number))
    held = world.receive(url, 3)
    world.restart()
    assert world.counts(url) == (20, 0, 0)
    entries = [
        sqs.DeleteMessageBatchRequestEntry(id, message.receipt_handle)
        for id, message in zip("abc", [held[0], held[0], held[1]], strict=True)
    ]
    assert world.call(sqs.DeleteMessageBatch(url, entries)).failed is None
    world.hide(url, held[2], 30)
    assert world.counts(url) == (17, 1, 0)
    assert world.bodies(url)[:2] == ["3", "4"]
    world.advance(30_000)
    assert "2" in world.bodies(url)


def test_a_lost_receive_that_is_prolonged(world: World) -> None:
    """A change of visibility with the handle of a lost receive brings the receive back for good."""
    url = world.create()
    world.send(url)
    held = world.receive(url)[0]
    world.restart()
    world.hide(url, held, 60)
    assert world.counts(url) == (0, 1, 0)
    same_after_restart(world)
    assert world.counts(url) == (0, 1, 0)
    world.advance(60_000)
    shown = world.receive(url, message_system_attribute_names=["ApproximateReceiveCount"])[0]
    assert shown.attributes == {"ApproximateReceiveCount": "2"}


def test_fifo(world: World) -> None:
    """Groups, what holds them up, sequence numbers and the memory of deduplication come back."""
    url = world.create("q.fifo")
    world.send_fifo(url, "g", "a", "b")
    world.send_fifo(url, "h", "x")
    held = world.receive(url, 1)[0]
    original = world.send(url, "d", message_group_id="i", message_deduplication_id="d")
    same_after_restart(world)
    again = world.send(url, "d", message_group_id="i", message_deduplication_id="d")
    assert again.message_id == original.message_id
    assert world.bodies(url) == ["x", "d"]
    world.delete(url, held)
    assert world.bodies(url) == ["b"]
    world.call(sqs.PurgeQueue(url))
    later = world.send(url, "e", message_group_id="i", message_deduplication_id="e")
    assert later.sequence_number > original.sequence_number


def test_fifo_delays(world: World) -> None:
    """Delayed messages of a FIFO queue are still delayed, in order, after a restart."""
    url = world.create("q.fifo", DelaySeconds=10)
    world.send_fifo(url, "g", "a", "b")
    world.advance(5_000)
    world.restart()
    assert world.bodies(url) == []
    world.advance(5_000)
    assert world.bodies(url) == ["a", "b"]


def test_fair(world: World) -> None:
    """Tenants come back with their messages."""
    url = world.create()
    for number in range(6):
        world.send(url, str(number), message_group_id=f"g{number % 2}")
    world.receive(url, 2)
    same_after_restart(world)
    assert world.bodies(url, visibility_timeout=60) == ["2", "3", "4", "5"]
    world.advance(30_000)
    assert world.bodies(url) == ["0", "1"]


def test_dead_letters(world: World) -> None:
    """A dead letter is in its new queue, and only there, with its history."""
    dead = world.create("dead")
    policy = f'{{"deadLetterTargetArn":"{world.arn(dead)}","maxReceiveCount":1}}'
    source = world.create("source", VisibilityTimeout=1, RedrivePolicy=policy)
    world.send(source, "pill")
    world.receive(source)
    world.advance(1_000)
    world.receive(source)
    same_after_restart(world)
    shown = world.receive(dead, message_system_attribute_names=["ApproximateReceiveCount"])[0]
    assert shown.attributes == {"ApproximateReceiveCount": "2"}


def test_numbers_are_never_used_again(world: World) -> None:
    """A queue created after a restart does not get the number of one that was deleted."""
    world.call(sqs.DeleteQueue(world.create("a")))
    world.restart()
    world.create("b")
    assert [queue.created.queue for queue in world.store.queues.values()] == [2]


def test_retention_passed_while_down(world: World) -> None:
    """Messages whose retention ended while the broker was down are gone when it comes back."""
    url = world.create(MessageRetentionPeriod=60)
    for number in range(30):
        world.send(url, str(number))
    world.clock.advance(60_000)
    world.restart()
    world.advance(1_000)
    assert world.counts(url) == (0, 0, 0)
    assert not world.store.stored
