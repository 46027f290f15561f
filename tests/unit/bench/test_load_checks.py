"""The load generator notices what it must: answers in pieces, and messages that are not as they were sent."""

import pytest
from bench.channel import Channel, Endpoint, Wrong
from bench.scenarios import Cycle, Fifo, Message, Plan, md5

HERE = Endpoint("127.0.0.1", 1)
WHOLE = b'HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 13\r\n\r\n{"answer": 1}'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ans\r\n8\r\nwer": 1}\r\n0\r\n\r\n'
REFUSED = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}"


class Watch:
    """Remembers what channels and scenarios say."""

    stopping = False

    def __init__(self) -> None:
        self.answers = 0
        self.errors: list[Exception] = []

    def took(self, ns: int) -> None:
        self.answers += 1

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def record(self, messages: int, since_ns: int) -> None:
        raise AssertionError("no unit is under way")

    def free(self, channel: Channel) -> None:
        raise AssertionError("no unit is under way")


def answers_to(*pieces: bytes) -> tuple[list[bytes], Watch]:
    watch, bodies = Watch(), list[bytes]()
    channel = Channel(0, HERE, watch)
    channel.step = lambda _, body: bodies.append(body)
    for piece in pieces:
        channel.data_received(piece)
    return bodies, watch


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED])
def test_an_answer_is_whole_wherever_it_was_cut(answer: bytes) -> None:
    """Exactly one answer comes of it, with its body."""
    for at in range(1, len(answer)):
        bodies, watch = answers_to(answer[:at], answer[at:])
        assert (bodies, watch.answers, watch.errors) == ([b'{"answer": 1}'], 1, []), at


def test_a_refusal_ends_the_measurement() -> None:
    """A status other than 200 is no answer."""
    bodies, watch = answers_to(REFUSED)
    assert bodies == []
    assert isinstance(watch.errors[0], Wrong)
    assert "503" in str(watch.errors[0])


def message(text: str, number: int = 1) -> Message:
    body = text.ljust(32, "x")
    return Message(str(number), "handle", body, md5(body))


def test_a_changed_body_is_noticed() -> None:
    """Bytes that changed, with and without their MD5."""
    cycle = Cycle(HERE, Plan(1, 32), Watch())
    cycle.inspect(message("as it was sent"))
    wrong = message("as it was sent")
    wrong.body = wrong.body.replace("sent", "bent")
    with pytest.raises(Wrong, match="not as it was sent"):
        cycle.inspect(wrong)
    with pytest.raises(Wrong, match="not as it was sent"):
        cycle.inspect(Message("1", "handle", "cut", md5("cut")))


def test_a_fifo_queue_that_repeats_or_reorders_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same message, or an earlier one of its group after a later one."""
    fifo = Fifo(HERE, Plan(1, 32), Watch())
    monkeypatch.setattr(fifo, "new_queue", lambda: "queue")
    fifo.prepare()
    fifo.inspect(message("3:7:", 7))
    fifo.inspect(message("4:6:", 6))
    with pytest.raises(Wrong, match="delivered twice"):
        fifo.inspect(message("3:7:", 7))
    with pytest.raises(Wrong, match="after 7"):
        fifo.inspect(message("3:5:", 5))
