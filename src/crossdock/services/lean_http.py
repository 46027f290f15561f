"""The HTTP side of the small servers (provider, mailbox) on aiohttp: JSON in and out, errors as problem+json.

The three services have FastAPI and OpenAPI instead, see web.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import structlog
from aiohttp import web

from crossdock.services.json_bodies import decode, require_json, too_large
from crossdock.services.problems import PROBLEM_JSON, Problem

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


def answer(value: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A JSON response."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def read(request: web.Request, kind: type[T]) -> T:
    """The typed body of a request. Raises Problem 400, 413, 415 or 422."""
    require_json(request.headers.get("Content-Type"))
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large(request.app[BODY_LIMIT]) from None
    return decode(body, kind)


def number(request: web.Request, name: str, default: int, largest: int) -> int:
    """A query parameter from 1 to `largest`. Raises Problem 422."""
    text = request.query.get(name, str(default))
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
    if not 1 <= value <= largest:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is a number from 1 to {largest}")
    return value


async def health(request: web.Request) -> web.Response:
    """GET /health and /ready of a server that is ready when it answers."""
    return answer({"status": "ok"})


BODY_LIMIT: web.AppKey[int] = web.AppKey("body_limit", int)


def application(body_limit: int) -> web.Application:
    """An application with health, readiness and problems; the caller adds its routes."""
    app = web.Application(client_max_size=body_limit, middlewares=[_problems])
    app[BODY_LIMIT] = body_limit
    app.add_routes([web.get("/health", health), web.get("/ready", health)])
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve while entered; yields the base URL. A request whose client has gone is still done. Raises OSError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one place that turns errors into responses."""
    try:
        return await handler(request)
    except Problem as problem:
        return _refusal(problem)
    except web.HTTPException as error:
        return _refusal(Problem(HTTPStatus(error.status), error.reason))
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return _refusal(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; the log has the rest"))


def _refusal(problem: Problem) -> web.Response:
    return web.Response(body=problem.body(), status=problem.status, content_type=PROBLEM_JSON)
