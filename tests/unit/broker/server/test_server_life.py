"""Start and end of a server: sockets, TLS, draining."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from tests.certificate import make_certificate
from tests.unit.broker.server.conftest import until

from crossdock.aws.wire.http import HttpResponse
from crossdock.broker.server import HttpServer, ListenError, ServerSettings, listen, tls_context
from crossdock.clock import ManualClock


def open_files() -> int:
    """How many files this process has open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def test_a_taken_port_is_an_error(start):
    """Two servers cannot have the same port; the second is told before it serves."""
    running = await start()
    with pytest.raises(ListenError, match="in use; choose another"):
        listen("127.0.0.1", running.port)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no IPv6 sockets that take IPv4")
def test_any_address_is_one_of_either_kind():
    """`::` takes connections over IPv4, too."""
    [listener] = listen("::", 0)
    with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        listener.accept()[0].close()


async def test_the_date_comes_from_the_clock(start):
    """The Date header is the clock's, to the second."""
    clock = ManualClock(1_700_000_000_999)
    client = await (await start(clock)).connect()
    client.get("/")
    assert (await client.answer()).headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    clock.advance(1)
    client.get("/")
    assert (await client.answer()).headers["date"] == "Tue, 14 Nov 2023 22:13:21 GMT"


# Draining


async def test_drain_answers_what_is_under_way(start):
    """Draining closes idle connections, takes no new ones, and waits for the answers that are due."""
    running = await start()
    idle, busy = await running.connect(), await running.connect()
    busy.get("/later")
    busy.get("/later")
    await running.script.until_later(2)
    draining = asyncio.create_task(running.server.drain(60))
    assert await idle.closed()
    with pytest.raises(ConnectionRefusedError):
        await running.connect()
    assert not draining.done()
    for exchange in running.script.later:
        exchange.respond(HttpResponse(200, b"still"))
    assert "connection" not in (await busy.answer()).headers
    assert (await busy.answer()).headers["connection"] == "close"
    assert await busy.closed()
    await draining
    assert running.script.abandoned == []


async def test_drain_lets_a_begun_request_come_to_its_end(start):
    """A request of which the first part is read when draining begins is still served."""
    running = await start()
    client = await running.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhe")
    await until(lambda: running.server.counters.bytes_received > 0)
    draining = asyncio.create_task(running.server.drain(60))
    await asyncio.sleep(0)
    client.send(b"llo")
    assert (await client.answer()).headers["connection"] == "close"
    await draining


async def test_drain_does_not_wait_for_ever(start):
    """What is not answered when the grace is over is abandoned."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    await running.script.until_later(1)
    await running.server.drain(0.05)
    assert await client.closed()
    assert running.script.abandoned == running.script.later


async def test_close_abandons_at_once(start):
    """Closing waits for nobody."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    await running.script.until_later(1)
    running.server.close()
    await running.script.until_abandoned(1)


async def test_nothing_is_left_behind(start):
    """A hundred connections that end in different ways leave no open file and no object of theirs."""
    running = await start(half_close_s=0.01, linger_s=0.05)
    files = open_files()
    for number in range(100):
        client = await running.connect()
        client.send(
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"garbage\r\n", b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n", b"GE")[
                number % 4
            ]
        )
        await asyncio.sleep(0)
        await client.close()
    await until(lambda: running.server.connections == 0)
    assert open_files() <= files


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


async def test_tls_serves_and_says_so(start, certificate):
    """Over TLS requests are served as without it, and the handler can tell."""
    running = await start(tls=tls_context(*certificate))
    client = await running.connect(ssl.create_default_context(cafile=certificate[0]))
    client.get("/later")
    await running.script.until_later(1)
    assert running.script.later[0].secure
    running.script.later[0].respond(HttpResponse(200, bytes(1_000_000)))
    assert len((await client.answer()).body) == 1_000_000
    client.get("/", "Connection: close")
    assert (await client.answer()).status == 200
    assert await client.closed()


async def test_tls_refuses_and_abandons(start, certificate):
    """Over TLS, too, a refusal is read, and a client that goes away is noticed."""
    running = await start(tls=tls_context(*certificate))
    trust = ssl.create_default_context(cafile=certificate[0])
    client = await running.connect(trust)
    client.send(b"garbage\r\n\r\n")
    assert (await client.answer()).status == 400
    client = await running.connect(trust)
    client.get("/later")
    await running.script.until_later(1)
    await client.close()
    await running.script.until_abandoned(1)


async def test_plain_http_on_a_tls_port_harms_nobody(start, certificate, caplog):
    """A client without TLS is turned away; the next one is served."""
    running = await start(tls=tls_context(*certificate))
    stranger = await running.connect()
    stranger.get("/")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await stranger.answer()
    client = await running.connect(ssl.create_default_context(cafile=certificate[0]))
    client.get("/")
    assert (await client.answer()).status == 200


async def test_several_sockets_are_served(start):
    """A server may listen in several places and tells where."""
    server = HttpServer((await start()).script, ServerSettings())
    addresses = await server.start(listen("127.0.0.1", 0) + listen("127.0.0.1", 0))
    for host, port in addresses:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
    await server.drain(1)
