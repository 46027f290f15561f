"""The supervisor against real small processes: order, readiness, restart, draining, resize, and death with the supervisor."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.ops.conftest import IDLE, Launch, keeper_of, python, until

from crossdock.ops import runfile
from crossdock.ops.folder import DataFolder
from crossdock.ops.http import Api
from crossdock.ops.keeper import State
from crossdock.ops.ports import PortUse
from crossdock.ops.program import HttpProbe, Program, stop_order
from crossdock.ops.refusal import Refusal
from crossdock.ops.supervisor import SupervisorSettings

STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(60)"
)
WEB = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *_): pass
print('serving', flush=True)
class Server(http.server.HTTPServer):
    allow_reuse_port = True
Server(('127.0.0.1', int(sys.argv[1])), Ready).serve_forever()
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A port that is kept for whoever shares it on purpose."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind(("127.0.0.1", 0))
        yield keeper.getsockname()[1]


async def test_start_waits_until_a_program_answers_its_probe(launch: Launch, port: int) -> None:
    """When `start` returns the program serves."""
    supervisor = await launch(Program("web", python(WEB, str(port)), probe=HttpProbe(f"http://127.0.0.1:{port}")))
    assert keeper_of(supervisor, "web").state is State.READY
    assert (await Api(f"http://127.0.0.1:{port}").get("/ready")).status == 200


async def test_a_program_starts_after_what_it_needs_has_succeeded(launch: Launch, tmp_path: Path) -> None:
    """Whoever needs a program that runs once starts when that one has exited with 0."""
    made = tmp_path / "made"
    job = Program("job", python(f"import time; time.sleep(.2); open({str(made)!r}, 'w')"), once=True)
    reader = Program("reader", python(f"open({str(made)!r}); " + IDLE), needs=("job",))
    supervisor = await launch(reader, job)
    assert keeper_of(supervisor, "job").state is State.DONE
    assert keeper_of(supervisor, "reader").restarts == 0


async def test_whoever_dies_is_started_again(launch: Launch) -> None:
    """After kill -9 there is a new process, and the death is counted."""
    supervisor = await launch(Program("idle", python(IDLE)))
    keeper = keeper_of(supervisor, "idle")
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: keeper.pid not in (None, first))
    assert keeper.restarts == 1


async def test_a_program_that_cannot_start_is_refused_with_its_last_words(launch: Launch) -> None:
    """Three deaths before readiness end the start; the sentence carries what the program said and where its log is."""
    with pytest.raises(Refusal, match="bad died 3 times while it started; its last words: no such colour") as refused:
        await launch(
            Program("bad", python("import sys; sys.exit('no such colour')"), probe=HttpProbe("http://127.0.0.1:9"))
        )
    assert "bad.log" in refused.value.remedy


async def test_a_command_that_does_not_exist_is_refused(launch: Launch) -> None:
    """A missing program is a sentence, not a traceback."""
    with pytest.raises(Refusal, match="cannot start /nowhere/tool"):
        await launch(Program("bad", ("/nowhere/tool",), probe=HttpProbe("http://127.0.0.1:9")))


async def test_a_program_that_never_gets_ready_is_named(
    launch: Launch, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time for the start is up the sentence names who is late."""
    shown: list[str] = []
    loop, real = asyncio.get_running_loop(), time.monotonic
    monkeypatch.setattr(loop, "time", lambda: real() + (3_600 if len(shown) == 2 else 0))
    with pytest.raises(Refusal, match="not ready after 3600 s: mute"):
        await launch(
            Program("idle", python(IDLE)),
            Program("mute", python(IDLE), probe=HttpProbe(f"http://127.0.0.1:{port}")),
            settings=SupervisorSettings(start_ms=3_600_000),
            echo=lambda name, line: shown.append(name),
        )


async def test_output_goes_to_the_log_file_and_to_the_echo(launch: Launch, tmp_path: Path) -> None:
    """Each line is written to the file of its process and shown with its name."""
    shown: list[tuple[str, str]] = []
    await launch(Program("idle", python(IDLE)), echo=lambda name, line: shown.append((name, line)))
    await until(lambda: ("idle", "here") in shown)
    assert (tmp_path / "data" / "logs" / "idle.log").read_text() == "here\n"


async def test_drain_stops_whoever_needs_something_first(launch: Launch) -> None:
    """The needed is asked to stop only when those who need it are gone."""
    order: list[str] = []
    script = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))\nprint('here')\ntime.sleep(60)"
    supervisor = await launch(
        Program("broker", python(script)),
        Program("orders", python(script), needs=("broker",), eager=True),
        settings=SupervisorSettings(drain_ms=60_000),
        echo=lambda name, line: order.append(f"{name} {line}"),
    )
    await until(lambda: len(order) == 2)
    await supervisor.drain()
    assert order[2:] == ["orders bye", "broker bye"]
    assert {keeper.state for keeper in supervisor.keepers} == {State.STOPPED}


async def test_drain_kills_who_does_not_go_in_time(launch: Launch) -> None:
    """A process that ignores SIGTERM is gone when the drain is over, and not started again."""
    shown: list[str] = []
    supervisor = await launch(Program("stubborn", python(STUBBORN)), echo=lambda _, line: shown.append(line))
    pid = keeper_of(supervisor, "stubborn").pid
    assert pid is not None
    await until(lambda: "here" in shown)
    await supervisor.drain()
    assert not runfile.is_alive(pid)


async def test_resize_starts_and_stops_processes(launch: Launch) -> None:
    """Growing starts numbered processes; shrinking stops the youngest and returns when they are gone."""
    supervisor = await launch(Program("worker", python(IDLE)))
    await supervisor.resize("worker", 3)
    await until(lambda: all(keeper.pid for keeper in supervisor.keepers))
    assert [keeper.name for keeper in supervisor.keepers] == ["worker", "worker-2", "worker-3"]
    pids = [keeper.pid for keeper in supervisor.keepers]
    await supervisor.resize("worker", 1)
    assert [runfile.is_alive(pid) for pid in pids if pid] == [True, False, False]
    assert [keeper.name for keeper in supervisor.keepers] == ["worker"]


async def test_a_program_with_a_port_is_not_multiplied(launch: Launch) -> None:
    """Two processes cannot listen on one port."""
    supervisor = await launch(Program("web", python(IDLE), ports=(PortUse(8001, "web", "--port-base"),)))
    with pytest.raises(ValueError, match="there can be only one"):
        await supervisor.resize("web", 2)


async def test_a_child_dies_with_its_supervisor(tmp_path: Path) -> None:
    """kill -9 of the supervisor ends the child at once, and with it the hold on the data folder."""
    DataFolder(tmp_path).prepare()
    child = "from crossdock.ops import lifeline\nlifeline.hold()\nimport time\nprint('here', flush=True)\nwhile True: time.sleep(60)"
    script = f"""
import asyncio, os, sys
from pathlib import Path
from crossdock.ops.folder import DataFolder
from crossdock.ops.program import Program
from crossdock.ops.supervisor import Supervisor

async def main():
    folder = DataFolder(Path({str(tmp_path)!r}))
    supervisor = Supervisor([Program("child", (sys.executable, "-c", {child!r}))], folder)
    def show(name, line):
        print(supervisor.keepers[0].pid, flush=True)
    await supervisor.start(folder.try_lock(), dict(os.environ), echo=show)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        pid = int(await process.stdout.readline())
    assert DataFolder(tmp_path).is_in_use()
    process.kill()
    await process.wait()
    await until(lambda: not runfile.is_alive(pid))
    assert not DataFolder(tmp_path).is_in_use()


def test_waves_of_stopping_follow_the_needs() -> None:
    """Nobody is stopped before those who need him."""
    programs = [
        Program("broker", ()),
        Program("topology", (), needs=("broker",)),
        Program("provider", ()),
        Program("payments", (), needs=("broker", "provider")),
    ]
    assert stop_order(programs) == [["topology", "payments"], ["broker", "provider"]]


@pytest.mark.parametrize(
    ("programs", "words"),
    [
        ([Program("a", (), needs=("b",)), Program("b", (), needs=("a",))], "need each other"),
        ([Program("a", (), needs=("ghost",))], "nobody provides ghost"),
    ],
)
def test_needs_that_do_not_add_up_are_refused(programs: list[Program], words: str) -> None:
    """Circles and unknown names are found before anything starts."""
    with pytest.raises(ValueError, match=words):
        stop_order(programs)
