"""A queue's attributes and permissions as clients read and change them, and PurgeQueue.

Source: SQS API reference: Get- and SetQueueAttributes, Add- and RemovePermission, PurgeQueue.
"""

from crossdock.aws.api.sqs import (
    AddPermission,
    GetQueueAttributes,
    GetQueueAttributesResult,
    PurgeQueue,
    RemovePermission,
    SetQueueAttributes,
)
from crossdock.aws.errors import MissingParameter, PurgeQueueInProgress
from crossdock.aws.quotas import PURGE_INTERVAL_MS
from crossdock.broker.queues.attributes import LiveAttributes, check_change, settings_of, visible_attributes
from crossdock.broker.queues.dead_letter import check_redrive
from crossdock.broker.queues.facts import AttributesSet, Purged
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


# Purge


def purge_queue(registry: Registry, queue: Queue, command: PurgeQueue, step: Step) -> None:
    """Every message goes, those in flight and delayed included, and so does the memory of deduplication."""
    if step.now_ms - queue.purged_ms < PURGE_INTERVAL_MS:
        seconds = PURGE_INTERVAL_MS // 1_000
        raise PurgeQueueInProgress(
            f"Only one PurgeQueue operation on {queue.name.name} is allowed every {seconds} seconds."
        )
    queue.clear()
    queue.arm(step.now_ms)
    queue.purged_ms = step.now_ms
    step.facts.append(Purged(queue.number, queue.last_sequence, step.now_ms))
