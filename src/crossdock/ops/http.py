"""A small HTTP client for tools: JSON in, JSON out, connections kept, no import that costs start-up time.

Calls run in threads of the standard library's client; how many at once is the caller's affair. Nothing is repeated here.
"""

import asyncio
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


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
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; `body` is sent as JSON. Raises Unreachable."""
        return await asyncio.to_thread(self.call_now, method, path, body, headers)

    def call_now(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The same, for a caller without an event loop."""
        sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        all_headers = {**({"Content-Type": "application/json"} if sent else {}), **(headers or {})}
        connection = (
            self._idle.pop() if self._idle else http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
        )
        try:
            connection.request(method, self._prefix + path, sent, all_headers)
            response = connection.getresponse()
            answer = Answer(response.status, _parsed(response.read()))
        except (TimeoutError, OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(f"{self.url} does not answer: {error}") from error
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _parsed(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")
