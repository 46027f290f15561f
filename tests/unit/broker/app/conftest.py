"""A whole broker in this process, and connections to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from tests.unit.broker.server.conftest import Answer, Client

from crossdock.broker.app import Broker
from crossdock.broker.settings import BrokerSettings


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable]:
    """The event loop that the broker runs on."""
    return {"uvloop": uvloop.new_event_loop}


class Caller(Client):
    """A connection that speaks SQS."""

    def ask(self, action: str, **parameters: Any) -> None:
        """Begin a request."""
        headers = (f"X-Amz-Target: AmazonSQS.{action}", "Content-Type: application/x-amz-json-1.0")
        self.post("/", msgspec.json.encode(parameters), *headers)

    async def call(self, action: str, **parameters: Any) -> Answer:
        """One request."""
        self.ask(action, **parameters)
        return await self.answer()

    async def look(self, path: str) -> Answer:
        """GET one of the operator's paths."""
        self.get(path)
        return await self.answer()


class Running:
    """A broker that serves, and a first connection to it."""

    def __init__(self, broker: Broker, url: str) -> None:
        self.broker = broker
        self.url = url
        self.client: Caller
        self.clients: list[Caller] = []

    async def connect(self) -> Caller:
        """Another connection."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        self.clients.append(Caller(*await asyncio.open_connection(host, int(port))))
        return self.clients[-1]


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a broker with a data folder and the settings given."""
    started: list[Running] = []

    async def start(**settings: Any) -> Running:
        broker = Broker(BrokerSettings(port=0, data=tmp_path / "data", **settings))
        [url] = await broker.start()
        started.append(Running(broker, url))
        started[-1].client = await started[-1].connect()
        return started[-1]

    yield start
    for running in started:
        for client in running.clients:
            await client.close()
        await running.broker.stop()
