"""Queue attributes: what CreateQueue and SetQueueAttributes accept, what it means, and what GetQueueAttributes shows.

The explicit map holds what was set, normalised; whatever is absent has AWS's default. Checks that need another queue (that a
dead-letter queue exists, is of the same type and allows its source) are the registry's.

Source: SQS API reference, CreateQueue, SetQueueAttributes and GetQueueAttributes.
"""

from collections.abc import Mapping, Sequence

import msgspec


class RedrivePolicy(msgspec.Struct, frozen=True, gc=False):
    """Where a message goes that was received too often."""

    dead_letter_arn: str
    max_receive_count: int


class RedriveAllow(msgspec.Struct, frozen=True, gc=False):
    """Which queues may name this one as their dead-letter queue."""

    permission: str
    """allowAll, denyAll or byQueue."""
    sources: tuple[str, ...] = ()
    """With byQueue: the ARNs of those that may."""

    def allows(self, source_arn: str) -> bool:
        """Whether the queue `source_arn` may dead-letter into this one."""
        raise NotImplementedError


class QueueSettings(msgspec.Struct, frozen=True, gc=False):
    """The attributes of a queue, typed. Times in milliseconds, sizes in bytes."""

    fifo: bool
    delay_ms: int
    maximum_message_size: int
    retention_ms: int
    wait_ms: int
    visibility_ms: int
    content_based_deduplication: bool
    deduplication_scope_group: bool
    high_throughput: bool
    redrive: RedrivePolicy | None
    redrive_allow: RedriveAllow | None
    kms_master_key_id: str | None
    kms_data_key_reuse_ms: int
    sqs_managed_sse: bool
    policy: str | None


class LiveAttributes(msgspec.Struct, frozen=True, gc=False):
    """The read-only attributes, as they are at this moment. Times in seconds since 1970."""

    arn: str
    created_s: int
    modified_s: int
    visible: int
    not_visible: int
    delayed: int


def check_new(name: str, attributes: Mapping[str, str] | None) -> dict[str, str]:
    """The explicit map of a queue to be created. Raises for a bad name or attribute (InvalidParameterValue, InvalidAttributeName,
    InvalidAttributeValue)."""
    raise NotImplementedError


def check_change(fifo: bool, current: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The whole explicit map after `changes`. Raises as `check_new` does; nothing is changed then."""
    raise NotImplementedError


def settings_of(name: str, attributes: Mapping[str, str]) -> QueueSettings:
    """What an explicit map, as the checks return it, means for the queue `name`."""
    raise NotImplementedError


def differing(current: Mapping[str, str], asked: Mapping[str, str]) -> str | None:
    """The first attribute asked for whose present value is another; None when a repeated CreateQueue finds its queue. Both maps explicit."""
    raise NotImplementedError


def visible_attributes(
    name: str, attributes: Mapping[str, str], live: LiveAttributes, names: Sequence[str] | None
) -> dict[str, str] | None:
    """What GetQueueAttributes answers for `names`, None when that is nothing. Raises InvalidAttributeName for an unknown name."""
    raise NotImplementedError
