"""Every action that changes something is on disk before its answer: the process dies, or the power fails, right behind it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.simulation.disk_world import DiskWorld
from tests.unit.broker.queues.world import World

from crossdock.aws.api import sqs
from crossdock.aws.shapes import Shape
from crossdock.broker.queues.machine import ACCOUNT_ACTIONS, QUEUE_ACTIONS, MachineSettings
from crossdock.broker.storage.files import Buffer, Files

ENTRY = sqs.SendMessageBatchRequestEntry("1", "another", message_group_id="g", message_deduplication_id="d2")


class Watched(Files):
    """Knows which files a power cut would cut short."""

    def __init__(self) -> None:
        self.unsynced: set[int] = set()

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        self.unsynced.add(file)
        return super().pwrite(file, data, offset)

    def datasync(self, file: int) -> None:
        self.unsynced.discard(file)


class Scene:
    """Two queues with messages, one the dead-letter queue of the other, and a handle of one that is in flight."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.dead = world.create("dead.fifo")
        self.dead_arn = world.arn(self.dead)
        policy = f'{{"deadLetterTargetArn":"{self.dead_arn}","maxReceiveCount":5}}'
        self.url = world.create("q.fifo", RedrivePolicy=policy)
        world.send_fifo(self.url, "a", "one")
        world.send_fifo(self.url, "b", "two")
        world.send_fifo(self.dead, "a", "lost")
        self.handle = world.receive(self.url, 1)[0].receipt_handle
        world.call(sqs.TagQueue(self.url, {"a": "b"}))
        world.call(sqs.AddPermission(self.url, "mine", ["000000000001"], ["SendMessage"]))

    def running_task(self) -> str:
        """The handle of a move task that has only begun."""
        return self.world.call(sqs.StartMessageMoveTask(self.dead_arn, None, 1)).task_handle


CHANGES: dict[type[Shape], Callable[[Scene], Shape]] = {
    sqs.CreateQueue: lambda scene: sqs.CreateQueue("new", {"VisibilityTimeout": "7"}, {"a": "b"}),
    sqs.SetQueueAttributes: lambda scene: sqs.SetQueueAttributes(scene.url, {"VisibilityTimeout": "7"}),
    sqs.TagQueue: lambda scene: sqs.TagQueue(scene.url, {"c": "d"}),
    sqs.UntagQueue: lambda scene: sqs.UntagQueue(scene.url, ["a"]),
    sqs.AddPermission: lambda scene: sqs.AddPermission(scene.url, "yours", ["000000000002"], ["SendMessage"]),
    sqs.RemovePermission: lambda scene: sqs.RemovePermission(scene.url, "mine"),
    sqs.PurgeQueue: lambda scene: sqs.PurgeQueue(scene.url),
    sqs.DeleteQueue: lambda scene: sqs.DeleteQueue(scene.url),
    sqs.SendMessage: lambda scene: sqs.SendMessage(
        scene.url, "new", message_group_id="g", message_deduplication_id="d"
    ),
    sqs.SendMessageBatch: lambda scene: sqs.SendMessageBatch(scene.url, [ENTRY]),
    sqs.ReceiveMessage: lambda scene: sqs.ReceiveMessage(scene.url),
    sqs.DeleteMessage: lambda scene: sqs.DeleteMessage(scene.url, scene.handle),
    sqs.DeleteMessageBatch: lambda scene: sqs.DeleteMessageBatch(
        scene.url, [sqs.DeleteMessageBatchRequestEntry("1", scene.handle)]
    ),
    sqs.ChangeMessageVisibility: lambda scene: sqs.ChangeMessageVisibility(scene.url, scene.handle, 600),
    sqs.ChangeMessageVisibilityBatch: lambda scene: sqs.ChangeMessageVisibilityBatch(
        scene.url, [sqs.ChangeMessageVisibilityBatchRequestEntry("1", scene.handle, 600)]
    ),
    sqs.StartMessageMoveTask: lambda scene: sqs.StartMessageMoveTask(scene.dead_arn, None, 1),
    sqs.CancelMessageMoveTask: lambda scene: sqs.CancelMessageMoveTask(scene.running_task()),
}

QUESTIONS = {
    sqs.GetQueueAttributes, sqs.ListQueueTags, sqs.ListDeadLetterSourceQueues, sqs.ListQueues, sqs.GetQueueUrl,
    sqs.ListMessageMoveTasks,
}  # fmt: skip


def test_every_action_is_a_change_or_a_question() -> None:
    """A new action has its place here."""
    assert CHANGES.keys() | QUESTIONS == QUEUE_ACTIONS.keys() | ACCOUNT_ACTIONS.keys()


@pytest.mark.parametrize("action", CHANGES, ids=lambda action: action.__name__)
def test_what_is_acknowledged_is_on_disk(tmp_path: Path, action: type[Shape]) -> None:
    """Behind the answer nothing waits for a sync, and a process that starts again knows of the change."""
    files = Watched()
    world = DiskWorld(tmp_path, MachineSettings(), 0, files)
    scene = Scene(world)
    command = CHANGES[action](scene)
    before = world.machine.describe(world.now_ms)
    world.call(command)
    assert not files.unsynced
    after = world.machine.describe(world.now_ms)
    assert after != before
    world.restart()
    assert world.machine.describe(world.now_ms) == after
    world.store.close()


def test_a_question_changes_nothing(tmp_path: Path) -> None:
    """Nor does it wait for the disk."""
    world = DiskWorld(tmp_path, MachineSettings(), 0, Watched())
    scene = Scene(world)
    for command in (
        sqs.GetQueueAttributes(scene.url, ["All"]),
        sqs.ListQueueTags(scene.url),
        sqs.ListDeadLetterSourceQueues(scene.dead),
        sqs.ListQueues(),
        sqs.GetQueueUrl("q.fifo"),
        sqs.ListMessageMoveTasks(scene.dead_arn, 1),
    ):
        world.call(command)
        assert type(command) in QUESTIONS
        assert not world.last.facts
    world.store.close()
