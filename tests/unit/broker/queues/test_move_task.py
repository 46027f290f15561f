"""The message move task: states, pace, handles, listings."""

import contextlib
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.api.sqs import StartMessageMoveTask
from crossdock.aws.errors import InvalidParameterValue, ResourceNotFound
from crossdock.broker.queues.move_task import (
    SLICE,
    TRANSITIONS,
    Event,
    MoveTask,
    MoveTasks,
    Status,
    check_start,
    parse_handle,
)

SOURCE = "arn:aws:sqs:us-east-1:000000000000:dlq"
TARGET = "arn:aws:sqs:us-east-1:000000000000:q"
NOW = 1_700_000_000_000


def start(
    tasks: MoveTasks | None = None, task_id: str = "id", rate: int | None = None, target: str | None = None
) -> MoveTask:
    """A task over four messages that starts now."""
    command = StartMessageMoveTask(SOURCE, target, rate)
    return (tasks or MoveTasks()).start(command, task_id, 4, NOW)


# States


def test_every_way_through_the_states() -> None:
    """The picture in the module's docstring, and no other transition."""
    assert TRANSITIONS == {
        (Status.RUNNING, Event.CANCEL): Status.CANCELLING,
        (Status.CANCELLING, Event.STOPPED): Status.CANCELLED,
        (Status.RUNNING, Event.SOURCE_EMPTY): Status.COMPLETED,
        (Status.RUNNING, Event.CANNOT_MOVE): Status.FAILED,
    }


def test_a_task_completes_when_its_source_is_empty() -> None:
    """RUNNING → COMPLETED; it does not want to be woken any more."""
    task = start()
    task.moved_some(4, NOW)
    task.source_empty()
    assert (task.status, task.moved, task.active, task.due(NOW), task.next_ms(NOW)) == ("COMPLETED", 4, False, 0, None)


def test_a_task_that_cannot_go_on_fails() -> None:
    """Fact 138: status FAILED, with the reason that it was given."""
    task = start(target=TARGET)
    task.fail("AWS.SimpleQueueService.NonExistentQueue")
    entry = task.entry()
    assert (entry.status, entry.failure_reason) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")


def test_a_cancelled_task_moves_nothing_more() -> None:
    """Fact 138: after cancel nothing is due; it wants one more step, and is CANCELLED then."""
    task = start(rate=1)
    task.moved_some(1, NOW)
    task.cancel()
    assert (task.status, task.due(NOW + 60_000), task.next_ms(NOW)) == ("CANCELLING", 0, NOW)
    task.stopped()
    assert (task.status, task.moved, task.next_ms(NOW)) == ("CANCELLED", 1, None)


def test_only_a_running_task_is_cancelled() -> None:
    """A task that has ended, or is being cancelled, refuses another cancel."""
    task = start()
    task.cancel()
    with pytest.raises(InvalidParameterValue, match=r"^Only active tasks can be cancelled\.$"):
        task.cancel()


# Pace


def test_without_a_rate_a_slice_is_due_at_any_time() -> None:
    """No rate: a bounded slice per step, and the next step at once."""
    task = start()
    task.moved_some(SLICE, NOW)
    assert (task.due(NOW), task.next_ms(NOW)) == (SLICE, NOW)


def test_the_first_message_moves_at_once() -> None:
    """Fact 137: at one a second, four messages take three seconds."""
    task = start(rate=1)
    moved_at = []
    now = NOW
    while task.moved < 4:
        assert task.due(now) == 1
        task.moved_some(1, now)
        moved_at.append(now - NOW)
        assert task.due(now) == 0
        now = task.next_ms(now) or 0
    assert moved_at == [0, 1_000, 2_000, 3_000]


@given(st.integers(1, 500), st.lists(st.integers(0, 5_000), max_size=30))
def test_a_rate_is_never_exceeded(rate: int, pauses: list[int]) -> None:
    """Whenever it is asked, a task lets go no more than its rate in a second and one second's worth on top."""
    task, now = start(rate=rate), NOW
    for pause in pauses:
        now += pause
        due = task.due(now)
        assert due <= rate
        task.moved_some(due, now)
        assert task.moved <= (now - NOW) * rate / 1_000 + 1
        assert task.due(task.next_ms(now) or 0) >= 1


def test_a_pause_is_not_made_up_for() -> None:
    """After a minute without a step at most one second's worth is due, and then the pace goes on."""
    task = start(rate=10)
    late = NOW + 60_000
    assert task.due(late) == 10
    task.moved_some(10, late)
    assert task.due(late) <= 1
    assert task.due(late + 1_000) <= 11


# Handles


def test_a_handle_is_base64_of_compact_json() -> None:
    """Fact 133: taskId and sourceArn, compact, in base64."""
    handle = start(task_id="7f5c3d").handle
    assert b64decode(handle) == json.dumps({"taskId": "7f5c3d", "sourceArn": SOURCE}, separators=(",", ":")).encode()
    assert parse_handle(handle) == ("7f5c3d", SOURCE)


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "garbage",
        "é",
        "e30=",
        b64encode(b"[" * 100_000).decode(),
        b64encode(b'{"taskId":1,"sourceArn":"a"}').decode(),
    ],
)
def test_a_handle_that_is_none_is_refused(handle: str) -> None:
    """Fact 134: a garbage handle is InvalidParameterValue."""
    with pytest.raises(InvalidParameterValue) as caught:
        parse_handle(handle)
    assert caught.value.message == "Value for parameter TaskHandle is invalid."


@given(st.text())
def test_any_handle_is_read_or_refused(handle: str) -> None:
    """No text makes the reading fail in any other way."""
    with contextlib.suppress(InvalidParameterValue):
        parse_handle(handle)


# Collections


def test_there_is_one_active_task_for_a_source() -> None:
    """Fact 132: a second start is refused while one runs or is being cancelled, and accepted afterwards."""
    tasks = MoveTasks()
    task = start(tasks)
    for _ in range(2):
        with pytest.raises(InvalidParameterValue) as caught:
            start(tasks)
        assert caught.value.message == (
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        )
        if task.status is Status.RUNNING:
            task.cancel()
    assert tasks.active() == [task]
    task.stopped()
    assert tasks.active() == []
    assert start(tasks, "second") in tasks.active()


def test_an_unknown_task_is_not_found() -> None:
    """Fact 134: an unknown task, or one of another source, is a 404."""
    tasks = MoveTasks()
    task = start(tasks, "known")
    assert tasks.named(SOURCE, "known", NOW) is task
    for source, task_id in ((SOURCE, "unknown"), (TARGET, "known")):
        with pytest.raises(ResourceNotFound) as caught:
            tasks.named(source, task_id, NOW)
        assert (caught.value.message, caught.value.status) == ("Task does not exist.", 404)


def test_a_listing_is_latest_first_and_one_long_unless_asked() -> None:
    """Fact 135: the latest comes first; one by default, ten at most."""
    tasks = MoveTasks()
    for number in range(12):
        start(tasks, str(number), rate=number + 1).source_empty()
    assert [entry.max_number_of_messages_per_second for entry in tasks.listing(SOURCE, None, NOW)] == [12]
    assert [entry.max_number_of_messages_per_second for entry in tasks.listing(SOURCE, 10, NOW)] == list(
        range(12, 2, -1)
    )
    assert tasks.listing(TARGET, 10, NOW) == []
    assert tasks.listing(SOURCE, 10, NOW + 1) == []
    for wrong in (0, 11, -1):
        with pytest.raises(InvalidParameterValue):
            tasks.listing(SOURCE, wrong, NOW)


def test_an_entry_shows_the_handle_only_while_running() -> None:
    """Fact 135: numbers of messages, the time of the start; destination and rate only if given; the handle only while RUNNING."""
    task = start()
    entry = task.entry()
    assert (entry.status, entry.source_arn, entry.started_timestamp) == ("RUNNING", SOURCE, NOW)
    assert (entry.approximate_number_of_messages_moved, entry.approximate_number_of_messages_to_move) == (0, 4)
    assert entry.task_handle == task.handle
    assert (entry.destination_arn, entry.max_number_of_messages_per_second, entry.failure_reason) == (None, None, None)
    task.source_empty()
    assert task.entry().task_handle is None
    named = start(rate=5, target=TARGET).entry()
    assert (named.destination_arn, named.max_number_of_messages_per_second) == (TARGET, 5)


def test_a_fact_is_the_whole_state_at_its_time() -> None:
    """A task restored from its last fact tells the same; a fact handed out does not change afterwards."""
    tasks = MoveTasks()
    task = start(tasks, rate=2, target=TARGET)
    first = task.fact()
    task.moved_some(1, NOW)
    assert (first.moved, task.fact().moved) == (0, 1)
    restored = MoveTasks()
    restored.restore([task.fact()], NOW + 60_000)
    again = restored.named(SOURCE, "id", NOW)
    assert again.fact() == task.fact()
    assert again.entry() == task.entry()
    assert again.due(NOW + 60_000) == 1


def test_restored_tasks_are_in_order_of_their_start() -> None:
    """In whatever order a store gives them back, the latest comes first."""
    old, new = MoveTasks(), MoveTasks()
    earlier, later = start(old, "earlier").fact(), start(new, "later").fact()
    later.started_ms += 1
    restored = MoveTasks()
    restored.restore([later, earlier], NOW)
    assert [entry.started_timestamp for entry in restored.listing(SOURCE, 2, NOW)] == [NOW + 1, NOW]


# Parameters


@pytest.mark.parametrize("rate", [None, 1, 500])
def test_a_start_that_is_right_passes(rate: int | None) -> None:
    """Fact 137: rates of 1 to 500, or none."""
    check_start(StartMessageMoveTask(SOURCE, TARGET, rate))


@pytest.mark.parametrize(
    ("command", "parameter"),
    [
        (StartMessageMoveTask("dlq"), "SourceArn"),
        (StartMessageMoveTask(SOURCE, "q"), "DestinationArn"),
        (StartMessageMoveTask(SOURCE, None, 0), "MaxNumberOfMessagesPerSecond"),
        (StartMessageMoveTask(SOURCE, None, 501), "MaxNumberOfMessagesPerSecond"),
    ],
)
def test_a_start_that_is_wrong_in_itself_is_refused(command: StartMessageMoveTask, parameter: str) -> None:
    """Fact 137: ill-formed ARNs and rates outside 1 to 500 are InvalidParameterValue."""
    with pytest.raises(InvalidParameterValue) as caught:
        check_start(command)
    assert parameter in caught.value.message
