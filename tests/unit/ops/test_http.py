"""The small HTTP client: JSON both ways, connections kept, and one error when nobody answers."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from crossdock.ops.http import Api, Unreachable
from crossdock.ops.program import HttpProbe


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent; /text with a text, /empty with nothing, /drop not at all, /busy with 503."""

    protocol_version = "HTTP/1.1"
    connections: set[int] = set()

    def do_POST(self) -> None:
        Echo.connections.add(self.client_address[1])
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, body if self.headers["Content-Type"] == "application/json" else b'"no json"')

    def do_GET(self) -> None:
        match self.path:
            case "/text":
                self.answer(404, b"not here")
            case "/empty":
                self.answer(200, b"")
            case "/busy":
                self.answer(503, b"{}")
            case "/drop":
                self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    """A client of the echoing server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    client = Api(f"http://127.0.0.1:{server.server_port}/", timeout_s=2)
    yield client
    client.close()
    server.shutdown()
    server.server_close()


async def test_json_goes_and_comes_over_one_connection(api: Api) -> None:
    """Calls one after another share a connection."""
    Echo.connections.clear()
    for number in range(3):
        answer = await api.call("POST", "/", b'{"n":%d,"name":"\xc3\xbc"}' % number)
        assert (answer.status, answer.body) == (200, {"n": number, "name": "ü"})
    assert len(Echo.connections) == 1


@pytest.mark.parametrize(
    ("path", "status", "body"), [("/text", 404, "not here"), ("/empty", 200, None), ("/busy", 503, {})]
)
async def test_answers_that_are_no_json_are_told_as_they_are(api: Api, path: str, status: int, body: object) -> None:
    """Text stays text, nothing is None, an error status is an answer."""
    answer = await api.get(path)
    assert (answer.status, answer.body) == (status, body)


async def test_a_broken_connection_is_one_kind_of_error(api: Api) -> None:
    """A server that hangs up, and a port where nobody listens, are both Unreachable."""
    with pytest.raises(Unreachable):
        await api.get("/drop")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match="does not answer"):
        await Api(f"http://127.0.0.1:{port}").get("/")


async def test_a_probe_passes_on_200_only(api: Api) -> None:
    """503 and silence mean not ready."""
    assert await HttpProbe(api.url, "/empty").passes()
    assert not await HttpProbe(api.url, "/busy").passes()
    assert not await HttpProbe(api.url, "/drop").passes()
