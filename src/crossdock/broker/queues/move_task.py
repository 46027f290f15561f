"""The message move task: messages of a dead-letter queue go back to where they came from, or to a queue that is named.

    start ──► RUNNING ──cancel──► CANCELLING ──stopped──► CANCELLED
                 │
                 ├──source empty──────► COMPLETED
                 └──cannot move──► FAILED

The machine moves the messages and tells the task. When `next_ms` has come it asks `due` how many may go now, moves as many, says
`moved_some`, and, where it is so, `source_empty`, `fail` or, to a task that is CANCELLING, `stopped`. After any change it
hands out `fact()`. That source and destination exist and may be used is left to the machine; so are the messages.

Source: SQS API reference, StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.
"""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice

import msgspec

from crossdock.aws import quotas
from crossdock.aws.api.sqs import ListMessageMoveTasksResultEntry, StartMessageMoveTask
from crossdock.aws.arn import parse_queue_arn
from crossdock.aws.errors import InvalidParameterValue, ResourceNotFound
from crossdock.broker.queues.facts import MoveTaskChanged

SLICE = 100
"""How many messages a task moves in one step when it has no rate, so that others get their turn."""

LASTS_MS_MIN = 1_000
"""A task is RUNNING at least so long, as on AWS: whoever starts one finds it in the list, and may cancel it."""

STALLED_MS = 100
"""When a task tries again that could move nothing: the first messages of a FIFO queue, as many as it looks at, are all held up."""


class Status(StrEnum):
    """The states, in the words of the API."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class Event(StrEnum):
    """What happens to a task."""

    CANCEL = "cancel"
    STOPPED = "stopped"
    SOURCE_EMPTY = "source empty"
    CANNOT_MOVE = "cannot move"


TRANSITIONS = {
    (Status.RUNNING, Event.CANCEL): Status.CANCELLING,
    (Status.RUNNING, Event.SOURCE_EMPTY): Status.COMPLETED,
    (Status.RUNNING, Event.CANNOT_MOVE): Status.FAILED,
    (Status.CANCELLING, Event.STOPPED): Status.CANCELLED,
}


class MoveTask:
    """One task. Times in milliseconds.

    A rate is kept by a schedule in ticks, of which a millisecond has as many as the rate and a move takes 1,000: no fractions.
    """

    __slots__ = ("_ready_ticks", "_stalled_until_ms", "_state")

    def __init__(self, state: MoveTaskChanged, now_ms: int) -> None:
        """A task in the state of its last fact; its pace begins at `now_ms`."""
        self._state = state
        self._ready_ticks = now_ms * (state.rate or 0)
        self._stalled_until_ms = 0

    @property
    def task_id(self) -> str:
        """The id inside the handle."""
        return self._state.task_id

    @property
    def source_arn(self) -> str:
        """The dead-letter queue that it empties."""
        return self._state.source_arn

    @property
    def destination_arn(self) -> str | None:
        """Where all messages go; None when each goes to its own source."""
        return self._state.destination_arn

    @property
    def moved(self) -> int:
        """How many messages it has moved."""
        return self._state.moved

    @property
    def started_ms(self) -> int:
        """When it was started."""
        return self._state.started_ms

    @property
    def status(self) -> Status:
        """Its state."""
        return Status(self._state.status)

    @property
    def active(self) -> bool:
        """Whether it still wants to be woken: RUNNING or CANCELLING."""
        return self.status in (Status.RUNNING, Status.CANCELLING)

    @property
    def handle(self) -> str:
        """The TaskHandle: base64 of compact JSON with task id and source ARN."""
        return b64encode(msgspec.json.encode(_Handle(self.task_id, self.source_arn))).decode()

    # Pace

    def due(self, now_ms: int) -> int:
        """How many messages may be moved now: a slice, or what the rate allows; 0 when it is not RUNNING.

        With a rate the first goes at once and each other one its share of a second later. What was missed is made up for, but no
        more than one second of it.
        """
        if self.status is not Status.RUNNING:
            return 0
        rate = self._state.rate
        if rate is None:
            return SLICE
        owed = (now_ms * rate - self._ready_ticks) // 1_000 + 1
        return max(0, min(owed, rate))

    def next_ms(self, now_ms: int) -> int | None:
        """When to step it again, which may be `now_ms`; None once it has ended."""
        if not self.active:
            return None
        if self.status is Status.CANCELLING:
            return now_ms
        rate = self._state.rate
        ready_ms = 0 if rate is None else -(-self._ready_ticks // rate)
        return max(now_ms, ready_ms, self._stalled_until_ms)

    # Events

    def moved_some(self, count: int, now_ms: int) -> None:
        """`count` messages were moved at `now_ms`. After none it waits a little."""
        if not count:
            self._stalled_until_ms = now_ms + STALLED_MS
        self._state.moved += count
        rate = self._state.rate or 0
        self._ready_ticks = max(self._ready_ticks, (now_ms - 1_000) * rate) + count * 1_000

    def has_lasted(self, now_ms: int) -> bool:
        """Whether it may end: it has been RUNNING for LASTS_MS_MIN."""
        return now_ms - self._state.started_ms >= LASTS_MS_MIN

    def source_empty(self) -> None:
        """Nothing is left to move: RUNNING → COMPLETED."""
        self._step(Event.SOURCE_EMPTY)

    def fail(self, reason: str) -> None:
        """A message cannot go where it should: RUNNING → FAILED; it and the rest stay in the source. `reason` is a FailureReason."""
        self._step(Event.CANNOT_MOVE)
        self._state.failure = reason

    def cancel(self) -> None:
        """RUNNING → CANCELLING; the rest stays in the source. Raises InvalidParameterValue when it is not RUNNING."""
        if self.status is not Status.RUNNING:
            raise InvalidParameterValue("Only active tasks can be cancelled.")
        self._step(Event.CANCEL)

    def stopped(self) -> None:
        """No move is under way any more: CANCELLING → CANCELLED."""
        self._step(Event.STOPPED)

    def _step(self, event: Event) -> None:
        self._state.status = TRANSITIONS[self.status, event].value

    # What it tells

    def fact(self) -> MoveTaskChanged:
        """The whole state, to be written down."""
        return msgspec.structs.replace(self._state)

    def entry(self) -> ListMessageMoveTasksResultEntry:
        """The task as ListMessageMoveTasks shows it."""
        state = self._state
        return ListMessageMoveTasksResultEntry(
            status=state.status,
            source_arn=state.source_arn,
            started_timestamp=state.started_ms,
            approximate_number_of_messages_moved=state.moved,
            approximate_number_of_messages_to_move=state.to_move,
            task_handle=self.handle if self.status is Status.RUNNING else None,
            destination_arn=state.destination_arn,
            max_number_of_messages_per_second=state.rate,
            failure_reason=state.failure,
        )


class MoveTasks:
    """All tasks, by source queue: of each at most one active, and the latest ten."""

    __slots__ = ("_by_source",)

    def __init__(self) -> None:
        self._by_source: dict[str, deque[MoveTask]] = {}

    def start(self, command: StartMessageMoveTask, task_id: str, to_move: int, now_ms: int) -> MoveTask:
        """A new RUNNING task over about `to_move` messages. Raises InvalidParameterValue while another is active on the same source."""
        if any(task.active for task in self._of(command.source_arn)):
            raise InvalidParameterValue(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
            )
        rate = command.max_number_of_messages_per_second
        state = MoveTaskChanged(
            task_id, command.source_arn, command.destination_arn, rate, Status.RUNNING.value, 0, to_move, now_ms
        )
        return self._add(MoveTask(state, now_ms))

    def restore(self, facts: Iterable[MoveTaskChanged], now_ms: int) -> None:
        """Take the tasks back after a restart; their pace starts anew, so that the time without a server is not made up for."""
        for fact in sorted(facts, key=lambda fact: fact.started_ms):
            self._add(MoveTask(fact, now_ms))

    def active(self) -> list[MoveTask]:
        """Those that want to be stepped."""
        return [tasks[0] for tasks in self._by_source.values() if tasks[0].active]

    def named(self, source_arn: str, task_id: str, since_ms: int) -> MoveTask:
        """The task that a handle means, of a source that was created at `since_ms`. Raises ResourceNotFound."""
        for task in self._since(source_arn, since_ms):
            if task.task_id == task_id:
                return task
        raise ResourceNotFound("Task does not exist.")

    def listing(self, source_arn: str, max_results: int | None, since_ms: int) -> list[ListMessageMoveTasksResultEntry]:
        """The latest tasks of a source that was created at `since_ms`, latest first; one, unless more are asked for.

        Raises InvalidParameterValue outside 1..10.
        """
        count = 1 if max_results is None else max_results
        if not 1 <= count <= quotas.MOVE_TASKS_LISTED_MAX:
            raise _out_of_range("MaxResults", 1, quotas.MOVE_TASKS_LISTED_MAX)
        return [task.entry() for task in islice(self._since(source_arn, since_ms), count)]

    def _of(self, source_arn: str) -> Iterable[MoveTask]:
        return self._by_source.get(source_arn, ())

    def _since(self, source_arn: str, since_ms: int) -> Iterable[MoveTask]:
        """Without those of an earlier queue of the same name."""
        return (task for task in self._of(source_arn) if task.started_ms >= since_ms)

    def _add(self, task: MoveTask) -> MoveTask:
        tasks = self._by_source.setdefault(task.source_arn, deque(maxlen=quotas.MOVE_TASKS_LISTED_MAX))
        tasks.appendleft(task)
        return task


# Parameters


class _Handle(msgspec.Struct, rename="camel", gc=False):
    """What a TaskHandle holds."""

    task_id: str
    source_arn: str


def parse_handle(handle: str) -> tuple[str, str]:
    """(task id, source ARN) of a TaskHandle. Raises InvalidParameterValue when it is none."""
    try:
        held = msgspec.json.decode(b64decode(handle, validate=True), type=_Handle)
    except (ValueError, RecursionError):
        raise InvalidParameterValue("Value for parameter TaskHandle is invalid.") from None
    return held.task_id, held.source_arn


def check_start(command: StartMessageMoveTask) -> None:
    """Raise InvalidParameterValue for what needs no look at a queue: ARNs that are not those of queues, a rate outside 1..500."""
    check_arn("SourceArn", command.source_arn)
    if command.destination_arn is not None:
        check_arn("DestinationArn", command.destination_arn)
    rate, (lowest, highest) = command.max_number_of_messages_per_second, quotas.MOVE_MESSAGES_PER_SECOND
    if rate is not None and not lowest <= rate <= highest:
        raise _out_of_range("MaxNumberOfMessagesPerSecond", lowest, highest)


def _out_of_range(parameter: str, lowest: int, highest: int) -> InvalidParameterValue:
    """The actions of move tasks do not quote the value."""
    range_text = f"You must enter a number that's between {lowest} and {highest}."
    return InvalidParameterValue(f"Value for parameter {parameter} is invalid. Reason: {range_text}")


def check_arn(parameter: str, arn: str) -> None:
    """Raise InvalidParameterValue for what is not the ARN of a queue."""
    if parse_queue_arn(arn) is None:
        raise InvalidParameterValue(
            f"You must use this format to specify the {parameter}: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
