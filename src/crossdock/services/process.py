"""A program of ours as a process: signals, logging, the event loop, and one clear sentence when it cannot start.

A program is an async context manager that serves while it is entered and yields its address, so a test enters it in its own loop and
a process enters it here. Leaving it drains and closes in the program's own order.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog
import uvloop

from crossdock.services import log_lines
from crossdock.services.settings import ServerSettings

log = structlog.get_logger()

Program = AbstractAsyncContextManager[str]


class CannotStart(Exception):
    """A program that cannot start, for the reason in the text."""


def run(name: str, settings: ServerSettings, program: Callable[[], Program]) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order. Exits with status 1 and a sentence when the program cannot start."""
    log_lines.configure()
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"{name} cannot start: {_not_a_folder(error, settings.data)}; name another folder with --data")
    try:
        uvloop.run(_serve(name, program))
    except CannotStart as error:
        sys.exit(f"{name} cannot start: {error}")
    except OSError as error:
        sys.exit(f"{name} cannot start: {error.strerror or error}; choose another --host or --port")


async def _serve(name: str, program: Callable[[], Program]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with program() as address:
        log.info("serves", program=name, address=address)
        await stop.wait()
        log.info("stops", program=name)


def _not_a_folder(error: OSError, data: Path) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{data} is not a folder"
    return f"{data} cannot be made: {error.strerror}"


async def ended(task: Awaitable[None]) -> None:
    """Await a task that was cancelled on purpose."""
    try:
        await task
    except asyncio.CancelledError:
        return
