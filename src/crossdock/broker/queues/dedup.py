"""The memory of a FIFO queue: which messages it was sent in the last five minutes, and which receives were asked for by name.

A duplicate is recognised by its key: the deduplication id, or group and id where the queue's scope is the message group. A duplicate
does not make the memory last longer. What has passed is forgotten when something new is remembered, so the memory holds five minutes
of sends at the most and nothing has to wake up for it.

Source: SQS Developer Guide, "Exactly-once processing in Amazon SQS"; API reference, ReceiveRequestAttemptId.
"""

from collections import deque

import msgspec

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS, RECEIVE_ATTEMPT_WINDOW_MS
from crossdock.broker.queues.message import Message


class Original(msgspec.Struct, frozen=True, gc=False):
    """The send that a duplicate repeats."""

    sequence: int
    message_id: str
    sent_ms: int


def deduplication_key(scope_group: bool, group_id: str, deduplication_id: str) -> str:
    """What a duplicate is recognised by. Neither id holds a space."""
    return f"{group_id} {deduplication_id}" if scope_group else deduplication_id


class SentMemory:
    """Originals by deduplication key."""

    __slots__ = ("_in_order", "_originals")

    def __init__(self) -> None:
        self._originals: dict[str, Original] = {}
        self._in_order: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._originals)

    def find(self, key: str, now_ms: int) -> Original | None:
        """The original that a message with this key would duplicate."""
        original = self._originals.get(key)
        return original if original is not None and not _is_over(original, now_ms) else None

    def remember(self, key: str, original: Original) -> None:
        """Take note of a send, and forget what has passed by then."""
        self._forget(original.sent_ms)
        self._originals[key] = original
        self._in_order.append(key)

    def living(self, now_ms: int) -> dict[str, Original]:
        """What is remembered at a moment."""
        return {key: original for key, original in self._originals.items() if not _is_over(original, now_ms)}

    def _forget(self, now_ms: int) -> None:
        in_order = self._in_order
        while in_order:
            original = self._originals.get(in_order[0])
            if original is not None and not _is_over(original, now_ms):
                return
            self._originals.pop(in_order.popleft(), None)


def _is_over(original: Original, now_ms: int) -> bool:
    return now_ms - original.sent_ms >= DEDUPLICATION_WINDOW_MS


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A receive that may be asked for again: what it gave, and how each message stood after it."""

    at_ms: int
    messages: list[Message]
    counts: list[int]
    dues_ms: list[int]

    def still_stands(self, now_ms: int) -> bool:
        """Whether it may be repeated: in time, and nothing of it was deleted, changed or received again."""
        return now_ms - self.at_ms < RECEIVE_ATTEMPT_WINDOW_MS and all(
            message.state == "in flight" and message.receive_count == count and message.due_ms == due_ms
            for message, count, due_ms in zip(self.messages, self.counts, self.dues_ms, strict=True)
        )


class AttemptMemory:
    """Receives by ReceiveRequestAttemptId. Lost in a restart, as a client may expect of an id that is a hint."""

    __slots__ = ("_attempts",)

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}

    def find(self, attempt_id: str, now_ms: int) -> list[Message] | None:
        """The messages to give once more."""
        attempt = self._attempts.get(attempt_id)
        return attempt.messages if attempt is not None and attempt.still_stands(now_ms) else None

    def remember(self, attempt_id: str, messages: list[Message], now_ms: int) -> None:
        """Take note of what an attempt gave, and forget what has passed by then."""
        for past in [key for key, attempt in self._attempts.items() if not attempt.still_stands(now_ms)]:
            del self._attempts[past]
        counts = [message.receive_count for message in messages]
        self._attempts[attempt_id] = Attempt(now_ms, messages, counts, [message.due_ms for message in messages])
