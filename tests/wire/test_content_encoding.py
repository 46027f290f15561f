"""Bodies that come compressed."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.aws.errors import Serialization
from crossdock.aws.wire.content_encoding import inflated
from crossdock.aws.wire.http import HttpRequest


def request(body: bytes, encoding: str = "gzip") -> HttpRequest:
    """A request with such a body."""
    return HttpRequest("POST", "/", {"host": "here", "content-encoding": encoding}, body)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP"])
@pytest.mark.parametrize("body", [b"", b"a", b"ab" * 500])
def test_gzip_is_undone(encoding: str, body: bytes) -> None:
    """A compressed body comes out as it went in, up to the limit and with it, and is not said to be compressed any more."""
    sent = request(gzip.compress(body), encoding)
    assert inflated(sent, 1_000) == HttpRequest("POST", "/", {"host": "here"}, body)
    assert "content-encoding" in sent.headers


@pytest.mark.parametrize("encoding", ["identity", "br", "gzip, gzip", ""])
def test_other_encodings_stay(encoding: str) -> None:
    """What is not gzip is left for the codec to refuse, if it can make nothing of it."""
    sent = request(b"body", encoding)
    assert inflated(sent, 1_000) is sent


@pytest.mark.parametrize("body", [b"", b"not gzip", gzip.compress(b"x")[:-1], gzip.compress(b"x")[:-8] + b"12345678"])
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    """A body that is not what its header says, is cut, or has another sum, is refused."""
    with pytest.raises(Serialization, match="inflated"):
        inflated(request(body), 1_000)


def test_bombs_are_not_blown_up() -> None:
    """A body that would become too long is refused at the limit."""
    bomb = request(gzip.compress(bytes(100_000_000)))
    tracemalloc.start()
    with pytest.raises(Serialization, match="must not exceed 1000000 bytes"):
        inflated(bomb, 1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@given(st.binary(max_size=100), st.integers(0, 200), st.integers(0, 255))
def test_any_change_is_noticed(body: bytes, position: int, byte: int) -> None:
    """A changed byte gives the same body or a refusal, nothing else."""
    changed = bytearray(gzip.compress(body, mtime=0))
    changed[position % len(changed)] = byte
    try:
        assert inflated(request(bytes(changed)), 1_000).body == body
    except Serialization as error:
        assert error.message
