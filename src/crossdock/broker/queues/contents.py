"""What a message contains: checked when it is sent, digested, and selected when it is received.

Everything here is about one message and the settings of its queue. Which message is delivered when is left to the machine; which
entries a batch may have is left to `batches`.

Source: SQS API reference, SendMessage and ReceiveMessage; "Amazon SQS message metadata" in the Developer Guide for the MD5.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from crossdock.aws.api.sqs import MessageAttributeValue, SendMessage, SendMessageBatchRequestEntry
from crossdock.broker.queues.attributes import QueueSettings
from crossdock.broker.queues.facts import AttributeValue, Sent

Entry = SendMessage | SendMessageBatchRequestEntry
"""What is sent: alone, or as an entry of a batch."""


class Content(msgspec.Struct, gc=False):
    """An accepted message, digested."""

    size: int
    """Bytes that count towards the maximum message size."""
    md5_of_body: str
    delay_ms: int
    deduplication_id: str | None = None
    """FIFO: as given, or the SHA-256 of the body with content-based deduplication."""
    attributes: dict[str, AttributeValue] | None = None
    md5_of_attributes: str | None = None
    trace_header: str | None = None
    md5_of_system_attributes: str | None = None


def check_message(entry: Entry, settings: QueueSettings) -> Content:
    """Accept one message for a queue, or raise as SendMessage does (MissingParameter, InvalidMessageContents, InvalidParameterValue,
    UnsupportedOperation). For an entry of a batch, run `batches.check_send_batch` first."""
    raise NotImplementedError


def message_size(entry: Entry) -> int:
    """Bytes that count towards size limits: the body in UTF-8, and name, type and value of each attribute."""
    raise NotImplementedError


def md5_of_attributes(attributes: Mapping[str, AttributeValue]) -> str:
    """MD5OfMessageAttributes: each attribute in order of names, each part with its length before it."""
    raise NotImplementedError


def sequence_number(sequence: int) -> str:
    """The SequenceNumber of a FIFO message: 20 digits, growing with the position in the queue."""
    raise NotImplementedError


# Receive


class AttributeFilter(msgspec.Struct, frozen=True, gc=False):
    """Which message attributes a receive asked for. Neither exact nor prefixes: none."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]
    """The empty prefix matches every name."""


def attribute_filter(names: Sequence[str] | None) -> AttributeFilter | None:
    """Compile MessageAttributeNames; None when nothing is asked for."""
    raise NotImplementedError


def shown_attributes(
    attributes: Mapping[str, AttributeValue] | None, wanted: AttributeFilter | None
) -> tuple[dict[str, MessageAttributeValue] | None, str | None]:
    """The message attributes that a receive shows and the MD5 over those; (None, None) when there are none."""
    raise NotImplementedError


def system_attribute_filter(names: Sequence[str] | None, old_names: Sequence[str] | None) -> Collection[str] | None:
    """Compile MessageSystemAttributeNames and the older AttributeNames (used when the new ones are absent); None when nothing is asked for."""
    raise NotImplementedError


def shown_system_attributes(
    message: Sent, wanted: Collection[str] | None, receive_count: int, first_received_ms: int, fifo: bool
) -> dict[str, str] | None:
    """The system attributes that a receive shows, the present receive counted; None when there are none."""
    raise NotImplementedError
