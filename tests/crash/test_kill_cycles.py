"""kill -9 of a real broker at random moments, again and again, under concurrent load: what it promised holds in every life.

Half of the lives are those of the broker as it is shipped, half those of one that folds and changes segments all the time and holds few
messages in memory, and most of these end by a power cut: what the journal had written and not synced is partly lost.

`make test` kills a dozen times; `CROSSDOCK_KILLS=200 .venv/bin/pytest tests/crash/test_kill_cycles.py` is the long test. The seed is
printed; `CROSSDOCK_KILLS_SEED` repeats its choices, though not the moments at which the operating system lets processes run.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest
from broker_process import broker_command, start_broker
from tests.crash.account import Account
from tests.crash.broker_with import SMALL, Fault, program
from tests.crash.catalog import Catalog
from tests.crash.connection import Connection
from tests.crash.load import CLIENTS, PLAIN, SHELVES, Client, audit, make_queues, new_account

from crossdock.broker.storage import check

KILLS = int(os.environ.get("CROSSDOCK_KILLS", "12"))
SEED = int(os.environ.get("CROSSDOCK_KILLS_SEED") or SystemRandom().randrange(1 << 32))

LIFE_S = (0.05, 0.7)
QUIET_S = 0.1
"""Longer than the broker keeps what no answer waits for."""

DRAIN_S = 120

RECEIVES = 10
"""So many are checked in a life at least, on average."""

FULL_S = 60
"""How long a life may last until then, on a slow machine."""


@pytest.mark.journey
@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize(("durability", "kills"), [("durable", KILLS), ("relaxed", -(-KILLS // 4))])
async def test_what_was_promised_survives_every_kill(tmp_path: Path, durability: str, kills: int) -> None:
    """Acknowledged sends are there exactly once until they are deleted, deletes stay, and FIFO order, locks, counts and memory hold; so do
    queues and attributes."""
    print(f"seed {SEED}, {kills} kills, {durability}")
    chance = Random(SEED)
    data, flags = tmp_path / "data", ("--durability", durability)
    account = new_account()
    catalog = Catalog(PLAIN, Random(chance.random()))
    changing = Client(0, account, Random(chance.random()), catalog)
    clients = [changing, *(Client(number, account, Random(chance.random())) for number in range(1, CLIENTS))]
    for life in range(kills):
        power = tmp_path / "power" if chance.random() < 0.5 else None
        options = {"program": program(faults=str(power), **SMALL)} if power else {}
        while chance.random() < 0.1:
            kill_while_starting(broker_command(data, *flags, **options), chance)
        async with alive(data, *flags, **options) as (process, connection):
            if not life:
                await make_queues(connection)
            await audit(connection, account)
            await catalog.check(connection)
            print(f"life {life + 1}: {len(account.letters)} letters, {len(account.gone)} deleted")
            work = await live(clients, connection.url, chance, partial(is_full, account, catalog, life + 1))
            await die(process, power if durability == "durable" else None, chance)
            await work
        (tmp_path / "power").unlink(missing_ok=True)
        account.crashed(time.time())
    async with alive(data, *flags) as (process, connection):
        await drain(connection, clients[0], account)
        process.terminate()
        assert process.wait(timeout=60) == 0
    assert check.check(data, lambda what, done, total: None).problems == []
    requests = sum(client.requests for client in clients)
    print(f"{requests} requests, {len(account.gone)} letters sent and deleted, {account.checked} receives checked")


@asynccontextmanager
async def alive(data: Path, *flags: str, **options: Any) -> AsyncIterator[tuple[subprocess.Popen[str], Connection]]:
    """A broker, and a connection to it; killed at the end if it lives still."""
    process, url = start_broker(data, *flags, **options)
    try:
        connection = await Connection.open(url)
        yield process, connection
        connection.close()
    finally:
        process.kill()
        process.wait()


def kill_while_starting(command: list[str], chance: Random) -> None:
    """Kill a broker before it is ready, or shortly after."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.2, 0.6))
    process.kill()
    process.wait()


def is_full(account: Account, catalog: Catalog, lives: int) -> bool:
    """Whether enough has happened in so many lives."""
    return account.checked > RECEIVES * lives and catalog.changes > 0


async def live(
    clients: list[Client], url: str, chance: Random, is_full: Callable[[], bool]
) -> "asyncio.Future[list[None]]":
    """All clients work at once for a while, and until the life is full. Half of the time they come to rest then, and one of them asks for
    something more: the broker dies just after an answer, when nothing else makes it write. The future is that of their work."""
    work = asyncio.gather(*(client.run(url) for client in clients))
    await asyncio.sleep(chance.uniform(*LIFE_S))
    async with asyncio.timeout(FULL_S):
        while not is_full() and not work.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    if chance.random() < 0.5:
        for client in clients:
            client.stopping = True
        await work
        await asyncio.sleep(QUIET_S)
        await clients[0].last_words()
    return work


async def die(process: subprocess.Popen[str], power: Path | None, chance: Random) -> None:
    """The broker is killed: now, while it stops, or by a power cut at its next write."""
    if chance.random() < 0.15:
        process.terminate()
        await asyncio.sleep(chance.uniform(0, 0.05))
    elif power is not None and chance.random() < 0.7:
        Fault("pwrite", power_cut=chance.randrange(1 << 32), deadly=True).begin(power)
        await asyncio.sleep(0.02)
    process.kill()


async def drain(connection: Connection, client: Client, account: Account) -> None:
    """Receive and delete everything: nothing that must be there is missing, and nothing else is there."""
    await client.connect(connection.url)
    deadline = time.monotonic() + DRAIN_S
    while await audit(connection, account):
        assert time.monotonic() < deadline, "something stays hidden"
        for shelf in SHELVES:
            while held := await client.receive(shelf.name, visibility_s=20, wait_s=0, limit=10):
                await client.delete(held)
        await asyncio.sleep(0.02)
    account.check_nothing_is_missing()
