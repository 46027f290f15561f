"""What refuses a batch as a whole, and how one entry of it fails."""

import pytest

from crossdock.aws import quotas
from crossdock.aws.api.sqs import (
    ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry,
    MessageAttributeValue,
    SendMessageBatchRequestEntry,
)
from crossdock.aws.errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidMessageContents,
    MissingParameter,
    ReceiptHandleIsInvalid,
    SenderError,
    ServiceUnavailable,
    TooManyEntriesInBatchRequest,
)
from crossdock.broker.queues.batches import (
    check_delete_batch,
    check_send_batch,
    check_visibility_batch,
    failed,
    refusal_of_all,
)

KINDS = ["send", "delete", "visibility"]


def check(kind: str, ids: list[str]) -> None:
    """Check a batch of the given kind whose entries have these ids and are otherwise right."""
    match kind:
        case "send":
            check_send_batch([SendMessageBatchRequestEntry(id, "body") for id in ids])
        case "delete":
            check_delete_batch([DeleteMessageBatchRequestEntry(id, "handle") for id in ids])
        case "visibility":
            check_visibility_batch([ChangeMessageVisibilityBatchRequestEntry(id, "handle", 0) for id in ids])


def refusal(error: type[SenderError], kind: str, ids: list[str]) -> str:
    """The text with which a batch of these ids is refused."""
    with pytest.raises(error) as caught:
        check(kind, ids)
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_one_to_ten_entries_pass(kind: str) -> None:
    """A batch may have one entry, or ten, with ids of up to 80 letters, digits, hyphens and underscores."""
    check(kind, ["a"])
    check(kind, ["x" * 80, *map(str, range(7)), "-", "_"])


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("send", "SendMessageBatchRequestEntry"),
        ("delete", "DeleteMessageBatchRequestEntry"),
        ("visibility", "ChangeMessageVisibilityBatchRequestEntry"),
    ],
)
def test_an_empty_batch_is_refused(kind: str, entry: str) -> None:
    """Fact 114: an empty list is EmptyBatchRequest and names what it lacks."""
    assert refusal(EmptyBatchRequest, kind, []) == f"There should be at least one {entry} in the request."


@pytest.mark.parametrize("kind", KINDS)
def test_more_than_ten_entries_are_refused(kind: str) -> None:
    """Fact 115: over ten entries, all three operations say how many were sent."""
    text = "Maximum number of entries per request are 10. You have sent 20."
    assert refusal(TooManyEntriesInBatchRequest, kind, list(map(str, range(20)))) == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", ["", "x" * 81, "a b", "a.b", "ü", "a\n"])
def test_an_ill_formed_id_is_refused(kind: str, wrong: str) -> None:
    """Fact 116: an id has 1 to 80 letters, digits, hyphens and underscores."""
    assert refusal(InvalidBatchEntryId, kind, ["a", wrong]) == (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_id_is_named(kind: str) -> None:
    """Fact 117: of several repeated ids the one that is first found a second time is named."""
    assert refusal(BatchEntryIdsNotDistinct, kind, ["id_1", "id_2", "id_2", "id_1"]) == "Id id_2 repeated."


def test_a_batch_may_be_as_long_as_the_greatest_message() -> None:
    """Fact 118: 1,048,576 bytes with attributes pass, one more is refused, whatever the queue's own limit."""
    attributes = {"k": MessageAttributeValue("String", "x")}
    rest = quotas.BATCH_BYTES_MAX - len("k" + "String" + "x")
    halves = [
        SendMessageBatchRequestEntry("1", "x" * (rest // 2), message_attributes=attributes),
        SendMessageBatchRequestEntry("2", "x" * (rest - rest // 2)),
    ]
    check_send_batch(halves)
    halves[1].message_body += "x"
    with pytest.raises(BatchRequestTooLong) as caught:
        check_send_batch(halves)
    text = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    assert caught.value.message == text


def test_the_length_of_a_batch_is_in_bytes() -> None:
    """A character of three bytes counts as three."""
    with pytest.raises(BatchRequestTooLong):
        check_send_batch([SendMessageBatchRequestEntry("1", "€" * 349_526)])


def test_what_refuses_all_for_the_sake_of_one() -> None:
    """Fact 67: in a batch to a FIFO queue what lacks is an InvalidParameterValue with the same text; other errors stay what they are."""
    refused = refusal_of_all(MissingParameter.named("MessageGroupId"))
    assert refused.code == "InvalidParameterValue"
    assert refused.message == "The request must contain the parameter MessageGroupId."
    error = InvalidMessageContents()
    assert refusal_of_all(error) is error


def test_a_failed_entry_carries_code_and_fault() -> None:
    """Fact 112: the entry has the legacy code, the text, and whose fault it is."""
    entry = failed("1", ReceiptHandleIsInvalid("text"))
    assert (entry.id, entry.sender_fault, entry.code, entry.message) == ("1", True, "ReceiptHandleIsInvalid", "text")
    assert not failed("1", ServiceUnavailable()).sender_fault
