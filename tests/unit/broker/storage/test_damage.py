"""Damage in the tables: whatever bits are flipped, nobody is given what was not sent, and a row that is missing is missed."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from crossdock.broker.queues.facts import QueueCreated, Received, Sent, first_sequence
from crossdock.broker.storage.store import StorageError, StorageFailed, StorageSettings, Store, opening

Make = Callable[..., Sent]
MakeQueue = Callable[..., QueueCreated]

NOW_MS = 1_700_000_000_000
BASE = first_sequence(1)
LAST = first_sequence(2) - 1
MESSAGES = 400
PAGE_BYTES = 4_096
FLIPS = 120


@pytest.fixture
def database(settings: StorageSettings, make_created: MakeQueue, make_sent: Make) -> Path:
    """The database of a data folder with some hundred messages in its tables, a part of them in flight."""
    store = Store.open(settings, NOW_MS)
    store.append(
        [make_created(), *(make_sent(position, f"{position} ".ljust(700, "x")) for position in range(MESSAGES))]
    )
    store.append([Received(BASE + position, 1, NOW_MS, NOW_MS + 60_000) for position in range(0, MESSAGES, 10)])
    store.close()
    assert settings.data is not None
    return settings.data / "broker.db"


def read_everything(settings: StorageSettings) -> list[Sent]:
    """Open a store, and read all that it holds, as a machine would."""
    store = Store.open(settings, NOW_MS)
    try:
        with opening(settings.data):
            snapshot = store.snapshot()
            found = [stored.message for queue in snapshot.queues for stored in queue.touched]
            list(snapshot.remembered)
        after = BASE - 1
        while page := store.page(after, LAST, 50, 1 << 20):
            found += [stored.message for stored in page]
            after = page[-1].message.sequence
        return found
    finally:
        store.abandon()


def test_flipped_bits_are_never_given_for_messages(settings: StorageSettings, database: Path) -> None:
    """Wherever bits are flipped: all that is read was sent, or the start is refused, or the store fails and stays so; each with a sentence."""
    whole = database.read_bytes()
    sent = {message.sequence: message.body for message in read_everything(settings)}
    assert len(sent) == MESSAGES
    endings: Counter[str] = Counter()
    for seed in range(FLIPS):
        chance = Random(seed)
        damaged = bytearray(whole)
        page = chance.randrange(len(whole) // PAGE_BYTES) * PAGE_BYTES
        for _ in range(chance.choice((1, 4, 40))):
            damaged[page + chance.randrange(PAGE_BYTES if chance.random() < 0.5 else 60)] ^= 1 << chance.randrange(8)
        for name in ("broker.db-wal", "broker.db-shm"):
            database.with_name(name).unlink(missing_ok=True)
        database.write_bytes(damaged)
        try:
            for message in read_everything(settings):
                assert sent[message.sequence] == message.body, f"seed {seed}"
            endings["read"] += 1
        except (StorageError, StorageFailed) as error:
            assert str(settings.data) in str(error), f"seed {seed}"
            endings[type(error).__name__] += 1
    assert endings["StorageFailed"] > 10 and endings["StorageError"] > 5, endings


def test_a_store_that_could_not_be_read_writes_no_more(
    settings: StorageSettings, database: Path, make_sent: Make
) -> None:
    """What it says names the folder and the way out."""
    damaged = database.read_bytes().replace(b"300 xxx", b"300 xxy")
    database.write_bytes(damaged)
    store = Store.open(settings, NOW_MS)
    with pytest.raises(
        StorageFailed, match=rf"{settings.data} cannot be read: message {BASE + 300} is not what was written; "
    ):
        store.content(BASE + 300)
    store.append([make_sent(MESSAGES)])
    with pytest.raises(StorageFailed, match="restore it from a backup"):
        store.commit()
    store.abandon()


def test_a_send_that_cannot_be_read_back_fails_the_store(settings: StorageSettings, database: Path) -> None:
    """The keys of FIFO sends are read after the start, a slice at a time: damage in them is told as that in messages is."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO remembered VALUES (?, CAST(x'ff' AS TEXT), 'id', ?, NULL)", (BASE, NOW_MS))
    store = Store.open(settings, NOW_MS)
    try:
        with pytest.raises(StorageFailed, match="cannot be read"):
            store.sends(BASE - 1, LAST, 0, 10)
        with pytest.raises(StorageFailed, match="cannot be read"):
            store.commit()
    finally:
        store.abandon()
