"""The HTTP side of the three services on FastAPI: typed bodies, problems, OpenAPI, health, readiness, metrics, and serving it all.

Bodies are read by msgspec, not by FastAPI, so that decimals stay exact and one error style holds everywhere; the routes of a
service are its own api.py's affair.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import structlog
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from crossdock.services.json_bodies import decode, require_json, too_large
from crossdock.services.problems import PROBLEM_JSON, Problem, unprocessable
from crossdock.services.settings import BODY_BYTES_MAX, ServerSettings

T = TypeVar("T")

DRAINED_BYTES_MAX = 16 * BODY_BYTES_MAX
"""How much of a body that is too large is read and thrown away, so that its sender gets to see the answer."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")

log = structlog.get_logger()


def encode(value: Any) -> bytes:
    """JSON with decimals as exact numbers."""
    return _ENCODER.encode(value)


def answer(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A JSON response."""
    return Response(encode(value), status, media_type="application/json")


async def read(request: Request, kind: type[T]) -> T:
    """The typed body of a request. Raises Problem 400, 413, 415 or 422."""
    return decode(await read_json(request), kind)


async def read_json(request: Request) -> bytes:
    """The bytes of a body that calls itself JSON. Raises Problem 413 or 415."""
    require_json(request.headers.get("content-type"))
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > DRAINED_BYTES_MAX:
            break
        if size <= BODY_BYTES_MAX:
            body += chunk
    if size > BODY_BYTES_MAX:
        raise too_large(BODY_BYTES_MAX)
    return bytes(body)


def takes(kind: Any) -> dict[str, Any]:
    """For OpenAPI: the route reads a body of that type."""
    return {"requestBody": {"required": True, "content": _content(kind)}}


def gives(kind: Any, *statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the route answers with that type."""
    return {int(status): {"description": status.phrase, "content": _content(kind)} for status in statuses}


class ServiceApi(FastAPI):
    """A FastAPI application whose schema describes the msgspec values in `kinds`, and which answers every error as a problem."""

    def __init__(self, title: str, kinds: list[Any], ready: Callable[[], Awaitable[None]]) -> None:
        super().__init__(title=title, redoc_url=None)
        self._kinds = kinds
        self._check_ready = ready
        self.serving = True
        for error in (Problem, HTTPException, RequestValidationError, Exception):
            self.add_exception_handler(error, _refuse)
        for path, endpoint in (("/health", self._health), ("/ready", self._ready), ("/metrics", self._metrics)):
            self.add_api_route(path, endpoint, tags=["operation"], response_class=Response)

    def openapi(self) -> dict[str, Any]:
        """The schema, with the components of our own values."""
        if self.openapi_schema is None:
            schema = super().openapi()
            _, components = msgspec.json.schema_components(self._kinds, ref_template=_REF)
            schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
        return super().openapi()

    async def _health(self) -> Response:
        """The process runs."""
        return answer({"status": "ok"})

    async def _ready(self) -> Response:
        """The service can do its work: not while it stops, not without its database."""
        if not self.serving:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the service is stopping")
        await self._check_ready()
        return answer({"status": "ready"})

    async def _metrics(self) -> Response:
        """Prometheus metrics of the process."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def listening(settings: ServerSettings) -> socket.socket:
    """The socket of a service, to be opened before anything else: a taken port is known at once. Raises OSError."""
    return socket.create_server((settings.host, settings.port), backlog=1024)


@asynccontextmanager
async def serving(api: ServiceApi, listener: socket.socket) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL. Leaving it answers what is in work."""
    config = uvicorn.Config(
        api,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.up.wait()
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        api.serving = False
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which are the process's affair, and with an event for when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


_REF = "#/components/schemas/{name}"


def _content(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return {"application/json": {"schema": schema}}


async def _refuse(request: Request, error: Exception) -> Response:
    """The one place that turns errors into responses."""
    match error:
        case Problem():
            problem = error
        case HTTPException():
            problem = Problem(HTTPStatus(error.status_code), str(error.detail))
        case RequestValidationError():
            problem = unprocessable("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
        case _:
            log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; the log has the rest")
    return Response(problem.body(), problem.status, media_type=PROBLEM_JSON)
