"""What the front refuses, how long it waits, and that a refusal can be read."""

import asyncio
import socket

import pytest
from tests.unit.broker.server.conftest import until

from crossdock.aws.wire.http import HttpResponse
from crossdock.broker.rare_log import EVERY_MS
from crossdock.clock import ManualClock

LIMITS = {"head_bytes_max": 2_000, "body_bytes_max": 10_000, "linger_s": 60}
HEAD = b"POST / HTTP/1.1\r\nHost: here\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"this is no HTTP\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /" + "é".encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"CONNECT there:443 HTTP/1.1\r\nHost: there:443\r\n\r\n", 405),
        (HEAD + b"Expect: miracles\r\n\r\n", 417),
        (HEAD + b"Expect: 100-continue\r\nContent-Length: 10001\r\n\r\n", 413),
        (HEAD + b"Content-Length: 10001\r\n\r\n" + bytes(10_001), 413),
        (
            HEAD
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"100\r\n"
            + bytes(256)
            + b"\r\n"
            + b"2800\r\n"
            + bytes(10_240),
            413,
        ),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 30_000, 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: " + b"x" * 30_000, 413),
        (HEAD + b"X: " + b"x" * 2_000 + b"\r\n\r\n", 431),
        (HEAD + b"X: " + b"x" * 3_000, 431),
        (b"GET /" + b"x" * 3_000, 431),
        (b"GET /" + b"x" * 2_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(300)) + b"\r\n", 431),
        (HEAD + b"Content-Length: 5\r\n\r\nhello" + HEAD + b"X: " + b"x" * 2_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_good_request_is_refused(start, request_bytes, status):
    """A request that cannot be served gets a short text, the end of the connection, and reaches no handler."""
    running = await start(**LIMITS)
    client = await running.connect()
    client.send(request_bytes)
    answer = await client.answer()
    while answer.status == 200:
        answer = await client.answer()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body.endswith(b".\n")
    assert await client.closed()


async def test_the_largest_request_is_served(start):
    """Head and body may be as large as the limits say."""
    client = await (await start(**LIMITS)).connect()
    client.post("/", bytes(10_000), "X: " + "x" * 1_900)
    client.post("/", bytes(10_000), "X: " + "x" * 1_900)
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]


async def test_many_small_requests_are_not_a_large_head(start):
    """The limit of a head counts one request, not what was read together with it."""
    client = await (await start(**LIMITS)).connect()
    for number in range(500):
        client.get(f"/{number}")
    client.send(b"GET /last HTTP/1.1\r\nHo")
    for _ in range(500):
        assert (await client.answer()).status == 200
    client.send(b"st: x\r\n\r\n")
    assert (await client.answer()).json()["target"] == "/last"


async def test_a_refusal_is_read_by_a_client_that_goes_on_sending(start):
    """Megabytes that nobody wants do not turn the answer into a reset."""
    client = await (await start(**LIMITS)).connect()
    client.send(HEAD + b"Content-Length: 50000000\r\n\r\n")
    for _ in range(50):
        client.send(bytes(100_000))
        await asyncio.sleep(0)
    assert (await client.answer()).status == 413
    assert await client.closed()


async def test_a_refusal_waits_for_its_turn(start):
    """Requests before a bad one are answered first, then the bad one is refused."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    client.send(b"nonsense\r\n\r\n")
    await running.script.until_later(1)
    await asyncio.sleep(0.02)
    running.script.later[0].respond(HttpResponse(201, b""))
    assert [(await client.answer()).status for _ in range(2)] == [201, 400]
    assert await client.closed()


async def test_a_refused_client_does_not_linger_for_ever(start):
    """Who reads a refusal behind much else, and then keeps its side open, is closed after the linger time all the same."""
    running = await start(linger_s=2)
    client, timers = await running.connect_timeless()
    client.writer.transport.pause_reading()
    client.get("/much?20000000")
    client.send(b"garbage\r\n\r\n")
    await asyncio.sleep(0.02)
    client.writer.transport.resume_reading()
    assert len((await client.answer()).body) == 20_000_000
    assert (await client.answer()).status == 400
    assert await client.closed()
    timers.advance(1.9)
    assert running.server.connections == 1
    timers.advance(0.1)
    await asyncio.wait_for(running.until_empty(), 60)


async def test_answers_that_nobody_takes_do_not_keep_a_connection(start):
    """A connection that closes, but whose last small answer is not taken in, ends with the idle timeout."""
    running = await start(idle_timeout_s=0.1)
    client = await running.connect()
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.writer.transport.pause_reading()
    for _ in range(200):
        client.get("/much?20000")
    client.get("/much?20000", "Connection: close")
    await asyncio.wait_for(running.until_empty(), 60)


# Time


@pytest.mark.parametrize(
    ("request_bytes", "timeout"),
    [
        (b"G", "head_timeout_s"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", "head_timeout_s"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /", "head_timeout_s"),
        (HEAD + b"Content-Length: 5\r\n\r\nhell", "body_timeout_s"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n", "body_timeout_s"),
    ],
)
async def test_a_slow_client_is_told_so(start, request_bytes, timeout):
    """A request that does not come to its end in time is answered 408."""
    running = await start(**{timeout: 5})
    client, timers = await running.connect_timeless()
    client.send(request_bytes)
    await until(lambda: running.server.counters.bytes_received == len(request_bytes))
    timers.advance(4.9)
    assert timers.due_s
    timers.advance(0.1)
    answer = await client.answer()
    while answer.status == 200:
        answer = await client.answer()
    assert answer.status == 408
    assert await client.closed()


async def test_a_trickle_is_slow(start):
    """A byte now and then does not buy more time."""
    running = await start(head_timeout_s=10)
    client, timers = await running.connect_timeless()
    for number, byte in enumerate(b"GET / HTTP", 1):
        client.send(bytes([byte]))
        await until(lambda number=number: running.server.counters.bytes_received == number)
        timers.advance(1)
    assert (await asyncio.wait_for(client.answer(), 30)).status == 408


async def test_a_long_poll_may_take_its_time(start):
    """Time limits are for clients: an answer that comes late is no reason to close."""
    running = await start()
    client, timers = await running.connect_timeless()
    client.get("/later")
    await running.script.until_later(1)
    for _ in range(3):
        timers.advance(3_600)
        running.server._sweep()
    running.script.later[0].respond(HttpResponse(200, b"late"))
    assert (await client.answer()).body == b"late"


async def test_time_does_not_run_while_reading_pauses(start):
    """A request that is not read on because earlier ones wait is not held against the client."""
    running = await start(pipelined_max=1)
    client, timers = await running.connect_timeless()
    client.send(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTT")
    await running.script.until_later(1)
    client.send(b"P/1.1\r\nHost: x\r\n\r\n")
    timers.advance(3_600)
    running.script.later[0].respond(HttpResponse(201, b""))
    assert [(await client.answer()).status for _ in range(2)] == [201, 200]


async def test_unused_connections_are_closed(start):
    """A connection without requests is closed after the idle timeout, and not before."""
    running = await start()
    client = await running.connect()
    for _ in range(5):
        client.get("/")
        assert (await client.answer()).status == 200
        running.server._sweep()
    assert running.server.connections == 1
    running.server._sweep()
    assert await client.closed()


async def test_a_client_that_does_not_read_is_cut_off(start):
    """Answers that nobody takes are not kept for ever."""
    running = await start(write_timeout_s=0.1)
    client = await running.connect()
    client.writer.transport.pause_reading()
    client.get("/much?50000000")
    await asyncio.wait_for(running.until_empty(), 60)
    assert running.server.connections == 0


async def test_answers_pile_up_only_so_far(start):
    """A client that asks without reading is not served any further, even if its requests are read already."""
    running = await start()
    client = await running.connect()
    client.writer.transport.pause_reading()
    for _ in range(500):
        client.get("/much?1000000")
    await asyncio.sleep(0.1)
    assert running.server.counters.requests < 20
    client.writer.transport.resume_reading()
    for _ in range(500):
        assert len((await client.answer()).body) == 1_000_000
    client.get("/")
    assert (await client.answer()).status == 200


# Numbers


async def test_too_many_connections_are_refused(start, log_lines):
    """Above the limit a connection is told 503; once others are gone there is room again."""
    running = await start(connections_max=2, linger_s=0.05)
    clients = [await running.connect() for _ in range(3)]
    assert (await clients[2].answer()).status == 503
    assert await clients[2].closed()
    assert running.server.counters.refused == 1
    for client in clients[:2]:
        client.get("/")
        assert (await client.answer()).status == 200
    for client in clients[1:]:
        await client.close()
    await until(lambda: running.server.connections < 2)
    again = await running.connect()
    again.get("/")
    assert (await again.answer()).status == 200
    log_lines.clear()


async def test_refusals_take_few_files_and_few_lines(start, log_lines):
    """Some clients are told why, the rest finds the connection closed; the log says it once, and again after a while."""
    clock = ManualClock()
    running = await start(clock, connections_max=1, refusals_max=2, linger_s=60)
    served, *refused = [await running.connect() for _ in range(20)]
    assert [(await client.answer()).status for client in refused[:2]] == [503, 503]
    for client in refused[2:]:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.answer()
    assert running.server.connections == 3
    served.get("/")
    assert (await served.answer()).status == 200
    [line] = log_lines
    assert (line["log_level"], line["times"], line["connections_max"]) == ("warning", 1, 1)
    clock.advance(EVERY_MS)
    await running.connect()
    await until(lambda: len(log_lines) > 1)
    assert log_lines[1]["times"] == 19
    log_lines.clear()


async def test_two_thousand_connections_wait_and_are_served(start):
    """2,000 idle connections are kept, and each is served when it asks."""
    running = await start()
    clients = [await running.connect() for _ in range(2_000)]
    await until(lambda: running.server.connections == 2_000)
    for client in clients:
        client.get("/")
    assert [(await client.answer()).status for client in clients] == [200] * 2_000
    assert running.server.counters.requests == 2_000
