"""SQS itself: the one file that knows the AWS SDK (aiobotocore). Values of our own go in and come out.

Configured by the standard AWS environment only: AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS (leaving both out means AWS), AWS_REGION or
AWS_DEFAULT_REGION, credentials as every SDK finds them. Batch calls answer per position, number their entries themselves, try again only
what failed and may succeed, and hand back the error of the rest.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from crossdock.aws import quotas
from crossdock.clock import Clock
from crossdock.messaging.message import Attribute, OutgoingMessage, ReceivedMessage, SqsError

_CONFIG = AioConfig(
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=64,
    parameter_validation=False,
    retries={"mode": "standard", "total_max_attempts": 3},
)
_SYSTEM_ATTRIBUTES = [
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
    "SequenceNumber",
]
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestThrottled", "OverLimit", "ServiceUnavailable"})
_BATCH_ATTEMPTS = 3
_BATCH_PAUSE_S = 0.1

assert _CONFIG.read_timeout > quotas.RECEIVE_MESSAGE_WAIT_TIME_SECONDS[1], (
    "a long poll must not look like a dead server"
)

T = TypeVar("T")
Entry = dict[str, Any]


class Sqs:
    """A client of SQS; an async context manager, to be used in the event loop that opened it.

    Batch methods report errors per position; every other method raises SqsError.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urls: dict[str, str] = {}
        self._opening: Any = None
        self._client: Any = None

    async def __aenter__(self) -> Self:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        try:
            self._opening = get_session().create_client("sqs", region_name=region, config=_CONFIG)
            self._client = await self._opening.__aenter__()
        except BotoCoreError as error:
            raise _translated(error) from error
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._opening.__aexit__(*exception)

    def sibling(self) -> "Sqs":
        """A second, unopened client with the same configuration, for another thread's event loop."""
        return Sqs(self._clock)

    # Queues

    async def queue_url(self, name: str) -> str:
        """The URL of a queue; asked once, then remembered."""
        url = self._urls.get(name)
        if url is None:
            url = self._urls[name] = str((await self._call("get_queue_url", QueueName=name))["QueueUrl"])
        return url

    async def create_queue(
        self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str] | None = None
    ) -> str:
        """Create a queue (idempotent as SQS is) and return its URL."""
        extra = {"tags": dict(tags)} if tags else {}
        return str((await self._call("create_queue", QueueName=name, Attributes=dict(attributes), **extra))["QueueUrl"])

    async def delete_queue(self, queue_url: str) -> None:
        """Delete a queue with all its messages."""
        await self._call("delete_queue", QueueUrl=queue_url)
        self._urls = {name: url for name, url in self._urls.items() if url != queue_url}

    async def list_queues(self, prefix: str = "") -> list[str]:
        """The URLs of all queues whose names begin with `prefix`."""
        return await self._all("list_queues", "QueueUrls", QueueNamePrefix=prefix)

    async def attributes(self, queue_url: str, names: Sequence[str] = ("All",)) -> dict[str, str]:
        """Attributes of a queue, as SQS's own strings."""
        found = await self._call("get_queue_attributes", QueueUrl=queue_url, AttributeNames=list(names))
        return dict(found.get("Attributes", {}))

    async def set_attributes(self, queue_url: str, attributes: Mapping[str, str]) -> None:
        """Set attributes of a queue; the others stay."""
        await self._call("set_queue_attributes", QueueUrl=queue_url, Attributes=dict(attributes))

    async def tags(self, queue_url: str) -> dict[str, str]:
        """The tags of a queue."""
        return dict((await self._call("list_queue_tags", QueueUrl=queue_url)).get("Tags", {}))

    async def tag(self, queue_url: str, tags: Mapping[str, str]) -> None:
        """Add or overwrite tags."""
        await self._call("tag_queue", QueueUrl=queue_url, Tags=dict(tags))

    async def purge(self, queue_url: str) -> None:
        """Delete every message of a queue; SQS allows it once a minute."""
        await self._call("purge_queue", QueueUrl=queue_url)

    # Messages

    async def send_batch(self, queue_url: str, messages: Sequence[OutgoingMessage]) -> list[str | SqsError]:
        """Send any number of messages, in order; per position the message id, or why it was not sent."""

        async def send(entries: list[Entry]) -> dict[str, Any]:
            return await self._call("send_message_batch", QueueUrl=queue_url, Entries=entries)

        results: list[str | SqsError] = []
        for chunk in _chunks(messages):
            answers = await self._batch(send, [_outgoing(message) for message in chunk])
            results += [answer if isinstance(answer, SqsError) else str(answer["MessageId"]) for answer in answers]
        return results

    async def receive(
        self,
        queue_url: str,
        *,
        limit: int = quotas.RECEIVE_MAX_MESSAGES,
        wait_s: int = 0,
        visibility_s: int | None = None,
        attempt_id: str | None = None,
    ) -> list[ReceivedMessage]:
        """Receive up to `limit` (1 to 10) messages, waiting up to `wait_s` (0 to 20) for the first; they stay hidden for `visibility_s`,
        or for the queue's own visibility timeout.

        On a FIFO queue a receive that is repeated with the same `attempt_id` after a lost answer gets the same messages.
        """
        extra: dict[str, Any] = {"ReceiveRequestAttemptId": attempt_id} if attempt_id else {}
        if visibility_s is not None:
            extra["VisibilityTimeout"] = visibility_s
        answer = await self._call(
            "receive_message",
            QueueUrl=queue_url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=_SYSTEM_ATTRIBUTES,
            MessageAttributeNames=["All"],
            **extra,
        )
        return [_received(message) for message in answer.get("Messages", ())]

    async def delete_batch(self, queue_url: str, receipt_handles: Sequence[str]) -> list[SqsError | None]:
        """Delete any number of messages; per position None, or why it was not deleted."""

        async def delete(entries: list[Entry]) -> dict[str, Any]:
            return await self._call("delete_message_batch", QueueUrl=queue_url, Entries=entries)

        return await self._each(delete, [{"ReceiptHandle": handle} for handle in receipt_handles])

    async def change_visibility_batch(
        self, queue_url: str, changes: Sequence[tuple[str, int]]
    ) -> list[SqsError | None]:
        """Set the visibility timeout of (receipt handle, seconds from now); per position None, or why not."""

        async def change(entries: list[Entry]) -> dict[str, Any]:
            return await self._call("change_message_visibility_batch", QueueUrl=queue_url, Entries=entries)

        return await self._each(
            change, [{"ReceiptHandle": handle, "VisibilityTimeout": seconds} for handle, seconds in changes]
        )

    # How calls are made

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await getattr(self._client, method)(**parameters)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error
        return answer

    async def _all(self, method: str, key: str, **parameters: Any) -> list[str]:
        """Every page of a listing."""
        found: list[str] = []
        parameters["MaxResults"] = quotas.LIST_RESULTS_MAX
        while True:
            answer = await self._call(method, **parameters)
            found += answer.get(key, ())
            if not (token := answer.get("NextToken")):
                return found
            parameters["NextToken"] = token

    async def _each(
        self, call: Callable[[list[Entry]], Awaitable[dict[str, Any]]], entries: list[Entry]
    ) -> list[SqsError | None]:
        """A batch call of which only the failures are interesting."""
        results: list[SqsError | None] = []
        for start in range(0, len(entries), quotas.BATCH_ENTRIES_MAX):
            answers = await self._batch(call, entries[start : start + quotas.BATCH_ENTRIES_MAX])
            results += [answer if isinstance(answer, SqsError) else None for answer in answers]
        return results

    async def _batch(
        self, call: Callable[[list[Entry]], Awaitable[dict[str, Any]]], entries: list[Entry]
    ) -> list[Entry | SqsError]:
        """One batch of at most ten, its retryable failures repeated; ids are positions, so no two entries can clash."""
        results: list[Entry | SqsError] = [_UNANSWERED] * len(entries)
        pending = list(range(len(entries)))
        for attempt in range(_BATCH_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_BATCH_PAUSE_S * 2**attempt * (0.5 + self._clock.random() / 2))
            try:
                answer = await call([{"Id": str(position), **entries[position]} for position in pending])
            except SqsError as error:
                for position in pending:
                    results[position] = error
                return results
            for success in answer.get("Successful", ()):
                results[int(success["Id"])] = success
            for failure in answer.get("Failed", ()):
                results[int(failure["Id"])] = SqsError(
                    failure["Code"], failure.get("Message", ""), retryable=not failure["SenderFault"]
                )
            pending = [p for p in pending if isinstance(result := results[p], SqsError) and result.retryable]
            if not pending:
                break
        return results


_UNANSWERED = SqsError("NoAnswer", "the batch answer does not mention this entry", retryable=True)


def _translated(error: ClientError | BotoCoreError) -> SqsError:
    """The SDK's exception as ours."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "Unknown")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return SqsError(
            code, error.response.get("Error", {}).get("Message", ""), retryable=status >= 500 or code in _THROTTLED
        )
    return SqsError(type(error).__name__, str(error), retryable=isinstance(error, HTTPClientError))


def _chunks(messages: Sequence[OutgoingMessage]) -> list[list[OutgoingMessage]]:
    """Cut into batches that SQS takes: at most ten messages and 1 MiB together."""
    chunks: list[list[OutgoingMessage]] = []
    room = 0
    for message in messages:
        size = message.size()
        if not chunks or len(chunks[-1]) == quotas.BATCH_ENTRIES_MAX or size > room:
            chunks.append([])
            room = quotas.BATCH_BYTES_MAX
        chunks[-1].append(message)
        room -= size
    return chunks


def _outgoing(message: OutgoingMessage) -> Entry:
    entry: Entry = {"MessageBody": message.body}
    if message.attributes:
        entry["MessageAttributes"] = {
            name: {"DataType": kind, "StringValue" if isinstance(value, str) else "BinaryValue": value}
            for name, (kind, value) in message.attributes.items()
        }
    if message.group_id is not None:
        entry["MessageGroupId"] = message.group_id
    if message.deduplication_id is not None:
        entry["MessageDeduplicationId"] = message.deduplication_id
    if message.delay_s is not None:
        entry["DelaySeconds"] = message.delay_s
    return entry


def _received(message: dict[str, Any]) -> ReceivedMessage:
    system = message.get("Attributes", {})
    return ReceivedMessage(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes={
            name: Attribute(
                value["DataType"], value["BinaryValue"] if "BinaryValue" in value else value.get("StringValue", "")
            )
            for name, value in message.get("MessageAttributes", {}).items()
        },
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
        sent_at_ms=int(system.get("SentTimestamp", 0)),
        first_received_at_ms=int(system.get("ApproximateFirstReceiveTimestamp", 0)),
        group_id=system.get("MessageGroupId"),
        deduplication_id=system.get("MessageDeduplicationId"),
        sequence_number=system.get("SequenceNumber"),
        dead_letter_source_arn=system.get("DeadLetterQueueSourceArn"),
    )
