"""The broker as a service of systemd: sockets that it is handed, notices that it gives, restarts that nobody feels."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey

LAUNCHER = """
import os, sys
count = int(sys.argv[1])
for number in range(count):
    os.dup2(int(sys.argv[2 + number]), 3 + number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
os.execv(sys.executable, [sys.executable, "-m", "crossdock.cli.main", "broker", *sys.argv[2 + count:]])
"""
"""Does what systemd does between fork and exec."""


class Manager:
    """A service manager in the test's hands."""

    def __init__(self, folder: Path, listeners: int) -> None:
        self.folder = folder
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(listeners)]
        self.ports = [listener.getsockname()[1] for listener in self.sockets]
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.notices.settimeout(60)
        self.process: subprocess.Popen[str]

    def start(self, *flags: str, watchdog_s: float = 0) -> None:
        """Start the service."""
        files = [str(listener.fileno()) for listener in self.sockets]
        flags = ("--data", str(self.folder / "data"), "--port", "1", *flags)
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(len(files)), *files, *flags],
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                **({"WATCHDOG_USEC": str(int(watchdog_s * 1e6))} if watchdog_s else {}),
            },
            pass_fds=[listener.fileno() for listener in self.sockets],
            stderr=subprocess.PIPE,
            text=True,
        )

    def told(self) -> list[str]:
        """The lines of the next notice."""
        return self.notices.recv(4096).decode().split("\n")

    def ask(self, port: int, path: str = "/ready") -> bytes:
        """GET a path of the broker."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return bytes(answer.read())

    def end(self) -> list[dict[str, object]]:
        """Wait until the service has ended, and return what it logged."""
        _, logged = self.process.communicate(timeout=60)
        return [json.loads(line) for line in logged.splitlines()]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager with two sockets."""
    manager = Manager(tmp_path, listeners=2)
    yield manager
    if manager.process.poll() is None:
        manager.process.kill()
        manager.process.communicate()
    for one in (*manager.sockets, manager.notices):
        one.close()


def test_it_serves_what_it_is_handed_and_says_how_it_is(manager: Manager) -> None:
    """READY once it answers, on every socket; a beat for the watchdog; STOPPING when it is told to stop; exit 0."""
    manager.start(watchdog_s=1)
    ready, status = manager.told()
    urls = [f"http://127.0.0.1:{port}" for port in manager.ports]
    assert (ready, status) == ("READY=1", f"STATUS=Serving {' '.join(urls)}")
    assert [json.loads(manager.ask(port)) for port in manager.ports] == [{"ready": True}] * 2
    assert manager.told() == ["WATCHDOG=1"]
    manager.process.send_signal(signal.SIGTERM)
    while (notice := manager.told()) == ["WATCHDOG=1"]:
        pass
    assert notice[0] == "STOPPING=1"
    events = manager.end()
    assert [event["event"] for event in events] == [
        "broker starts",
        "broker is ready",
        "broker stops",
        "broker stopped",
    ]
    assert events[1]["urls"] == urls
    assert manager.process.returncode == 0


def test_no_client_feels_a_restart(manager: Manager) -> None:
    """Whoever connects while the broker is down waits on the socket that the manager holds, and is served by the next one."""
    manager.start()
    manager.told()
    manager.process.send_signal(signal.SIGTERM)
    manager.end()
    answers: list[bytes] = []
    client = threading.Thread(target=lambda: answers.append(manager.ask(manager.ports[0], "/health")))
    client.start()
    time.sleep(0.05)
    assert not answers
    manager.start()
    client.join(timeout=60)
    assert answers == [b'{"status":"ok"}']


def hang_up(manager: Manager, inherits: signal.Handlers) -> None:
    """Start a broker that inherits what becomes of SIGHUP, whatever these tests themselves have it do, and send it one."""
    ours = signal.signal(signal.SIGHUP, inherits)
    try:
        manager.start()
    finally:
        signal.signal(signal.SIGHUP, ours)
    manager.told()
    manager.process.send_signal(signal.SIGHUP)


def test_it_stops_in_order_when_its_terminal_is_closed(manager: Manager) -> None:
    """SIGHUP drains like SIGTERM, and is ignored where nohup has it ignored."""
    hang_up(manager, signal.SIG_DFL)
    assert manager.end()[-1]["event"] == "broker stopped"
    assert manager.process.returncode == 0


def test_nohup_keeps_it_running(manager: Manager) -> None:
    """What comes after the ignored SIGHUP is served."""
    hang_up(manager, signal.SIG_IGN)
    assert manager.ask(manager.ports[0]) == b'{"ready":true}'


def test_the_log_can_be_quiet(manager: Manager) -> None:
    """From --log-level on events are logged; a start and a stop that went well are none for `warning`."""
    manager.start("--log-level", "warning")
    manager.told()
    manager.process.send_signal(signal.SIGTERM)
    assert manager.end() == []


def test_what_is_not_a_listening_socket_is_refused(manager: Manager) -> None:
    """One sentence, exit 2."""
    manager.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    manager.start()
    _, logged = manager.process.communicate(timeout=60)
    assert logged.splitlines()[-1].startswith("crossdock broker: file descriptor 5 is not a TCP socket that listens; ")
    assert "Traceback" not in logged
    assert manager.process.returncode == 2
