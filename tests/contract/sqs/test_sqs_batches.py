"""The three batches: what refuses a whole call, what fails one entry."""

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.testing import BrokerClock

Call = Callable[..., Any]

BAD_ID = (
    "AWS.SimpleQueueService.InvalidBatchEntryId",
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
    "It can be at most 80 letters long.",
    400,
)
MIB = 1_048_576

BATCHES = {
    "send_message_batch": ("SendMessageBatchRequestEntry", {"MessageBody": "x"}),
    "delete_message_batch": ("DeleteMessageBatchRequestEntry", {"ReceiptHandle": "h"}),
    "change_message_visibility_batch": (
        "ChangeMessageVisibilityBatchRequestEntry",
        {"ReceiptHandle": "h", "VisibilityTimeout": 1},
    ),
}
"""The batch actions: what an entry is called, and what one holds besides its id."""


def entries(*bodies: str, **more: Any) -> list[dict[str, Any]]:
    """Entries of a SendMessageBatch with ids id-0, id-1 and so on."""
    return [{"Id": f"id-{number}", "MessageBody": body, **more} for number, body in enumerate(bodies)]


# The whole call


@pytest.mark.parametrize("method", BATCHES)
def test_no_entry(sqs: Any, create: Call, refusal: Call, method: str) -> None:
    """Fact 114: an empty batch is refused, with the name of its entries."""
    assert refusal(getattr(sqs, method), QueueUrl=create(), Entries=[]) == (
        "AWS.SimpleQueueService.EmptyBatchRequest",
        f"There should be at least one {BATCHES[method][0]} in the request.",
        400,
    )


@pytest.mark.parametrize("method", BATCHES)
@pytest.mark.parametrize("count", [11, 20])
def test_too_many_entries(sqs: Any, create: Call, refusal: Call, method: str, count: int) -> None:
    """Fact 115: ten entries at most."""
    batch = [{"Id": str(number), **BATCHES[method][1]} for number in range(count)]
    assert refusal(getattr(sqs, method), QueueUrl=create(), Entries=batch) == (
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        f"Maximum number of entries per request are 10. You have sent {count}.",
        400,
    )


@pytest.mark.parametrize("method", BATCHES)
@pytest.mark.parametrize("entry_id", ["", "testLongId" * 9, "invalid:id", "a b", "ü"])
def test_bad_ids(sqs: Any, create: Call, refusal: Call, method: str, entry_id: str) -> None:
    """Fact 116: 1 to 80 letters, digits, hyphens and underscores."""
    batch = [{"Id": entry_id, **BATCHES[method][1]}]
    assert refusal(getattr(sqs, method), QueueUrl=create(), Entries=batch) == BAD_ID


@pytest.mark.parametrize("method", BATCHES)
def test_repeated_ids(sqs: Any, create: Call, refusal: Call, method: str) -> None:
    """Fact 117: the first id that is found a second time is named."""
    batch = [{"Id": entry_id, **BATCHES[method][1]} for entry_id in ("id_1", "id_2", "id_2", "id_1")]
    refused = ("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id id_2 repeated.", 400)
    assert refusal(getattr(sqs, method), QueueUrl=create(), Entries=batch) == refused


def test_the_sum_of_sizes(sqs: Any, create: Call, refusal: Call, bodies: Call) -> None:
    """Facts 118 and 121: together 1 MiB whatever the queue's own limit, attributes included; then nothing is stored."""
    url = create()
    attributes = {"k": {"DataType": "String", "StringValue": "x"}}
    first = {"Id": "1", "MessageBody": "a" * (MIB - len("kStringx")), "MessageAttributes": attributes}
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=[first, {"Id": "2", "MessageBody": "a"}]) == (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
        400,
    )
    assert bodies(url) == []
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=[first])["Successful"]) == 1


def test_a_fifo_batch_without_a_group(sqs: Any, create_fifo: Call, refusal: Call, bodies: Call) -> None:
    """Facts 67 and 121: one entry without a group refuses the whole call, under another code than a single send."""
    url = create_fifo()
    batch = [*entries("a", MessageGroupId="g"), {"Id": "x", "MessageBody": "b"}]
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=batch) == (
        "InvalidParameterValue",
        "The request must contain the parameter MessageGroupId.",
        400,
    )
    assert bodies(url) == []


def test_a_fifo_batch_without_deduplication(sqs: Any, create_fifo: Call, refusal: Call, bodies: Call) -> None:
    """Facts 68 and 121: so does one that nothing recognises a duplicate of."""
    url = create_fifo(ContentBasedDeduplication="false")
    batch = [
        *entries("a", MessageGroupId="g", MessageDeduplicationId="d"),
        {"Id": "x", "MessageBody": "b", "MessageGroupId": "g"},
    ]
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=batch) == (
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        400,
    )
    assert bodies(url) == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            {"DelaySeconds": 3},
            "Value 3 for parameter DelaySeconds is invalid. "
            "Reason: The request include parameter that is not valid for this queue type.",
        ),
        ({"MessageBody": ""}, "The request must contain the parameter SendMessageBatchRequestEntry.2.MessageBody."),
        (
            {"MessageBody": "x" * 1_025},
            "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
        ),
        (
            {"MessageGroupId": "a b"},
            "Value a b for parameter MessageGroupId is invalid. "
            "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
    ],
)
def test_one_wrong_entry_of_a_fifo_batch(
    sqs: Any, create_fifo: Call, refusal: Call, bodies: Call, wrong: dict[str, Any], text: str
) -> None:
    """On a FIFO queue a wrong entry refuses the whole call, since the others would come out of order."""
    url = create_fifo(MaximumMessageSize="1024")
    batch = entries("a", "b", MessageGroupId="g")
    batch[1] |= wrong
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=batch) == ("InvalidParameterValue", text, 400)
    assert bodies(url) == []


# Single entries


def test_success(sqs: Any, create: Call, receive: Call) -> None:
    """Facts 55 and 120: one result for each entry, as of a single send; no Failed key when none failed."""
    url = create()
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries(*(f"body-{number}" for number in range(10))))
    assert "Failed" not in answer
    assert [result["Id"] for result in answer["Successful"]] == [f"id-{number}" for number in range(10)]
    assert all(result.keys() == {"Id", "MessageId", "MD5OfMessageBody"} for result in answer["Successful"])
    messages = receive(url)
    assert {m["MessageId"] for m in messages} == {result["MessageId"] for result in answer["Successful"]}
    gone = [{"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages]
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=gone)
    assert "Failed" not in deleted
    assert [result["Id"] for result in deleted["Successful"]] == [entry["Id"] for entry in gone]


def test_invalid_contents(sqs: Any, create: Call, bodies: Call) -> None:
    """Facts 51 and 120: an entry with a bad character fails alone, with status 200."""
    url = create()
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries("good", "\x01", "fine"))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("id-1", "InvalidMessageContents", True)
    assert bodies(url) == ["good", "fine"]


def test_an_empty_body(sqs: Any, create: Call) -> None:
    """Fact 120: an entry with an empty body fails alone, with a code that no other call has."""
    answer = sqs.send_message_batch(QueueUrl=create(), Entries=entries("good", ""))
    assert len(answer["Successful"]) == 1
    assert answer["Failed"] == [
        {
            "Id": "id-1",
            "Code": "EmptyValue",
            "Message": "No Value Found for SendMessageBatchRequestEntry.2.MessageBody.",
            "SenderFault": True,
        }
    ]


def test_the_queues_own_limit(sqs: Any, create: Call) -> None:
    """Fact 119: it holds for each entry, in words of its own, and not for the sum."""
    url = create(MaximumMessageSize="1024")
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries("a" * 1_024, "b" * 1_025, "c" * 1_024))
    assert [result["Id"] for result in answer["Successful"]] == ["id-0", "id-2"]
    assert answer["Failed"] == [
        {
            "Id": "id-1",
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
            "SenderFault": True,
        }
    ]


def test_delays(sqs: Any, create: Call, bodies: Call, clock: BrokerClock) -> None:
    """Fact 58: each entry has its own delay, and one out of range fails its entry."""
    url = create()
    batch = [{"Id": str(delay), "MessageBody": str(delay), "DelaySeconds": delay} for delay in (0, 1, 1_800)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=batch)
    assert [failed["Id"] for failed in answer["Failed"]] == ["1800"]
    assert bodies(url) == ["0"]
    clock.advance(1)
    assert bodies(url) == ["1"]


def test_fifo_order(sqs: Any, create_fifo: Call, bodies: Call) -> None:
    """Facts 55 and 122: a FIFO batch keeps the order of its entries and gives each a sequence number."""
    url = create_fifo()
    batch = entries(*"cabd", MessageGroupId="g")
    numbers = [result["SequenceNumber"] for result in sqs.send_message_batch(QueueUrl=url, Entries=batch)["Successful"]]
    assert numbers == sorted(numbers, key=int)
    assert bodies(url) == ["c", "a", "b", "d"]


def test_deleting_with_a_bad_handle(sqs: Any, create: Call, receive: Call) -> None:
    """Fact 112: it fails its entry and no other."""
    url = create()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    batch = [
        {"Id": "bad", "ReceiptHandle": "garbage"},
        {"Id": "good", "ReceiptHandle": receive(url)[0]["ReceiptHandle"]},
    ]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=batch)
    assert [result["Id"] for result in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "ReceiptHandleIsInvalid", True)


def test_changing_visibility(sqs: Any, create: Call, receive: Call, bodies: Call) -> None:
    """Facts 95 and 120: each entry has its own timeout; a bad handle or timeout fails its entry."""
    url = create()
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    handles = {message["Body"]: message["ReceiptHandle"] for message in receive(url)}
    nothing = {"Id": "nothing", "ReceiptHandle": handles["b"]}
    batch = [
        {"Id": "back", "ReceiptHandle": handles["a"], "VisibilityTimeout": 0},
        {"Id": "later", "ReceiptHandle": handles["b"], "VisibilityTimeout": 60},
        {"Id": "long", "ReceiptHandle": handles["c"], "VisibilityTimeout": 43_201},
        {"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 0},
        nothing,
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=batch)
    assert [result["Id"] for result in answer["Successful"]] == ["back", "later"]
    assert {failed["Id"]: failed["Code"] for failed in answer["Failed"]} == {
        "long": "InvalidParameterValue",
        "bad": "ReceiptHandleIsInvalid",
        "nothing": "MissingParameter",
    }
    assert bodies(url) == ["a"]
    (failed,) = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[nothing])["Failed"]
    assert failed["Message"] == (
        "The request must contain the parameter ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout."
    )


def test_entries_without_a_handle_or_a_body(sqs: Any, create: Call) -> None:
    """What an entry lacks, its id apart, fails the entry and not the call."""
    url = create()
    missing = {"Code": "MissingParameter", "Message": "The request must contain the parameter ReceiptHandle."}
    failed = {"Id": "a", "SenderFault": True}
    assert sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a"}])["Failed"] == [{**failed, **missing}]
    batch = [{"Id": "a", "VisibilityTimeout": 1}]
    assert sqs.change_message_visibility_batch(QueueUrl=url, Entries=batch)["Failed"] == [{**failed, **missing}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a"}, *entries("b")])
    assert [entry["Code"] for entry in answer["Failed"]] == ["EmptyValue"]
    assert len(answer["Successful"]) == 1


def test_a_timeout_out_of_range_comes_before_a_bad_handle(sqs: Any, create: Call, refusal: Call) -> None:
    """A batch words it otherwise than ChangeMessageVisibility does."""
    url, change = create(), {"ReceiptHandle": "garbage", "VisibilityTimeout": -85}
    code, text, _ = refusal(sqs.change_message_visibility, QueueUrl=url, **change)
    assert code == "InvalidParameterValue"
    assert text == "Value -85 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200."
    (failed,) = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{"Id": "a", **change}])["Failed"]
    assert (failed["Code"], failed["Message"]) == (
        "InvalidParameterValue",
        "Value -85 for parameter VisibilityTimeout is invalid. "
        "Reason: VisibilityTimeout must be an integer between 0 and 43200.",
    )


def test_all_fail(sqs: Any, create: Call) -> None:
    """Fact 120: what is empty is left out: no Successful key when nothing succeeded."""
    url = create()
    bad = {"Id": "bad", "ReceiptHandle": "garbage"}
    for answer in (
        sqs.send_message_batch(QueueUrl=url, Entries=entries("\x01")),
        sqs.delete_message_batch(QueueUrl=url, Entries=[bad]),
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{**bad, "VisibilityTimeout": 1}]),
    ):
        assert answer.keys() == {"Failed", "ResponseMetadata"}
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
