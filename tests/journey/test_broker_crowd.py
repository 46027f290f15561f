"""Many queues, long polls and connections at one broker: nobody is in anybody's way, and who only waits costs nothing.

`CROSSDOCK_CROWD=full` makes it 1,000 queues, 5,000 long polls and 2,000 idle connections (7,100 open files on both sides); `pytest -s` shows
what was measured.
"""

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from broker_process import metric, start_broker, value
from tests.unit.broker.server.conftest import Client

pytestmark = pytest.mark.journey

FULL = os.environ.get("CROSSDOCK_CROWD") == "full"
QUEUES, POLLS, IDLE, SENDS = (1_000, 5_000, 2_000, 200) if FULL else (200, 400, 300, 20)
QUIET_TICKS = 2
FILES = 300


async def until_waiting(url: str, polls: int) -> None:
    """Wait until so many long polls wait."""
    while await asyncio.to_thread(metric, url, "crossdock_waiters") != polls:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


async def connect(url: str) -> Client:
    """A connection."""
    return Client(*await asyncio.open_connection(*address(url)))


def ask(client: Client, action: str, **parameters: Any) -> None:
    """Begin an SQS request."""
    headers = (f"X-Amz-Target: AmazonSQS.{action}", "Content-Type: application/x-amz-json-1.0")
    client.post("/", msgspec.json.encode(parameters), *headers)


async def call(client: Client, action: str, **parameters: Any) -> dict[str, Any]:
    """One SQS request."""
    ask(client, action, **parameters)
    answer = await client.answer()
    assert answer.status == 200
    return answer.json() if answer.body else {}


def test_a_crowd_that_waits_costs_nothing(tmp_path: Path) -> None:
    """Hundreds of long polls and idle connections: no CPU while nothing comes; each queue's poll is answered by its message."""
    process, url = start_broker(tmp_path / "data")
    try:
        asyncio.run(_crowd(url, lambda: sum(_cpu_ticks(process.pid))))
    finally:
        process.terminate()
        _, logged = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in logged


async def _crowd(url: str, cpu_ticks: Callable[[], int]) -> None:
    sender = await connect(url)
    polls = [await connect(url) for _ in range(POLLS)]
    idle = [await connect(url) for _ in range(IDLE)]
    created = [call(poll, "CreateQueue", QueueName=f"q{number}") for number, poll in enumerate(polls[:QUEUES])]
    urls = [answer["QueueUrl"] for answer in await asyncio.gather(*created)]
    apart = (await call(sender, "CreateQueue", QueueName="apart"))["QueueUrl"]
    alone_ms = await sends_ms(sender, apart)
    for number, poll in enumerate(polls):
        ask(poll, "ReceiveMessage", QueueUrl=urls[number % QUEUES], WaitTimeSeconds=20)
        if number + 1 == QUEUES:
            await until_waiting(url, QUEUES)
    await until_waiting(url, POLLS)
    for _ in range(5):
        if (waiting_ticks := await ticks_of_a_second(cpu_ticks)) <= QUIET_TICKS:
            break
    beside_ms = await sends_ms(sender, apart)
    resident_mb = metric(url, "process_resident_memory_bytes") / 1e6
    print(
        f"{QUEUES} queues, {POLLS} long polls, {IDLE} idle connections: {waiting_ticks} ticks of CPU in a second of waiting, "
        f"{resident_mb:.0f} MB resident; sends p50 / p99 ms: alone {alone_ms}, beside the crowd {beside_ms}"
    )
    assert waiting_ticks <= QUIET_TICKS, "a broker with nothing to do works"
    sends = [
        call(client, "SendMessage", QueueUrl=queue, MessageBody=str(number))
        for number, (client, queue) in enumerate(zip(idle, urls, strict=False))
    ]
    await asyncio.gather(*sends)
    received = [(await poll.answer()).json()["Messages"][0]["Body"] for poll in polls[:QUEUES]]
    assert received == [str(number) for number in range(QUEUES)]
    for client in (*polls, *idle):
        await client.close()
    await until_waiting(url, 0)
    await sender.close()


async def ticks_of_a_second(cpu_ticks: Callable[[], int]) -> int:
    """CPU that is used in a second of waiting."""
    before = cpu_ticks()
    await asyncio.sleep(1)
    return cpu_ticks() - before


async def sends_ms(client: Client, url: str) -> str:
    """The median and the 99th percentile of some sends, one after the other."""
    took_s = []
    for _ in range(SENDS):
        began_s = time.perf_counter()
        await call(client, "SendMessage", QueueUrl=url, MessageBody="x" * 512)
        took_s.append(time.perf_counter() - began_s)
    took_s.sort()
    return f"{took_s[SENDS // 2] * 1e3:.2f} / {took_s[SENDS * 99 // 100] * 1e3:.2f}"


def _cpu_ticks(pid: int) -> tuple[int, int]:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def test_a_broker_that_nobody_uses_does_not_wake_up(tmp_path: Path) -> None:
    """Once it has started, no thread of it runs at all: it polls nothing and has no timer."""
    process, _ = start_broker(tmp_path / "data")
    try:
        assert any(slept_for_a_second(process.pid) for _ in range(10))
    finally:
        process.terminate()
        process.communicate(timeout=60)


def slept_for_a_second(pid: int) -> bool:
    """Whether no thread of a process wakes up in a second."""
    before = wake_ups(pid)
    time.sleep(1)
    return wake_ups(pid) == before


def wake_ups(pid: int) -> dict[str, str]:
    """How often each thread of a process went to sleep."""
    return {
        task.name: re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.MULTILINE)[1]  # type: ignore[index]
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def test_few_open_files_mean_few_connections_and_no_harm(tmp_path: Path) -> None:
    """The soft limit is raised to the hard one; where that is low, fewer connections are taken, and it says so. Whoever is beyond them
    is refused; the data folder never lacks a file."""
    command = ["sh", "-c", f'ulimit -S -n 64 && ulimit -H -n {FILES} && exec "$@"', "sh"]
    process, url = start_broker(tmp_path / "data", launcher=command)
    try:
        asyncio.run(_overrun(url))
    finally:
        process.terminate()
        _, logged = process.communicate(timeout=60)
    assert process.returncode == 0
    events = [json.loads(line) for line in logged.splitlines()]
    assert {event["event"] for event in events if event["level"] == "warning"} == {
        "connections are refused: there are too many"
    }


async def _overrun(url: str) -> None:
    served = await connect(url)
    room = int(metric(url, "crossdock_connections_max"))
    assert FILES - 150 < room < FILES - 64
    with ExitStack() as crowd:
        for _ in range(2 * FILES):
            crowd.enter_context(socket.create_connection(address(url), timeout=60))
        queue = (await call(served, "CreateQueue", QueueName="q"))["QueueUrl"]
        for number in range(20):
            await call(served, "SendMessage", QueueUrl=queue, MessageBody=str(number))
        # One connection is taken from the system's queue each time round, so the last ones are refused some time after they came.
        async with asyncio.timeout(60):
            while True:
                served.get("/metrics")
                page = await served.answer()
                assert page.status == 200
                assert value(page.body, "process_open_fds") < FILES - 16
                if value(page.body, "crossdock_connections_refused_total") > FILES - 64:
                    break
    while True:
        again = await connect(url)
        again.get("/ready")
        try:
            if (await again.answer()).status == 200:
                break
        except (asyncio.IncompleteReadError, ConnectionError):
            await asyncio.sleep(0.05)
