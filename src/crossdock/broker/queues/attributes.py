"""Queue attributes: what CreateQueue and SetQueueAttributes accept, what it means, and what GetQueueAttributes shows.

The explicit map holds what was set, normalised; whatever is absent has AWS's default. Checks that need another queue (that a
dead-letter queue exists, is of the same type and allows its source) are the registry's.

Source: SQS API reference, CreateQueue, SetQueueAttributes and GetQueueAttributes.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from crossdock.aws import quotas
from crossdock.aws.errors import InvalidAttributeName, InvalidParameterValue, OverLimit
from crossdock.broker.queues.policy_form import statements_of
from crossdock.broker.queues.redrive_policy import (
    RedriveAllow,
    RedrivePolicy,
    invalid_value,
    kept_redrive_allow_policy,
    kept_redrive_policy,
    read_json,
    read_number,
)

# What the attributes mean


class QueueSettings(msgspec.Struct, frozen=True, gc=False):
    """The attributes by which the broker acts, typed. Times in milliseconds, sizes in bytes."""

    fifo: bool
    delay_ms: int
    maximum_message_size: int
    retention_ms: int
    wait_ms: int
    visibility_ms: int
    content_based_deduplication: bool
    deduplication_scope_group: bool
    redrive: RedrivePolicy | None
    redrive_allow: RedriveAllow | None
    policy: str | None


class LiveAttributes(msgspec.Struct, frozen=True, gc=False):
    """The read-only attributes, as they are at this moment. Times in seconds since 1970."""

    arn: str
    created_s: int
    modified_s: int
    visible: int
    not_visible: int
    delayed: int


# What a value may be: each takes the attribute's name and the value given, and returns the value as it is kept

Accept = Callable[[str, str], str]


def _whole(limits: tuple[int, int, int]) -> Accept:
    lowest, highest, _ = limits

    def accept(name: str, value: str) -> str:
        number = read_number(value, lowest, highest)
        return str(number) if number is not None else invalid_value(name)

    return accept


def _one_of(*choices: str) -> Accept:
    def accept(name: str, value: str) -> str:
        return value if value in choices else invalid_value(name)

    return accept


def _boolean(name: str, value: str) -> str:
    lower = value.lower()
    return lower if lower in ("true", "false") else invalid_value(name)


def _fifo_queue(name: str, value: str) -> str:
    if _boolean(name, value) == "false":
        invalid_value(name, "Modifying queue type is not supported.")
    return "true"


def _text(name: str, value: str) -> str:
    return value


def _policy(name: str, value: str) -> str:
    if not value:
        return value
    document = read_json(value)
    statements = statements_of(document)
    if statements is None or len(value.encode()) > quotas.POLICY_BYTES_MAX:
        invalid_value(name)
    if (count := len(statements)) > (most := quotas.POLICY_STATEMENTS_MAX):
        raise OverLimit(f"{count} statements were found in the submitted policy, max allowed is {most}")
    return value


# The attributes


class Attribute(NamedTuple):
    """How an attribute that can be set behaves."""

    default: str
    accept: Accept
    optional: bool = False
    """Not listed while it has its default."""
    fifo: bool = False
    """Unknown to standard queues."""


SETTABLE: dict[str, Attribute] = {
    "VisibilityTimeout": Attribute(str(quotas.VISIBILITY_TIMEOUT[2]), _whole(quotas.VISIBILITY_TIMEOUT)),
    "MaximumMessageSize": Attribute(str(quotas.MAXIMUM_MESSAGE_SIZE[2]), _whole(quotas.MAXIMUM_MESSAGE_SIZE)),
    "MessageRetentionPeriod": Attribute(
        str(quotas.MESSAGE_RETENTION_PERIOD[2]), _whole(quotas.MESSAGE_RETENTION_PERIOD)
    ),
    "DelaySeconds": Attribute(str(quotas.DELAY_SECONDS[2]), _whole(quotas.DELAY_SECONDS)),
    "ReceiveMessageWaitTimeSeconds": Attribute(
        str(quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS[2]), _whole(quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS)
    ),
    "Policy": Attribute("", _policy, optional=True),
    "RedrivePolicy": Attribute("", kept_redrive_policy, optional=True),
    "RedriveAllowPolicy": Attribute("", kept_redrive_allow_policy, optional=True),
    "KmsMasterKeyId": Attribute("", _text, optional=True),
    "KmsDataKeyReusePeriodSeconds": Attribute(
        str(quotas.KMS_DATA_KEY_REUSE_PERIOD_SECONDS[2]),
        _whole(quotas.KMS_DATA_KEY_REUSE_PERIOD_SECONDS),
        optional=True,
    ),
    "SqsManagedSseEnabled": Attribute("true", _boolean),
    "FifoQueue": Attribute("true", _fifo_queue, fifo=True),
    "ContentBasedDeduplication": Attribute("false", _boolean, fifo=True),
    "DeduplicationScope": Attribute("queue", _one_of("queue", "messageGroup"), fifo=True),
    "FifoThroughputLimit": Attribute("perQueue", _one_of("perQueue", "perMessageGroupId"), fifo=True),
}

LIVE = (
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
)

ALL = frozenset((*LIVE, *SETTABLE))

DEFAULTS = {name: attribute.default for name, attribute in SETTABLE.items()}

_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{quotas.QUEUE_NAME_LENGTH_MAX}}}")
_FIFO_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{quotas.QUEUE_NAME_LENGTH_MAX - len('.fifo')}}}\.fifo")


# Set


def check_new(name: str, attributes: Mapping[str, str] | None) -> dict[str, str]:
    """The explicit map of a queue to be created. Raises for a bad name or attribute (InvalidParameterValue, InvalidAttributeName,
    InvalidAttributeValue)."""
    given = attributes or {}
    fifo = given.get("FifoQueue", "").lower() == "true"
    _check_name(name, fifo)
    try:
        return _checked(_accepted(fifo, given))
    except OverLimit as error:
        raise InvalidParameterValue(error.message) from error


def check_change(fifo: bool, current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The whole explicit map after `changes`. Raises as `check_new` does; nothing is changed then."""
    return _checked({**current, **_accepted(fifo, changes)})


def _check_name(name: str, fifo: bool) -> None:
    if fifo and not _FIFO_NAME.fullmatch(name):
        raise InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length."
        )
    if not name:
        raise InvalidParameterValue("Queue name cannot be empty")
    if not fifo and not _NAME.fullmatch(name):
        raise InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def _accepted(fifo: bool, given: Mapping[str, str]) -> dict[str, str]:
    """The attributes of one call, normalised, with what they imply for each other."""
    accepted = {name: _settable(name, fifo).accept(name, value) for name, value in given.items()}
    sse = accepted.get("SqsManagedSseEnabled") == "true"
    if accepted.get("KmsMasterKeyId"):
        if sse:
            raise InvalidAttributeName(
                "You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE."
            )
        accepted["SqsManagedSseEnabled"] = "false"
    elif sse:
        accepted = {"KmsDataKeyReusePeriodSeconds": DEFAULTS["KmsDataKeyReusePeriodSeconds"], **accepted}
        accepted["KmsMasterKeyId"] = ""
    return accepted


def _settable(name: str, fifo: bool) -> Attribute:
    attribute = SETTABLE.get(name)
    if attribute is None or (attribute.fifo and not fifo):
        if name in ("DeduplicationScope", "FifoThroughputLimit"):
            raise InvalidAttributeName(f"You can specify the {name} only when FifoQueue is set to true.")
        raise InvalidAttributeName(f"Unknown Attribute {name}.")
    return attribute


def _checked(explicit: dict[str, str]) -> dict[str, str]:
    """The explicit map as it is kept: the attributes fit together, and the optional ones at their default are gone."""
    per_group = explicit.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and explicit.get("DeduplicationScope") != "messageGroup":
        invalid_value(
            "FifoThroughputLimit",
            "To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup.",
        )
    return {name: value for name, value in explicit.items() if not _is_unset(name, value)}


def _is_unset(name: str, value: str) -> bool:
    attribute = SETTABLE[name]
    return attribute.optional and value == attribute.default


def settings_of(name: str, attributes: Mapping[str, str]) -> QueueSettings:
    """What an explicit map, as the checks return it, means for the queue `name`."""
    of = {**DEFAULTS, **attributes}
    return QueueSettings(
        fifo=name.endswith(".fifo"),
        delay_ms=int(of["DelaySeconds"]) * 1_000,
        maximum_message_size=int(of["MaximumMessageSize"]),
        retention_ms=int(of["MessageRetentionPeriod"]) * 1_000,
        wait_ms=int(of["ReceiveMessageWaitTimeSeconds"]) * 1_000,
        visibility_ms=int(of["VisibilityTimeout"]) * 1_000,
        content_based_deduplication=of["ContentBasedDeduplication"] == "true",
        deduplication_scope_group=of["DeduplicationScope"] == "messageGroup",
        redrive=msgspec.json.decode(text, type=RedrivePolicy) if (text := of["RedrivePolicy"]) else None,
        redrive_allow=msgspec.json.decode(text, type=RedriveAllow) if (text := of["RedriveAllowPolicy"]) else None,
        policy=of["Policy"] or None,
    )


def differing(current: Mapping[str, str], asked: Mapping[str, str]) -> str | None:
    """The first attribute asked for whose present value is another; None when a repeated CreateQueue finds its queue. Both are
    explicit maps; attributes that are not asked for are not compared."""
    for name, value in asked.items():
        present = current.get(name, DEFAULTS[name])
        if present != value and not _same_json(present, value):
            return name
    return None


def _same_json(one: str, other: str) -> bool:
    """Whether two policies say the same, however they are written."""
    return isinstance(meaning := read_json(one), dict) and meaning == read_json(other)


# Get


def visible_attributes(
    name: str, attributes: Mapping[str, str], live: LiveAttributes, names: Sequence[str] | None
) -> dict[str, str] | None:
    """What GetQueueAttributes answers for `names`, None when that is nothing. Raises InvalidAttributeName for an unknown name."""
    asked = _asked(names or ())
    shown = {**_live(live), **_set(name.endswith(".fifo"), attributes)}
    return {known: value for known, value in shown.items() if known in asked} or None


def _asked(names: Sequence[str]) -> Collection[str]:
    for name in names:
        if name not in ALL and name != "All":
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
    return ALL if "All" in names else names


def _set(fifo: bool, attributes: Mapping[str, str]) -> dict[str, str]:
    values = {name: attributes.get(name, attribute.default) for name, attribute in SETTABLE.items()}
    shown = {
        name: value
        for name, value in values.items()
        if (fifo or not SETTABLE[name].fifo) and not _is_unset(name, value)
    }
    if "KmsMasterKeyId" in shown:
        shown["KmsDataKeyReusePeriodSeconds"] = values["KmsDataKeyReusePeriodSeconds"]
    return shown


def _live(live: LiveAttributes) -> dict[str, str]:
    values = (live.arn, live.visible, live.not_visible, live.delayed, live.created_s, live.modified_s)
    return {name: str(value) for name, value in zip(LIVE, values, strict=True)}
