"""Abusive clients of a real broker process: when they are gone, so is everything that they took."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from broker_process import start_broker
from tests.fuzz.test_front_fuzz import CORPUS
from tests.unit.broker.server.conftest import Client

pytestmark = pytest.mark.journey

CLIENTS = 25
"""Of each sort, at a time."""

MIB = 1024 * 1024
GROWTH_MAX = 16 * MIB

STORMS_MAX = 8
"""How much was held at once differs from storm to storm, and the C library keeps some of the most. What leaks grows with each of them."""

Abuse = Callable[[Client, str], Awaitable[None]]


class Abused:
    """A broker and what can be seen of it from outside."""

    def __init__(self, url: str, pid: int) -> None:
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.port = int(port)
        self._proc = Path(f"/proc/{pid}")

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection(self.host, self.port))

    async def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """A request of a well-behaved client, which must succeed."""
        client = await self.connect()
        sqs(client, action, **parameters)
        answer = await asyncio.wait_for(client.answer(), 60)
        await client.close()
        assert answer.status == 200, answer
        return answer.json() if answer.body else {}

    async def gauges(self) -> dict[str, float]:
        """Metrics without labels."""
        client = await self.connect()
        client.get("/metrics", "Connection: close")
        page = (await client.answer()).body.decode()
        await client.close()
        samples = (line.split(" ") for line in page.splitlines() if line[0] != "#" and "{" not in line)
        return {name: float(value) for name, value in samples}

    def files(self) -> int:
        """Open files of the process."""
        return len(list((self._proc / "fd").iterdir()))

    def resident(self) -> int:
        """Bytes of memory of the process."""
        return int((self._proc / "statm").read_text().split()[1]) * 4_096

    async def settle(self, files: int) -> None:
        """Wait until only the one who asks is connected, and nobody waits."""
        async with asyncio.timeout(60):
            while True:
                gauges = await self.gauges()
                if gauges["crossdock_connections"] == 1 and gauges["crossdock_waiters"] == 0 and self.files() <= files:
                    return
                await asyncio.sleep(0.05)


def sqs(client: Client, action: str, **parameters: Any) -> None:
    """Send an SQS request."""
    headers = (f"X-Amz-Target: AmazonSQS.{action}", "Content-Type: application/x-amz-json-1.0")
    client.post("/", json.dumps(parameters).encode(), *headers)


# What clients do


async def waits_and_resets(client: Client, queue: str) -> None:
    for _ in range(20):
        sqs(client, "ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20)
    await client.writer.drain()
    await asyncio.sleep(0.1)


async def half_a_head(client: Client, queue: str) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.")
    await asyncio.sleep(0.1)


async def half_a_body(client: Client, queue: str) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 500_000)
    await client.writer.drain()
    await asyncio.sleep(0.1)


async def endless_chunks(client: Client, queue: str) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(200):
        client.send(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        await client.writer.drain()


async def many_headers(client: Client, queue: str) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(200))
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
    await client.writer.drain()
    await client.reader.read()


async def asks_and_does_not_read(client: Client, queue: str) -> None:
    for _ in range(300):
        sqs(client, "ListQueues")
        client.get("/metrics")
    await asyncio.sleep(0.1)


async def expects_to_continue(client: Client, queue: str) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n")
    assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")


async def speaks_tls(client: Client, queue: str) -> None:
    client.send(bytes.fromhex("1603010200010001fc0303") + bytes(200))
    await client.reader.read()


async def says_nothing(client: Client, queue: str) -> None:
    await asyncio.sleep(0.1)


async def talks_garbage(client: Client, queue: str) -> None:
    for junk in CORPUS:
        client.send(junk)
    client.writer.write_eof()
    await client.reader.read()


ABUSES = [
    waits_and_resets,
    half_a_head,
    half_a_body,
    endless_chunks,
    many_headers,
    asks_and_does_not_read,
    expects_to_continue,
    speaks_tls,
    says_nothing,
    talks_garbage,
]


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Abused]:
    """A broker that must have nothing to complain of in the end."""
    process, url = await asyncio.to_thread(start_broker, folder / "data")
    try:
        yield Abused(url, process.pid)
    finally:
        process.terminate()
        _, logged = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in logged
    assert '"error"' not in logged


async def storm(abused: Abused, queue: str, abuses: list[Abuse]) -> None:
    """All clients of all sorts at once; each ends with a reset."""

    async def one(abuse: Abuse) -> None:
        client = await abused.connect()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.wait_for(abuse(client, queue), 60)
        with contextlib.suppress(OSError):
            client.reset()

    await asyncio.gather(*(one(abuse) for abuse in abuses for _ in range(CLIENTS)))


async def test_abusive_clients_leave_nothing(tmp_path: Path) -> None:
    """Hundreds of clients that stall, flood, break off or talk nonsense: others are served meanwhile, and afterwards connections, long
    polls, files and memory are what they were."""
    async with broker(tmp_path) as abused:
        queue = (await abused.ask("CreateQueue", QueueName="q"))["QueueUrl"]
        files = abused.files() + 1
        await storm(abused, queue, ABUSES)
        await abused.settle(files)
        growths: list[int] = []
        while not growths or (growths[-1] > GROWTH_MAX and len(growths) < STORMS_MAX):
            resident = abused.resident()
            storming = asyncio.create_task(storm(abused, queue, ABUSES))
            while not storming.done():
                await abused.ask("GetQueueUrl", QueueName="q")
                await asyncio.sleep(0.05)
            await storming
            await abused.settle(files)
            growths.append(abused.resident() - resident)
        await abused.ask("SendMessage", QueueUrl=queue, MessageBody="still there")
        assert (await abused.ask("ReceiveMessage", QueueUrl=queue))["Messages"][0]["Body"] == "still there"
        print("MiB more after each further storm:", *(f"{growth / MIB:+.1f}" for growth in growths))
        assert growths[-1] <= GROWTH_MAX


async def test_long_names_are_not_kept(tmp_path: Path) -> None:
    """What the broker remembers by a text that clients choose (URLs, credentials, header names) does not grow with that text."""
    async with broker(tmp_path) as abused:
        queue = (await abused.ask("CreateQueue", QueueName="q"))["QueueUrl"]
        client = await abused.connect()
        resident = abused.resident()
        for number in range(500):
            long = f"{number}" + "x" * 50_000
            client.get(f"/{long}?Action=ListQueues")
            client.get(
                "/?Action=ListQueues", f"Authorization: AWS4-HMAC-SHA256 Credential={long}/1/r/sqs/aws4_request, x"
            )
            client.get("/?Action=ListQueues", f"X-{long}: y")
            sqs(client, "GetQueueAttributes", QueueUrl=f"http://{long * 4}/000000000000/q")
            for _ in range(4):
                assert (await client.answer()).status in (200, 400, 404)
        await client.close()
        print(f"{resident / MIB:.1f} MiB, and {(abused.resident() - resident) / MIB:+.1f} MiB after long names")
        assert abused.resident() - resident <= GROWTH_MAX
        assert queue
