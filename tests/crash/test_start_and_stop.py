"""How a broker process begins and ends: what it refuses is one sentence and exit code 2, what it was doing comes to an end."""

import asyncio
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from broker_process import broker_command, metric, start_broker
from tests.certificate import make_certificate
from tests.crash.connection import Connection

pytestmark = pytest.mark.journey

QUEUE = "here"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A broker that is killed at the end if it lives still."""
    process, url = start_broker(tmp_path / "data")
    yield process, url
    process.kill()
    process.wait()


def refusal(data: Path, *flags: str, launcher: tuple[str, ...] = ()) -> str:
    """The sentence with which a broker refuses to start: its only line on standard error that is not an event of the log."""
    command = [*launcher, *broker_command(data, *flags)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended.stderr
    assert not ended.stdout
    (sentence,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    return sentence.removeprefix("crossdock broker: ")


# The end


async def test_sigterm_answers_long_polls_and_keeps_the_last_receive(
    broker: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    """Long polls are answered empty at once, idle connections are closed, exit 0; a receive that nobody had to wait for is on disk."""
    process, url = broker
    connection = await Connection.open(url)
    for queue in (QUEUE, "empty"):
        await connection.call("CreateQueue", QueueName=queue, Attributes={"VisibilityTimeout": "600"})
    await connection.call("SendMessage", QueueUrl=QUEUE, MessageBody="hello")
    polls = [await Connection.open(url) for _ in range(20)]
    waiting = [
        asyncio.ensure_future(poll.call("ReceiveMessage", QueueUrl="empty", WaitTimeSeconds=20)) for poll in polls
    ]
    while await asyncio.to_thread(metric, url, "crossdock_waiters") < len(polls):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    received = await connection.call("ReceiveMessage", QueueUrl=QUEUE)
    process.terminate()
    answers = await asyncio.gather(*waiting)
    assert answers == [{}] * 20
    assert await asyncio.to_thread(process.wait, 60) == 0
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()

    process, url = start_broker(tmp_path / "data")
    try:
        connection = await Connection.open(url)
        assert await connection.call("ReceiveMessage", QueueUrl=QUEUE) == {}
        handle = received["Messages"][0]["ReceiptHandle"]
        await connection.call("DeleteMessage", QueueUrl=QUEUE, ReceiptHandle=handle)
    finally:
        process.kill()
        process.wait()


# TLS


async def test_it_serves_tls(tmp_path: Path) -> None:
    """With certificate and key it speaks TLS, says so in its URL, and gives queue URLs of the same kind."""
    certificate, key = make_certificate(tmp_path)
    process, url = start_broker(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key))
    try:
        assert url.startswith("https://")
        connection = await Connection.open(url, ssl.create_default_context(cafile=certificate))
        answer = await connection.call("CreateQueue", QueueName=QUEUE)
        assert answer["QueueUrl"].startswith(f"{url}/")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0
    finally:
        process.kill()
        process.wait()


def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A key that is not there, one of another certificate, a file that is no key, a certificate without key: both files are named."""
    (tmp_path / "other").mkdir()
    certificate, _ = make_certificate(tmp_path)
    _, other_key = make_certificate(tmp_path / "other")
    data, chain = tmp_path / "data", ("--tls-cert", str(certificate))
    for wrong in (tmp_path / "nowhere.pem", other_key, certificate):
        sentence = refusal(data, *chain, "--tls-key", str(wrong))
        assert sentence.startswith(f"the TLS certificate {certificate} and its key {wrong} cannot be used: ")
    assert refusal(data, *chain) == "TLS needs a certificate and its key"


# What is taken


async def test_what_another_broker_has_is_refused(broker: tuple[subprocess.Popen[str], str], tmp_path: Path) -> None:
    """Its data folder, by the number of its process; its port, by the flag that chooses another. The other is not disturbed."""
    process, url = broker
    port = str(urlsplit(url).port)
    in_use = await asyncio.to_thread(refusal, tmp_path / "data")
    assert in_use == (
        f"data folder {tmp_path / 'data'} is in use by process {process.pid}; stop it, or choose another folder"
    )
    taken = await asyncio.to_thread(refusal, tmp_path / "more", "--port", port)
    assert taken == f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --host or --port"
    connection = await Connection.open(url)
    await connection.call("CreateQueue", QueueName=QUEUE)


# What cannot be read


def garbage_in_the_tables(data: Path) -> str:
    database = data / "broker.db"
    database.write_bytes(b"garbage" * 1_000)
    return f"{database} cannot be opened: file is not a database; "


def newer_tables(data: Path) -> str:
    database = data / "broker.db"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    return f"{database} has format 99, newer than "


def garbage_in_the_journal(data: Path) -> str:
    (journal,) = data.rglob("*.journal")
    journal.write_bytes(b"garbage" + journal.read_bytes()[7:])
    return f"{journal} is not a journal file or its first bytes are damaged; "


def newer_journal(data: Path) -> str:
    (journal,) = data.rglob("*.journal")
    content = journal.read_bytes()
    journal.write_bytes(content[:8] + (99).to_bytes(4, "little") + content[12:])
    return f"{journal} has format 99, newer than "


def lost_journal(data: Path) -> str:
    (journal,) = data.rglob("*.journal")
    journal.unlink()
    return f"{journal} is missing or cut short; "


def file_in_its_place(data: Path) -> str:
    shutil.rmtree(data)
    data.write_bytes(b"")
    return f"data folder {data} cannot be used: "


DAMAGES = [garbage_in_the_tables, newer_tables, garbage_in_the_journal, newer_journal, lost_journal, file_in_its_place]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_it_cannot_understand_is_refused_and_left_alone(
    broker: tuple[subprocess.Popen[str], str], tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    """The file, what is wrong with it, and what to do; nothing is changed."""
    process, _ = broker
    process.terminate()
    assert process.wait(timeout=60) == 0
    expected = damage(tmp_path / "data")
    before = contents(tmp_path)
    sentence = refusal(tmp_path / "data")
    assert sentence.startswith(expected)
    assert len(sentence) > len(expected) + 10, "there is no word on what to do"
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    """What the files in a folder say. Who locked it last, and how often SQLite changed its mode, does not count."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    return {path: data[:24] + data[28:92] + data[96:] if path.suffix == ".db" else data for path, data in files.items()}


UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Root without the right to read everything."""


@pytest.mark.skipif(bool(UNPRIVILEGED) and shutil.which("setpriv") is None, reason="root reads everything")
def test_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    """A folder that may not be entered, one that may not be written, a database that may not be read."""
    data = tmp_path / "data"
    data.mkdir(mode=0)
    assert refusal(data, launcher=UNPRIVILEGED) == (
        f"data folder {data} cannot be used: Permission denied; choose another or change its rights"
    )
    data.chmod(0o500)
    assert refusal(data, launcher=UNPRIVILEGED).startswith(f"data folder {data} cannot be used: Permission denied; ")
    data.chmod(0o700)
    (data / "broker.db").touch(mode=0)
    assert refusal(data, launcher=UNPRIVILEGED).startswith(f"{data / 'broker.db'} cannot be opened: ")


def test_a_credentials_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """It is named, with the reason."""
    wrong = tmp_path / "keys.json"
    assert refusal(tmp_path / "data", "--credentials", str(wrong)) == (
        f"cannot read the credentials file {wrong}: No such file or directory"
    )
    wrong.write_text(json.dumps(["key"]))
    assert refusal(tmp_path / "data", "--credentials", str(wrong)).startswith(f"the credentials file {wrong} must be ")


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """An address of another machine, and a name that nobody has."""
    assert refusal(tmp_path / "data", "--host", "192.0.2.1").startswith("cannot listen on 192.0.2.1:0: ")
    assert refusal(tmp_path / "data", "--host", "nowhere.invalid").startswith("cannot listen on nowhere.invalid:0: ")
