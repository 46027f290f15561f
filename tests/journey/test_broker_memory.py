"""The memory of a broker process does not grow with its backlog, whatever the backlog is made of."""

import asyncio
from pathlib import Path

import pytest
from broker_process import start_broker
from tests.crash.connection import Connection

pytestmark = pytest.mark.journey

MIB = 1024 * 1024
PEAK_MAX = 200 * MIB
"""Three parts: the program, about 50 MiB; contents, 32 MiB; two memtables that may take 36 MiB each, and what is being written of them."""

CLIENTS = 10
BODY = "x" * 10_240
MESSAGES = 21_000
SMALL = 8_000

assert len(BODY) * MESSAGES > PEAK_MAX, "a broker that keeps its messages in memory fails"


async def test_memory_does_not_grow_with_the_backlog(tmp_path: Path) -> None:
    """210 MB of messages, delayed ones and FIFO ones of as many groups beside them: while they are sent, received and after a kill."""
    process, url = start_broker(tmp_path / "data")
    try:
        clients = [await Connection.open(url) for _ in range(CLIENTS)]
        await clients[0].call("CreateQueue", QueueName="large")
        await clients[0].call("CreateQueue", QueueName="late", Attributes={"DelaySeconds": "900"})
        await clients[0].call("CreateQueue", QueueName="q.fifo", Attributes={"FifoQueue": "true"})
        share = range(CLIENTS)
        await asyncio.gather(*(fill(clients[n], "late", "late", SMALL // CLIENTS) for n in share))
        await asyncio.gather(*(fill(clients[n], "q.fifo", "small", SMALL // CLIENTS, f"g{n}-") for n in share))
        await asyncio.gather(*(fill(clients[n], "large", BODY, MESSAGES // CLIENTS) for n in share))
        assert await drain(clients[0], "large", 300) == 300
        assert await drain(clients[0], "q.fifo", 300) == 300
        assert peak(process.pid) < PEAK_MAX
        process.kill()
        process.wait()
        process, url = start_broker(tmp_path / "data")
        client = await Connection.open(url)
        assert await drain(client, "large", 300) == 300
        assert await drain(client, "q.fifo", 300) == 300
        assert await counts(client, "large") == (MESSAGES - 600, 0)
        assert await counts(client, "q.fifo") == (SMALL - 600, 0)
        assert await counts(client, "late") == (0, SMALL)
        assert peak(process.pid) < PEAK_MAX
    finally:
        process.kill()
        process.wait()


async def fill(client: Connection, queue: str, body: str, messages: int, group: str | None = None) -> None:
    """Send messages, ten at a time; with a prefix of groups, each in a group of its own."""
    for number in range(0, messages, 10):
        entries = [{"Id": str(id), "MessageBody": body} for id in range(number, number + 10)]
        if group is not None:
            for entry in entries:
                entry["MessageGroupId"] = entry["MessageDeduplicationId"] = group + entry["Id"]
        await client.call("SendMessageBatch", QueueUrl=queue, Entries=entries)


async def drain(client: Connection, queue: str, messages: int) -> int:
    """Receive and delete so many messages; how many there were."""
    drained = 0
    while drained < messages:
        received = (await client.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)).get("Messages")
        if not received:
            break
        entries = [{"Id": str(id), "ReceiptHandle": m["ReceiptHandle"]} for id, m in enumerate(received)]
        await client.call("DeleteMessageBatch", QueueUrl=queue, Entries=entries)
        drained += len(received)
    return drained


async def counts(client: Connection, queue: str) -> tuple[int, int]:
    """(visible, delayed)."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    shown = (await client.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=names))["Attributes"]
    return int(shown[names[0]]), int(shown[names[1]])


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1_024
