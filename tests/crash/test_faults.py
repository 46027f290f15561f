"""A disk that fails under a real broker: clients are told, nothing that was acknowledged is lost, and it serves again once all is well."""

import asyncio
import errno
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from broker_process import broker_command, metric, start_broker
from tests.crash.broker_with import Fault, program
from tests.crash.connection import Connection, Refused

from crossdock.broker.app import EXIT_STORAGE_FAILED
from crossdock.broker.storage.segment import FRAME_BYTES, HEADER_BYTES

pytestmark = pytest.mark.journey

QUEUE = "here"
CLIENTS = 4
ENOUGH = 100
FAREWELL_S = 600.0
"""However slow the clients are, the broker is still there to tell them."""

FILE_BYTES_MAX = 2_000_000
"""A segment of the journal is smaller."""


class Scene:
    """A data folder, the broker on it, and what its clients were told."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.faults = folder / "faults"
        self.acknowledged: set[str] = set()
        self.unsure: set[str] = set()
        self.refusals: list[Refused] = []
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self._names = count(1)

    def start(self, *flags: str, **settings: float) -> None:
        """Start a broker whose disk fails when `faults` says so."""
        self.process, self.url = start_broker(self.data, *flags, program=program(faults=str(self.faults), **settings))

    def stop(self) -> None:
        """End the broker, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ended(self) -> list[dict[str, str]]:
        """Wait until the broker has ended by itself because of its storage; what it logged: lines of JSON and nothing else."""
        assert self.process is not None
        assert self.process.stderr is not None
        assert self.process.wait(timeout=60) == EXIT_STORAGE_FAILED
        return [json.loads(line) for line in self.process.stderr.read().splitlines()]

    async def send(self, enough: int, size: int = 100) -> None:
        """Several clients send until each is refused, or the broker is gone, or `enough` was acknowledged."""
        await asyncio.gather(*(self._send(len(self.acknowledged) + enough, size) for _ in range(CLIENTS)))

    async def _send(self, enough: int, size: int) -> None:
        connection = await Connection.open(self.url)
        try:
            while len(self.acknowledged) < enough:
                body = f"{next(self._names)} ".ljust(size, "x")
                self.unsure.add(body)
                await connection.call("SendMessage", QueueUrl=QUEUE, MessageBody=body)
                self.acknowledged.add(body)
        except Refused as refused:
            self.refusals.append(refused)
        except ConnectionError:
            pass
        finally:
            connection.close()

    async def create(self) -> None:
        """Make the queue."""
        connection = await Connection.open(self.url)
        await connection.call("CreateQueue", QueueName=QUEUE)
        connection.close()

    async def check_nothing_is_lost(self) -> None:
        """The broker holds what was acknowledged, and nothing that was not sent; and it takes more."""
        await self.send(10)
        connection = await Connection.open(self.url)
        found: list[str] = []
        receive = {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10}
        while messages := (await connection.call("ReceiveMessage", **receive)).get("Messages"):
            found += [message["Body"] for message in messages]
        connection.close()
        assert len(found) == len(set(found))
        assert self.acknowledged <= set(found) <= self.unsure


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene with a broker that runs."""
    scene = Scene(tmp_path)
    scene.start()
    yield scene
    scene.stop()


FAULTS = {
    "full disk": Fault("pwrite", errno.ENOSPC),
    "full disk in the midst of a record": Fault("pwrite", errno.ENOSPC, torn_bytes=FRAME_BYTES + 20),
    "broken disk": Fault("datasync", errno.EIO),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_failing_disk_stops_the_broker_and_loses_nothing(scene: Scene, fault: Fault) -> None:
    """Everyone who waits is told with AWS's ServiceUnavailable, one line says why, the exit code is 74; mended, it serves with all that was acknowledged."""
    await scene.create()
    await scene.send(ENOUGH)
    fault.begin(scene.faults)
    await scene.send(ENOUGH)
    assert {(refused.status, refused.shape) for refused in scene.refusals} == {(503, "ServiceUnavailable")}
    (failure,) = [line for line in scene.ended() if line["level"] == "critical"]
    assert failure["event"] == "storage failed; the broker stops"
    assert str(scene.data) in failure["reason"]
    scene.faults.unlink()
    scene.start()
    await scene.check_nothing_is_lost()


async def test_everyone_hears_of_a_failed_disk(scene: Scene) -> None:
    """Between the failure and its end the broker says over both protocols, to long polls that wait, and to its operator, that it serves no more."""
    scene.stop()
    scene.start(farewell_s=FAREWELL_S)
    await scene.create()
    poll = await Connection.open(scene.url)
    await poll.call("CreateQueue", QueueName="elsewhere")
    waiting = asyncio.ensure_future(poll.call("ReceiveMessage", QueueUrl="elsewhere", WaitTimeSeconds=20))
    while await asyncio.to_thread(metric, scene.url, "crossdock_waiters") < 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    FAULTS["broken disk"].begin(scene.faults)
    await scene.send(1)
    assert [(refused.status, refused.shape) for refused in scene.refusals] == [(503, "ServiceUnavailable")] * CLIENTS
    status, body, headers = ask(scene.url, "/", {"Action": "SendMessage", "QueueUrl": QUEUE, "MessageBody": "x"})
    assert status == 503
    assert headers["content-type"] == "text/xml"
    assert "<Code>ServiceUnavailable</Code>" in body
    assert "<Type>Receiver</Type>" in body
    assert ask(scene.url, "/health")[0] == 503
    assert ask(scene.url, "/ready")[0] == 503
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await asyncio.wait_for(waiting, 60)
    assert scene.process is not None
    scene.process.terminate()
    scene.ended()


def ask(url: str, target: str, form: dict[str, str] | None = None) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of the answer to a form, or to a GET."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    if form is None:
        connection.request("GET", target)
    else:
        connection.request("POST", target, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return found


async def test_short_writes_are_nobodys_concern(scene: Scene) -> None:
    """A system that takes half of what it is given each time: nobody notices, and nothing is lost by a kill."""
    await scene.create()
    Fault("pwrite", short=True).begin(scene.faults)
    await scene.send(ENOUGH)
    scene.stop()
    scene.faults.unlink()
    scene.start()
    await scene.check_nothing_is_lost()


@pytest.mark.parametrize("torn_bytes", [FRAME_BYTES - 1, FRAME_BYTES + 40])
async def test_a_torn_record_is_cut(scene: Scene, torn_bytes: int) -> None:
    """The process dies in the midst of a write; damaged or not, what nobody was told of is left out, and the rest is there."""
    await scene.create()
    await scene.send(ENOUGH)
    Fault("pwrite", torn_bytes=torn_bytes, deadly=True).begin(scene.faults)
    await scene.send(ENOUGH)
    scene.stop()
    scene.faults.unlink()
    flip(scene.data, last_byte(scene.data))
    scene.start()
    await scene.check_nothing_is_lost()


async def test_damage_to_what_was_acknowledged_is_refused(scene: Scene) -> None:
    """One flipped bit among acknowledged records: the broker does not start, says which file, and changes nothing; undone, it serves."""
    await scene.create()
    await scene.send(ENOUGH)
    scene.stop()
    journal = flip(scene.data, HEADER_BYTES + FRAME_BYTES + 5)
    before = {path: path.read_bytes() for path in scene.data.rglob("*.journal")}
    refused = start_refused(scene.data)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(f"crossdock broker: {journal} is damaged at byte")
    assert "restore the data folder from a backup" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert {path: path.read_bytes() for path in scene.data.rglob("*.journal")} == before
    flip(scene.data, HEADER_BYTES + FRAME_BYTES + 5)
    scene.start()
    await scene.check_nothing_is_lost()


async def test_a_disk_that_is_full_at_the_start(scene: Scene) -> None:
    """The broker does not start, and says why; with space again it does, with all that was acknowledged."""
    await scene.create()
    await scene.send(ENOUGH)
    scene.stop()
    FAULTS["full disk"].begin(scene.faults)
    refused = start_refused(scene.data, program=program(faults=str(scene.faults)))
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        f"crossdock broker: data folder {scene.data} cannot be opened: [Errno {errno.ENOSPC}] No space left on device"
    )
    assert "Traceback" not in refused.stderr
    scene.faults.unlink()
    scene.start()
    await scene.check_nothing_is_lost()


async def test_a_damaged_table_is_noticed_when_it_is_read(scene: Scene) -> None:
    """Flipped bits in messages that were folded: the broker starts, and stops when it comes to them; nobody is given something else."""
    await scene.create()
    await scene.send(ENOUGH)
    assert scene.process is not None
    scene.process.terminate()
    scene.process.wait()
    database = scene.data / "broker.db"
    database.write_bytes(database.read_bytes().replace(b"xxxxxxxxxx", b"xxxxxyxxxx"))
    scene.start(farewell_s=FAREWELL_S)
    connection = await Connection.open(scene.url)
    with pytest.raises(Refused, match="ServiceUnavailable"):
        await connection.call("ReceiveMessage", QueueUrl=QUEUE)
    assert scene.process is not None
    scene.process.terminate()
    (failure,) = [line for line in scene.ended() if line["level"] == "critical"]
    assert "is not what was written; look at it with `crossdock broker check`" in failure["reason"]


async def test_the_system_refuses_a_larger_file(tmp_path: Path) -> None:
    """The tables are on that disk too: where the operating system lets no file grow, the broker stops in the same way, and nothing is lost."""
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    scene = Scene(tmp_path)
    sizes = program(storage={"memtable_bytes": 1_000_000, "segment_bytes": 1_000_000})
    launcher = ("prlimit", f"--fsize={FILE_BYTES_MAX}")
    scene.process, scene.url = start_broker(scene.data, program=sizes, launcher=launcher)
    try:
        await scene.create()
        await scene.send(1_000, 20_000)
        assert {(refused.status, refused.shape) for refused in scene.refusals} == {(503, "ServiceUnavailable")}
        (failure,) = [line for line in scene.ended() if line["level"] == "critical"]
        assert str(scene.data) in failure["reason"]
        scene.start()
        await scene.check_nothing_is_lost()
    finally:
        scene.stop()


@pytest.mark.parametrize("durability", ["durable", "relaxed"])
async def test_a_last_commit_that_fails_is_no_good_end(tmp_path: Path, durability: str) -> None:
    """SIGTERM on a broken disk: what was to be written at the end is not, and log and exit code say so."""
    scene = Scene(tmp_path)
    scene.start("--durability", durability)
    try:
        await scene.create()
        FAULTS["broken disk"].begin(scene.faults)
        if durability == "relaxed":
            await scene.send(1)
        assert scene.process is not None
        scene.process.terminate()
        (failure,) = [line for line in scene.ended() if line["level"] == "critical"]
        assert str(scene.data) in failure["reason"]
    finally:
        scene.stop()


def start_refused(data: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Start a broker that must not start."""
    return subprocess.run(broker_command(data, **options), capture_output=True, text=True, timeout=60)


def last_byte(data: Path) -> int:
    """Where the last byte of the journal is that is not zero."""
    (journal,) = data.rglob("*.journal")
    return len(journal.read_bytes().rstrip(b"\0")) - 1


def flip(data: Path, offset: int) -> Path:
    """Flip one bit of the journal; its file."""
    (journal,) = data.rglob("*.journal")
    content = bytearray(journal.read_bytes())
    content[offset] ^= 4
    journal.write_bytes(content)
    return journal
