"""What the tests of processes share: small programs, and a supervisor that runs them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from crossdock.ops.backoff import Backoff
from crossdock.ops.folder import DataFolder
from crossdock.ops.keeper import Keeper
from crossdock.ops.program import Program
from crossdock.ops.supervisor import Supervisor, SupervisorSettings

IDLE = "import time\nprint('here', flush=True)\ntime.sleep(60)"
QUICK = SupervisorSettings(
    start_ms=60_000, drain_ms=600, keep_for_needed_ms=100, backoff=Backoff(first_ms=10, most_ms=40)
)


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script, *arguments)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


Launch = Callable[..., Awaitable[Supervisor]]


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    """Starts a supervisor of the given programs on a fresh folder, and drains it after the test."""
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    lock = folder.try_lock()
    assert lock is not None
    running: list[Supervisor] = []

    async def start(*programs: Program, settings: SupervisorSettings = QUICK, **hooks: object) -> Supervisor:
        supervisor = Supervisor(programs, folder, settings)
        running.append(supervisor)
        await supervisor.start(lock, {"PATH": os.environ["PATH"]}, **hooks)
        return supervisor

    yield start
    for supervisor in running:
        supervisor.kill()
        await supervisor.drain()
    os.close(lock)


def keeper_of(supervisor: Supervisor, name: str) -> Keeper:
    return next(keeper for keeper in supervisor.keepers if keeper.name == name)
