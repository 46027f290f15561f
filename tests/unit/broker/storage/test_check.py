"""Check, compact and care: what is found wrong in a data folder, and the disk space that is given back."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace as replace_settings
from pathlib import Path
from random import Random

import msgspec
import pytest
from msgspec.structs import replace
from tests.unit.broker.storage.conftest import fill, quiet

from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import (
    Deleted,
    Moved,
    MoveTaskChanged,
    Purged,
    QueueCreated,
    QueueDeleted,
    Received,
    Sent,
    first_sequence,
)
from crossdock.broker.storage import compact as compacting
from crossdock.broker.storage.care import care
from crossdock.broker.storage.check import check
from crossdock.broker.storage.compact import compact
from crossdock.broker.storage.database_files import open_used
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


def contents(data: Path) -> dict[str, bytes]:
    """Every file of the data folder that holds something of the broker's."""
    return {path.name: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != "lock"}


CONTRADICTIONS = {
    "UPDATE messages SET payload = CAST(replace(payload, 'body 0', 'body X') AS BLOB), checksum = NULL WHERE sequence = {base}": (
        "message 0 of queue-1 is not what was sent"
    ),
    "UPDATE messages SET checksum = checksum + 1 WHERE sequence = {base} + 2": "message 2 of queue-1 is not what was written",
    "UPDATE touched SET receive_count = receive_count + 1": "the state of message 4 of queue-1 is not what was written",
    "UPDATE remembered SET key = 'another'": "what is remembered of message 4 of queue-1 is not what was written",
    "UPDATE messages SET payload = x'00', checksum = NULL WHERE sequence = {base} + 1": "message 1 of queue-1 cannot be read",
    "DELETE FROM messages WHERE sequence = {base} + 4": "1 messages were received or delayed and are not there",
    "DELETE FROM messages WHERE sequence = {base} + 3": "queue queue-1 should hold 5 messages and holds 4",
    "DELETE FROM queues": "5 messages belong to queue 1, which does not exist",
    "UPDATE queues SET last_sequence = {base} + 2": "message 4 of queue-1 is behind the last that was sent",
    "UPDATE queues SET last_sequence = 5": "the last message of queue queue-1 is one of queue 0",
    "UPDATE queues SET tags = '['": "the settings of queue queue-1 cannot be read",
    "UPDATE meta SET last_queue = 0": "queue queue-1 has number 1, and the highest that was given is 0",
    "UPDATE touched SET receive_count = -1, checksum = NULL": "1 messages were received at an impossible time",
    "UPDATE remembered SET key = '', checksum = NULL": "1 entries of the deduplication memory belong to no queue or have no key",
    "UPDATE move_tasks SET payload = x'00'": "move task t cannot be read",
    "DELETE FROM meta": "does not say whose it is",
    "INSERT INTO queues SELECT 0, account, region, name, attributes, tags, 0, 0, 0, 0, 0 FROM queues": (
        "there are two queues queue-1"
    ),
    "DROP TABLE touched": "broker.db cannot be read: no such table: touched",
}


@pytest.mark.parametrize(("statement", "sentence"), CONTRADICTIONS.items(), ids=CONTRADICTIONS.values())
def test_check_finds_what_contradicts_itself(
    open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make, statement: str, sentence: str
) -> None:
    """A sound folder has no problems; each contradiction in the tables is reported in a sentence."""
    store = open_store()
    store.append([make_created(), *(make_sent(position, f"body {position}") for position in range(4))])
    store.append([make_sent(4, "body 4", deduplication_key="key"), Received(BASE + 4, 1, NOW_MS, NOW_MS)])
    store.append([MoveTaskChanged("t", "source", None, None, "RUNNING", 0, 5, NOW_MS)])
    store.close()
    report = check(data, quiet)
    assert (report.queues, report.messages, report.problems) == (1, 5, [])
    with sqlite3.connect(data / "broker.db") as connection:
        connection.execute(statement.format(base=BASE))
    connection.close()
    assert sentence in "\n".join(check(data, quiet).problems)


def test_check_reads_the_journal_and_changes_nothing(
    open_store: Open, calm: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make
) -> None:
    """What is not folded is counted; a folder in use, or of no broker, is refused; not a byte is written."""
    store = open_store(calm)
    store.append([make_created()])
    fill(store, make_sent, 0, 100)
    with pytest.raises(StorageError, match="in use by process"):
        check(data, quiet)
    store.abandon()
    before = contents(data)
    report = check(data, quiet)
    assert (report.queues, report.messages, report.journal_facts, report.problems) == (0, 0, 101, [])
    assert contents(data) == before
    for folder in (data / "journal", data / "nowhere", data / "broker.db"):
        with pytest.raises(StorageError, match=r"is not the data folder of a broker: it has no broker\.db"):
            check(folder, quiet)


def test_check_reads_what_is_in_the_write_ahead_log(
    open_store: Open, settings: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make, tmp_path: Path
) -> None:
    """The folder of a broker that was killed after a fold is sound, and is left with its log as it was."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 100)
    copy = tmp_path / "copy"
    with open_used(data / "broker.db") as connection:
        connection.execute("SELECT * FROM meta").fetchone()
        store.commit()
        copy.mkdir()
        (copy / "journal").mkdir()
        for path in data.rglob("*"):
            if path.is_file():
                (copy / path.relative_to(data)).write_bytes(path.read_bytes())
    connection.close()
    assert (copy / "broker.db-wal").stat().st_size
    before = contents(copy)
    report = check(copy, quiet)
    assert report.problems == [] and report.messages + report.journal_facts >= 100
    after = contents(copy)
    assert all(after[name] == before[name] for name in before if not name.endswith("-shm"))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (lambda make: [make(3), make(3)], "message 3 of queue 1, in the journal, was sent after a later one"),
        (lambda make: [make(3), make(2)], "message 2 of queue 1, in the journal, was sent after a later one"),
        (
            lambda make: [make(3, queue=2)],
            "message 3 of queue 2, in the journal, was sent to a queue that does not exist",
        ),
        (lambda make: [QueueDeleted(1, NOW_MS), make(3)], "was sent to a queue that does not exist"),
        (lambda make: [Moved(BASE, make(0))], "message 0 of queue 1, in the journal, was sent after a later one"),
        (lambda make: [replace(make(3), md5_of_body="0" * 32)], "in the journal, is not what was sent"),
    ],
)
def test_check_finds_a_journal_that_contradicts_itself(
    open_store: Open,
    calm: StorageSettings,
    data: Path,
    make_created: MakeQueue,
    make_sent: Make,
    facts: Callable[[Make], list[Fact]],
    sentence: str,
) -> None:
    """Facts that no broker writes one after the other are reported."""
    store = open_store(calm)
    store.append([make_created(), make_sent(0)])
    store.append(facts(make_sent))
    store.commit()
    store.abandon()
    assert any(sentence in problem for problem in check(data, quiet).problems)


def test_every_flipped_bit_of_the_journal_is_found(
    open_store: Open, calm: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make
) -> None:
    """Wherever it is before the last commit, damage is reported with the file's name, and nothing is changed."""
    store = open_store(calm)
    store.append([make_created()])
    fill(store, make_sent, 0, 100)
    end = store._cycle.disk.journal.end.offset  # type: ignore[union-attr]
    fill(store, make_sent, 100, 101)
    store.abandon()
    path = data / "journal" / f"{1:016x}.journal"
    sound = path.read_bytes()
    seed = Random().randrange(1 << 32)
    print("seed", seed)
    random = Random(seed)
    for place in (0, 9, 13, 20, 30, 64, 72, 76, 80, 90, end - 1, *(random.randrange(64, end) for _ in range(40))):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        problems = check(data, quiet).problems
        assert len(problems) == 1 and path.name in problems[0], f"bit at byte {place}: {problems}"
        assert path.read_bytes() == damaged


def test_what_check_calls_sound_has_every_message(
    open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make
) -> None:
    """Flip bits all over the tables: damage is reported, or every message is there with the body that was sent. Never a traceback."""
    bodies = {BASE + position: f"body {position} " * 20 for position in range(200)}
    store = open_store()
    store.append([make_created(), *(make_sent(sequence - BASE, body) for sequence, body in bodies.items())])
    store.append([Received(BASE + 4, 1, NOW_MS, NOW_MS)])
    store.close()
    path = data / "broker.db"
    sound = path.read_bytes()
    seed = Random().randrange(1 << 32)
    print("seed", seed)
    random = Random(seed)
    found = 0
    for round_ in range(120):
        place = random.randrange(100 if round_ < 20 else len(sound))
        damaged = bytearray(sound)
        damaged[place] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        try:
            problems = check(data, quiet).problems
        except StorageError as error:
            problems = [str(error)]
        assert path.read_bytes() == damaged
        found += bool(problems)
        if not problems:
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
            rows = dict(connection.execute("SELECT sequence, payload FROM messages"))
            connection.close()
            kept = {key: msgspec.msgpack.decode(row, type=Sent).body for key, row in rows.items()}
            assert kept == bodies, f"bit at byte {place}"
    assert found > 30


@pytest.mark.parametrize("purge", [True, False])
def test_compact_makes_it_small(
    open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make, purge: bool
) -> None:
    """After a backlog drained, compacting leaves next to nothing but the journal's segments."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 2_000)
    store.append([Purged(1, BASE + 1_998, NOW_MS) if purge else Deleted(list(range(BASE, BASE + 1_999)))])
    store.close()
    (data / "broker.db.partial").write_bytes(b"what a compact that was killed left")
    before, after = compact(data, NOW_MS)
    assert before > 1_000_000 and after < 200_000
    assert check(data, quiet).problems == []
    assert count(open_store()) == 1
    assert not (data / "broker.db.partial").exists()


def test_compact_keeps_away_while_others_read(
    open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In use by a broker or by a backup, the folder is left as it is, with a sentence; so is one that is damaged."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 100)
    with pytest.raises(StorageError, match=r"in use by process \d+; stop it"):
        compact(data, NOW_MS)
    store.close()
    monkeypatch.setattr(compacting, "ALONE", "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE")
    reader = open_used(data / "broker.db")
    reader.executescript("BEGIN; SELECT * FROM meta;")
    with pytest.raises(StorageError, match=r"database is locked; nothing is lost\. Is a backup being made\?"):
        compact(data, NOW_MS)
    reader.close()
    compact(data, NOW_MS)
    assert count(open_store()) == 100


@pytest.mark.parametrize("purge", [True, False])
def test_space_is_given_back_after_a_drain(
    open_store: Open, data: Path, make_created: MakeQueue, make_sent: Make, purge: bool
) -> None:
    """Deleted or purged, the rows of a large backlog go in small steps and the database shrinks while others use it."""
    store = open_store()
    store.append([make_created()])
    fill(store, make_sent, 0, 6_000, "x" * 3_000)
    store.append([Received(BASE + 5, 1, NOW_MS, NOW_MS)])
    store.append([Purged(1, BASE + 5_999, NOW_MS) if purge else Deleted(list(range(BASE, BASE + 6_000)))])
    store.close()
    path = data / "broker.db"
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
    assert check(data, quiet).problems == []


def test_the_write_ahead_log_shrinks_after_a_backup(
    open_store: Open, settings: StorageSettings, data: Path, make_created: MakeQueue, make_sent: Make
) -> None:
    """While a backup reads, the log grows by all that is folded; once the backup is done, it shrinks again."""
    mib = 1024 * 1024
    store = open_store(replace_settings(settings, memtable_bytes=2 * mib, memtable_bytes_max=4 * mib))
    store.append([make_created()])
    fill(store, make_sent, 0, 50)
    with closing(open_used(data / "broker.db")) as reader:
        reader.executescript("BEGIN; SELECT * FROM meta;")
        fill(store, make_sent, 50, 1_050, "x" * 50_000)
    log = data / "broker.db-wal"
    assert log.stat().st_size > 40 * mib
    fill(store, make_sent, 2_000, 2_300, "x" * 50_000)
    assert log.stat().st_size <= 33 * mib


def test_damage_that_sqlite_cannot_put_into_words_is_reported(open_store: Open, data: Path) -> None:
    """SQLite names what is damaged; where the names themselves are, its words are no UTF-8."""
    open_store().close()
    path = data / "broker.db"
    sound = path.read_bytes()
    places = range(sound.index(b"CREATE TABLE"), sound.rindex(b"CREATE ") + 60, 5)
    found = 0
    for place in places:
        damaged = bytearray(sound)
        damaged[place] ^= 0x80
        path.write_bytes(damaged)
        found += bool(check(data, quiet).problems)
    assert found > len(places) / 2
