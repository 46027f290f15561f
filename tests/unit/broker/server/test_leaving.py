"""Answers that nobody takes in: what is held of them over all connections has a limit, and who reads is not concerned."""

import asyncio
from collections.abc import Callable

from tests.unit.broker.server.conftest import Client, Running, until

from crossdock.broker.leaving import Leaving
from crossdock.broker.server import ServerSettings
from crossdock.clock import SystemClock

MIB = 1024 * 1024
ANSWER = 8 * MIB
"""More than the operating system has room for."""

LIMIT = 3 * ANSWER


async def ask_without_reading(server: Running) -> Client:
    client = await server.connect()
    client.writer.transport.pause_reading()
    client.get(f"/much?{ANSWER}")
    return client


async def test_what_is_held_has_a_limit(start: Callable, log_lines: list) -> None:
    """Of thirty clients that do not read only some are left, those that came last; clients that read are answered all the while."""
    server = await start(unread_bytes_max=LIMIT, unread_patience_s=0)
    leaving = server.server._front.leaving
    reader = await server.connect()
    clients: list[Client] = []
    for _ in range(30):
        clients.append(await ask_without_reading(server))
        reader.get(f"/much?{ANSWER}")
        assert len((await reader.answer()).body) == ANSWER
        assert leaving.held <= LIMIT
    await until(lambda: server.server.connections <= 1 + LIMIT // (ANSWER // 2))
    assert 0 < leaving.held <= LIMIT
    clients[-1].writer.transport.resume_reading()
    assert len((await clients[-1].answer()).body) == ANSWER
    assert [line["event"] for line in log_lines] == ["connections are closed: their clients do not read their answers"]
    log_lines.clear()


async def test_nobody_is_closed_within_the_limit(start: Callable) -> None:
    """Slow clients keep their connections as long as there is room, and read their answers in the end."""
    server = await start(unread_bytes_max=LIMIT, unread_patience_s=0)
    clients = [await ask_without_reading(server) for _ in range(2)]
    await until(lambda: server.server._front.leaving.held > ANSWER // 2)
    for client in clients:
        client.writer.transport.resume_reading()
        assert len((await client.answer()).body) == ANSWER
    await until(lambda: server.server._front.leaving.held == 0)


class FakeTransport:
    """A connection that holds `size` bytes, and `progress` fewer each time somebody looks."""

    def __init__(self, size: int, progress: int) -> None:
        self.size = size
        self.progress = progress
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        self.size -= self.progress
        return self.size

    def abort(self) -> None:
        self.aborted = True


async def test_a_client_that_reads_is_spared(log_lines: list) -> None:
    """While there is too much those are closed that take in nothing, not one that does so slowly, though it came first."""
    leaving = Leaving(ServerSettings(unread_bytes_max=LIMIT, unread_patience_s=0.01), SystemClock())
    slow, idle = FakeTransport(LIMIT, 1), FakeTransport(LIMIT // 2, 0)
    leaving.note(slow)  # type: ignore[arg-type]
    leaving.note(idle)  # type: ignore[arg-type]
    await until(lambda: idle.aborted)
    assert (slow.aborted, leaving.held) == (False, slow.size)
    leaving.forget(slow)  # type: ignore[arg-type]
    assert leaving.held == 0
    log_lines.clear()


async def test_what_is_still_held_when_patience_ends(start: Callable, log_lines: list) -> None:
    """Too much does not stay until somebody is answered again: it is looked at when patience ends."""
    server = await start(unread_bytes_max=ANSWER // 2, unread_patience_s=0.05)
    client = await ask_without_reading(server)
    await asyncio.wait_for(server.until_empty(), 5)
    await client.close()
    assert server.server._front.leaving.held == 0
    log_lines.clear()
