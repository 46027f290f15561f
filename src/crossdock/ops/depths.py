"""How deep the queues are, as SQS itself tells it. Works against the broker and against AWS (where the numbers are approximate and late)."""

import asyncio
from dataclasses import dataclass

from crossdock.messaging import Sqs

_DEPTHS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue and its messages."""

    name: str
    visible: int
    in_flight: int
    delayed: int


async def depths(sqs: Sqs, prefix: str = "") -> list[QueueDepth]:
    """The depth of every queue whose name begins with `prefix`, by name. Raises SqsError."""
    urls = sorted(await sqs.list_queues(prefix))
    return list(await asyncio.gather(*(_depth(sqs, url) for url in urls)))


async def _depth(sqs: Sqs, url: str) -> QueueDepth:
    found = await sqs.attributes(url, _DEPTHS)
    visible, in_flight, delayed = (int(found.get(name, 0)) for name in _DEPTHS)
    return QueueDepth(url.rsplit("/", 1)[-1], visible, in_flight, delayed)
