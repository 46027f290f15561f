"""Backup and restore: what is copied, what is refused, and what is left when something goes wrong."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.broker.storage.conftest import fill, quiet

from crossdock.broker.queues.facts import Deleted, QueueCreated, Received, Sent, first_sequence
from crossdock.broker.storage import backup as backups
from crossdock.broker.storage import database_files
from crossdock.broker.storage.backup import backup, check_backup, restore
from crossdock.broker.storage.check import check
from crossdock.broker.storage.compact import settle
from crossdock.broker.storage.database_files import Show
from crossdock.broker.storage.files import Files
from crossdock.broker.storage.store import StorageError, StorageSettings, Store

BASE = first_sequence(1)
END = first_sequence(2) - 1
NOW_MS = 1_700_000_000_000

Open = Callable[..., Store]
Make = Callable[..., Sent]
MakeQueue = Callable[..., QueueCreated]


@pytest.fixture
def good(open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make, tmp_path: Path) -> Path:
    """A backup with 500 messages."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 500)
    store.close()
    backup(data, tmp_path / "good", quiet)
    return tmp_path / "good"


def test_a_backup_is_the_moment_it_began(
    open_store: Open, settings: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make, tmp_path: Path
) -> None:
    """Made while a store folds more messages and deletes others, it restores into what was in the tables when it began."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 2_000)
    store.append([Received(BASE, 1, NOW_MS, NOW_MS + 99_000), Deleted([BASE + 1])])
    for _ in range(2):
        store.fold()
        if store.running_fold is not None:
            store.running_fold.result(60)
    folds = store.metrics.folds

    def busy(what: str, done: int, total: int) -> None:
        if what == "copied" and store.metrics.folds < folds + 5:
            place = 10_000 + done * 100
            fill(store, make_sent, place, place + 100)
            store.append([Deleted(list(range(BASE + place, BASE + place + 100, 2)))])

    report = backup(data, tmp_path / "backup", busy)
    assert store.metrics.folds > folds
    assert (report.queues, report.messages, report.problems) == (1, 1_999, [])
    store.close()
    restore(tmp_path / "backup", tmp_path / "restored", quiet)
    assert check(tmp_path / "restored", quiet).problems == []
    copy = open_store(replace(settings, data=tmp_path / "restored"))
    kept = [stored.message.sequence - BASE for stored in copy.page(BASE - 1, END, 1 << 30, 1 << 40)]
    assert kept == [0, *range(2, 2_000)]
    assert [stored.receive_count for stored in copy.snapshot().queues[0].touched] == [1]
    copy.append([make_sent(5_000)])
    copy.commit()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "restored"]


def test_what_settles_is_in_the_backup(
    open_store: Open, calm: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make, tmp_path: Path
) -> None:
    """The journal that a killed broker left is moved into the tables first."""
    store = open_store(calm)
    store.append([make_created(), *(make_sent(position) for position in range(10))])
    store.commit()
    store.abandon()
    settle(data, NOW_MS)
    assert backup(data, tmp_path / "backup", quiet).messages == 10


def test_a_backup_is_written_at_a_pace(
    open_store: Open,
    data: Path,
    make_created: MakeQueue,
    make_sent: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some 4 MiB, and SQLite's cache, wait to be written at a time: a broker's commits would queue up behind them."""
    mib = 1024 * 1024
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 200, "x" * 60_000)
    store.close()
    on_disk = [0]

    def sync(path: Path) -> None:
        on_disk.append(path.stat().st_size)

    monkeypatch.setattr(database_files, "sync", sync)
    backup(data, tmp_path / "backup", quiet)
    assert on_disk[-1] > 11 * mib
    assert max(later - earlier for earlier, later in pairwise(on_disk)) < 7 * mib


def test_a_backup_is_for_its_owner_alone(good: Path, data: Path, tmp_path: Path) -> None:
    """Messages are nobody else's business: file and folders cannot be read by others."""
    restore(good, tmp_path / "restored", quiet)
    modes = [path.stat().st_mode & 0o777 for path in (good, data, tmp_path / "restored")]
    assert modes == [0o600, 0o700, 0o700]


def test_a_backup_that_cannot_be_written_leaves_nothing(
    good: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a missing folder, nor a full disk, nor an interruption, nor damage leaves a file; an older one stays as it was."""
    with pytest.raises(StorageError, match=r"cannot be backed up to .*No such file or directory; there is no backup"):
        backup(data, tmp_path / "no such folder" / "backup", quiet)
    before = good.read_bytes()

    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(data, good, interrupt)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        touch = Path.touch
        patch.setattr(Path, "touch", lambda path, **more: (touch(path, **more), interrupt("", 0, 0)))
        backup(data, good, quiet)
    monkeypatch.setattr(backups, "DETACH", "PRAGMA journal_mode = DELETE; PRAGMA max_page_count = 1;" + filler())
    with pytest.raises(StorageError, match="database or disk is full; there is no backup"):
        backup(data, good, quiet)
    monkeypatch.undo()
    damage(data / "broker.db")
    with pytest.raises(StorageError, match="is damaged, there is no backup"):
        backup(data, good, quiet)
    assert good.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "good"]


def test_what_does_not_fit_is_not_begun(
    good: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk on which there is too little space is not filled first: others need what is left of it."""
    size = good.stat().st_size
    monkeypatch.setattr(Files, "free_bytes", lambda files, folder: size - 1)
    with pytest.raises(StorageError, match=f"it takes {size} bytes, and {size - 1} are free; there is no backup"):
        backup(data, tmp_path / "backup", lambda what, done, total: pytest.fail("begun"))
    with pytest.raises(StorageError, match=f"it takes {size} bytes, and {size - 1} are free; nothing is restored"):
        restore(good, tmp_path / "restored", quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "good"]


def filler() -> str:
    """SQL that needs more space than there is."""
    return "CREATE TABLE filler AS SELECT zeroblob(1000000) AS zeroes;"


def damage(database: Path) -> None:
    """Change the bodies of messages behind SQLite's back."""
    content = database.read_bytes()
    assert b"x" * 500 in content
    database.write_bytes(content.replace(b"x" * 500, b"x" * 499 + b"y"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path, good: None, "there is no backup"),
        (lambda path, good: path.mkdir(), "there is no backup"),
        (lambda path, good: path.touch(), "is not a backup"),
        (
            lambda path, good: path.write_bytes(b"junk" * 1_000),
            "is not a backup; make one with `crossdock broker backup`",
        ),
        (lambda path, good: path.write_bytes((good.parent / "data" / "broker.db").read_bytes()), "A plain copy of"),
        (lambda path, good: path.write_bytes(good.read_bytes()[:-4_096]), "is damaged, nothing is restored"),
        (lambda path, good: path.write_bytes(newer(good)), "has format 9, newer than 2"),
        (
            lambda path, good: (path.write_bytes(good.read_bytes()), damage(path)),
            "is not what was written; use another",
        ),
    ],
)
def test_restore_refuses_what_is_unsound(
    good: Path, tmp_path: Path, make: Callable[[Path, Path], object], sentence: str
) -> None:
    """What is no backup, or a damaged one, is refused before anything is written."""
    make(tmp_path / "file", good)
    with pytest.raises(StorageError, match=sentence):
        restore(tmp_path / "file", tmp_path / "restored", quiet)
    assert not (tmp_path / "restored").exists()


def newer(good: Path) -> bytes:
    """The backup as a later version would write it."""
    path = good.with_name("newer")
    path.write_bytes(good.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    content = path.read_bytes()
    path.unlink()
    return content


def test_restore_needs_an_empty_folder(good: Path, data: Path, tmp_path: Path, open_store: Open) -> None:
    """A folder with anything in it is left alone; what a killed restore left there is no obstacle."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat").touch()
    for folder in (data, tmp_path / "photos"):
        before = sorted(path.name for path in folder.iterdir())
        with pytest.raises(StorageError, match="is not empty; restore into a new one, or move it away first"):
            restore(good, folder, quiet)
        assert sorted(path.name for path in folder.iterdir()) == before
    (tmp_path / "killed" / "journal").mkdir(parents=True)
    (tmp_path / "killed" / "broker.db.partial").write_bytes(b"half")
    restore(good, tmp_path / "killed", quiet)
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["broker.db", "journal", "lock"]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be used: File exists"):
        restore(good, tmp_path / "file", quiet)


def test_a_restore_that_fails_leaves_nothing(good: Path, tmp_path: Path) -> None:
    """Interrupted or without space, there is no folder, or an empty one as before."""
    (tmp_path / "empty").mkdir()

    def failing(error: BaseException) -> Show:
        def show(what: str, done: int, total: int) -> None:
            if what == "copied":
                raise error

        return show

    for folder in (tmp_path / "new", tmp_path / "empty"):
        with pytest.raises(KeyboardInterrupt):
            restore(good, folder, failing(KeyboardInterrupt()))
        with pytest.raises(StorageError, match=r"cannot be restored to .*No space left on device; nothing is restored"):
            restore(good, folder, failing(OSError(28, "No space left on device")))
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "empty" / "broker.db").exists()
    restore(good, tmp_path / "empty", quiet)


def test_restored_folders_are_strangers_to_each_other(good: Path, data: Path, tmp_path: Path) -> None:
    """Original and copies have an identity each, so that no journal is taken for that of another; none of them passes for a backup."""
    restore(good, tmp_path / "one", quiet)
    restore(good, tmp_path / "two", quiet)
    identities = set()
    for folder in (data, tmp_path / "one", tmp_path / "two"):
        connection = sqlite3.connect(folder / "broker.db")
        identities.add(connection.execute("SELECT identity FROM meta").fetchone()[0])
        assert connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
        connection.close()
        with pytest.raises(StorageError, match="is not a backup"):
            check_backup(folder / "broker.db", quiet)
    assert len(identities) == 3
