"""The two policies of dead letters: RedrivePolicy of a source, RedriveAllowPolicy of a dead-letter queue; what is accepted and what it means.

Both are attributes whose value is JSON. Whether the queues that they name exist and fit is dead_letter.py's.

Source: SQS API reference, SetQueueAttributes; the texts of errors as AWS answers them.
"""

from typing import Literal, NoReturn

import msgspec
from msgspec import field

from crossdock.aws import quotas
from crossdock.aws.arn import parse_queue_arn
from crossdock.aws.errors import InvalidAttributeValue, InvalidParameterValue


class RedrivePolicy(msgspec.Struct, frozen=True, gc=False):
    """Where a message goes that was received too often: the JSON of the attribute RedrivePolicy."""

    dead_letter_arn: str = field(name="deadLetterTargetArn")
    max_receive_count: int = field(name="maxReceiveCount")


class RedriveAllow(msgspec.Struct, frozen=True, gc=False):
    """Which queues may name this one as their dead-letter queue: the JSON of the attribute RedriveAllowPolicy."""

    permission: Literal["allowAll", "denyAll", "byQueue"] = field(name="redrivePermission")
    sources: tuple[str, ...] = field(name="sourceQueueArns", default=())
    """With byQueue: the ARNs of those that may."""

    def allows(self, source_arn: str) -> bool:
        """Whether the queue `source_arn` may dead-letter into this one."""
        return self.permission == "allowAll" or source_arn in self.sources


# Values of attributes


def read_json(text: str) -> object:
    """The value of a JSON text; None when it is none, or nested too deeply to be meant."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None


def read_number(text: str, lowest: int, highest: int) -> int | None:
    """The integer in decimal digits; None when it is none or outside its limits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return number if lowest <= (number := int(text)) <= highest else None


def invalid_value(name: str, reason: str = "") -> NoReturn:
    """Raise InvalidAttributeValue for the attribute `name`."""
    raise InvalidAttributeValue(f"Invalid value for the parameter {name}.{reason and f' Reason: {reason}'}")


# RedrivePolicy

_REDRIVE_KEYS = ("maxReceiveCount", "deadLetterTargetArn")


def kept_redrive_policy(name: str, value: str) -> str:
    """The attribute as it is kept, its count a number. Raises InvalidAttributeValue or InvalidParameterValue."""
    return msgspec.json.encode(_read_redrive_policy(name, value)).decode() if value else ""


def _read_redrive_policy(name: str, value: str) -> RedrivePolicy:
    given = read_json(value)
    if not isinstance(given, dict):
        invalid_value(name, "Redrive policy is not a valid JSON map.")
    for key in _REDRIVE_KEYS:
        if key not in given:
            reason = f"Redrive policy does not contain mandatory attribute: {key}."
            raise InvalidParameterValue.because(value, name, reason)
    if len(given) > len(_REDRIVE_KEYS):
        reason = "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."
        raise InvalidParameterValue.because(value, name, reason)
    arn, count = given["deadLetterTargetArn"], given["maxReceiveCount"]
    lowest, highest = quotas.MAX_RECEIVE_COUNT
    number = read_number(str(count), lowest, highest)
    if number is None:
        reason = (
            f"Invalid value for maxReceiveCount: {count}, valid values are from {lowest} to {highest} both inclusive."
        )
        raise InvalidParameterValue.because(value, name, reason)
    if not isinstance(arn, str) or parse_queue_arn(arn) is None:
        other_service = isinstance(arn, str) and arn.startswith("arn:") and arn.split(":")[2:3] != ["sqs"]
        of_queues = "Only SQS queues are valid resources for deadLetterTargetArn."
        reason = of_queues if other_service else "Invalid value for deadLetterTargetArn."
        raise InvalidParameterValue.because(value, name, reason)
    return RedrivePolicy(arn, number)


# RedriveAllowPolicy

_ALLOW_KEYS = {"redrivePermission", "sourceQueueArns"}

_CANNOT = "Amazon SQS can't create the redrive allow policy"


def kept_redrive_allow_policy(name: str, value: str) -> str:
    """The attribute as it is kept: as it was given. Raises InvalidAttributeValue or InvalidParameterValue."""
    if not value:
        return value
    allow = _read_redrive_allow(value)
    if allow is None:
        invalid_value(name, f"{_CANNOT}, as it’s in an unsupported format.")
    if (reason := _unfit_sources(allow)) is not None:
        raise InvalidParameterValue.because(value, name, f"{_CANNOT}. {reason}")
    return value


def _unfit_sources(allow: RedriveAllow) -> str | None:
    """Why the sources do not go with the permission; None when they do."""
    most = quotas.REDRIVE_ALLOW_SOURCES_MAX
    match allow.permission, len(allow.sources):
        case "byQueue", 0:
            condition = "When you specify the byQueue permission type"
            return f"{condition}, you must also specify one or more sourceQueueArns values."
        case "byQueue", count if count > most:
            return f"The maximum number of source queue ARNs you can specify is {most}."
        case (("allowAll" | "denyAll"), count) if count:
            return "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."
    return None


def _read_redrive_allow(value: str) -> RedriveAllow | None:
    """The policy that a text means; None when it is none, or has a member that no such policy has."""
    given = read_json(value)
    try:
        allow = msgspec.convert(given, RedriveAllow)
    except msgspec.ValidationError:
        return None
    return allow if isinstance(given, dict) and given.keys() <= _ALLOW_KEYS else None
