"""The facts of the queue machine, what a store gives back of them, and the port through which the machine reads what it let go.

A queue has a number, never used again. A message has a sequence: the queue's number and its position in the queue in one integer, so
that the order of sequences is the order in the queue and one range of them is one queue.

How the storage format may change: a new member goes to the end of its fact with a default; a tag is never used again. Anything else
raises `FORMAT_VERSION` and needs a migration (docs/storage-format.md).
"""

from collections.abc import Iterable
from typing import Any, NoReturn, Protocol

import msgspec

from crossdock.broker.outcome import Fact

FORMAT_VERSION = 2

POSITION_BITS = 40


def first_sequence(queue: int) -> int:
    """The lowest sequence of a queue; its last is `first_sequence(queue + 1) - 1`."""
    return queue << POSITION_BITS


def queue_of(sequence: int) -> int:
    """The number of the queue that a sequence belongs to."""
    return sequence >> POSITION_BITS


class AttributeValue(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message attribute as kept."""

    data_type: str
    value: Any
    """Text for String and Number, bytes for Binary. Any, because msgspec has no union of the two; MessagePack tells them apart."""


# Queues


class QueueCreated(Fact, tag=1):
    queue: int
    account: str
    region: str
    name: str
    attributes: dict[str, str]
    tags: dict[str, str]
    at_ms: int


class QueueDeleted(Fact, tag=2):
    queue: int
    at_ms: int


class AttributesSet(Fact, tag=3):
    """`attributes` is the whole map as it stands after the change."""

    queue: int
    attributes: dict[str, str]
    at_ms: int


class TagsSet(Fact, tag=4):
    """`tags` is the whole map as it stands after the change."""

    queue: int
    tags: dict[str, str]


class Purged(Fact, tag=5):
    """Every message up to and with `through` is gone, and so is the memory of deduplication."""

    queue: int
    through: int
    at_ms: int


# Messages


class Sent(Fact, tag=6):
    """A message enters its queue. This value is the message's content: it never changes."""

    sequence: int
    message_id: str
    body: str
    md5_of_body: str
    sent_ms: int
    sender_id: str
    due_ms: int = 0
    """When a delay ends; 0 without one."""
    attributes: dict[str, AttributeValue] | None = None
    trace_header: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None
    deduplication_key: str | None = None
    """FIFO: what a later duplicate is recognised by within the window; the id, or group and id, as the queue's scope is."""
    dead_letter_source: str | None = None
    """The ARN of the queue that a message was dead-lettered from."""
    enqueued_ms: int = 0
    """When it entered this queue, from which retention counts on FIFO dead-letter queues; 0 means `sent_ms`."""


class Received(Fact, tag=7):
    sequence: int
    receive_count: int
    first_received_ms: int
    due_ms: int
    """When the visibility timeout ends."""


class VisibilityChanged(Fact, tag=8):
    sequence: int
    due_ms: int


class Deleted(Fact, tag=9):
    """Messages that are gone: by DeleteMessage, or past their retention."""

    sequences: list[int]


class Moved(Fact, tag=10):
    """A message leaves one queue and enters another in one step: to a dead-letter queue, or out of it by a move task."""

    origin: int
    """Its sequence in the queue that it left."""
    message: Sent
    receive_count: int = 0
    first_received_ms: int = 0


class MoveTaskChanged(Fact, tag=11):
    """The whole state of a message move task after a change. Times in ms; see queues/move_task.py for `status`."""

    task_id: str
    source_arn: str
    destination_arn: str | None
    rate: int | None
    status: str
    moved: int
    to_move: int
    started_ms: int
    failure: str | None = None


QueueFact = (
    QueueCreated | QueueDeleted | AttributesSet | TagsSet | Purged
    | Sent | Received | VisibilityChanged | Deleted | Moved | MoveTaskChanged
)  # fmt: skip


# What a store gives back


class Stored(msgspec.Struct, gc=False):
    """A message as a store gives it back: its content and the part that changes."""

    message: Sent
    receive_count: int = 0
    first_received_ms: int = 0
    due_ms: int = 0
    """When it becomes visible: end of delay or of visibility timeout; 0 when it always was."""


class Remembered(msgspec.Struct, gc=False):
    """An entry of a FIFO queue's deduplication memory."""

    queue: int
    key: str
    sequence: int
    message_id: str
    sent_ms: int


def remembered(sent: Sent) -> Remembered | None:
    """What is remembered of a send; None outside of FIFO queues."""
    key = sent.deduplication_key
    return (
        None if key is None else Remembered(queue_of(sent.sequence), key, sent.sequence, sent.message_id, sent.sent_ms)
    )


class StoredQueue(msgspec.Struct, gc=False):
    """A queue as a store gives it back."""

    created: QueueCreated
    attributes: dict[str, str]
    tags: dict[str, str]
    modified_ms: int
    purged_ms: int
    last_sequence: int
    """The highest sequence ever given out in this queue."""
    message_count: int
    """How many messages it holds in all, those in `touched` included."""
    touched: Iterable[Stored]
    """Messages in flight or delayed (due after the moment of opening), in order of sequence. Read from disk one at a time, so that bodies
    need not fit into memory: iterate once, as far as need be, keep no bodies. Messages that were received and are visible again come from
    `Backlog.page`, with their counts."""
    in_flight: int = 0
    delayed: int = 0
    """How many messages `touched` has in all, those that were never received apart."""


class Snapshot(msgspec.Struct, gc=False):
    """All that a machine is rebuilt from. The untouched messages stay in the store, behind `Backlog`."""

    queues: list[StoredQueue]
    deleted: list[tuple[str, str, str, int]]
    """(account, region, name, at_ms) of queues deleted in the last 60 seconds."""
    remembered: Iterable[Remembered]
    """Sends of the last five minutes that `Backlog.sends` may not have."""
    move_tasks: list[MoveTaskChanged]
    last_queue: int
    """The highest queue number ever given out."""


class Backlog(Protocol):
    """Messages that the machine let go of to keep its memory bounded. Every fact handed out by the machine is visible here."""

    def page(self, after: int, through: int, limit: int, bytes_max: int) -> list[Stored]:
        """The first messages with `after < sequence <= through`, in order: at most `limit`, and no more once `bytes_max` of bodies
        are read; at least one if there is one."""

    def some(self, sequences: list[int], bytes_max: int) -> list[Stored]:
        """Messages of one queue in the order of `sequences`, without those that are not there: no more once `bytes_max` of bodies are
        read; at least one if there is one."""

    def due(self, queue: int, after: tuple[int, int], through_ms: int, limit: int) -> list[tuple[int, int, int]]:
        """(due_ms, sequence, receive_count) of messages that come due, or came, behind `after` = (due_ms, sequence), in that order: at most
        `limit` of those due by `through_ms`, and then the next one if there is one."""

    def content(self, sequence: int) -> Sent:
        """The content of a live message. KeyError if it was taken away."""

    def lacks(self, queue: int) -> NoReturn:
        """Raise what a store raises when it cannot be read: messages of this queue that are counted are on no page."""

    def sends(self, after: int, through: int, after_ms: int, limit: int) -> list[tuple[int, str, int]]:
        """(sequence, key, sent_ms) of the first FIFO sends with `after < sequence <= through` of one queue, made after `after_ms`, as
        `remembered` has them: those that were here when the store was opened, or more."""

    def remembered(self, sequence: int) -> Remembered | None:
        """What is remembered of a send, for as long as it can be repeated, whether or not its message is still there. None after that,
        after a purge, and for what was no FIFO send."""
