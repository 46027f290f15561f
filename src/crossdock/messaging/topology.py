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
    raise NotImplementedError


async def apply(sqs: Sqs, topology: Topology) -> list[Change]:
    """Make the declared queues exist as declared, dead letter queues first; what it did, empty the second time."""
    raise NotImplementedError


def _problems(topology: Topology) -> Iterable[str]:
    """Everything that is wrong with a topology, in words."""
    yield from _queue_problems(topology)
    yield from _route_problems(topology)


def _queue_problems(topology: Topology) -> Iterable[str]:
    letters = {letter.name: letter for letter in topology.dead_letters}
    owners: dict[str, str] = {}
    for queue in topology.queues:
        if (owner := owners.setdefault(queue.name, queue.consumer)) != queue.consumer:
            yield f"{queue.name} has two consumers, {owner} and {queue.consumer}: they would steal each other's messages; declare a queue for each"
        if queue.name in letters:
            yield f"{queue.name} is declared as a queue and as a dead letter queue"
        if (letter := letters.get(queue.dead_letter)) is None:
            yield f"{queue.name}: its dead letter queue {queue.dead_letter} is not declared"
        elif letter.fifo != queue.fifo:
            yield f"{queue.name}: {letter.name} is not of its type; a FIFO queue needs a FIFO dead letter queue, a standard one a standard one"
        elif letter.retention_s < queue.retention_s:
            yield f"{queue.name}: {letter.name} keeps messages shorter than the queue, so failures would vanish unseen"
        if queue.content_based_deduplication and not queue.fifo:
            yield f"{queue.name}: only a FIFO queue has content-based deduplication"
    names = [queue.name for queue in (*topology.queues, *topology.dead_letters)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is declared twice"
    for queue in (*topology.queues, *topology.dead_letters):
        yield from _value_problems(queue)


def _value_problems(queue: Queue | DeadLetterQueue) -> Iterable[str]:
    if queue.fifo != queue.name.endswith(".fifo"):
        yield f"{queue.name}: the name of a FIFO queue ends in .fifo, and only of a FIFO queue"
    values = [("retention_s", queue.retention_s, quotas.MESSAGE_RETENTION_PERIOD)]
    if isinstance(queue, Queue):
        values += [
            ("visibility_timeout_s", queue.visibility_timeout_s, quotas.VISIBILITY_TIMEOUT),
            ("wait_s", queue.wait_s, quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS),
            ("max_receive_count", queue.max_receive_count, quotas.MAX_RECEIVE_COUNT),
        ]
    for name, value, (lowest, highest, *_) in values:
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
