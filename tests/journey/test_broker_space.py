"""Disk space comes back after a backlog was drained, while the broker serves others."""

import asyncio
import time
from pathlib import Path

import pytest
from broker_process import start_broker
from tests.crash.broker_with import SMALL, program
from tests.crash.connection import Connection

from crossdock.broker.storage.care import FREE_PAGES_MIN

pytestmark = pytest.mark.journey

MESSAGES = 5_000
BODY = "x" * 4_000
PAGE_BYTES = 4_096
CLIENTS = 4
GIVEN_BACK_S = 120


async def test_a_drained_backlog_leaves_no_large_files(tmp_path: Path) -> None:
    """20 MB of messages come and go; with no more than the traffic of another queue the database shrinks, and the folder after the end is small."""
    data = tmp_path / "data"
    process, url = start_broker(data, program=program(**SMALL))
    try:
        clients = [await Connection.open(url) for _ in range(CLIENTS)]
        for queue in ("backlog", "others"):
            await clients[0].call("CreateQueue", QueueName=queue)
        await asyncio.gather(*(fill(client, MESSAGES // CLIENTS) for client in clients))
        assert size(data) > MESSAGES * len(BODY)
        await asyncio.gather(*(drain(client, "backlog") for client in clients))
        deadline = time.monotonic() + GIVEN_BACK_S
        while (data / "broker.db").stat().st_size > FREE_PAGES_MIN * PAGE_BYTES:
            assert time.monotonic() < deadline, "the space of deleted messages is kept"
            await clients[0].call("SendMessage", QueueUrl="others", MessageBody=BODY)
            await drain(clients[0], "others")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert size(data) < FREE_PAGES_MIN * PAGE_BYTES + 4 * 500_000
    finally:
        process.kill()
        process.wait()


async def fill(client: Connection, messages: int) -> None:
    """Send messages, ten at a time."""
    entries = [{"Id": str(number), "MessageBody": BODY} for number in range(10)]
    for _ in range(messages // 10):
        await client.call("SendMessageBatch", QueueUrl="backlog", Entries=entries)


async def drain(client: Connection, queue: str) -> None:
    """Receive and delete until nothing comes."""
    while messages := (await client.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10)).get("Messages"):
        entries = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
        await client.call("DeleteMessageBatch", QueueUrl=queue, Entries=entries)


def size(folder: Path) -> int:
    """What the files of a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
