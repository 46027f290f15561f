"""A fold that is held: at each point of it readers see what they saw before, and what comes meanwhile over it; so do they after a crash there."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.broker.storage.conftest import created, sent

from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import (
    Deleted,
    Moved,
    Purged,
    QueueDeleted,
    Received,
    Remembered,
    Stored,
    VisibilityChanged,
    first_sequence,
)
from crossdock.broker.storage import fold as folding
from crossdock.broker.storage import upkeep
from crossdock.broker.storage.fold import Frozen
from crossdock.broker.storage.store import StorageSettings, Store

Open = Callable[..., Store]

NOW_MS = 1_700_000_000_000
LATER_MS = NOW_MS + 60_000
QUEUES = (1, 2, 3)
LONG = 1 << 40
FOLDED = 30
"""So many of each queue are in the tables when a history begins."""

POINTS = [
    "before",
    "_fold_queues",
    "_fold_purges",
    "_fold_deletes",
    "_fold_messages",
    "_fold_touched",
    "_fold_remembered",
    "after",
]
"""Where a fold is held: the steps of its transaction, each before it is done, and both sides of it."""


def at(position: int, queue: int = 1) -> int:
    return first_sequence(queue) + position


def changes(first: int) -> list[Fact]:
    """Some of everything, to messages at `first` and behind it, in whatever layer they are."""
    return [
        Received(at(first), 1, NOW_MS, LATER_MS),
        Received(at(first + 1), 1, NOW_MS, LATER_MS),
        VisibilityChanged(at(first + 1), LATER_MS + first),
        Deleted([at(first + 2), at(first + 3)]),
        Received(at(first + 4), 1, NOW_MS, LATER_MS),
        Deleted([at(first + 4)]),
        Moved(at(first + 5), sent(100 + first, queue=2), 3, NOW_MS),
        Purged(3, at(first + 6, 3), NOW_MS),
        sent(100 + first, "new"),
        sent(101 + first, "delayed", due_ms=LATER_MS),
        sent(102 + first, "gone at once"),
        Deleted([at(102 + first)]),
        sent(103 + first, "once", deduplication_key=f"key {first}"),
        Deleted([at(103 + first)]),
    ]


BEFORE = [
    *(created(queue) for queue in QUEUES),
    *(sent(n, f"{queue} {n}", queue, deduplication_key=f"{queue} {n}") for queue in QUEUES for n in range(FOLDED)),
    *(Received(at(n), 1, NOW_MS, LATER_MS) for n in range(0, FOLDED, 2)),
    created(4),
    sent(0, queue=4),
]
FROZEN = [*changes(0), *changes(10), QueueDeleted(4, NOW_MS)]
MEANWHILE = [
    *changes(20),
    VisibilityChanged(at(0), NOW_MS),
    Deleted([at(1), at(100)]),
    VisibilityChanged(at(10), NOW_MS + 5),
    Received(at(110), 1, NOW_MS, LATER_MS + 5),
]

View = dict[int, tuple[list[Stored], list[tuple[int, int, int]], list[Remembered | None], list[object]]]


def view(store: Store) -> View:
    """All that readers can see."""
    return {
        queue: (
            store.page(at(0, queue) - 1, at(0, queue + 1) - 1, 1_000, LONG),
            store.due(queue, (0, 0), LATER_MS * 2, 1_000),
            [store.remembered(at(n, queue)) for n in range(130)],
            [content(store, at(n, queue)) for n in range(130)],
        )
        for queue in QUEUES
    }


def content(store: Store, sequence: int) -> object:
    """The content of a message if there is one, as the readers by number see it."""
    return [stored.message.body for stored in store.some([sequence], LONG)]


@pytest.fixture
def expected(calm: StorageSettings, open_store: Open) -> Callable[[list[Fact]], View]:
    """What a store shows that keeps everything in memory."""

    def shown(facts: list[Fact]) -> View:
        store = open_store(replace(calm, data=None))
        store.append(facts)
        return view(store)

    return shown


@contextmanager
def held_at(point: str, patch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While folds stop at a point; the event tells that one has come there."""
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(60)

    def held(*args: object) -> None:
        hold()
        original(*args)

    def around(connection: object, frozen: Frozen) -> None:
        if point == "before":
            hold()
        original(connection, frozen)
        if point == "after":
            hold()

    module, name = (upkeep, "fold") if point in ("before", "after") else (folding, point)
    original = getattr(module, name)
    with patch.context() as patched:
        patched.setattr(module, name, around if module is upkeep else held)
        try:
            yield reached
        finally:
            go_on.set()


@pytest.mark.parametrize("point", POINTS)
def test_readers_see_the_same_while_a_fold_is_held(
    open_store: Open,
    calm: StorageSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: Callable[[list[Fact]], View],
    point: str,
) -> None:
    """What is frozen counts as much as what is live, deletes above all, whether the tables have it already or not."""
    store = open_store(calm)
    store.append(list(BEFORE))
    store.close()
    store = open_store(calm)
    store.append(FROZEN)
    crashed = replace(calm, data=tmp_path / "crashed")
    frozen, whole = expected([*BEFORE, *FROZEN]), expected([*BEFORE, *FROZEN, *MEANWHILE])
    with held_at(point, monkeypatch) as reached:
        store.fold()
        assert reached.wait(60)
        assert view(store) == frozen
        store.append(MEANWHILE)
        store.commit()
        assert view(store) == whole
        assert calm.data is not None and crashed.data is not None
        shutil.copytree(calm.data, crashed.data, ignore=lambda folder, names: {"lock"})
    while store.folding:
        store.commit()
    assert view(store) == whole
    store.close()
    assert view(open_store(calm)) == whole
    again = open_store(crashed)
    assert view(again) == whole
    counts = [queue.message_count for queue in again.snapshot().queues]
    assert counts == [len(whole[queue][0]) for queue in QUEUES]
