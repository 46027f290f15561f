"""How many bytes of message contents are in memory, over all queues, and how many may be. Who lets go of what is the queue's affair."""

from crossdock.broker.queues.facts import AttributeValue, Sent

OVERHEAD = 400
"""What the objects around a body take, about."""


class ContentBudget:
    """A sum and its limit, in bytes."""

    __slots__ = ("bytes_max", "used")

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.used = 0

    @property
    def left(self) -> int:
        """What may still be added; never negative."""
        return max(0, self.bytes_max - self.used)


def content_bytes(sent: Sent) -> int:
    """What a content is charged with."""
    size = len(sent.body) + OVERHEAD
    if sent.attributes:
        size += sum(map(_attribute_bytes, sent.attributes.values()))
    return size


def _attribute_bytes(attribute: AttributeValue) -> int:
    return len(attribute.value) + OVERHEAD
