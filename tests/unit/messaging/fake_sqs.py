"""A client of SQS that keeps what it is told, and goes wrong on demand."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from crossdock.messaging import OutgoingMessage, ReceivedMessage, SqsError

POLL_S = 0.05


class FakeSqs:
    """Messages come in as `deliver` hands them over; what the consumer says of them is in the lists."""

    def __init__(self) -> None:
        self.polls = 0
        self.deleted: list[str] = []
        self.changes: list[tuple[str, int]] = []
        self.sent: list[OutgoingMessage] = []
        self.fail_receive: Exception | None = None
        self.fail_delete: Exception | None = None
        self.fail_change: Exception | None = None
        self.fail_send: SqsError | None = None
        self._arrivals: asyncio.Queue[list[ReceivedMessage]] = asyncio.Queue()

    def deliver(self, *messages: ReceivedMessage) -> None:
        """The next receive gives these."""
        self._arrivals.put_nowait(list(messages))

    def sibling(self) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: Any) -> None:
        return None

    async def queue_url(self, name: str) -> str:
        return f"http://here/{name}"

    async def receive(self, queue_url: str, **parameters: Any) -> list[ReceivedMessage]:
        self.polls += 1
        if self.fail_receive is not None:
            raise self.fail_receive
        try:
            return await asyncio.wait_for(self._arrivals.get(), POLL_S)
        except TimeoutError:
            return []

    async def delete_batch(self, queue_url: str, handles: Sequence[str]) -> list[SqsError | None]:
        await asyncio.sleep(0.01)
        if self.fail_delete is not None:
            raise self.fail_delete
        self.deleted += handles
        return [None] * len(handles)

    async def change_visibility_batch(
        self, queue_url: str, changes: Sequence[tuple[str, int]]
    ) -> list[SqsError | None]:
        if self.fail_change is not None and not isinstance(self.fail_change, SqsError):
            raise self.fail_change
        self.changes += changes
        return [self.fail_change] * len(changes)

    async def send_batch(self, queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | SqsError]:
        await asyncio.sleep(0.01)
        if self.fail_send is not None:
            return [self.fail_send] * len(messages)
        self.sent += messages
        return ["id"] * len(messages)


def message(number: int, group: str | None = None, **more: Any) -> ReceivedMessage:
    """A delivery; its handle is `h` and its number."""
    return ReceivedMessage(
        message_id=f"m{number}", receipt_handle=f"h{number}", body=str(number), group_id=group, **more
    )
