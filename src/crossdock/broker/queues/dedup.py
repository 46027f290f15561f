"""The memory of FIFO queues: which messages they were sent in the last five minutes, and which receives were asked for by name.

A duplicate is recognised by its key: the deduplication id, or group and id where the queue's scope is the message group. A duplicate
does not make the memory last longer. The keys themselves are in the store. What is in memory only says which send to compare with:

    key ──► fingerprint ──► sequences that may be its original ──► the store knows the key of each: no doubt is left

Source: SQS Developer Guide, "Exactly-once processing in Amazon SQS"; API reference, ReceiveRequestAttemptId.
"""

from collections import deque
from struct import Struct

import msgspec

from crossdock.aws.quotas import DEDUPLICATION_WINDOW_MS, RECEIVE_ATTEMPT_WINDOW_MS
from crossdock.broker.queues.message import Message

SECOND_MS = 1_000

_BUCKET_BITS = 16
_BUCKET = (1 << _BUCKET_BITS) - 1
_REST_BYTES = 4
_REST = (1 << 8 * _REST_BYTES) - 1
_ENTRY = Struct("<IQ")
_ORDER = Struct("<H")

_FORGOTTEN_AT_ONCE = 8
"""So many sends at the most are forgotten for one that is remembered: more than come in, few enough to take no time."""

_LOOKED_AT = 2
"""So many attempts are looked at for one that is remembered: those that no longer stand never outnumber the others for long."""


def deduplication_key(scope_group: bool, group_id: str, deduplication_id: str) -> str:
    """What a duplicate is recognised by. Neither id holds a space."""
    return f"{group_id} {deduplication_id}" if scope_group else deduplication_id


def fingerprint_of(queue: int, key: str) -> int:
    """Differs from process to process, so that nobody can choose keys that share one."""
    return hash((queue, key))


class SentMemory:
    """The sends of the last five minutes to all FIFO queues, in about 16 bytes each.

    The fingerprint of a key, of which one part is the number of a bucket, leads to sequences. Buckets and the order of all entries grow at
    one end and shrink at the other. It takes sends in order of time; one that is older than its predecessor is forgotten with it.
    """

    __slots__ = ("_buckets", "_order", "_over_ms", "_seconds")

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}
        self._order = bytearray()
        """The bucket of each entry, oldest first."""
        self._seconds: deque[list[int]] = deque()
        """[second since 1970, how many entries are of it], oldest first."""
        self._over_ms = 0
        """When the oldest second is over."""

    def __len__(self) -> int:
        return sum(number for _, number in self._seconds)

    def find(self, queue: int, key: str) -> list[int]:
        """The sequences that a key may have been sent with, latest first: those that it was, and hardly ever another."""
        fingerprint = fingerprint_of(queue, key)
        entries = self._buckets.get(fingerprint & _BUCKET)
        if entries is None:
            return []
        rest = (fingerprint >> _BUCKET_BITS & _REST).to_bytes(_REST_BYTES, "little")
        found: list[int] = []
        at = entries.rfind(rest)
        while at >= 0:
            if at % _ENTRY.size == 0:
                found.append(_ENTRY.unpack_from(entries, at)[1])
            at = entries.rfind(rest, 0, at + _REST_BYTES - 1)
        return found

    def remember(self, queue: int, key: str, sequence: int, sent_ms: int) -> None:
        """Take note of a send, and forget some of what has passed by then."""
        if sent_ms >= self._over_ms:
            self._forget(sent_ms)
        fingerprint = fingerprint_of(queue, key)
        bucket = fingerprint & _BUCKET
        entry = _ENTRY.pack(fingerprint >> _BUCKET_BITS & _REST, sequence)
        entries = self._buckets.get(bucket)
        if entries is None:
            self._buckets[bucket] = bytearray(entry)
        else:
            entries += entry
        self._order += _ORDER.pack(bucket)
        seconds, second = self._seconds, sent_ms // SECOND_MS
        if seconds and seconds[-1][0] >= second:
            seconds[-1][1] += 1
        else:
            seconds.append([second, 1])
            self._over_ms = _over_ms(seconds[0][0])

    def _forget(self, now_ms: int) -> None:
        seconds = self._seconds
        if seconds and _over_ms(seconds[-1][0]) <= now_ms:
            self._buckets.clear()
            self._order.clear()
            seconds.clear()
        for _ in range(_FORGOTTEN_AT_ONCE):
            if not seconds or _over_ms(seconds[0][0]) > now_ms:
                break
            self._forget_oldest()
        self._over_ms = _over_ms(seconds[0][0]) if seconds else 0

    def _forget_oldest(self) -> None:
        bucket = int.from_bytes(self._order[:2], "little")
        del self._order[:2]
        entries = self._buckets[bucket]
        if len(entries) > _ENTRY.size:
            del entries[: _ENTRY.size]
        else:
            del self._buckets[bucket]
        oldest = self._seconds[0]
        oldest[1] -= 1
        if not oldest[1]:
            self._seconds.popleft()


def _over_ms(second: int) -> int:
    """When the window of every send of a second has passed."""
    return (second + 1) * SECOND_MS + DEDUPLICATION_WINDOW_MS


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

    __slots__ = ("_attempts", "_line")

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}
        self._line: deque[str] = deque()
        """The ids, in the order in which they are looked at."""

    def __len__(self) -> int:
        return len(self._attempts)

    def find(self, attempt_id: str, now_ms: int) -> list[Message] | None:
        """The messages to give once more."""
        attempt = self._attempts.get(attempt_id)
        return attempt.messages if attempt is not None and attempt.still_stands(now_ms) else None

    def remember(self, attempt_id: str, messages: list[Message], now_ms: int) -> None:
        """Take note of what an attempt gave, and forget some of what has passed by then."""
        self._look_around(now_ms)
        if attempt_id not in self._attempts:
            self._line.append(attempt_id)
        counts = [message.receive_count for message in messages]
        self._attempts[attempt_id] = Attempt(now_ms, messages, counts, [message.due_ms for message in messages])

    def _look_around(self, now_ms: int) -> None:
        for _ in range(min(_LOOKED_AT, len(self._line))):
            attempt_id = self._line.popleft()
            if self._attempts[attempt_id].still_stands(now_ms):
                self._line.append(attempt_id)
            else:
                del self._attempts[attempt_id]
