"""Message move tasks: dead letters go back, or elsewhere."""

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

NO_SOURCE = (
    "ResourceNotFoundException",
    "The resource that you specified for the SourceArn parameter doesn't exist.",
    404,
)
ELSEWHERE = "arn:aws:sqs:us-east-1:000000000000:no-such-queue"


def handle_of(task_id: str, source: str) -> str:
    """A task handle as SQS makes them."""
    return base64.b64encode(
        json.dumps({"taskId": task_id, "sourceArn": source}, separators=(",", ":")).encode()
    ).decode()


def test_to_a_destination(
    sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bury: Call, bodies: Call, clock: BrokerClock
) -> None:
    """Facts 133 and 135: the handle's form, and the entry of a completed task."""
    url, dead = with_dead_letters()
    destination = create()
    source, target = arn_of(dead), arn_of(destination)
    bury(url, "message-1", "message-2")
    started_ms = clock.now_ms()
    task = sqs.start_message_move_task(SourceArn=source, DestinationArn=target)["TaskHandle"]
    content = json.loads(base64.b64decode(task))
    assert content == {"taskId": str(UUID(content["taskId"])), "sourceArn": source}
    assert task == handle_of(content["taskId"], source)
    clock.advance(1)
    assert bodies(destination) == ["message-1", "message-2"]
    assert bodies(dead) == []
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"] == [
        {
            "Status": "COMPLETED",
            "SourceArn": source,
            "DestinationArn": target,
            "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 2,
            "StartedTimestamp": started_ms,
        }
    ]


def test_back_to_where_they_came_from(
    sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bury: Call, receive: Call, clock: BrokerClock
) -> None:
    """Facts 135 and 136: without a destination each message returns to its own queue, for a fresh start there."""
    one, dead = with_dead_letters()
    source = arn_of(dead)
    two = create(RedrivePolicy=json.dumps({"deadLetterTargetArn": source, "maxReceiveCount": 1}))
    bury(one, "1-1", "1-2")
    bury(two, "2-1", "2-2")
    sqs.start_message_move_task(SourceArn=source)
    clock.advance(1)
    for url, texts in ((one, ["1-1", "1-2"]), (two, ["2-1", "2-2"])):
        messages = receive(url, AttributeNames=["ApproximateReceiveCount"])
        assert [message["Body"] for message in messages] == texts
        assert {message["Attributes"]["ApproximateReceiveCount"] for message in messages} == {"1"}
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert task.keys() == {
        "Status",
        "SourceArn",
        "ApproximateNumberOfMessagesMoved",
        "ApproximateNumberOfMessagesToMove",
        "StartedTimestamp",
    }


def test_pace(
    sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bury: Call, counts: Call, clock: BrokerClock
) -> None:
    """Facts 132, 135 and 137: the first moves at once, one a second follows; meanwhile there is no second task."""
    url, dead = with_dead_letters()
    destination = create()
    source = arn_of(dead)
    bury(url, *"abcd")
    asked = {"SourceArn": source, "DestinationArn": arn_of(destination), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**asked)["TaskHandle"]
    clock.advance(0.1)
    for moved in (1, 2, 3):
        assert counts(destination)[0] == moved
        (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
        assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
        assert task["MaxNumberOfMessagesPerSecond"] == 1
        assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (moved, 4)
        clock.advance(1)
    assert counts(destination)[0] == 4


def test_one_at_a_time(
    sqs: Any, with_dead_letters: Call, arn_of: Call, bury: Call, refusal: Call, clock: BrokerClock
) -> None:
    """Fact 132: a second task for the same source waits for the end of the first."""
    url, dead = with_dead_letters()
    source = arn_of(dead)
    bury(url, *"abc")
    sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)
    assert refusal(sqs.start_message_move_task, SourceArn=source) == (
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        400,
    )
    clock.advance(5)
    sqs.start_message_move_task(SourceArn=source)


def test_cancel(
    sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bury: Call, counts: Call, clock: BrokerClock
) -> None:
    """Facts 134, 135 and 138: what has moved is told and stays moved, the rest stays where it is."""
    url, dead = with_dead_letters()
    destination = create()
    source = arn_of(dead)
    bury(url, *(str(number) for number in range(10)))
    asked = {"SourceArn": source, "DestinationArn": arn_of(destination), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**asked)["TaskHandle"]
    clock.advance(1.5)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 2
    clock.advance(10)
    assert (counts(destination)[0], counts(dead)[0]) == (2, 8)
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert task["Status"] == "CANCELLED"
    assert "TaskHandle" not in task


def test_a_destination_that_goes_away(
    sqs: Any, with_dead_letters: Call, create: Call, arn_of: Call, bury: Call, counts: Call, clock: BrokerClock
) -> None:
    """Facts 135 and 138: the task fails, says why, and the rest stays in the dead-letter queue."""
    url, dead = with_dead_letters()
    destination = create()
    source = arn_of(dead)
    bury(url, *"abc")
    asked = {"SourceArn": source, "DestinationArn": arn_of(destination), "MaxNumberOfMessagesPerSecond": 1}
    sqs.start_message_move_task(**asked)
    clock.advance(0.5)
    sqs.delete_queue(QueueUrl=destination)
    clock.advance(5)
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert task["Status"] == "FAILED"
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert task["ApproximateNumberOfMessagesMoved"] == 1
    assert "TaskHandle" not in task
    assert counts(dead)[0] == 2


def test_the_latest_first(sqs: Any, with_dead_letters: Call, arn_of: Call, refusal: Call, clock: BrokerClock) -> None:
    """Fact 135: one task unless more are asked for, ten at most, the latest first."""
    _, dead = with_dead_letters()
    source = arn_of(dead)
    assert "Results" not in sqs.list_message_move_tasks(SourceArn=source)
    started = []
    for _ in range(12):
        started.append(clock.now_ms())
        sqs.start_message_move_task(SourceArn=source)
        clock.advance(1)
    assert len(sqs.list_message_move_tasks(SourceArn=source)["Results"]) == 1
    tasks = sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]
    assert [task["StartedTimestamp"] for task in tasks] == started[:1:-1]
    for number in (0, 11):
        assert refusal(sqs.list_message_move_tasks, SourceArn=source, MaxResults=number) == (
            "InvalidParameterValue",
            "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10.",
            400,
        )


def test_a_task_lasts_a_moment(
    sqs: Any, with_dead_letters: Call, arn_of: Call, refusal: Call, clock: BrokerClock
) -> None:
    """Facts 132, 134 and 135: a task with nothing to move is RUNNING at first, so that it is seen, and can be cancelled."""
    _, dead = with_dead_letters()
    source = arn_of(dead)
    handle = sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    (task,) = sqs.list_message_move_tasks(SourceArn=source)["Results"]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 0
    clock.advance(1)
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "CANCELLED"
    late = sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    clock.advance(1)
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "COMPLETED"
    for over in (handle, late):
        assert refusal(sqs.cancel_message_move_task, TaskHandle=over) == (
            "InvalidParameterValue",
            "Only active tasks can be cancelled.",
            400,
        )


def test_a_new_queue_of_an_old_name(
    sqs: Any, with_dead_letters: Call, arn_of: Call, refusal: Call, clock: BrokerClock
) -> None:
    """Fact 135: the tasks of a deleted queue are not those of a new one with its name."""
    _, dead = with_dead_letters()
    source = arn_of(dead)
    handle = sqs.start_message_move_task(SourceArn=source)["TaskHandle"]
    clock.advance(2)
    sqs.delete_queue(QueueUrl=dead)
    clock.advance(60)
    sqs.create_queue(QueueName=dead.rpartition("/")[2])
    assert "Results" not in sqs.list_message_move_tasks(SourceArn=source)
    assert refusal(sqs.cancel_message_move_task, TaskHandle=handle)[:2] == (
        "ResourceNotFoundException",
        "Task does not exist.",
    )


@pytest.mark.parametrize("rate", [0, -1, 501])
def test_rates(sqs: Any, with_dead_letters: Call, arn_of: Call, refusal: Call, rate: int) -> None:
    """Fact 137: 1 to 500 messages a second."""
    _, dead = with_dead_letters()
    asked = {"SourceArn": arn_of(dead), "MaxNumberOfMessagesPerSecond": rate}
    assert refusal(sqs.start_message_move_task, **asked) == (
        "InvalidParameterValue",
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
        "Reason: You must enter a number that's between 1 and 500.",
        400,
    )


def test_destinations_that_will_not_do(
    sqs: Any, with_dead_letters: Call, create_fifo: Call, arn_of: Call, refusal: Call
) -> None:
    """Fact 131: the source itself, a queue of the other type, and what is no ARN."""
    _, dead = with_dead_letters()
    source = arn_of(dead)
    for destination, why in (
        (source, "Source queue arn and destination queue arn cannot be the same."),
        (arn_of(create_fifo()), "The source queue and destination queue must be of the same queue type."),
        (
            "x",
            "You must use this format to specify the DestinationArn: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
        ),
    ):
        asked = {"SourceArn": source, "DestinationArn": destination}
        assert refusal(sqs.start_message_move_task, **asked) == ("InvalidParameterValue", why, 400)


def test_a_message_without_a_source(
    sqs: Any, with_dead_letters: Call, arn_of: Call, counts: Call, clock: BrokerClock
) -> None:
    """Fact 138: a message that was sent to the dead-letter queue has nowhere to go back to; the task fails and says so."""
    _, dead = with_dead_letters()
    sqs.send_message(QueueUrl=dead, MessageBody="sent here")
    sqs.start_message_move_task(SourceArn=arn_of(dead))
    clock.advance(1)
    (task,) = sqs.list_message_move_tasks(SourceArn=arn_of(dead))["Results"]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert counts(dead)[0] == 1


def test_the_source_is_a_dead_letter_queue(sqs: Any, create: Call, arn_of: Call, refusal: Call) -> None:
    """Fact 130: a queue that nobody's RedrivePolicy names has nothing to move."""
    source, destination = arn_of(create()), arn_of(create())
    assert refusal(sqs.start_message_move_task, SourceArn=source, DestinationArn=destination) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
        400,
    )


def test_queues_that_are_not_there(sqs: Any, with_dead_letters: Call, arn_of: Call, refusal: Call) -> None:
    """Fact 131: an unknown source or destination is a resource that was not found."""
    _, dead = with_dead_letters()
    assert refusal(sqs.start_message_move_task, SourceArn=ELSEWHERE) == NO_SOURCE
    assert refusal(sqs.list_message_move_tasks, SourceArn=ELSEWHERE) == NO_SOURCE
    assert refusal(sqs.start_message_move_task, SourceArn=arn_of(dead), DestinationArn=ELSEWHERE) == (
        "ResourceNotFoundException",
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
        404,
    )


def test_handles_that_mean_no_task(sqs: Any, create: Call, arn_of: Call, refusal: Call) -> None:
    """Fact 134: no handle at all, one of an unknown queue, and one of an unknown task."""
    task_id = "10f57157-fc38-4da9-a113-4de7e12d05dd"
    cancel = sqs.cancel_message_move_task
    garbage = ("InvalidParameterValue", "Value for parameter TaskHandle is invalid.", 400)
    assert refusal(cancel, TaskHandle="foobared") == garbage
    assert refusal(cancel, TaskHandle=handle_of(task_id, ELSEWHERE)) == NO_SOURCE
    unknown = ("ResourceNotFoundException", "Task does not exist.", 404)
    assert refusal(cancel, TaskHandle=handle_of(task_id, arn_of(create()))) == unknown
