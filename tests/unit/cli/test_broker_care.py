"""`crossdock broker backup | restore | check | compact` as a person meets them: results, refusals and exit codes."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from crossdock.broker import control
from crossdock.broker.queues.facts import QueueCreated, Sent, first_sequence
from crossdock.broker.storage.store import StorageSettings, Store
from crossdock.cli import broker, broker_care

NOW_MS = 1_700_000_000_000
HELLO_MD5 = "5d41402abc4b2a76b9719d911017c592"


def care(*arguments: str, cwd: Path) -> Result:
    """Run `crossdock broker …` in this process."""
    with chdir(cwd):
        return CliRunner().invoke(broker.app, arguments, catch_exceptions=False)


@pytest.fixture(autouse=True)
def unchanged_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command changes priority and signals of its process, which here is that of the tests."""
    monkeypatch.setattr(broker_care.os, "nice", lambda increment: 0)
    monkeypatch.setattr(broker_care.signal, "signal", lambda number, handler: None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A place with a data folder `data` of ten messages, and a backup of it."""
    store = Store.open(StorageSettings(tmp_path / "data"), NOW_MS)
    store.append([QueueCreated(1, "000000000000", "us-east-1", "orders", {}, {}, NOW_MS)])
    store.append(
        [Sent(first_sequence(1) + number, f"id-{number}", "hello", HELLO_MD5, NOW_MS, "me") for number in range(10)]
    )
    store.close()
    assert care("backup", "backup", "--data", "data", cwd=tmp_path).exit_code == 0
    return tmp_path


def test_a_person_is_told_what_was_done(place: Path) -> None:
    """One line on stdout for each command, and exit code 0."""
    for arguments, words in (
        (("backup", "again", "--data", "data"), "again: 1 queues, 10 messages, "),
        (("backup", "again", "--data", "data", "--force"), "again: 1 queues, 10 messages, "),
        (("check", "again"), "again: 1 queues, 10 messages\nsound\n"),
        (("restore", "again", "--data", "new"), "new: 1 queues, 10 messages, restored from again\n"),
        (("check", "--data", "new"), "new: 1 queues, 10 messages, 0 facts in the journal\nsound\n"),
        (("compact", "--data", "new"), "new: "),
    ):
        ended = care(*arguments, cwd=place)
        assert ended.stdout.startswith(words), ended
        assert (ended.stderr, ended.exit_code) == ("", 0)


def test_a_machine_reads_json(place: Path) -> None:
    """With --json stdout is one document."""
    found = {
        name: json.loads(care(name, *arguments, "--json", cwd=place).stdout)
        for name, arguments in (
            ("backup", ("again", "--data", "data")),
            ("check", ("again",)),
            ("restore", ("again", "--data", "new")),
            ("compact", ("--data", "new")),
        )
    }
    assert found["backup"].pop("seconds") > 0
    assert found["backup"] == {
        "file": "again", "queues": 1, "messages": 10, "bytes": (place / "again").stat().st_size
    }  # fmt: skip
    assert found["check"]["sound"] and found["check"]["report"]["messages"] == 10
    assert found["restore"] == {"data": "new", "queues": 1, "messages": 10}
    assert found["compact"]["bytes_before"] >= found["compact"]["bytes_after"] > 0


def test_what_is_damaged_has_exit_code_1(place: Path) -> None:
    """The problems are on stdout, what to do on stderr; in JSON too."""
    for path in (place / "backup", place / "data" / "broker.db"):
        path.write_bytes(path.read_bytes().replace(b"hello", b"hallo"))
    for arguments, remedy in (
        (("--data", "data"), "restore a backup into a new folder: crossdock broker restore FILE --data NEW"),
        (("backup",), "Use another backup."),
    ):
        ended = care("check", *arguments, cwd=place)
        assert "message 9 of orders is not what was written" in ended.stdout
        assert remedy in ended.stderr
        assert ended.exit_code == 1
        ended = care("check", *arguments, "--json", cwd=place)
        assert not json.loads(ended.stdout)["sound"]
        assert ended.exit_code == 1


def newer(place: Path) -> bytes:
    """A database as a later version would write it."""
    content = bytearray((place / "data" / "broker.db").read_bytes())
    content[60:64] = (9).to_bytes(4)
    return bytes(content)


@contextmanager
def used(folder: Path) -> Iterator[None]:
    """A data folder in use by this process, which serves nothing."""
    store = Store.open(StorageSettings(folder), NOW_MS)
    try:
        yield
    finally:
        store.abandon()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("backup", "backup", "--data", "data"),
            "backup is there already; name another file, or replace it with --force",
        ),
        (("backup", "data", "--data", "data", "--force"), "data is a folder; name a file in it"),
        (("backup", "far/away", "--data", "data"), "there is no folder far; make it first"),
        (("backup", "data/broker.db", "--data", "data", "--force"), "inside the data folder; put a backup elsewhere"),
        (("backup", "new"), "data/broker is not the data folder of a broker: it has no broker.db"),
        (("backup", "new", "--data", "backup"), "backup is not the data folder of a broker"),
        (("restore", "nothing", "--data", "new"), "there is no backup nothing"),
        (("restore", "data/broker.db", "--data", "new"), "is not a backup; make one with `crossdock broker backup`"),
        (("restore", "backup", "--data", "data"), "data folder data is not empty; restore into a new one, or move it"),
        (("restore", "damaged", "--data", "new"), "damaged is damaged, nothing is restored: message"),
        (("check", "--data", "nowhere"), "nowhere is not the data folder of a broker: it has no broker.db"),
        (("check", "nothing"), "there is no backup nothing"),
        (("check", "--data", "used"), "data folder used is in use by process"),
        (("compact", "--data", "used"), "data folder used is in use by process"),
        (("backup", "new", "--data", "used"), "data folder used is in use by process"),
        (("compact", "--data", "nowhere"), "nowhere is not the data folder of a broker"),
        (("compact", "--data", "junk"), "junk/broker.db cannot be opened: file is not a database"),
        (("backup", "new", "--data", "junk"), "junk/broker.db cannot be opened: file is not a database"),
        (("backup", "new", "--data", "newer"), "has format 9, newer than 2; start the crossdock version that wrote it"),
        (("check", "--data", "newer"), "has format 9, newer than 2; start the crossdock version that wrote it"),
    ],
)
def test_what_is_refused_is_a_sentence(place: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """On stderr, in one line, with exit code 2; nothing is written."""
    (place / "damaged").write_bytes((place / "backup").read_bytes().replace(b"hello", b"hallo"))
    for name, content in (("junk", b"junk" * 1_000), ("newer", newer(place))):
        (place / name).mkdir()
        (place / name / "broker.db").write_bytes(content)
    with used(place / "used"):
        ended = care(*arguments, cwd=place)
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr
    assert (ended.stdout, ended.exit_code) == ("", 2)
    assert not (place / "new").exists() and not (place / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("backup", "new", "--data", "theirs"), "theirs belongs to another user; run this as that user, or as root"),
        (("backup", "new", "--data", "data"), "data belongs to another user; run this as that user, or as root"),
        (("backup", "closed/new", "--data", "data"), "Permission denied"),
        (("check", "backup"), "backup: Permission denied"),
        (("check", "--data", "data"), "data belongs to another user; run this as that user, or as root"),
        (
            ("check", "--data", "torn"),
            "torn/broker.db cannot be opened: unable to open database file; check its rights",
        ),
        (
            ("compact", "--data", "torn"),
            "torn/broker.db cannot be opened: unable to open database file; check its rights",
        ),
        (("restore", "backup", "--data", "new"), "backup: Permission denied"),
        (
            ("restore", "open", "--data", "closed/new"),
            "open cannot be restored to closed/new: Permission denied; nothing is restored",
        ),
    ],
)
def test_what_one_may_not_is_a_sentence(
    place: Path, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of another user are named, and left."""
    monkeypatch.setattr(os, "access", partial(os.access, effective_ids=True))
    (place / "open").write_bytes((place / "backup").read_bytes())
    (place / "open").chmod(0o644)
    for name in ("torn", "theirs"):
        shutil.copytree(place / "data", place / name)
        for path in (place / name, *(place / name).rglob("*")):
            path.chmod(0o777)
    (place / "torn" / "broker.db").chmod(0)
    (place / "closed").mkdir(mode=0o700)
    with control._listen(place / "theirs"), as_a_stranger(place):
        ended = care(*arguments, cwd=place)
    assert sentence in ended.stderr
    assert (ended.stdout, ended.exit_code, ended.stderr.count("\n")) == ("", 2, 1)


@contextmanager
def as_a_stranger(place: Path) -> Iterator[None]:
    """As a user who may enter `place`, and to whom nothing in it belongs."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    closed = [path for path in place.parents if path.stat().st_uid == 0 and not path.stat().st_mode & 0o001]
    for path in (*closed, place):
        path.chmod(path.stat().st_mode | 0o011)
    place.chmod(0o777)
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)
        for path in closed:
            path.chmod(0o700)
