"""Checksums of rows: one flipped bit is noticed when its row is read or changed, and by `check`; rows of format 1 go on without."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.unit.broker.storage.conftest import created, quiet, sent

from crossdock.broker.queues.facts import (
    AttributeValue,
    Deleted,
    Received,
    Stored,
    VisibilityChanged,
    first_sequence,
)
from crossdock.broker.storage import segment
from crossdock.broker.storage.check import check
from crossdock.broker.storage.store import StorageError, StorageFailed, StorageSettings, Store, opening
from crossdock.broker.storage.tables import Tables

Open = Callable[..., Store]

NOW_MS = 1_700_000_000_000
LATER_MS = NOW_MS + 60_000
BASE = first_sequence(1)
LAST = first_sequence(2) - 1
MESSAGES = 60
FLIPS_A_PAGE = 40
LEAVES = (0x0D, 0x0A)
"""The first byte of a leaf of a table and of an index (https://www.sqlite.org/fileformat.html#b_tree_pages)."""

DOWNGRADE = """
    ALTER TABLE messages DROP COLUMN checksum;
    ALTER TABLE touched DROP COLUMN checksum;
    ALTER TABLE remembered DROP COLUMN checksum;
    PRAGMA user_version = 1;
"""


@pytest.fixture
def filled(settings: StorageSettings, data: Path) -> Path:
    """A database with messages in all states: with and without attributes, received, in flight, delayed, remembered."""
    store = Store.open(settings, NOW_MS)
    value = {"a": AttributeValue("String", "a value")}
    store.append([created()])
    for position in range(MESSAGES):
        more = {"attributes": value, "deduplication_key": f"key {position}"} if position % 3 else {"due_ms": LATER_MS}
        store.append([sent(position, f"{position} ".ljust(300, "x"), **more)])
    store.append([Received(BASE + n, 2, NOW_MS, NOW_MS + n * 1_000) for n in range(1, MESSAGES, 4)])
    store.close()
    return data / "broker.db"


def read(settings: StorageSettings) -> dict[int, Stored]:
    """All messages, in every way in which a machine reads them."""
    store = Store.open(settings, NOW_MS)
    try:
        with opening(settings.data):
            snapshot = store.snapshot()
            found = {stored.message.sequence: stored for queue in snapshot.queues for stored in queue.touched}
            list(snapshot.remembered)
        found |= {stored.message.sequence: stored for stored in store.page(BASE - 1, LAST, 1_000, 1 << 30)}
        for sequence in found:
            assert store.content(sequence) == found[sequence].message
            store.remembered(sequence)
        store.sends(BASE - 1, LAST, 0, 1_000)
        for due_ms, sequence, receive_count in store.due(1, (0, 0), LATER_MS, 1_000):
            assert (due_ms, receive_count) == (found[sequence].due_ms, found[sequence].receive_count)
        return found
    finally:
        store.abandon()


def message_leaves(whole: bytes, size: int) -> Iterator[int]:
    """Where pages begin that hold rows of messages, of their states and of the deduplication memory."""
    for page in range(size, len(whole), size):
        cells = int.from_bytes(whole[page + 3 : page + 5])
        if whole[page] in LEAVES and cells > 5:
            yield page


def used_bytes(page: bytes) -> list[int]:
    """Where in a leaf something stands: its header, the pointers to its cells, and the cells."""
    pointers = 8 + 2 * int.from_bytes(page[3:5])
    return [*range(pointers), *range(int.from_bytes(page[5:7]), len(page))]


def test_a_flipped_bit_is_never_delivered(settings: StorageSettings, data: Path, filled: Path) -> None:
    """Wherever one bit flips in a page of messages: what is read is what was written, or the store says that it is not; and so does `check`."""
    whole = filled.read_bytes()
    written = read(settings)
    assert len(written) == MESSAGES
    endings: Counter[str] = Counter()
    with closing(sqlite3.connect(filled)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    for page in message_leaves(whole, size):
        chance = Random(page)
        for offset in chance.sample(used_bytes(whole[page : page + size]), FLIPS_A_PAGE):
            bit = chance.randrange(8)
            damaged = bytearray(whole)
            damaged[page + offset] ^= 1 << bit
            for name in ("broker.db-wal", "broker.db-shm"):
                filled.with_name(name).unlink(missing_ok=True)
            filled.write_bytes(damaged)
            where = f"page at {page}, byte {offset}, bit {bit}"
            try:
                found = read(settings)
            except (StorageError, StorageFailed) as error:
                assert str(data) in str(error), where
                ending = type(error).__name__
            else:
                for sequence, stored in found.items():
                    untouched = Stored(stored.message, due_ms=stored.message.due_ms)
                    assert stored.message == written[sequence].message, where
                    assert stored in (written[sequence], untouched), where
                ending = "unharmed" if found == written else "incomplete"
            if ending != "unharmed":
                assert check(data, quiet).problems, f"{ending}: {where}"
            endings[ending] += 1
    print(endings)
    assert endings["StorageFailed"] + endings["StorageError"] > 10 * endings["incomplete"]
    assert endings["StorageFailed"] > 100


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE messages SET payload = CAST(replace(payload, 'a value', 'b value') AS BLOB)",
        "UPDATE touched SET receive_count = receive_count + 8",
        "UPDATE touched SET first_received_ms = first_received_ms + 64",
        "UPDATE touched SET due_ms = due_ms + 64",
        "UPDATE remembered SET key = replace(key, 'k', 'j')",
        "UPDATE remembered SET message_id = 'another'",
        "DELETE FROM messages WHERE sequence = {base} + 1",
    ],
)
def test_what_is_not_as_written_fails_the_store(
    settings: StorageSettings, data: Path, filled: Path, statement: str
) -> None:
    """An attribute, a receive count, a time, a key, or a whole row."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.executescript(statement.format(base=BASE))
    with pytest.raises((StorageError, StorageFailed), match="crossdock broker check") as caught:
        read(settings)
    assert str(data) in str(caught.value)
    assert check(data, quiet).problems


def test_a_damaged_row_is_not_changed(settings: StorageSettings, filled: Path, open_store: Open) -> None:
    """A fold that meets it fails: with a new checksum it would pass for sound."""
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("UPDATE touched SET receive_count = 9 WHERE sequence = ?", (BASE + 1,))
    store = open_store()
    store.append([VisibilityChanged(BASE + 1, LATER_MS)])
    with pytest.raises(StorageFailed, match="crossdock broker check"):
        store.close()


@pytest.fixture
def old(settings: StorageSettings, data: Path, filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder as format 1 left it after a crash: three deletes and a change are in the journal only."""
    with monkeypatch.context() as patched:
        patched.setattr(segment, "FORMAT_VERSION", 1)
        for path in (data / "journal").iterdir():
            path.unlink()
        with closing(sqlite3.connect(filled)) as connection, connection:
            connection.execute("UPDATE meta SET folded_segment = folded_segment + 1, folded_offset = 0")
        patched.setattr("crossdock.broker.storage.tables.FORMAT_VERSION", 2)
        store = Store.open(settings, NOW_MS)
        store.append([Deleted([BASE + 30, BASE + 31, BASE + 32]), VisibilityChanged(BASE + 1, LATER_MS)])
        store.commit()
        store.abandon()
    with closing(sqlite3.connect(filled)) as connection:
        connection.executescript(DOWNGRADE)
    return filled


def test_a_folder_of_format_1_opens(settings: StorageSettings, data: Path, old: Path, open_store: Open) -> None:
    """Its rows are read without checksums; those that are written from now on have one."""
    before = check(data, quiet)
    assert (before.messages, before.journal_facts, before.problems) == (MESSAGES, 2, [])
    found = read(settings)
    assert sorted(found.keys()) == [BASE + n for n in range(MESSAGES) if n not in (30, 31, 32)]
    store = open_store()
    store.append([sent(MESSAGES)])
    store.close()
    tables = Tables(old)
    with closing(tables):
        assert tables.reader.execute("PRAGMA user_version").fetchone() == (2,)
        for table, rows in (("messages", [BASE + MESSAGES]), ("touched", [BASE + 1])):
            statement = f"SELECT sequence FROM {table} WHERE checksum IS NOT NULL"
            assert [sequence for (sequence,) in tables.reader.execute(statement)] == rows
    assert read(settings)[BASE + 1].due_ms == LATER_MS
    assert not check(data, quiet).problems


def test_a_row_of_format_1_has_the_checksum_of_its_body(settings: StorageSettings, old: Path) -> None:
    """The MD5 that was answered when it was sent."""
    read(settings)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE messages SET payload = CAST(replace(payload, 'xx', 'xy') AS BLOB)")
    with pytest.raises((StorageError, StorageFailed), match="is not what was sent"):
        read(settings)


@pytest.mark.parametrize("column", ["due_ms", "receive_count"])
def test_an_index_that_differs_from_its_row_fails_the_store(
    settings: StorageSettings, data: Path, filled: Path, column: str
) -> None:
    """What comes due is read from the index of due times."""
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute(f"UPDATE touched SET {column} = {column} + 1")
        index = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'touched_by_due'").fetchone()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'touched_by_due'")
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute(f"UPDATE touched SET {column} = {column} - 1")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", index)
    assert any("index" in problem for problem in check(data, quiet).problems)
    with pytest.raises(StorageFailed, match=r"state of message \d+ is not what was written"):
        read(settings)
