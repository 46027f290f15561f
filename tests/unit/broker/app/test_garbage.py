"""Serving leaves nothing behind that only the garbage collector could take away: its pauses would grow with the backlog."""

import gc
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.broker.app.conftest import Caller, Running, Start
from tests.unit.broker.server.conftest import until


def left_behind() -> Counter[str]:
    """Our own objects that only the collector finds, by type."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        kinds = [type(thing) for thing in gc.garbage]
        return Counter(kind.__qualname__ for kind in kinds if kind.__module__.startswith("crossdock."))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


async def messages(client: Caller, url: str, _: Running) -> None:
    """A message comes and goes."""
    await client.call("SendMessage", QueueUrl=url, MessageBody="x")
    [message] = (await client.call("ReceiveMessage", QueueUrl=url)).json()["Messages"]
    await client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


async def errors(client: Caller, url: str, _: Running) -> None:
    """Errors of the codec, of the machine, and of what it looks up."""
    await client.call("SendMessage", QueueUrl=5)
    await client.call("SendMessage", QueueUrl=url, MessageBody="")
    await client.call("SendMessage", QueueUrl=f"{url}-unknown", MessageBody="x")
    await client.call("DeleteMessage", QueueUrl=url, ReceiptHandle="nonsense")
    await client.call("Brew")


async def long_polls(client: Caller, url: str, running: Running) -> None:
    """One that is answered, and one whose client goes away."""
    other = await running.connect()
    other.ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
    await until(lambda: running.broker.machine.waiting == 1)
    await client.call("SendMessage", QueueUrl=url, MessageBody="x")
    assert (await other.answer()).json()["Messages"]
    other.ask("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=20)
    await until(lambda: running.broker.machine.waiting == 1)
    await other.close()
    await until(lambda: running.broker.machine.waiting == 0)


async def connections(_: Caller, url: str, running: Running) -> None:
    """One that asks and closes, one that only closes, one that is refused."""
    for request in (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GE", b"garbage\r\n\r\n"):
        other = await running.connect()
        other.send(request)
        await other.close()


@pytest.mark.parametrize("work", [messages, errors, long_polls, connections])
async def test_nothing_is_left_behind(start: Start, work: Callable[[Caller, str, Running], Awaitable[None]]) -> None:
    """Once it is answered, every object of a request is gone without the collector's help."""
    running = await start(manual_clock=True)
    url = (await running.client.call("CreateQueue", QueueName="q")).json()["QueueUrl"]
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            await work(running.client, url, running)
        await until(lambda: running.broker.server.connections == 1)
        assert left_behind() == {}
    finally:
        gc.enable()
