"""Bodies that are still arriving: what is held of them over all connections has a limit, and each of them is complete in the end."""

from collections.abc import Callable

from tests.unit.broker.server.conftest import until

from crossdock.broker.arriving import KEPT_READING, Arriving

LIMIT = 100 * 1024


class FakeReader:
    """A connection that reads pieces until its body is complete, unless it is held up."""

    def __init__(self, arriving: Arriving, size: int) -> None:
        self.arriving = arriving
        self.size = size
        self.held = 0
        self.held_up = False

    def hold_up(self, held_up: bool) -> None:
        self.held_up = held_up

    def read(self, piece: int) -> bool:
        """Whether the body is complete."""
        self.held = min(self.held + piece, self.size)
        if self.held == self.size:
            self.held = 0
            self.arriving.note(self, 0)
            return True
        self.arriving.note(self, self.held)
        return False


def test_all_come_to_an_end_within_the_limit() -> None:
    """Of fifty bodies, each nearly as large as the limit, never more is held than the limit, one body, and a little of each other one."""
    arriving = Arriving(LIMIT)
    readers = [FakeReader(arriving, LIMIT - 1) for _ in range(50)]
    most = 0
    for _ in range(100_000):
        going = [reader for reader in readers if not reader.held_up]
        if not going:
            break
        for reader in going:
            if not reader.held_up and reader.read(8 * 1024):
                readers.remove(reader)
        most = max(most, arriving.held)
    assert readers == []
    assert arriving.held == 0
    assert most <= LIMIT + LIMIT + 50 * (KEPT_READING + 8 * 1024)


def test_short_ones_do_not_wait() -> None:
    """A request of which little is here goes on, however much is held of others."""
    arriving = Arriving(LIMIT)
    first, second, short = (FakeReader(arriving, 10 * LIMIT) for _ in range(3))
    first.read(2 * LIMIT)
    second.read(2 * LIMIT)
    short.read(KEPT_READING - 1)
    assert [reader.held_up for reader in (first, second, short)] == [False, True, False]
    arriving.note(first, 0)
    assert not second.held_up


async def test_large_bodies_at_once(start: Callable) -> None:
    """Twenty clients send bodies of 200 KiB at once, of which only 100 KiB may be held: all are answered, the slow one too."""
    server = await start(arriving_bytes_max=LIMIT)
    clients = [await server.connect() for _ in range(20)]
    body = b"x" * 200 * 1024
    head = b"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    for client in clients:
        client.send(head + body[:100_000])
    arriving = server.server._front.arriving
    await until(lambda: arriving.held > LIMIT)
    assert arriving.held <= LIMIT + 20 * (KEPT_READING + 256 * 1024)
    for client in reversed(clients):
        client.send(body[100_000:])
    for client in clients:
        assert (await client.answer()).status == 200
    assert arriving.held == 0


async def test_a_client_that_goes_away(start: Callable) -> None:
    """What a client that went away has sent counts no more, and those who waited for it go on."""
    server = await start(arriving_bytes_max=LIMIT)
    leaving, staying = await server.connect(), await server.connect()
    head = b"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"
    arriving = server.server._front.arriving
    leaving.send(head + b"x" * 200_000)
    await until(lambda: arriving.held == 200_000)
    staying.send(head + b"x" * 299_999)
    await until(lambda: arriving.held > 200_000)
    await leaving.close()
    staying.send(b"x")
    assert (await staying.answer()).status == 200
    assert arriving.held == 0
