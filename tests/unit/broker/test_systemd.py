"""What systemd hands over and what it is told; the unit files say nothing that is not so."""

import asyncio
import configparser
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from typer.main import get_command

from crossdock.broker.systemd import Notifier, inherited_sockets
from crossdock.cli import broker, broker_care

UNITS = Path(__file__).parent.parent.parent.parent / "deployment-scripts" / "systemd"


class Manager:
    """A service manager that listens on a socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0"))
        self._socket.setblocking(False)

    async def told(self) -> list[str]:
        """The lines of the next notice."""
        return (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode().split("\n")

    def forget(self) -> None:
        """Drop the notices that are there."""
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(4096)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A service manager."""
    manager = Manager(str(tmp_path / "notify") if request.param == "path" else f"@crossdock-test-{os.getpid()}")
    yield manager
    manager.close()


async def test_the_manager_is_told(manager: Manager) -> None:
    """That it is ready, how it is, and that it stops; the variables are gone for children."""
    environ = {"NOTIFY_SOCKET": manager.address, "PATH": "/bin"}
    notifier = Notifier(environ)
    assert environ == {"PATH": "/bin"}
    notifier.ready("Serving")
    assert await manager.told() == ["READY=1", "STATUS=Serving"]
    notifier.status("Still serving")
    assert await manager.told() == ["STATUS=Still serving"]
    notifier.stopping("Draining")
    assert await manager.told() == ["STOPPING=1", "STATUS=Draining"]


async def test_the_watchdog_is_told_twice_in_its_time(manager: Manager) -> None:
    """From readiness on, until the end."""
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())})
    notifier.ready("Serving")
    assert await manager.told() == ["READY=1", "STATUS=Serving"]
    began_s = asyncio.get_running_loop().time()
    for _ in range(4):
        assert await manager.told() == ["WATCHDOG=1"]
    assert asyncio.get_running_loop().time() - began_s >= 0.029
    notifier.close()
    manager.forget()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(manager.told(), 0.03)


async def test_another_process_s_watchdog_is_left_alone(manager: Manager) -> None:
    """WATCHDOG_PID names who is meant."""
    notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    notifier.ready("Serving")
    assert await manager.told() == ["READY=1", "STATUS=Serving"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(manager.told(), 0.02)


async def test_a_manager_that_does_not_listen_harms_nobody(tmp_path: Path) -> None:
    """Without a manager nothing is said; with one that is gone, nothing breaks."""
    Notifier({}).ready("Serving")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("Serving")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"NOTIFY_SOCKET": "vsock:2:1"}, "only a path"),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"}, "WATCHDOG_USEC is 'soon', not a number"),
    ],
)
def test_what_makes_no_sense_is_refused(environ: dict[str, str], words: str) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=words):
        Notifier(environ)


def test_sockets_meant_for_another_process_are_left_alone() -> None:
    """Without LISTEN_PID, or with another process's, nothing is inherited; nor is anything left for children."""
    assert inherited_sockets({}) == []
    environ = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
    assert inherited_sockets(environ) == []
    assert environ == {}


# The unit files


def unit(name: str) -> configparser.ConfigParser:
    """A unit file, its keys as they are written."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    assert parser.read(UNITS / name)
    return parser


def test_the_service_runs_a_command_that_exists() -> None:
    """Its command line is understood by `crossdock broker`, and the notices that it waits for are those that are sent."""
    service = unit("crossdock-broker.service")["Service"]
    program, command, *flags = shlex.split(service["ExecStart"])
    assert (Path(program).name, command) == ("crossdock", "broker")
    context = get_command(broker.app).make_context("broker", flags)
    assert context.params["data"] == Path("${STATE_DIRECTORY}/broker")
    assert service["Type"] == "notify"
    assert service["RestartPreventExitStatus"] == str(broker_care.EXIT_REFUSED)


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify`, with a program in the place of the installed one."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the units were only parsed")
    for file in UNITS.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace("/opt/crossdock/.venv/bin/crossdock", "/bin/true"))
    units = sorted(str(file) for file in tmp_path.iterdir())
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    assert "crossdock" not in verified.stderr
    assert verified.returncode == 0, verified.stderr
