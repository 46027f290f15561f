"""The store's face: refusals, faults of the disk, bounded memory, and what a crash leaves."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from crossdock.broker.queues.facts import Deleted, Purged, QueueCreated, Received, Sent, first_sequence
from crossdock.broker.storage import tables, upkeep
from crossdock.broker.storage.segment import HEADER_BYTES
from crossdock.broker.storage.store import StorageError, StorageFailed, StorageSettings, Store

BASE = first_sequence(1)
END = first_sequence(2) - 1
NOW_MS = 1_700_000_000_000

Open = Callable[..., Store]
Make = Callable[..., Sent]
MakeQueue = Callable[..., QueueCreated]


def shown(store: Store) -> list[int]:
    """The positions of the messages of queue 1."""
    return [stored.message.sequence - BASE for stored in store.page(BASE - 1, END, 1 << 30, 1 << 40)]


def journal_bytes(settings: StorageSettings) -> bytearray:
    assert settings.data is not None
    return bytearray((settings.data / "journal" / f"{1:016x}.journal").read_bytes())


# Opening


def test_a_second_broker_is_refused(open_store: Open) -> None:
    """A folder that is in use names the process that uses it; once released it opens."""
    first = open_store()
    with pytest.raises(StorageError, match=r"in use by process \d+"):
        open_store()
    first.close()
    open_store()


@pytest.mark.parametrize("excess", [0, 1])
def test_a_path_may_be_as_long_as_sqlite_takes(tmp_path: Path, excess: int) -> None:
    """One byte more is refused in a sentence, before anything is made; whether a path is relative does not matter."""
    free = 504 + excess - len(os.fsencode(tmp_path / "broker.db")) - 1
    data = tmp_path / ("x" * 200) / ("y" * (free - 201))
    if excess:
        with pytest.raises(StorageError, match="is too long by 1 bytes; choose another folder"):
            Store.open(StorageSettings(data=data), NOW_MS)
        assert list(tmp_path.iterdir()) == []
    else:
        Store.open(StorageSettings(data=data), NOW_MS).close()


def test_a_newer_format_is_refused(open_store: Open, settings: StorageSettings) -> None:
    """A folder of a later version says so, and is left as it was."""
    open_store().close()
    assert settings.data is not None
    connection = sqlite3.connect(settings.data / "broker.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="has format 99, newer than 2; start the crossdock version that wrote it"):
        open_store()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("broker.db", b"not a database, but long enough to be taken for the header of one" * 20, "cannot be opened"),
        ("broker.db", None, "database of another program"),
    ],
)
def test_a_foreign_database_is_refused(
    open_store: Open, settings: StorageSettings, name: str, content: bytes | None, sentence: str
) -> None:
    """What is not a broker's database is named and left alone."""
    assert settings.data is not None
    settings.data.mkdir()
    path = settings.data / name
    if content is None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=sentence):
        open_store()
    assert path.read_bytes() == before


def test_a_file_is_no_data_folder(open_store: Open, settings: StorageSettings) -> None:
    """A path that is a file is refused with a sentence."""
    assert settings.data is not None
    settings.data.write_text("x")
    with pytest.raises(StorageError, match="cannot be used"):
        open_store()


def test_journals_are_not_mixed(
    open_store: Open, calm: StorageSettings, tmp_path: Path, make_created: MakeQueue
) -> None:
    """The journal of one folder is not read into another."""
    other = replace(calm, data=tmp_path / "other")
    for settings in (calm, other):
        store = open_store(settings)
        store.append([make_created()])
        store.commit()
        store.abandon()
    assert calm.data is not None and other.data is not None
    shutil.copytree(other.data / "journal", calm.data / "journal", dirs_exist_ok=True)
    with pytest.raises(StorageError, match="belongs to another data folder"):
        open_store(calm)


# Writing


def test_what_was_appended_is_shown_before_its_commit(
    open_store: Open, make_created: MakeQueue, make_sent: Make
) -> None:
    """Readers need not wait for the disk; a crash before the commit takes it back."""
    store = open_store()
    store.append([make_created()])
    store.commit()
    store.append([make_sent(0)])
    assert store.pending
    assert shown(store) == [0]
    assert store.content(BASE).body == "hello"
    store.abandon()
    assert shown(open_store()) == []


def test_written_facts_survive_the_process(open_store: Open, make_created: MakeQueue, make_sent: Make) -> None:
    """`write` without `commit` hands the facts to the operating system: the end of the process takes nothing."""
    store = open_store()
    store.append([make_created(), make_sent(0)])
    store.write()
    assert not store.pending
    store.abandon()
    assert shown(open_store()) == [0]


def test_the_content_of_what_was_taken_away_is_a_key_error(
    open_store: Open, make_created: MakeQueue, make_sent: Make
) -> None:
    """There is no content of a message that is deleted, or was purged."""
    store = open_store()
    store.append([make_created(), make_sent(0), make_sent(1), make_sent(2)])
    store.close()
    store = open_store()
    store.append([Deleted([BASE]), Purged(1, BASE + 1, NOW_MS)])
    for position in (0, 1):
        with pytest.raises(KeyError):
            store.content(BASE + position)
    assert store.content(BASE + 2).sequence == BASE + 2


def test_a_page_ends_at_its_bytes(open_store: Open, make_created: MakeQueue, make_sent: Make) -> None:
    """A page holds no more messages once its bytes are reached, and at least one."""
    store = open_store()
    store.append([make_created(), *(make_sent(position, "x" * 100) for position in range(10))])
    assert len(store.page(BASE - 1, END, 100, 250)) == 3
    assert len(store.page(BASE - 1, END, 100, 1)) == 1
    assert len(store.page(BASE + 3, BASE + 5, 100, 10_000)) == 2


def test_memory_stays_bounded(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """However fast facts come, commits wait for folds rather than let the memtable grow; disk is used again."""
    store = open_store()
    store.append([make_created()])
    for position in range(600):
        store.append([make_sent(position, "x" * 1_000)])
        store.commit()
        assert store._layers.live.bytes <= settings.memtable_bytes_max + 2_000
    assert store.metrics.folds > 10
    store.close()
    assert settings.data is not None
    assert len(list((settings.data / "journal").iterdir())) <= 6
    assert len(shown(open_store())) == 600


def test_messages_that_come_and_go_never_reach_the_tables(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """What is deleted before its fold costs the database nothing, however much passes through."""
    store = open_store()
    store.append([make_created()])
    store.close()
    assert settings.data is not None
    before = (settings.data / "broker.db").stat().st_size
    store = open_store()
    for position in range(1_000):
        store.append([make_sent(position, "x" * 500), Received(BASE + position, 1, NOW_MS, NOW_MS)])
        store.append([Deleted([BASE + position])])
        store.commit()
    store.close()
    assert (settings.data / "broker.db").stat().st_size == before


def test_metrics_count(open_store: Open, make_created: MakeQueue, make_sent: Make) -> None:
    """Commits, facts, bytes and time are counted."""
    store = open_store()
    store.append([make_created(), make_sent(0)])
    store.commit()
    counts = store.metrics
    assert (sum(counts.commit_ns.counts), counts.commit_facts.total, counts.facts) == (1, 2, 2)
    store.commit()
    assert sum(counts.commit_facts.counts) == 1, "a commit of nothing is none"
    assert store.unfolded_bytes >= counts.bytes and store.memtable_bytes > 0
    assert counts.bytes > 100 and counts.commit_ns.total > 0 and store.disk_bytes() > counts.bytes


def test_memory_mode_keeps_no_files(make_created: MakeQueue, make_sent: Make) -> None:
    """Without a data folder everything works, and nothing outlives the store."""
    store = Store.open(StorageSettings(data=None), NOW_MS)
    store.append([make_created(), *(make_sent(position) for position in range(10)), Deleted([BASE + 3])])
    store.commit()
    assert shown(store) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert not store.pending and not store.low_on_space and not store.disk_bytes()
    assert Store.open(StorageSettings(data=None), NOW_MS).snapshot().queues == []
    store.close()


def test_a_nearly_full_disk_is_noticed(open_store: Open, settings: StorageSettings) -> None:
    """`low_on_space` turns when free space falls below the threshold, and turns back at once when there is some again."""
    store = open_store(replace(settings, free_space_min=1_000))
    assert not store.low_on_space
    settings.files.free = 999  # type: ignore[attr-defined]
    assert any(store.low_on_space for _ in range(100))
    settings.files.free = 1_000  # type: ignore[attr-defined]
    assert not store.low_on_space


# Faults


@pytest.mark.parametrize("method", ["pwrite", "datasync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", range(1, 60, 7))
def test_a_failing_disk_loses_nothing_acknowledged(
    open_store: Open,
    settings: StorageSettings,
    make_created: MakeQueue,
    make_sent: Make,
    method: str,
    error: int,
    call: int,
) -> None:
    """From the first failed call on the store refuses everything; mended, it starts with all that was acknowledged."""
    store = open_store()
    store.append([make_created()])
    store.commit()
    settings.files.break_at(call, method, error, torn_bytes=50)  # type: ignore[attr-defined]
    acknowledged = 0
    with pytest.raises(StorageFailed, match="cannot be written"):
        for position in range(200):
            store.append([make_sent(position, "x" * 700)])
            store.commit()
            acknowledged = position + 1
    with pytest.raises(StorageFailed):
        store.commit()
    store.abandon()
    settings.files.fail_at = None  # type: ignore[attr-defined]
    after = shown(open_store())
    assert after[:acknowledged] == list(range(acknowledged))
    assert len(after) <= acknowledged + 1, "at most the message of the failed commit may be there too"


def test_a_full_disk_under_the_tables_loses_nothing_acknowledged(
    open_store: Open, make_created: MakeQueue, make_sent: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fold that finds no space stops the store; the journal still holds everything."""
    with monkeypatch.context() as patch:
        patch.setattr(tables, "SETTINGS", tables.SETTINGS + "PRAGMA max_page_count = 40;")
        store = open_store()
        store.append([make_created()])
        acknowledged = 0
        with pytest.raises(StorageFailed, match="full"):
            for position in range(1_000):
                store.append([make_sent(position, "x" * 500)])
                store.commit()
                acknowledged = position + 1
        store.abandon()
    assert acknowledged > 50
    assert shown(open_store())[:acknowledged] == list(range(acknowledged))


def test_a_full_disk_delays_the_care_of_the_tables(
    open_store: Open, make_created: MakeQueue, make_sent: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Giving space back needs some itself: where there is none it is left for later, for deletes make space. Any other error stops the store."""

    def failing(code: int, text: str) -> Callable[[sqlite3.Connection], Iterator[None]]:
        def care(writer: sqlite3.Connection) -> Iterator[None]:
            error = sqlite3.OperationalError(text)
            error.sqlite_errorcode = code
            raise error
            yield

        return care

    monkeypatch.setattr(upkeep, "care", failing(sqlite3.SQLITE_FULL, "database or disk is full"))
    store = open_store()
    store.append([make_created(), *(make_sent(position, "x" * 500) for position in range(100))])
    store.close()
    monkeypatch.setattr(upkeep, "care", failing(sqlite3.SQLITE_IOERR, "disk I/O error"))
    store = open_store()
    store.append([make_sent(100)])
    with pytest.raises(StorageFailed, match="disk I/O error"):
        store.close()
    assert shown(open_store()) == list(range(101))


def test_a_nearly_full_disk_gets_the_spares(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """Segments that wait for their next use are given up where space is low: at the start, before anything needs it, and from then on."""
    store = open_store()
    store.append([make_created()])
    for position in range(200):
        store.append([make_sent(position, "x" * 700)])
        store.commit()
    store.close()
    assert settings.data is not None
    journal = settings.data / "journal"
    store = open_store()
    store.close()
    assert list(journal.glob("*.spare"))
    settings.files.free = settings.free_space_min - 1  # type: ignore[attr-defined]
    store = open_store()
    assert not list(journal.glob("*.spare"))
    for position in range(200, 400):
        store.append([make_sent(position, "x" * 700)])
        store.commit()
    store.close()
    assert not list(journal.glob("*.spare"))
    assert shown(open_store()) == list(range(400))


def test_short_writes_are_completed(
    open_store: Open, settings: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """A system that writes only half of what it is given each time is asked again."""
    settings.files.short = True  # type: ignore[attr-defined]
    store = open_store()
    store.append([make_created(), make_sent(0, "x" * 5_000)])
    store.commit()
    store.abandon()
    assert shown(open_store()) == [0]


def test_a_flipped_bit_stops_the_start(
    open_store: Open, calm: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """Damage before the last commit is not passed over: the start is refused with the name of the file, and nothing is changed."""
    store = open_store(calm)
    store.append([make_created()])
    for position in range(3):
        store.append([make_sent(position)])
        store.commit()
    store.abandon()
    damaged = journal_bytes(calm)
    damaged[HEADER_BYTES + 40] ^= 1
    assert calm.data is not None
    path = calm.data / "journal" / f"{1:016x}.journal"
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=r"\.journal is damaged at byte"):
        open_store(calm)
    assert path.read_bytes() == damaged


def test_a_crash_between_fold_and_release_counts_nothing_twice(
    open_store: Open, calm: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """Facts that are in the tables and still in the journal are not applied again."""
    store = open_store(calm)
    store.append([make_created(), *(make_sent(position) for position in range(20))])
    store.fold()
    store.append([Deleted([BASE])])
    store.commit()
    store.abandon()
    snapshot = open_store(calm).snapshot()
    assert snapshot.queues[0].message_count == 19


def test_what_a_crash_left_in_the_log_of_the_tables_is_settled_first(
    open_store: Open, calm: StorageSettings, make_created: MakeQueue, make_sent: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables stand in the database itself, and their log is empty, before the journal behind them is used again."""
    monkeypatch.setattr(upkeep, "care", lambda writer: iter(()))
    assert calm.data is not None
    store = open_store(calm)
    store.append([make_created(), *(make_sent(position) for position in range(20))])
    store.fold()
    while store.folding:
        store.commit()
    crashed = calm.data.with_name("crashed")
    shutil.copytree(calm.data, crashed, ignore=lambda folder, names: {"lock"})
    assert (crashed / "broker.db-wal").stat().st_size
    store = open_store(replace(calm, data=crashed))
    assert not (crashed / "broker.db-wal").stat().st_size
    alone = calm.data.with_name("alone.db")
    shutil.copy(crashed / "broker.db", alone)
    connection = sqlite3.connect(alone)
    assert connection.execute("SELECT count(*) FROM messages").fetchone() == (20,)
    connection.close()


def test_a_purge_of_an_empty_queue_takes_nothing_from_others(
    open_store: Open, make_created: MakeQueue, make_sent: Make
) -> None:
    """The messages of a lower queue do not count as those of a queue that was purged before its first message."""
    store = open_store()
    store.append([make_created(), make_created(2), *(make_sent(position) for position in range(20))])
    store.close()
    store = open_store()
    store.append([Purged(2, 0, NOW_MS)])
    store.commit()
    store.abandon()
    store = open_store()
    assert [queue.message_count for queue in store.snapshot().queues] == [20, 0]
    store.close()
    assert [queue.message_count for queue in open_store().snapshot().queues] == [20, 0]


WRITER = """
import hashlib
import sys
from pathlib import Path
from crossdock.broker.queues.facts import Deleted, QueueCreated, Sent, first_sequence
from crossdock.broker.storage.store import StorageSettings, Store
store = Store.open(StorageSettings(Path(sys.argv[1]), 50_000, 100_000, 100_000, 32_768), 1)
base = first_sequence(1)
body = "x" * 500
md5 = hashlib.md5(body.encode()).hexdigest()
queues = store.snapshot().queues
position = queues[0].last_sequence - base + 1 if queues else 0
if not queues:
    store.append([QueueCreated(1, "000000000000", "us-east-1", "q", {}, {}, 1)])
while True:
    store.append([Sent(base + n, "id", body, md5, 1, "me") for n in range(position, position + 10)])
    store.append([Deleted([base + n for n in range(position, position + 10) if n % 3])])
    store.commit()
    position += 10
    print(position, flush=True)
"""


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A process that is killed at a random moment, again and again, finds all that it acknowledged and nothing that it deleted."""
    chance = Random(4)
    data = tmp_path / "data"
    acknowledged = 0
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(data)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(chance.randint(1, 400)):
            if line := child.stdout.readline():
                acknowledged = int(line)
        child.kill()
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().split("\n")[:-1] if line)])
        child.wait()
        store = Store.open(StorageSettings(data), 1)
        kept = shown(store)
        store.abandon()
        assert [position for position in kept if position < acknowledged] == list(range(0, acknowledged, 3))
        assert len(kept) <= (acknowledged + 10 + 2) // 3


def test_a_fold_in_an_idle_moment_leaves_nothing_for_a_restart_to_read(
    open_store: Open, calm: StorageSettings, make_created: MakeQueue, make_sent: Make
) -> None:
    """`fold` begins and, called again, ends; then everything is in the tables, and there is nothing to fold any more."""
    store = open_store(calm)
    store.append([make_created(), *(make_sent(position) for position in range(20))])
    store.fold()
    assert store.folding
    while store.folding:
        store.fold()
    store.fold()
    assert not store.folding
    assert store.metrics.folds == 1
    assert not store.unfolded_bytes
    assert not store._layers.live.inserted and not store._layers.frozen.inserted
    store.abandon()
    again = open_store(calm)
    assert not again._layers.live.inserted
    assert shown(again) == list(range(20))
