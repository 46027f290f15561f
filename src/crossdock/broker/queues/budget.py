"""How much is in memory over all queues, messages and bytes of their contents, and how much may be. Who lets go of what is the queue's
affair."""

from sys import getsizeof

from crossdock.broker.queues.facts import AttributeValue, Sent

OVERHEAD = 350
"""What the objects around a body take, about. A body itself takes up to four bytes a character."""


class Budget:
    """Two sums and their limits."""

    __slots__ = ("bytes_max", "messages", "messages_max", "used")

    def __init__(self, bytes_max: int, messages_max: int) -> None:
        self.bytes_max = bytes_max
        self.used = 0
        """Bytes of contents."""
        self.messages_max = messages_max
        self.messages = 0

    @property
    def left(self) -> int:
        """Bytes of contents that may still be added; never negative."""
        return max(0, self.bytes_max - self.used)

    @property
    def crowded(self) -> bool:
        """Whether there are as many messages as there may be."""
        return self.messages >= self.messages_max


def content_bytes(sent: Sent) -> int:
    """What a content is charged with."""
    size = getsizeof(sent.body) + OVERHEAD
    if sent.attributes:
        size += sum(map(_attribute_bytes, sent.attributes.values()))
    return size


def _attribute_bytes(attribute: AttributeValue) -> int:
    return getsizeof(attribute.value) + OVERHEAD
