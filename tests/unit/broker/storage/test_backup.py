"""Backup, restore, check and compact; and the care that gives disk space back."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crossdock.broker.queues.facts import Deleted, Purged, QueueCreated, Received, Sent, first_sequence
from crossdock.broker.storage.backup import restore
from crossdock.broker.storage.care import care
from crossdock.broker.storage.check import check, compact
from crossdock.broker.storage.store import StorageError, StorageSettings, Store
from crossdock.broker.storage.tables import Tables

BASE = first_sequence(1)
END = first_sequence(2) - 1
NOW_MS = 1_700_000_000_000

Open = Callable[..., Store]
Make = Callable[..., Sent]
MakeQueue = Callable[..., QueueCreated]


def count(store: Store) -> int:
    return len(store.page(BASE - 1, END, 1 << 30, 1 << 40))


def fill(store: Store, make_sent: Make, first: int, last: int, body: str = "x" * 500) -> None:
    for position in range(first, last, 50):
        store.append([make_sent(place, body) for place in range(position, min(position + 50, last))])
        store.commit()


def test_a_backup_holds_everything_and_the_store_goes_on(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make, tmp_path: Path
) -> None:
    """A backup that is made while messages come in restores into a folder that holds at least all that came before it, in order."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 2_000)
    store.append([Received(BASE, 1, NOW_MS, NOW_MS + 99_000), Deleted([BASE + 1])])
    done = store.backup(tmp_path / "backup")
    fill(store, make_sent, 2_000, 3_000)
    done.result(30)
    store.close()
    restore(tmp_path / "backup", tmp_path / "restored")
    assert check(tmp_path / "restored").problems == []
    copy = open_store(replace(settings, data=tmp_path / "restored"))
    kept = [stored.message.sequence - BASE for stored in copy.page(BASE - 1, END, 1 << 30, 1 << 40)]
    assert kept == [0, *range(2, kept[-1] + 1)] and kept[-1] >= 1_999
    assert [stored.receive_count for stored in copy.snapshot().queues[0].touched] == [1]
    copy.append([make_sent(5_000)])
    copy.commit()
    assert not (tmp_path / "backup.partial").exists()


def test_a_backup_that_cannot_be_written_harms_nothing(
    open_store: Open, make_created: MakeQueue, make_sent: Make, tmp_path: Path
) -> None:
    """The failure of a backup is that of its future alone."""
    store = open_store()
    store.append([make_created()])
    with pytest.raises(sqlite3.Error):
        store.backup(tmp_path / "no such folder" / "backup").result(10)
    fill(store, make_sent, 0, 100)
    assert count(store) == 100


def test_restore_refuses_what_is_unsound(open_store: Open, settings: StorageSettings, tmp_path: Path) -> None:
    """A missing file, one that is no database, an empty one, and a folder that is in use already: a sentence each."""
    (tmp_path / "junk").write_bytes(b"junk" * 1_000)
    (tmp_path / "empty").touch()
    for name, sentence in (("missing", "no backup"), ("junk", "not a sound backup"), ("empty", "it is empty")):
        with pytest.raises(StorageError, match=sentence):
            restore(tmp_path / name, tmp_path / "restored")
    store = open_store()
    store.backup(tmp_path / "good").result(10)
    store.close()
    assert settings.data is not None
    with pytest.raises(StorageError, match="not empty"):
        restore(tmp_path / "good", settings.data)
    restore(tmp_path / "good", tmp_path / "restored")


def test_check_finds_what_is_wrong(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """A changed body, a missing row and a receive without its message are reported; a sound folder has no problems."""
    store = open_store()
    store.append([make_created(), *(make_sent(position, f"body {position}") for position in range(5))])
    store.append([Received(BASE + 4, 1, NOW_MS, NOW_MS)])
    store.close()
    assert settings.data is not None
    report = check(settings.data)
    assert (report.queues, report.messages, report.problems) == (1, 5, [])
    with sqlite3.connect(settings.data / "broker.db") as connection:
        payload = connection.execute("SELECT payload FROM messages WHERE sequence = ?", (BASE,)).fetchone()[0]
        changed = payload.replace(b"body 0", b"body X")
        connection.execute("UPDATE messages SET payload = ? WHERE sequence = ?", (changed, BASE))
        connection.execute("UPDATE messages SET payload = x'00' WHERE sequence = ?", (BASE + 1,))
        connection.execute("DELETE FROM messages WHERE sequence = ?", (BASE + 4,))
    connection.close()
    problems = "\n".join(check(settings.data).problems)
    for sentence in ("is not what was sent", "cannot be read", "should hold 5 messages and holds 4", "1 messages were"):
        assert sentence in problems


def test_check_reads_the_journal_and_changes_nothing(
    open_store: Open, calm: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """What is not folded is counted; a damaged journal is a problem; a folder in use, or of no broker, is refused."""
    store = open_store(calm)
    store.append([make_created()])
    fill(store, make_sent, 0, 100)
    assert calm.data is not None
    with pytest.raises(StorageError, match="in use"):
        check(calm.data)
    store.abandon()
    assert check(calm.data).journal_facts == 101
    path = calm.data / "journal" / f"{1:016x}.journal"
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    assert "damaged" in check(calm.data).problems[0]
    assert path.read_bytes() == damaged
    with pytest.raises(StorageError, match="not the data folder"):
        check(calm.data / "journal")


def test_compact_makes_it_small(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """After a backlog drained, compacting leaves next to nothing but the journal's segments."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 2_000)
    store.append([Deleted(list(range(BASE, BASE + 1_999)))])
    store.close()
    assert settings.data is not None
    before, after = compact(settings.data, NOW_MS)
    assert before > 1_000_000 and after < 200_000
    assert count(open_store()) == 1


@pytest.mark.parametrize("purge", [True, False])
def test_space_is_given_back_after_a_drain(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make, purge: bool
) -> None:
    """Deleted or purged, the rows of a large backlog go in small steps and the database shrinks while others use it."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 6_000, "x" * 3_000)
    store.append([Received(BASE + 5, 1, NOW_MS, NOW_MS)])
    store.append([Purged(1, BASE + 5_999, NOW_MS) if purge else Deleted(list(range(BASE, BASE + 6_000)))])
    store.close()
    assert settings.data is not None
    path = settings.data / "broker.db"
    tables = Tables(path)
    steps = sum(1 for _ in care(tables.writer))
    assert steps > 5
    assert path.stat().st_size < 6_000_000
    rows = [
        tables.reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("messages", "touched", "discards")
    ]
    assert rows == [0, 0, 0]
    tables.close()
    assert check(settings.data).problems == []
