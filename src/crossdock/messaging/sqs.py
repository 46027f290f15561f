"""SQS itself: the one file that knows the AWS SDK (aiobotocore). Values of our own go in and come out.

Configured by the standard AWS environment only: AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS (leaving both out means AWS), AWS_REGION or
AWS_DEFAULT_REGION, credentials as every SDK finds them. Batch calls answer per position, number their entries themselves, try again only
what failed and may succeed, and hand back the error of the rest.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Self

from crossdock.clock import Clock
from crossdock.messaging.message import MoveTask, OutgoingMessage, ReceivedMessage, SqsError


class Sqs:
    """A client of SQS; an async context manager. Every method may raise SqsError."""

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._environment = environment

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        raise NotImplementedError

    def sibling(self) -> "Sqs":
        """A second, unopened client with the same configuration, for another thread."""
        raise NotImplementedError

    async def queue_url(self, name: str) -> str:
        """The URL of a queue; asked once, then remembered."""
        raise NotImplementedError

    async def create_queue(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str] = {}) -> str:
        """Create a queue (idempotent as SQS is) and return its URL."""
        raise NotImplementedError

    async def delete_queue(self, queue_url: str) -> None:
        raise NotImplementedError

    async def list_queues(self, prefix: str = "") -> list[str]:
        """The URLs of all queues whose names begin with `prefix`."""
        raise NotImplementedError

    async def attributes(self, queue_url: str, names: Sequence[str] = ("All",)) -> dict[str, str]:
        raise NotImplementedError

    async def set_attributes(self, queue_url: str, attributes: Mapping[str, str]) -> None:
        raise NotImplementedError

    async def send_batch(self, queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | SqsError]:
        """Send any number of messages; per position the message id, or why it was not sent."""
        raise NotImplementedError

    async def receive(
        self, queue_url: str, *, limit: int = 10, wait_s: int | None = None, visibility_timeout_s: int | None = None
    ) -> list[ReceivedMessage]:
        """Receive up to `limit` (1 to 10) messages; None means the queue's own wait and visibility timeout."""
        raise NotImplementedError

    async def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[SqsError | None]:
        """Delete any number of messages; per position None, or why it was not deleted."""
        raise NotImplementedError

    async def change_visibility_batch(
        self, queue_url: str, changes: Sequence[tuple[str, int]]
    ) -> list[SqsError | None]:
        """Set the visibility timeout of (receipt handle, seconds); per position None, or why not."""
        raise NotImplementedError

    async def tags(self, queue_url: str) -> dict[str, str]:
        raise NotImplementedError

    async def tag(self, queue_url: str, tags: Mapping[str, str]) -> None:
        raise NotImplementedError

    async def purge(self, queue_url: str) -> None:
        raise NotImplementedError

    async def start_move(
        self, source_arn: str, *, destination_arn: str | None = None, per_second: int | None = None
    ) -> str:
        """Start to redrive a dead letter queue (to each message's own source when no destination is given); the task's handle."""
        raise NotImplementedError

    async def list_moves(self, source_arn: str) -> list[MoveTask]:
        raise NotImplementedError

    async def cancel_move(self, handle: str) -> int:
        """Stop a redrive; how many messages it had moved."""
        raise NotImplementedError
