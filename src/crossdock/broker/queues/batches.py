"""The rules of a batch as a whole, and how one entry of it fails.

These checks come before any entry is stored, so a call that breaks one stores nothing. In order: an entry at all, at most ten,
ids well formed, ids distinct, total size, FIFO parameters. What an entry contains is checked one by one by `contents`.
"""

from collections.abc import Sequence

from crossdock.aws.api.sqs import (
    BatchResultErrorEntry,
    ChangeMessageVisibilityBatchRequestEntry,
    DeleteMessageBatchRequestEntry,
    SendMessageBatchRequestEntry,
)
from crossdock.aws.errors import ApiError
from crossdock.broker.queues.attributes import QueueSettings


def check_send_batch(entries: Sequence[SendMessageBatchRequestEntry], settings: QueueSettings) -> None:
    """Raise what refuses a SendMessageBatch as a whole."""
    raise NotImplementedError


def check_delete_batch(entries: Sequence[DeleteMessageBatchRequestEntry]) -> None:
    """Raise what refuses a DeleteMessageBatch as a whole."""
    raise NotImplementedError


def check_visibility_batch(entries: Sequence[ChangeMessageVisibilityBatchRequestEntry]) -> None:
    """Raise what refuses a ChangeMessageVisibilityBatch as a whole."""
    raise NotImplementedError


def failed(entry_id: str, error: ApiError) -> BatchResultErrorEntry:
    """The result of the one entry that met `error`."""
    raise NotImplementedError
