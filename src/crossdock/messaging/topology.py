"""The declared queues: who consumes each, where its failures go, and which event travels to which queues.

A topology is checked when it is made, so a program with a wrong one does not start. `diff` tells what differs from the queues that
exist, `apply` makes them so; both speak to SQS only through `Sqs` and work on AWS alike.
"""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from crossdock.aws import quotas
from crossdock.messaging.message import SqsError
from crossdock.messaging.sqs import Sqs

DEAD_LETTER_RETENTION_S = 1_209_600
"""14 days, the longest that SQS keeps a message."""

_MISSING = "AWS.SimpleQueueService.NonExistentQueue"


class TopologyError(ValueError):
    """A topology that cannot be right; the text says which queue or route and why."""


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """One queue and the one service that consumes it. Seconds as SQS counts them; the group order of FIFO needs a `.fifo` name."""

    name: str
    consumer: str
    visibility_timeout_s: int
    max_receive_count: int
    dead_letter: str
    retention_s: int = quotas.MESSAGE_RETENTION_PERIOD[2]
    wait_s: int = quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS[1]
    fifo: bool = False
    content_based_deduplication: bool = False


class DeadLetterQueue(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages end that could not be handled. Of the type (standard or FIFO) of the queues that feed it."""

    name: str
    retention_s: int = DEAD_LETTER_RETENTION_S
    fifo: bool = False


class Topology:
    """All queues of a system and its routes (event type → names of the queues that get a copy). TopologyError when it is not sound."""

    def __init__(
        self,
        *,
        queues: Iterable[Queue],
        dead_letters: Iterable[DeadLetterQueue],
        routes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.queues = tuple(queues)
        self.dead_letters = tuple(dead_letters)
        self.routes = dict(routes)
        self._by_name = {queue.name: queue for queue in self.queues}
        for problem in _problems(self):
            raise TopologyError(problem)

    def queue(self, name: str) -> Queue:
        """The queue of that name; KeyError when it is not declared."""
        return self._by_name[name]

    def consumed_by(self, consumer: str) -> tuple[Queue, ...]:
        """The queues of one consuming service."""
        return tuple(queue for queue in self.queues if queue.consumer == consumer)

    def subscribers(self, event_type: str) -> tuple[Queue, ...]:
        """The queues that get a copy of each event of that type; TopologyError when the type has no route."""
        names = self.routes.get(event_type)
        if names is None:
            raise TopologyError(f"no route for {event_type}")
        return tuple(self._by_name[name] for name in names)


class Change(NamedTuple):
    """One step from what exists to what is declared: attribute → (present value or None, declared value)."""

    queue: str
    action: str
    """`create` or `set`."""
    attributes: dict[str, tuple[str | None, str]]


async def diff(sqs: Sqs, topology: Topology) -> list[Change]:
    """What `apply` would do. Attributes that the topology does not declare are none of its business."""
    changes: list[Change] = []
    arns: dict[str, str] = {}
    for letter in topology.dead_letters:
        present = await _present(sqs, letter.name)
        arns[letter.name] = present.get("QueueArn", f"(arn of {letter.name})")
        changes += _changes(letter.name, _letter_attributes(letter), present)
    for queue in topology.queues:
        changes += _changes(queue.name, _queue_attributes(queue, arns), await _present(sqs, queue.name))
    return changes


async def apply(sqs: Sqs, topology: Topology) -> list[Change]:
    """Make the declared queues exist as declared, dead letter queues first; what it did, empty the second time."""
    done: list[Change] = []
    arns: dict[str, str] = {}
    for letter in topology.dead_letters:
        done += await _make(sqs, letter.name, _letter_attributes(letter))
        arns[letter.name] = (await sqs.attributes(await sqs.queue_url(letter.name), ["QueueArn"]))["QueueArn"]
    for queue in topology.queues:
        done += await _make(sqs, queue.name, _queue_attributes(queue, arns))
    return done


async def _make(sqs: Sqs, name: str, declared: dict[str, str]) -> list[Change]:
    changes = _changes(name, declared, await _present(sqs, name))
    for change in changes:
        if change.action == "create":
            await sqs.create_queue(name, declared)
        else:
            wanted = {attribute: value for attribute, (_, value) in change.attributes.items()}
            await sqs.set_attributes(await sqs.queue_url(name), wanted)
    return changes


async def _present(sqs: Sqs, name: str) -> dict[str, str]:
    """The attributes of an existing queue; none when it does not exist."""
    try:
        return await sqs.attributes(await sqs.queue_url(name))
    except SqsError as error:
        if error.code == _MISSING:
            return {}
        raise


def _changes(name: str, declared: dict[str, str], present: dict[str, str]) -> list[Change]:
    if not present:
        return [Change(name, "create", {attribute: (None, value) for attribute, value in declared.items()})]
    differing = {
        attribute: (present.get(attribute), value)
        for attribute, value in declared.items()
        if not _same(attribute, present.get(attribute), value)
    }
    return [Change(name, "set", differing)] if differing else []


def _same(attribute: str, present: str | None, declared: str) -> bool:
    """Equal as SQS means it: a redrive policy is a document, whose count may be a number or a string of one."""
    if present is None or attribute != "RedrivePolicy":
        return present == declared
    return {key: str(value) for key, value in json.loads(present).items()} == {
        key: str(value) for key, value in json.loads(declared).items()
    }


def _letter_attributes(letter: DeadLetterQueue) -> dict[str, str]:
    attributes = {"MessageRetentionPeriod": str(letter.retention_s)}
    if letter.fifo:
        attributes["FifoQueue"] = "true"
    return attributes


def _queue_attributes(queue: Queue, arns: Mapping[str, str]) -> dict[str, str]:
    attributes = {
        "VisibilityTimeout": str(queue.visibility_timeout_s),
        "MessageRetentionPeriod": str(queue.retention_s),
        "ReceiveMessageWaitTimeSeconds": str(queue.wait_s),
        "RedrivePolicy": json.dumps(
            {"deadLetterTargetArn": arns[queue.dead_letter], "maxReceiveCount": queue.max_receive_count}
        ),
    }
    if queue.fifo:
        attributes["FifoQueue"] = "true"
        attributes["ContentBasedDeduplication"] = str(queue.content_based_deduplication).lower()
    return attributes


def _problems(topology: Topology) -> Iterable[str]:
    """Everything that is wrong with a topology, in words."""
    yield from _queue_problems(topology)
    yield from _route_problems(topology)


def _queue_problems(topology: Topology) -> Iterable[str]:
    letters = {letter.name: letter for letter in topology.dead_letters}
    seen: dict[str, Queue] = {}
    for queue in topology.queues:
        first = seen.setdefault(queue.name, queue)
        if first.consumer != queue.consumer:
            yield (
                f"{queue.name} has two consumers, {first.consumer} and {queue.consumer}: "
                "they would steal each other's messages; declare a queue for each"
            )
        elif first is not queue or queue.name in letters:
            yield f"{queue.name} is declared twice"
        yield from _limit_problems(
            queue,
            [
                ("visibility_timeout_s", queue.visibility_timeout_s, quotas.VISIBILITY_TIMEOUT),
                ("wait_s", queue.wait_s, quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS),
                ("max_receive_count", queue.max_receive_count, quotas.MAX_RECEIVE_COUNT),
            ],
        )
        yield from _dead_letter_problems(queue, letters.get(queue.dead_letter))
        if queue.content_based_deduplication and not queue.fifo:
            yield f"{queue.name}: only a FIFO queue has content-based deduplication"
    if len(letters) < len(topology.dead_letters):
        yield "a dead letter queue is declared twice"
    for letter in topology.dead_letters:
        yield from _limit_problems(letter, [])


def _dead_letter_problems(queue: Queue, letter: DeadLetterQueue | None) -> Iterable[str]:
    if letter is None:
        yield f"{queue.name}: its dead letter queue {queue.dead_letter} is not declared"
    elif letter.fifo != queue.fifo:
        yield f"{queue.name}: {letter.name} is not of its type (a FIFO queue needs a FIFO dead letter queue, a standard one a standard one)"
    elif letter.retention_s < queue.retention_s:
        yield f"{queue.name}: {letter.name} keeps messages shorter than the queue, so failures would vanish unseen"


def _limit_problems(queue: Queue | DeadLetterQueue, limits: list[tuple[str, int, tuple[int, ...]]]) -> Iterable[str]:
    if queue.fifo != queue.name.endswith(".fifo"):
        yield f"{queue.name}: the name of a FIFO queue ends in .fifo, and only of a FIFO queue"
    for name, value, (lowest, highest, *_) in [
        *limits,
        ("retention_s", queue.retention_s, quotas.MESSAGE_RETENTION_PERIOD),
    ]:
        if not lowest <= value <= highest:
            yield f"{queue.name}: {name} is {value}, SQS allows {lowest} to {highest}"


def _route_problems(topology: Topology) -> Iterable[str]:
    known = {queue.name for queue in topology.queues}
    for event_type, names in topology.routes.items():
        if not names:
            yield f"{event_type} is routed to no queue"
        if len(set(names)) < len(names):
            yield f"{event_type} is routed to a queue twice"
        for name in names:
            if name not in known:
                yield f"{event_type} is routed to {name}, which is not declared"
