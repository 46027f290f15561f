"""A whole broker in this process: what it does by itself, and what its operator sees of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.broker.server.conftest import Answer, Client

from crossdock.broker.app import Broker
from crossdock.broker.settings import BrokerSettings

Start = Callable[..., Awaitable["Running"]]


class Running:
    """A broker that serves, and one connection to it."""

    def __init__(self, broker: Broker, url: str, client: Client) -> None:
        self.broker = broker
        self.url = url
        self.client = client

    async def call(self, action: str, **parameters: Any) -> Answer:
        """One SQS request."""
        headers = (f"X-Amz-Target: AmazonSQS.{action}", "Content-Type: application/x-amz-json-1.0")
        self.client.post("/", msgspec.json.encode(parameters), *headers)
        return await self.client.answer()

    async def get(self, path: str) -> Answer:
        """One of the operator's paths."""
        self.client.get(path)
        return await self.client.answer()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a broker with a data folder and the settings given."""
    started: list[Running] = []

    async def start(**settings: Any) -> Running:
        broker = Broker(BrokerSettings(port=0, data=tmp_path / "data", **settings))
        [url] = await broker.start()
        host, port = url.removeprefix("http://").split(":")
        started.append(Running(broker, url, Client(*await asyncio.open_connection(host, int(port)))))
        return started[-1]

    yield start
    for running in started:
        await running.client.close()
        await running.broker.stop()


async def test_an_idle_broker_folds_its_journal(start: Start) -> None:
    """A while after the last commit; and then it has no timer any more."""
    running = await start(quiet_ms=5)
    queue = (await running.call("CreateQueue", QueueName="q")).json()["QueueUrl"]
    await running.call("SendMessage", QueueUrl=queue, MessageBody="x")
    store = running.broker.store
    async with asyncio.timeout(10):
        while not store.metrics.folds or store.folding:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not store._layers.live.inserted
    await asyncio.sleep(0.02)
    assert running.broker.idle_fold._timer is None
    assert store.metrics.folds == 1
