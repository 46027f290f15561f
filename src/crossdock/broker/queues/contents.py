"""What a message contains: checked when it is sent, digested, and selected when it is received.

Everything here is about one message and the settings of its queue. Which message is delivered when is left to the machine; which
entries a batch may have is left to `batches`.

Source: SQS API reference, SendMessage and ReceiveMessage; "Amazon SQS message metadata" in the Developer Guide for the MD5.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from hashlib import md5, sha256
from typing import NoReturn

import msgspec

from crossdock.aws import quotas
from crossdock.aws.api.sqs import MessageAttributeValue, SendMessage, SendMessageBatchRequestEntry
from crossdock.aws.characters import REFUSED
from crossdock.aws.errors import (
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    UnsupportedOperation,
)
from crossdock.broker.queues.attributes import QueueSettings
from crossdock.broker.queues.facts import POSITION_BITS, AttributeValue, Sent

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


# Send


def check_message(entry: Entry, settings: QueueSettings) -> Content:
    """Accept one message for a queue, or raise as SendMessage does (MissingParameter, InvalidMessageContents, InvalidParameterValue,
    UnsupportedOperation). For an entry of a batch, run `batches.check_send_batch` first."""
    raw = _encoded(entry.message_body)
    if not raw:
        _refuse_body(entry.message_body)
    size = message_size(entry) if entry.message_attributes else len(raw)
    if size > settings.maximum_message_size:
        _refuse_size(entry, settings)
    content = Content(size, md5(raw, usedforsecurity=False).hexdigest(), _delay_ms(entry, settings))
    if entry.message_attributes:
        content.attributes = _kept_attributes(entry.message_attributes)
        content.md5_of_attributes = md5_of_attributes(content.attributes)
    if entry.message_system_attributes:
        kept = _kept_system_attributes(entry.message_system_attributes)
        content.trace_header = str(kept["AWSTraceHeader"].value)
        content.md5_of_system_attributes = md5_of_attributes(kept)
    if settings.fifo or entry.message_group_id is not None or entry.message_deduplication_id is not None:
        content.deduplication_id = _checked_ids(entry, settings, raw)
    return content


def message_size(entry: Entry) -> int:
    """Bytes that count towards size limits: the body in UTF-8, and name, type and value of each attribute."""
    size = _length(entry.message_body)
    for name, value in (entry.message_attributes or {}).items():
        size += _length(name) + _length(value.data_type or "") + _length(value.string_value or "")
        size += len(value.binary_value or b"")
    return size


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


_ALLOWED = bytes(byte for byte in range(256) if byte >= 0x20 or byte in b"\t\n\r")


def _encoded(text: str) -> bytes | None:
    """The text in UTF-8; None when it has a character that SQS refuses. One pass in C over an ASCII text, three over others."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return None
    if raw.translate(None, _ALLOWED):
        return None
    if len(raw) != len(text) and ("\ufffe" in text or "\uffff" in text):
        return None
    return raw


def _refused_character(text: str, place: str) -> str:
    """What AWS says of the first character that it refuses; `place` is where it stands."""
    found = REFUSED.search(text)
    assert found is not None
    return (
        f"Invalid binary character '#x{ord(found[0]):X}' was found in the {place}, the set of allowed characters is "
        "#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
    )


def _refuse_body(body: str) -> NoReturn:
    if body:
        raise InvalidMessageContents(_refused_character(body, "message body"))
    raise MissingParameter.named("MessageBody")


def _refuse_size(entry: Entry, settings: QueueSettings) -> NoReturn:
    verdict = "are invalid" if settings.fifo or isinstance(entry, SendMessage) else "cannot be validated"
    raise InvalidParameterValue(
        f"One or more parameters {verdict}. Reason: Message must be shorter than {settings.maximum_message_size} bytes."
    )


_NOT_FOR_THIS_TYPE = "The request include parameter that is not valid for this queue type."


def _delay_ms(entry: Entry, settings: QueueSettings) -> int:
    """On a FIFO queue a delay of 0 means the queue's own, and no other is legal."""
    delay = entry.delay_seconds
    if delay is None:
        return settings.delay_ms
    lowest, highest, _ = quotas.DELAY_SECONDS
    if settings.fifo and delay > 0:
        raise InvalidParameterValue.because(delay, "DelaySeconds", _NOT_FOR_THIS_TYPE)
    if not lowest <= delay <= highest:
        reason = f"DelaySeconds must be >= {lowest} and <= {highest}."
        raise InvalidParameterValue.because(delay, "DelaySeconds", reason)
    return settings.delay_ms if settings.fifo else delay * 1_000


# The ids of FIFO and fair queues

_ID = re.compile(rf"[!-~]{{1,{quotas.MESSAGE_GROUP_ID_LENGTH_MAX}}}")


def _checked_ids(entry: Entry, settings: QueueSettings, raw: bytes) -> str | None:
    """The deduplication id that the message has in the end; None on a standard queue."""
    group_id, deduplication_id = entry.message_group_id, entry.message_deduplication_id
    if group_id is not None:
        check_id("MessageGroupId", group_id)
    elif settings.fifo:
        raise MissingParameter.named("MessageGroupId")
    if deduplication_id is not None:
        if not settings.fifo:
            raise InvalidParameterValue.because(deduplication_id, "MessageDeduplicationId", _NOT_FOR_THIS_TYPE)
        check_id("MessageDeduplicationId", deduplication_id)
    elif settings.fifo:
        if not settings.content_based_deduplication:
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )
        return sha256(raw).hexdigest()
    return deduplication_id


def check_id(parameter: str, value: str) -> None:
    """Raise InvalidParameterValue unless `value` is 1 to 128 letters, digits and ASCII punctuation."""
    if not _ID.fullmatch(value):
        limits = f"1 to {quotas.MESSAGE_GROUP_ID_LENGTH_MAX} in length"
        reason = f"{parameter} can only include alphanumeric and punctuation characters. {limits}."
        raise InvalidParameterValue.because(value, parameter, reason)


# Message attributes

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.\-\u00c0-\u017f]")
_RESERVED_NAME = re.compile(r"(?i:aws|amazon)\.")
_ATTRIBUTE_TYPE = re.compile("(String|Number|Binary)(\\.[^\0-\x1f\ud800-\udfff\ufffe\uffff]*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_NUMBER_LOWEST, _NUMBER_HIGHEST = (Decimal(f"1e{exponent}") for exponent in quotas.NUMBER_EXPONENT)


def _kept_attributes(attributes: Mapping[str, MessageAttributeValue]) -> dict[str, AttributeValue]:
    if (count := len(attributes)) > quotas.MESSAGE_ATTRIBUTES_MAX:
        allowed = quotas.MESSAGE_ATTRIBUTES_MAX
        raise InvalidParameterValue(f"Number of message attributes [{count}] exceeds the allowed maximum [{allowed}].")
    for name in attributes:
        _check_attribute_name(name)
    return {name: _kept("message (user) attribute", name, value) for name, value in attributes.items()}


def _check_attribute_name(name: str) -> None:
    if not name:
        raise InvalidParameterValue("The request must contain non-empty message (user) attribute names.")
    if len(name) > (longest := quotas.MESSAGE_ATTRIBUTE_NAME_LENGTH_MAX):
        raise InvalidParameterValue(f"Message (user) attribute name must be shorter than {longest} bytes.")
    if (wrong := _NOT_IN_A_NAME.search(name)) is not None:
        raise InvalidParameterValue(
            f"Invalid non-alphanumeric character '#x{ord(wrong[0]):X}' was found in the message attribute name. "
            "Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    if _RESERVED_NAME.match(name):
        raise InvalidParameterValue(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
            "These strings are reserved for internal use."
        )
    for found, place in ((name[0], "begin"), (name[-1], "end")):
        if found == ".":
            raise InvalidParameterValue(f"Message (user) attribute name must not {place} with character '.'.")


def _kept_system_attributes(attributes: Mapping[str, MessageAttributeValue]) -> dict[str, AttributeValue]:
    for name, value in attributes.items():
        if name != "AWSTraceHeader":
            raise InvalidParameterValue(f"Message system attribute name '{name}' is invalid.")
        if value.data_type != "String":
            raise InvalidParameterValue(f"The type of message system attribute '{name}' is invalid. It must be String.")
    return {name: _kept("message system attribute", name, value) for name, value in attributes.items()}


def _kept(sort: str, name: str, given: MessageAttributeValue) -> AttributeValue:
    """One attribute as it is kept; `sort` says in errors which sort of attribute it is."""
    if given.string_list_values or given.binary_list_values:
        raise UnsupportedOperation("Message attribute list values in SendMessage operation are not supported.")
    if not given.data_type:
        raise InvalidParameterValue(f"The {sort} '{name}' must contain a non-empty message attribute type.")
    match = _ATTRIBUTE_TYPE.fullmatch(given.data_type)
    if match is None or len(given.data_type) > quotas.MESSAGE_ATTRIBUTE_TYPE_LENGTH_MAX:
        prefixes = "You must use only the following supported type prefixes: Binary, Number, String."
        raise InvalidParameterValue(f"The type of {sort} '{name}' is invalid. {prefixes}")
    kind = match[1]
    value: str | bytes | None = given.binary_value if kind == "Binary" else given.string_value
    other = given.string_value if kind == "Binary" else given.binary_value
    if not value and other:
        field = "Binary" if kind == "Binary" else "String"
        raise InvalidParameterValue(f"{sort.capitalize()} '{name}' with type '{kind}' must use field '{field}'.")
    if not value:
        raise InvalidParameterValue(f"{sort.capitalize()} '{name}' must contain a non-empty value of type '{kind}'.")
    if other:
        raise InvalidParameterValue(f"{sort.capitalize()} '{name}' must have a single value.")
    if isinstance(value, str):
        if _encoded(value) is None:
            raise InvalidParameterValue(_refused_character(value, f"{sort} '{name}' value"))
        if kind == "Number" and not _is_number(value):
            raise InvalidParameterValue(f"Can't cast the value of {sort} '{name}' to a number.")
    return AttributeValue(given.data_type, value)


def _is_number(text: str) -> bool:
    """Up to 38 significant digits, zero or between 1e-128 and 1e126 in magnitude."""
    if len(text) <= quotas.NUMBER_DIGITS_MAX and text.isascii() and text.isdigit():
        return True
    if not _NUMBER.fullmatch(text):
        return False
    number = Decimal(text).copy_abs()
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return not number or (len(digits) <= quotas.NUMBER_DIGITS_MAX and _NUMBER_LOWEST <= number <= _NUMBER_HIGHEST)


def md5_of_attributes(attributes: Mapping[str, AttributeValue]) -> str:
    """MD5OfMessageAttributes: each attribute in order of names; each part with its length before it, the value with its kind."""
    digest = md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        value = attribute.value
        kind, raw = (b"\x01", value.encode()) if isinstance(value, str) else (b"\x02", value)
        digest.update(_sized(name.encode()) + _sized(attribute.data_type.encode()) + kind + _sized(raw))
    return digest.hexdigest()


def _sized(part: bytes) -> bytes:
    return len(part).to_bytes(4) + part


# Receive


class AttributeFilter(msgspec.Struct, frozen=True, gc=False):
    """Which message attributes a receive asked for, by name or by how the name begins."""

    exact: frozenset[str]
    prefixes: tuple[str, ...]
    """The empty prefix begins every name."""

    def matches(self, name: str) -> bool:
        """Whether the attribute `name` was asked for."""
        return name in self.exact or name.startswith(self.prefixes)


_EVERY_ATTRIBUTE = AttributeFilter(frozenset(), ("",))


def attribute_filter(names: Sequence[str] | None) -> AttributeFilter | None:
    """Compile MessageAttributeNames; None when nothing is asked for. Names that no attribute can have match nothing."""
    if not names:
        return None
    if "All" in names or "*" in names or ".*" in names:
        return _EVERY_ATTRIBUTE
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return AttributeFilter(frozenset(names), prefixes)


def shown_attributes(
    attributes: Mapping[str, AttributeValue] | None, wanted: AttributeFilter | None
) -> tuple[dict[str, MessageAttributeValue] | None, str | None]:
    """The message attributes that a receive shows and the MD5 over those; (None, None) when there are none."""
    if wanted is None or not attributes:
        return None, None
    if wanted is not _EVERY_ATTRIBUTE:
        attributes = {name: value for name, value in attributes.items() if wanted.matches(name)}
    if not attributes:
        return None, None
    return {name: _shown(value) for name, value in attributes.items()}, md5_of_attributes(attributes)


def _shown(kept: AttributeValue) -> MessageAttributeValue:
    if isinstance(kept.value, str):
        return MessageAttributeValue(kept.data_type, string_value=kept.value)
    return MessageAttributeValue(kept.data_type, binary_value=kept.value)


_EVERY_SYSTEM_ATTRIBUTE: frozenset[str] = frozenset(("All",))


def system_attribute_filter(names: Sequence[str] | None, old_names: Sequence[str] | None) -> Collection[str] | None:
    """Compile MessageSystemAttributeNames and the older AttributeNames (which count when the new ones are absent); None when nothing is
    asked for. Names of attributes that a message lacks match nothing."""
    asked = names or old_names
    if not asked:
        return None
    return _EVERY_SYSTEM_ATTRIBUTE if "All" in asked else frozenset(asked)


def shown_system_attributes(
    message: Sent, wanted: Collection[str] | None, receive_count: int, first_received_ms: int, fifo: bool
) -> dict[str, str] | None:
    """The system attributes that a receive shows, `receive_count` counting the present one; None when there are none."""
    if wanted is None:
        return None
    shown = {
        "SenderId": message.sender_id,
        "SentTimestamp": str(message.sent_ms),
        "ApproximateReceiveCount": str(receive_count),
        "ApproximateFirstReceiveTimestamp": str(first_received_ms),
    }
    if fifo:
        shown["SequenceNumber"] = sequence_number(message.sequence)
    optional = {
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
        "AWSTraceHeader": message.trace_header,
        "DeadLetterQueueSourceArn": message.dead_letter_source,
    }
    shown |= {name: value for name, value in optional.items() if value is not None}
    if wanted is _EVERY_SYSTEM_ATTRIBUTE:
        return shown
    return {name: value for name, value in shown.items() if name in wanted} or None


_POSITION = (1 << POSITION_BITS) - 1
_SEQUENCE_NUMBER_ZERO = 18_800_000_000_000_000_000


def sequence_number(sequence: int) -> str:
    """The SequenceNumber of a FIFO message: 20 digits, growing with the position in the queue."""
    return str(_SEQUENCE_NUMBER_ZERO + (sequence & _POSITION))
