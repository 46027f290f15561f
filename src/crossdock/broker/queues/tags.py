"""A queue's tags: TagQueue, UntagQueue and ListQueueTags, and what CreateQueue takes.

Source: SQS API reference; SQS Developer Guide, "Amazon SQS cost allocation tags".
"""

import re
from collections.abc import Collection, Iterable, Mapping

from crossdock.aws.api.sqs import ListQueueTags, ListQueueTagsResult, TagQueue, UntagQueue
from crossdock.aws.errors import InvalidParameterValue, MissingParameter
from crossdock.aws.quotas import TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX, TAGS_MAX
from crossdock.broker.queues.facts import TagsSet
from crossdock.broker.queues.queue import Queue
from crossdock.broker.queues.registry import Registry
from crossdock.broker.queues.step import Step

_ALLOWED = re.compile(r"[\w\s.:/=+@-]*")


def tag_queue(registry: Registry, queue: Queue, command: TagQueue, step: Step) -> None:
    if not command.tags:
        raise MissingParameter.named("Tags")
    _change(queue, checked_tags(queue.name.name, queue.tags, command.tags), step)


def untag_queue(registry: Registry, queue: Queue, command: UntagQueue, step: Step) -> None:
    if not command.tag_keys:
        raise _bad_keys()
    _check_keys(command.tag_keys)
    _change(queue, {key: value for key, value in queue.tags.items() if key not in command.tag_keys}, step)


def list_queue_tags(registry: Registry, queue: Queue, command: ListQueueTags, step: Step) -> ListQueueTagsResult:
    return ListQueueTagsResult(queue.tags or None)


def checked_tags(queue_name: str, current: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags of a queue once `added` are there, too. Raises InvalidParameterValue for a bad key or value, or too many."""
    _check_keys(added)
    if any(key.startswith("aws:") for key in added):
        raise InvalidParameterValue('Tag keys cannot start with the reserved prefix "aws:".')
    _check_characters("keys", added)
    if not all(len(value) <= TAG_VALUE_LENGTH_MAX for value in added.values()):
        raise InvalidParameterValue(f"Tag values must be between 0 and {TAG_VALUE_LENGTH_MAX} characters in length.")
    _check_characters("values", added.values())
    tags = {**current, **added}
    if len(tags) > TAGS_MAX:
        raise InvalidParameterValue(f"Too many tags added for queue {queue_name}.")
    return tags


def _check_keys(keys: Collection[str]) -> None:
    if not all(1 <= len(key) <= TAG_KEY_LENGTH_MAX for key in keys):
        raise _bad_keys()


def _check_characters(what: str, texts: Iterable[str]) -> None:
    if not all(map(_ALLOWED.fullmatch, texts)):
        allowed = "unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"
        raise InvalidParameterValue(f"Tag {what} may only contain {allowed}")


def _bad_keys() -> InvalidParameterValue:
    return InvalidParameterValue(f"Tag keys must be between 1 and {TAG_KEY_LENGTH_MAX} characters in length.")


def _change(queue: Queue, tags: dict[str, str], step: Step) -> None:
    queue.tags = tags
    step.facts.append(TagsSet(queue.number, tags))
