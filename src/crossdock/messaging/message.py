"""The values that travel to and from SQS, and the one error that comes back. Nothing here knows the SDK or a database."""

from typing import NamedTuple

import msgspec


class Attribute(NamedTuple):
    """One message attribute: its type on the wire (`String`, `Number`, `Binary`, each with an optional label) and its value."""

    data_type: str
    value: str | bytes


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message to be sent. `delay_s` None means the queue's own delay; a FIFO queue takes none."""

    body: str
    attributes: dict[str, Attribute] = {}
    group_id: str | None = None
    deduplication_id: str | None = None
    delay_s: int | None = None

    def size(self) -> int:
        """What SQS counts of it towards 1 MiB: body, attribute names, types and values, in bytes."""
        size = len(self.body.encode())
        for name, (data_type, value) in self.attributes.items():
            size += len(name.encode()) + len(data_type) + len(value.encode() if isinstance(value, str) else value)
        return size


class ReceivedMessage(msgspec.Struct, kw_only=True, gc=False):
    """A message as one receive handed it out. Times are the server's, in milliseconds since 1970."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, Attribute] = {}
    receive_count: int = 1
    sent_at_ms: int = 0
    first_received_at_ms: int = 0
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    dead_letter_source_arn: str | None = None

    def text(self, attribute: str) -> str | None:
        """The value of a message attribute when it is there and is text."""
        found = self.attributes.get(attribute)
        return found[1] if found is not None and isinstance(found[1], str) else None


class SqsError(Exception):
    """SQS, or the way to it, said no.

    `code` is AWS's legacy error code (as every SDK shows it) or, for the network, the name of what failed. `retryable` says whether
    the same call may succeed later.
    """

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable
