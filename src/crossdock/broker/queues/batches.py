"""The rules of a batch as a whole, and how one entry of it fails.

These checks come before any entry is stored, so a call that breaks one stores nothing. In order: an entry at all, at most ten,
ids well formed, ids distinct, total size. What an entry contains is checked one by one by `contents`: on a standard queue an entry fails
alone, on a FIFO queue it is the whole call that fails, since the rest would come out of order.

Source: SQS API reference, SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch.
"""

import re
from collections.abc import Sequence

from crossdock.aws import quotas
from crossdock.aws.api.sqs import (
    BatchResultErrorEntry,
    ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry,
    SendMessageBatchRequestEntry,
)
from crossdock.aws.errors import (
    ApiError,
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    InvalidParameterValue,
    MissingParameter,
    TooManyEntriesInBatchRequest,
)
from crossdock.broker.queues.contents import message_size

Entry = SendMessageBatchRequestEntry | DeleteMessageBatchRequestEntry | ChangeMessageVisibilityBatchRequestEntry

_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{quotas.BATCH_ENTRY_ID_LENGTH_MAX}}}")


def check_send_batch(entries: Sequence[SendMessageBatchRequestEntry]) -> None:
    """Raise what refuses a SendMessageBatch as a whole."""
    _check_entries(entries, SendMessageBatchRequestEntry)
    size = sum(map(message_size, entries))
    if size > quotas.BATCH_BYTES_MAX:
        raise BatchRequestTooLong(
            f"Batch requests cannot be longer than {quotas.BATCH_BYTES_MAX} bytes. You have sent {size} bytes."
        )


def check_delete_batch(entries: Sequence[DeleteMessageBatchRequestEntry]) -> None:
    """Raise what refuses a DeleteMessageBatch as a whole."""
    _check_entries(entries, DeleteMessageBatchRequestEntry)


def check_visibility_batch(entries: Sequence[ChangeMessageVisibilityBatchRequestEntry]) -> None:
    """Raise what refuses a ChangeMessageVisibilityBatch as a whole."""
    _check_entries(entries, ChangeMessageVisibilityBatchRequestEntry)


def _check_entries(entries: Sequence[Entry], kind: type[Entry]) -> None:
    if not entries:
        raise EmptyBatchRequest(f"There should be at least one {kind.__name__} in the request.")
    if (count := len(entries)) > quotas.BATCH_ENTRIES_MAX:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are {quotas.BATCH_ENTRIES_MAX}. You have sent {count}."
        )
    ids = [entry.id for entry in entries]
    if not all(map(_ID.fullmatch, ids)):
        raise InvalidBatchEntryId
    if len(set(ids)) < count:
        raise BatchEntryIdsNotDistinct(f"Id {_first_repeated(ids)} repeated.")


def _first_repeated(ids: list[str]) -> str:
    return next(entry_id for place, entry_id in enumerate(ids) if entry_id in ids[:place])


def refusal_of_all(error: ApiError) -> ApiError:
    """What a batch to a FIFO queue is refused with for the sake of one entry: what lacks is an InvalidParameterValue with the same text."""
    return InvalidParameterValue(error.message) if isinstance(error, MissingParameter) else error


def failed(entry_id: str, error: ApiError) -> BatchResultErrorEntry:
    """The result of the one entry that met `error`."""
    return BatchResultErrorEntry(entry_id, error.sender_fault, error.code, error.message)
