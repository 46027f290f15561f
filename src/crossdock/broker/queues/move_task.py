"""The message move task: messages of a dead-letter queue go back to where they came from, or to a queue that is named.

    start ──► RUNNING ──cancel──► CANCELLING ──stopped──► CANCELLED
                 │
                 ├──source empty──────► COMPLETED
                 └──destination gone──► FAILED

The machine moves the messages and tells the task: it asks `due(now_ms)` how many may go now, moves them, reports `moved_some`, and
then either `source_empty`, `destination_gone` or nothing; `next_ms` says when to ask again. After each step that changes a task the
machine hands out `task.fact()`. That source and destination exist and may be used is left to the machine.

Source: SQS API reference, StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.
"""

from enum import StrEnum

from crossdock.aws.api.sqs import ListMessageMoveTasksResultEntry, StartMessageMoveTask
from crossdock.broker.queues.facts import MoveTaskChanged


class Status(StrEnum):
    """The states, in the words of the API."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class MoveTask:
    """One task. Times in milliseconds."""

    task_id: str
    source_arn: str
    destination_arn: str | None
    rate: int | None
    status: Status
    moved: int
    to_move: int
    started_ms: int
    failure: str | None

    @property
    def handle(self) -> str:
        """The TaskHandle: base64 of compact JSON with task id and source ARN."""
        raise NotImplementedError

    @property
    def active(self) -> bool:
        """Whether it still wants to be woken: RUNNING or CANCELLING."""
        raise NotImplementedError

    def due(self, now_ms: int) -> int:
        """How many messages may be moved now: at most a slice, 0 when not RUNNING."""
        raise NotImplementedError

    def next_ms(self, now_ms: int) -> int | None:
        """When to step the task again; may be now; None once it has ended."""
        raise NotImplementedError

    def moved_some(self, count: int, now_ms: int) -> None:
        """`count` messages were moved."""
        raise NotImplementedError

    def source_empty(self) -> None:
        """Nothing is left to move: RUNNING → COMPLETED."""
        raise NotImplementedError

    def destination_gone(self) -> None:
        """The destination no longer exists: RUNNING → FAILED."""
        raise NotImplementedError

    def cancel(self) -> None:
        """RUNNING → CANCELLING. Raises UnsupportedOperation when it is not RUNNING."""
        raise NotImplementedError

    def stopped(self) -> None:
        """No move is under way any more: CANCELLING → CANCELLED."""
        raise NotImplementedError

    def fact(self) -> MoveTaskChanged:
        """The whole state, to be written down."""
        raise NotImplementedError

    def entry(self) -> ListMessageMoveTasksResultEntry:
        """The task as ListMessageMoveTasks shows it."""
        raise NotImplementedError


class MoveTasks:
    """All tasks, by source queue: at most one active, and the latest ten of each."""

    def start(self, command: StartMessageMoveTask, task_id: str, to_move: int, now_ms: int) -> MoveTask:
        """A new RUNNING task. Raises InvalidParameterValue while another is active on the same source."""
        raise NotImplementedError

    def active(self) -> list[MoveTask]:
        """Those that want to be stepped."""
        raise NotImplementedError

    def named(self, source_arn: str, task_id: str) -> MoveTask:
        """The task that a handle means. Raises ResourceNotFound, "Task does not exist."."""
        raise NotImplementedError

    def listing(self, source_arn: str, max_results: int | None) -> list[ListMessageMoveTasksResultEntry]:
        """The tasks of a source, latest first. Raises InvalidParameterValue outside 1..10."""
        raise NotImplementedError

    def restore(self, fact: MoveTaskChanged, now_ms: int) -> None:
        """Take back a task after a restart; its pace starts anew."""
        raise NotImplementedError


def check_start(command: StartMessageMoveTask) -> None:
    """What StartMessageMoveTask can refuse without looking at a queue: ill-formed ARNs, a rate outside 1..500."""
    raise NotImplementedError


def parse_handle(handle: str) -> tuple[str, str]:
    """(task id, source ARN) of a TaskHandle. Raises InvalidParameterValue."""
    raise NotImplementedError
