"""A real broker in a thread of this process, on a free port, with a clock that the test moves.

It is the same broker as `crossdock broker`, over real sockets: any SDK in any language can talk to it. In memory by default; give it
a folder to test what survives a restart.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import uvloop

from crossdock.broker.app import Broker
from crossdock.broker.server import listen
from crossdock.broker.settings import BrokerSettings, Durability
from crossdock.clock import ManualClock

REGION = "us-east-1"
START_S = 60
ADVANCE_S = 60
STEP_S = 0.02
"""How often a running clock moves."""


class BrokerClock:
    """The broker's clock, moved by hand: visibility timeouts, delays, retention and dedup windows pass in milliseconds."""

    def __init__(self, broker: "LocalBroker") -> None:
        self._broker = broker

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC), as the broker sees it. A new broker's clock begins at 1,700,000,000,000."""
        return self._broker.manual_clock.now_ms()

    def advance(self, seconds: float) -> None:
        """Move forward; returns when all that fell due on the way is done. ValueError if `seconds` is negative."""
        if seconds < 0:
            raise ValueError(f"time does not go back: advance({seconds})")
        self._broker.advance(round(seconds * 1_000))

    @contextmanager
    def running(self, speed: float = 1) -> Iterator[None]:
        """Inside the `with`, time goes on by itself, `speed` times as fast as on the wall; `advance` jumps ahead as ever.

        For code with long polls of its own: worker threads, event loops, child processes."""
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(STEP_S):
                self.advance(STEP_S * speed)

        thread = threading.Thread(target=run, name="crossdock-clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


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
        self._url = ""
        self._moving = threading.RLock()
        """A clock that runs by itself waits while the broker restarts."""
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread
        self._broker: Broker

    @property
    def url(self) -> str:
        """Where it is reached. RuntimeError outside the `with`, as from all that needs a running broker."""
        self._require_running()
        return self._url

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

        with self._moving:
            self._require_running()
            self._loop.call_soon_threadsafe(move)
            done.result(timeout=ADVANCE_S)

    def restart(self) -> None:
        """Stop and start again, at the same URL and the same time of the clock. Long polls are answered empty.

        A broker in memory is empty afterwards; one with a folder has all that was acknowledged."""
        with self._moving:
            self._require_running()
            self._stop()
            self._start()

    def __enter__(self) -> Self:
        self._sockets = listen(self._settings.host, self._settings.port)
        try:
            self._start()
        except BaseException:
            self._close_sockets()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._url = ""
        self._close_sockets()

    def _require_running(self) -> None:
        if not self._url:
            raise RuntimeError("the broker does not run: use it inside `with LocalBroker() as broker:`")

    def _start(self) -> None:
        started: Future[str] = Future()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), name="crossdock-broker", daemon=True)
        self._thread.start()
        self._url = started.result(timeout=START_S)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._broker.stopped.set)
        self._thread.join(timeout=START_S)

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()

    def _run(self, started: Future[str]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(started))
        finally:
            self._loop.close()

    async def _serve(self, started: Future[str]) -> None:
        try:
            self._broker = Broker(self._settings, self.manual_clock)
            [url] = await self._broker.start([each.dup() for each in self._sockets])
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(url)
        await self._broker.stopped.wait()
        await self._broker.stop()
