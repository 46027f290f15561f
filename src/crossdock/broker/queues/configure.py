"""A queue's attributes, tags and permissions as clients read and change them, and PurgeQueue.

Source: SQS API reference: Get- and SetQueueAttributes, TagQueue, UntagQueue, ListQueueTags, Add- and RemovePermission, PurgeQueue.
"""

from collections.abc import Collection

from crossdock.aws.api.sqs import (
    AddPermission,
    GetQueueAttributes,
    GetQueueAttributesResult,
    ListQueueTags,
    ListQueueTagsResult,
    PurgeQueue,
    RemovePermission,
    SetQueueAttributes,
    TagQueue,
    UntagQueue,
)
from crossdock.aws.errors import InvalidParameterValue, MissingParameter, PurgeQueueInProgress
from crossdock.aws.quotas import PURGE_INTERVAL_MS, TAG_KEY_LENGTH_MAX, TAGS_MAX
from crossdock.broker.queues.attributes import LiveAttributes, check_change, settings_of, visible_attributes
from crossdock.broker.queues.dead_letter import check_redrive
from crossdock.broker.queues.facts import AttributesSet, Purged, TagsSet
from crossdock.broker.queues.permissions import add_permission, remove_permission
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step

# Attributes


def get_queue_attributes(
    registry: Registry, queue: Queue, command: GetQueueAttributes, step: Step
) -> GetQueueAttributesResult:
    live = LiveAttributes(
        arn=queue.arn,
        created_s=queue.created_ms // 1_000,
        modified_s=queue.modified_ms // 1_000,
        visible=queue.visible,
        not_visible=queue.in_flight,
        delayed=queue.delayed,
    )
    shown = visible_attributes(queue.name.name, queue.attributes, live, command.attribute_names)
    return GetQueueAttributesResult(shown)


def set_queue_attributes(registry: Registry, queue: Queue, command: SetQueueAttributes, step: Step) -> None:
    if not command.attributes:
        raise MissingParameter.named("Attribute.Name")
    attributes = check_change(queue.settings.fifo, queue.attributes, command.attributes)
    if policy := command.attributes.get("RedrivePolicy"):
        check_redrive(registry, queue.name, policy, settings_of(queue.name.name, attributes))
    _change(queue, attributes, step)


def _change(queue: Queue, attributes: dict[str, str], step: Step) -> None:
    queue.set_attributes(attributes, step.now_ms)
    step.facts.append(AttributesSet(queue.number, attributes, step.now_ms))


# Permissions


def grant(registry: Registry, queue: Queue, command: AddPermission, step: Step) -> None:
    """AddPermission."""
    policy = add_permission(queue.settings.policy, queue.arn, command)
    _change(queue, check_change(queue.settings.fifo, queue.attributes, {"Policy": policy}), step)


def revoke(registry: Registry, queue: Queue, command: RemovePermission, step: Step) -> None:
    """RemovePermission."""
    policy = remove_permission(queue.settings.policy, command.label)
    _change(queue, check_change(queue.settings.fifo, queue.attributes, {"Policy": policy or ""}), step)


# Tags


def tag_queue(registry: Registry, queue: Queue, command: TagQueue, step: Step) -> None:
    if not command.tags:
        raise MissingParameter.named("Tags")
    _check_tag_keys(command.tags)
    tags = {**queue.tags, **command.tags}
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValue(f"Too many tags added for queue {queue.name.name}.")
    _set_tags(queue, tags, step)


def untag_queue(registry: Registry, queue: Queue, command: UntagQueue, step: Step) -> None:
    _check_tag_keys(command.tag_keys)
    _set_tags(queue, {key: value for key, value in queue.tags.items() if key not in command.tag_keys}, step)


def list_queue_tags(registry: Registry, queue: Queue, command: ListQueueTags, step: Step) -> ListQueueTagsResult:
    return ListQueueTagsResult(queue.tags or None)


def _check_tag_keys(keys: Collection[str]) -> None:
    if not keys or not all(1 <= len(key) <= TAG_KEY_LENGTH_MAX for key in keys):
        raise InvalidParameterValue(f"Tag keys must be between 1 and {TAG_KEY_LENGTH_MAX} characters in length.")


def _set_tags(queue: Queue, tags: dict[str, str], step: Step) -> None:
    queue.tags = tags
    step.facts.append(TagsSet(queue.number, tags))


# Purge


def purge_queue(registry: Registry, queue: Queue, command: PurgeQueue, step: Step) -> None:
    """Every message goes, those in flight and delayed included, and so does the memory of deduplication."""
    if step.now_ms - queue.purged_ms < PURGE_INTERVAL_MS:
        seconds = PURGE_INTERVAL_MS // 1_000
        raise PurgeQueueInProgress(
            f"Only one PurgeQueue operation on {queue.name.name} is allowed every {seconds} seconds."
        )
    queue.clear()
    queue.rearm()
    queue.purged_ms = step.now_ms
    step.facts.append(Purged(queue.number, queue.last_sequence, step.now_ms))
