"""A real broker in a thread of this process, on a free port, with a clock that the test moves.

It is the same broker as `crossdock broker`, over real sockets: any SDK in any language can talk to it. In memory by default; give it
a folder to test what survives a restart.
"""

import asyncio
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import uvloop

from crossdock.broker.app import Broker
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.clock import ManualClock

REGION = "us-east-1"
START_S = 10


class BrokerClock:
    """The broker's clock, moved by hand: visibility timeouts, delays, retention and dedup windows pass in milliseconds."""

    def __init__(self, broker: "LocalBroker") -> None:
        self._broker = broker

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC), as the broker sees it."""
        return self._broker.manual_clock.now_ms()

    def advance(self, seconds: float) -> None:
        """Move forward; returns when all that fell due on the way is done."""
        self._broker.advance(round(seconds * 1_000))


class LocalBroker:
    """A broker in a thread; a context manager.

    >>> with LocalBroker() as broker:
    ...     sqs = broker.client("sqs")
    ...     url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    ...     broker.clock.advance(30)
    """

    def __init__(self, data: Path | None = None, region: str = REGION) -> None:
        """`data`: a folder that keeps the messages; None keeps them in memory."""
        durability = Durability.MEMORY if data is None else Durability.DURABLE
        self._settings = BrokerSettings(port=0, data=data, durability=durability, region=region, manual_clock=True)
        self.manual_clock = ManualClock()
        self.clock = BrokerClock(self)
        self.url = ""
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="crossdock-broker", daemon=True)
        self._started: Future[str] = Future()

    def client(self, service: str = "sqs", **overrides: Any) -> Any:
        """A boto3 client for this broker; `overrides` go to boto3."""
        options: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": self._settings.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return boto3.client(service, **(options | overrides))

    def environment(self) -> dict[str, str]:
        """The standard AWS variables that point a child process at this broker."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def advance(self, ms: int) -> None:
        """Move the broker's clock; `clock.advance` is the friendlier face."""
        done: Future[int] = Future()

        def move() -> None:
            try:
                done.set_result(self._broker.turn.advance(self.manual_clock, ms))
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(move)
        done.result(timeout=60)

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self._started.result(timeout=START_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._broker.stopped.set)
        self._thread.join(timeout=START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        try:
            self._broker = Broker(self._settings, self.manual_clock)
            [url] = await self._broker.start()
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(url)
        await self._broker.stopped.wait()
        await self._broker.stop()
