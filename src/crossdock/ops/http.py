"""A small HTTP client for tools: JSON in, JSON out, connections kept, no import that costs start-up time.

Calls run in threads of the standard library's client; how many at once is the caller's affair. Nothing is repeated here.
"""

import asyncio
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec


class Unreachable(Exception):
    """No answer: nobody listens there, the connection broke, or the time was up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is the parsed JSON, or the text when it is none, or None when there is nothing."""

    status: int
    body: Any


class Api:
    """The HTTP interface of one server."""

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.host = parts.netloc
        """As the Host header has it."""
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; `body` is JSON already. Raises Unreachable."""
        return await asyncio.to_thread(self.call_now, method, path, body, headers)

    def call_now(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The same, for a caller without an event loop."""
        all_headers = {**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})}
        connection = self._connection()
        try:
            connection.request(method, self._prefix + path, body, all_headers)
            response = connection.getresponse()
            answer = Answer(response.status, _parsed(response.read()))
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"{self.url} does not answer: {error}") from error
        self._idle.append(connection)
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        """One that is idle, or a new one. Threads may race for the last idle one."""
        try:
            return self._idle.pop()
        except IndexError:
            return http.client.HTTPConnection(*self._address, timeout=self._timeout_s)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _parsed(content: bytes) -> Any:
    if not content:
        return None
    try:
        return msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return content.decode("utf-8", "replace")
