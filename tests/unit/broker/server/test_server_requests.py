"""What the front makes of requests, and how it answers: over real sockets."""

import asyncio
import gzip

import pytest
from tests.unit.broker.server.conftest import until

from crossdock.aws.wire.http import HttpResponse

WHOLE = b"POST /a?b=c HTTP/1.1\r\nHost: here\r\nX-Amz-Target: AmazonSQS.SendMessage\r\nContent-Length: 5\r\n\r\nhello"


async def test_a_request_arrives_as_it_was_sent(start):
    """Method, target, lower-case header names and the body reach the handler; the answer carries length and date."""
    client = await (await start()).connect()
    client.send(WHOLE)
    answer = await client.answer()
    seen = answer.json()
    assert (seen["method"], seen["target"]) == ("POST", "/a?b=c")
    assert seen["headers"]["x-amz-target"] == "AmazonSQS.SendMessage"
    assert seen["body"] == "aGVsbG8="
    assert answer.status == 200
    assert answer.headers["date"].endswith(" GMT")
    assert "connection" not in answer.headers


@pytest.mark.parametrize("step", [1, 2, 3, 7])
async def test_requests_in_small_pieces_are_whole_requests(start, step):
    """Two pipelined requests that come a few bytes at a time are read as if they had come at once."""
    client = await (await start()).connect()
    data = WHOLE * 2
    for at in range(0, len(data), step):
        client.send(data[at : at + step])
        await asyncio.sleep(0)
    for _ in range(2):
        assert (await client.answer()).json()["body"] == "aGVsbG8="


async def test_connections_are_kept(start):
    """One connection serves request after request."""
    running = await start()
    client = await running.connect()
    for number in range(20):
        client.get(f"/{number}")
        assert (await client.answer()).json()["target"] == f"/{number}"
    assert running.server.counters.accepted == 1
    assert running.server.counters.requests == 20


async def test_chunks_are_put_together(start):
    """A chunked body arrives whole, without its extensions; trailers do not become headers."""
    client = await (await start()).connect()
    client.send(
        b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;name=value\r\nhel\r\n2\r\nlo\r\n0\r\nHost: there\r\nX-Trailer: x\r\n\r\n"
    )
    seen = (await client.answer()).json()
    assert seen["body"] == "aGVsbG8="
    assert seen["headers"]["host"] == "here"
    assert "x-trailer" not in seen["headers"]
    client.get("/next")
    assert (await client.answer()).json()["headers"] == {"host": "here"}


async def test_a_large_body_arrives_whole(start):
    """A megabyte that comes in many reads is one body."""
    client = await (await start()).connect()
    client.post("/", bytes(1024 * 1024))
    assert len((await client.answer()).json()["body"]) > 1024 * 1024


async def test_repeated_headers_are_joined(start):
    """Repeated headers are one, joined by a comma; their bytes are read as Latin-1."""
    client = await (await start()).connect()
    client.send(b"GET / HTTP/1.1\r\nHost: here\r\nX-A: 1\r\nx-a: \xe9\r\nX-Empty:\r\n\r\n")
    assert (await client.answer()).json()["headers"] == {"host": "here", "x-a": "1,é", "x-empty": ""}


async def test_an_absolute_target_loses_its_host(start):
    """Clients behind a proxy name the whole URL; the handler sees its path."""
    client = await (await start()).connect()
    for target, path in (("http://here/a?b", "/a?b"), ("http://here", "/")):
        client.get(target)
        assert (await client.answer()).json()["target"] == path


async def test_head_is_answered_without_a_body(start):
    """HEAD tells the length of what GET would bring, and brings nothing."""
    client = await (await start()).connect()
    client.send(b"HEAD /much?100 HTTP/1.1\r\nHost: here\r\n\r\n")
    answer = await client.answer(with_body=False)
    assert answer.headers["content-length"] == "100"
    client.get("/next")
    assert (await client.answer()).json()["target"] == "/next"


# Order


async def test_pipelined_requests_are_answered_in_order(start):
    """Answers leave in the order of the requests, whichever is ready first."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    client.get("/echo")
    client.get("/later")
    await running.script.until_later(2)
    first, third = running.script.later
    third.respond(HttpResponse(203, b"third"))
    first.respond(HttpResponse(201, b"first"))
    assert [(await client.answer()).status for _ in range(3)] == [201, 200, 203]


async def test_many_pipelined_requests_are_all_answered(start):
    """Ten thousand requests in one go are answered, though only some are under way at a time."""
    running = await start(pipelined_max=4)
    client = await running.connect()
    for number in range(10_000):
        client.get(f"/{number}")
    for number in range(10_000):
        assert (await client.answer()).json()["target"] == f"/{number}"


async def test_a_read_full_of_requests_keeps_nobody_waiting(start):
    """Whoever asks while another's thousands of requests are answered, each at once, is served between them."""
    running = await start()
    many, one = await running.connect(), await running.connect()
    one.get("/warm")
    await one.answer()
    handled, handle = [], running.script.handle
    running.script.handle = lambda request, exchange: (handled.append(request.path), handle(request, exchange))
    many.send(b"GET /many HTTP/1.1\r\nHost: here\r\n\r\n" * 5_000)
    one.get("/one")
    await one.answer()
    assert handled.index("/one") < 1_000
    for _ in range(5_000):
        await many.answer()


async def test_only_so_many_requests_are_under_way(start):
    """Beyond the limit requests wait, read or not, until half of those before them are answered; then a bad one is refused in turn."""
    running = await start(pipelined_max=4)
    client = await running.connect()
    for _ in range(10):
        client.get("/later")
    client.send(b"nonsense\r\n\r\n")
    later = running.script.later
    for answered in range(10):
        await running.script.until_later(min(10, answered + 4) if answered % 2 == 0 else answered + 1)
        await asyncio.sleep(0.005)
        assert answered < len(later) <= answered + 4
        later[answered].respond(HttpResponse(200, b""))
    assert [(await client.answer()).status for _ in range(11)] == [200] * 10 + [400]
    assert await client.closed()


async def test_a_last_request_that_waits_is_the_last(start):
    """Connection: close on a request that had to wait closes after its answer, whatever came behind it."""
    running = await start(pipelined_max=1)
    client = await running.connect()
    client.send(
        b"GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP"
    )
    await running.script.until_later(1)
    running.script.later[0].respond(HttpResponse(200, b""))
    assert [(await client.answer()).headers.get("connection") for _ in range(2)] == [None, "close"]
    assert await client.closed()


# Keeping and closing


@pytest.mark.parametrize(
    ("request_bytes", "connection", "closes"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "close", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", "keep-alive", False),
        (b"GET / HTTP/1.0\r\n\r\n", "close", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", False),
        (b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n", "close", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "close", True),
    ],
)
async def test_the_connection_ends_when_either_side_wants_it(start, request_bytes, connection, closes):
    """Connection: close, HTTP/1.0 and the handler's wish end a connection after the answer, and the answer says so."""
    client = await (await start()).connect()
    client.send(request_bytes)
    assert (await client.answer()).headers["connection"] == connection
    if closes:
        assert await client.closed()
    else:
        client.get("/again")
        assert (await client.answer()).status == 200


async def test_what_follows_an_early_end_is_abandoned(start):
    """When the handler closes after an answer, requests behind it are abandoned, not answered."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    client.get("/later")
    await running.script.until_later(2)
    first, second = running.script.later
    first.respond(HttpResponse(200, b"", close=True))
    assert (await client.answer()).status == 200
    assert await client.closed()
    assert running.script.abandoned == [second]


async def test_nothing_is_handled_after_a_last_answer(start):
    """Once the handler has said that an answer is the last, later requests are not handled, even if the answer must still wait."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    client.get("/close")
    await running.script.until_later(1)
    await asyncio.sleep(0.01)
    client.get("/later")
    await asyncio.sleep(0.02)
    running.script.later[0].respond(HttpResponse(201, b""))
    assert [(await client.answer()).status for _ in range(2)] == [201, 200]
    assert await client.closed()
    assert len(running.script.later) == 1


# Expect and Upgrade


async def test_a_body_is_asked_for(start):
    """A client that expects 100-continue is told to go on, and then answered."""
    client = await (await start()).connect()
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert (await client.answer()).status == 100
    client.send(b"hello")
    assert (await client.answer()).json()["body"] == "aGVsbG8="


async def test_a_body_is_asked_for_in_turn(start):
    """The leave to continue waits for the answers before it."""
    running = await start()
    client = await running.connect()
    client.get("/later")
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    await running.script.until_later(1)
    await asyncio.sleep(0.02)
    running.script.later[0].respond(HttpResponse(201, b""))
    assert [(await client.answer()).status for _ in range(2)] == [201, 100]
    client.send(b"hello")
    assert (await client.answer()).status == 200


async def test_http_1_0_is_not_told_to_continue(start):
    """HTTP/1.0 does not know 100-continue, so it gets only its answer."""
    client = await (await start()).connect()
    client.send(b"POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
    assert (await client.answer()).status == 200


async def test_other_protocols_are_declined(start):
    """An offer of HTTP/2 is read as the HTTP/1.1 request that it also is, body and successors included."""
    client = await (await start()).connect()
    client.post("/up", b"hello", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    client.get("/next")
    seen = (await client.answer()).json()
    assert (seen["target"], seen["body"]) == ("/up", "aGVsbG8=")
    assert (await client.answer()).json()["target"] == "/next"


async def test_many_offers_in_one_read_are_declined(start):
    """A read full of offers is worked off one by one, not one inside the other."""
    client = await (await start()).connect()
    for _ in range(2_000):
        client.get("/up", "Connection: Upgrade", "Upgrade: h2c")
    for _ in range(2_000):
        assert (await client.answer()).json()["target"] == "/up"


# The other side goes away, or fails


async def test_a_client_that_disconnects_abandons_its_requests(start):
    """When a client goes away the handler learns of every request that is still unanswered."""
    running = await start(half_close_s=0.01)
    client = await running.connect()
    client.get("/later")
    client.get("/echo")
    client.get("/later")
    await running.script.until_later(2)
    await client.close()
    await running.script.until_abandoned(2)
    assert running.script.abandoned == running.script.later
    for exchange in running.script.later:
        exchange.respond(HttpResponse(200, b"nobody reads this"))


async def test_a_reset_abandons_at_once(start):
    """A connection that breaks abandons its requests without the grace of a half-closed one."""
    running = await start(half_close_s=60)
    client = await running.connect()
    client.get("/later")
    await running.script.until_later(1)
    client.reset()
    await asyncio.wait_for(running.script.until_abandoned(1), 30)


async def test_a_half_closed_client_is_answered(start):
    """A client that closed its sending side still gets an answer that comes soon, and then the end."""
    running = await start(half_close_s=60)
    client = await running.connect()
    client.get("/later")
    client.writer.write_eof()
    await running.script.until_later(1)
    await asyncio.sleep(0.02)
    running.script.later[0].respond(HttpResponse(200, b"soon"))
    assert (await client.answer()).body == b"soon"
    assert await client.closed()


async def test_a_half_closed_client_may_read_slowly(start):
    """The moment that a half-closed client has is for the handler's answer, not for its own reading."""
    running = await start()
    client, timers = await running.connect_timeless()
    client.get("/later")
    client.writer.write_eof()
    await running.script.until_later(1)
    await until(lambda: timers.due_s == [running.server._settings.half_close_s])
    client.writer.transport.pause_reading()
    running.script.later[0].respond(HttpResponse(200, bytes(20_000_000)))
    timers.advance(1)
    client.writer.transport.resume_reading()
    assert len((await client.answer()).body) == 20_000_000
    assert await client.closed()


async def test_a_fault_of_the_handler_is_a_plain_500(start, log_lines):
    """An exception of the handler is logged and answered with 500 without details; the server goes on."""
    running = await start()
    client = await running.connect()
    client.get("/fail")
    answer = await client.answer()
    assert (answer.status, answer.body) == (500, b"Internal error.\n")
    assert await client.closed()
    assert [line["event"] for line in log_lines] == ["handler failed"]
    log_lines.clear()
    again = await running.connect()
    again.get("/")
    assert (await again.answer()).status == 200


async def test_nothing_is_compressed(start):
    """Bodies leave as the handler made them, whatever the client accepts."""
    client = await (await start()).connect()
    client.post("/", gzip.compress(b"x"), "Accept-Encoding: gzip")
    assert "content-encoding" not in (await client.answer()).headers
