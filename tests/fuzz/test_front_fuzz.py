"""Hostile bytes at the HTTP front: whatever comes, each connection ends in order, and the server serves the next one."""

import asyncio
from itertools import pairwise

import pytest
import structlog
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.aws.wire.http import HttpRequest, HttpResponse
from crossdock.broker.framing import IDLE, Refused, RequestReader
from crossdock.broker.server import Exchange, HttpServer, ServerSettings, listen

GOOD = (
    b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 16\r\n\r\n"
    + b'{"QueueUrl":"q"}',
    b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD http://here/a?b HTTP/1.1\r\nHost: here\r\n\r\n",
)

CORPUS = (
    b"\x00",
    b"\r\n" * 1_000,
    b"GET",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\tfolded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET / HTTP/0.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"get / http/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1 1\r\n\r\na",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: everything\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%zz%00%ff?%=&&=# HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
    b"GET / HTTP/1.1\r\n: empty name\r\nHost: x\r\n\r\n",
    bytes(range(256)) * 16,
)

HOSTILE = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(CORPUS),
    st.sampled_from(GOOD),
    st.builds(
        lambda request, at, junk, cut: request[: at % len(request)] + junk + request[(at + cut) % len(request) :],
        st.sampled_from(GOOD + CORPUS),
        st.integers(0, 400),
        st.one_of(
            st.binary(max_size=6), st.sampled_from([b"\r\n", b"\n", b"\x00", b": ", b" ", b"0\r\n\r\n", b"99999"])
        ),
        st.integers(0, 12),
    ),
)

STREAMS = st.lists(HOSTILE, min_size=1, max_size=6).map(b"".join)

LIMITS = ServerSettings(head_bytes_max=4_000, body_bytes_max=8_000)


def read(pieces: list[bytes]) -> tuple[list[HttpRequest], int]:
    """What a reader makes of bytes that come in these pieces: the requests, and the status of the refusal or 0."""
    requests: list[HttpRequest] = []
    reader = RequestReader(LIMITS, lambda request, keep_alive: requests.append(request), lambda: None)
    for piece in pieces:
        if (refusal := reader.feed(piece)) is not None:
            assert isinstance(refusal, Refused)
            return requests, refusal.status
    return requests, 0


@settings(max_examples=400)
@given(STREAMS)
def test_any_bytes_are_requests_or_a_refusal(data: bytes) -> None:
    """Whatever comes, reading ends in whole requests and at most one refusal with a 4xx or 505 status."""
    requests, status = read([data])
    assert status in (0, 400, 405, 413, 417, 431, 505)
    for request in requests:
        assert request.target
        assert all(name == name.lower() for name in request.headers)
        assert len(request.body) <= LIMITS.body_bytes_max


@settings(max_examples=300)
@given(STREAMS, st.lists(st.integers(1, 400), max_size=6))
def test_how_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    """The same bytes in other pieces are the same requests. A refusal may then come sooner, and for another reason."""
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole, whole_status = read([data])
    cut, cut_status = read([data[start:end] for start, end in pairwise(bounds)])
    assert cut == whole
    assert bool(cut_status) == bool(whole_status)


@pytest.mark.parametrize("request_bytes", GOOD)
def test_requests_cut_at_every_byte_are_the_same_requests(request_bytes: bytes) -> None:
    """Two requests in a row are read alike wherever the bytes are cut, and even one by one."""
    data = request_bytes * 2
    expected = read([data])
    assert len(expected[0]) == 2
    assert read([data[at : at + 1] for at in range(len(data))]) == expected
    for at in range(1, len(data)):
        assert read([data[:at], data[at:]]) == expected


def test_a_reader_that_is_idle_keeps_nothing() -> None:
    """Between requests nothing of an earlier one is left."""
    reader = RequestReader(LIMITS, lambda request, keep_alive: None, lambda: None)
    for data in GOOD[:5] * 50:
        assert reader.feed(data) is None
        assert reader.part == IDLE


class Ledger:
    """A handler that answers every other request at once and the rest a moment later, and counts who is still waiting."""

    def __init__(self) -> None:
        self.waiting: set[Exchange] = set()
        self._number = 0

    def handle(self, request: HttpRequest, exchange: Exchange) -> None:
        self._number += 1
        self.waiting.add(exchange)
        if self._number % 2:
            self._answer(exchange)
        else:
            asyncio.get_running_loop().call_soon(self._answer, exchange)

    def abandon(self, exchange: Exchange) -> None:
        self.waiting.remove(exchange)

    def _answer(self, exchange: Exchange) -> None:
        if exchange in self.waiting:
            self.waiting.remove(exchange)
            exchange.respond(HttpResponse(200, b"ok"))


def storm(streams: list[bytes]) -> None:
    """Throw each stream at a server over a connection of its own, and see that all of it ends well and nothing is logged."""
    with structlog.testing.capture_logs() as lines:
        uvloop.run(storm_within(streams))
    assert not lines


async def storm_within(streams: list[bytes]) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    ledger = Ledger()
    limits = {"head_bytes_max": LIMITS.head_bytes_max, "body_bytes_max": LIMITS.body_bytes_max, "pipelined_max": 3}
    server = HttpServer(ledger, ServerSettings(**limits, half_close_s=0.2, linger_s=0.2, head_timeout_s=5))
    [(host, port)] = await server.start(listen("127.0.0.1", 0))
    await asyncio.gather(*(throw(host, port, stream, number) for number, stream in enumerate(streams)))
    assert (await throw(host, port, GOOD[0], 0)).startswith(b"HTTP/1.1 200 OK\r\n")
    await server.drain(2)
    await asyncio.sleep(0)
    assert server.connections == 0
    assert ledger.waiting == set()
    assert not complaints


async def throw(host: str, port: int, stream: bytes, number: int) -> bytes:
    """Send a stream, close the sending side, and read to the end."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        middle = len(stream) * (number % 5) // 4
        writer.write(stream[:middle])
        await asyncio.sleep(0)
        writer.write(stream[middle:])
        if number % 3:
            writer.write_eof()
        else:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await asyncio.sleep(0.05)
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 60)
    except TimeoutError:
        raise
    except OSError:
        return b""
    finally:
        writer.close()


@settings(max_examples=25)
@given(st.lists(STREAMS, min_size=1, max_size=8))
def test_a_server_survives_hostile_clients(streams: list[bytes]) -> None:
    """Under any bytes from several clients the server answers in HTTP, logs no exception, loses no request and no connection."""
    storm(streams)


def test_the_whole_corpus_is_survived() -> None:
    """All malformed requests that we know, thrown at once, leave a server that serves."""
    storm([*CORPUS, *GOOD] * 5)
