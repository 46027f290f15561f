"""What the storage tests share: facts by the dozen, stores that fold often, and a file layer that fails on demand."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crossdock.broker.queues.facts import QueueCreated, Sent, first_sequence
from crossdock.broker.storage.files import Buffer, Files
from crossdock.broker.storage.store import StorageSettings, Store

NOW_MS = 1_700_000_000_000
QUEUE = 1


class FailingFiles(Files):
    """A file system that breaks at a chosen call of `pwrite` or `datasync`, and keeps broken until it is mended."""

    def __init__(self) -> None:
        self.calls = 0
        self.fail_at: int | None = None
        self.method = "pwrite"
        self.error = 0
        self.torn_bytes = 0
        """How much of the failing write still reaches the file."""
        self.short = False
        """Every write is cut in half."""
        self.free = 1 << 40

    def break_at(self, call: int, method: str, error: int, torn_bytes: int = 0) -> None:
        """Fail the `call`th call from now on, counted from 1, and all that follow."""
        self.calls, self.fail_at, self.method, self.error, self.torn_bytes = 0, call, method, error, torn_bytes

    def pwrite(self, file: int, data: Buffer, offset: int) -> int:
        if self._broken("pwrite"):
            if self.torn_bytes:
                super().pwrite(file, memoryview(data)[: self.torn_bytes], offset)
                self.torn_bytes = 0
            raise OSError(self.error, os.strerror(self.error))
        if self.short and len(data) > 1:
            return super().pwrite(file, memoryview(data)[: len(data) // 2], offset)
        return super().pwrite(file, data, offset)

    def datasync(self, file: int) -> None:
        if self._broken("datasync"):
            raise OSError(self.error, os.strerror(self.error))
        super().datasync(file)

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def _broken(self, method: str) -> bool:
        if method == self.method:
            self.calls += 1
        return self.fail_at is not None and method == self.method and self.calls >= self.fail_at


def sent(position: int, body: str = "hello", queue: int = QUEUE, **more: object) -> Sent:
    """The message at a position of a queue."""
    md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return Sent(first_sequence(queue) + position, f"id-{queue}-{position}", body, md5, NOW_MS, "sender", **more)  # type: ignore[arg-type]


def created(queue: int = QUEUE) -> QueueCreated:
    """A queue comes to be."""
    return QueueCreated(queue, "000000000000", "us-east-1", f"queue-{queue}", {"VisibilityTimeout": "30"}, {}, NOW_MS)


def fill(store: Store, make_sent: Callable[..., Sent], first: int, last: int, body: str = "x" * 500) -> None:
    """Send messages, so many to a commit that folds begin between them."""
    for position in range(first, last, 50):
        store.append([make_sent(place, body) for place in range(position, min(position + 50, last))])
        store.commit()


def quiet(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture
def make_sent() -> Callable[..., Sent]:
    """`sent`."""
    return sent


@pytest.fixture
def make_created() -> Callable[..., QueueCreated]:
    """`created`."""
    return created


@pytest.fixture
def files() -> FailingFiles:
    """A file system that works until it is told not to."""
    return FailingFiles()


@pytest.fixture
def settings(tmp_path: Path, files: FailingFiles) -> StorageSettings:
    """A data folder with sizes so small that segments roll and memtables fold after some dozen messages."""
    return StorageSettings(
        data=tmp_path / "data",
        memtable_bytes=20_000,
        memtable_bytes_max=40_000,
        journal_bytes=64 * 1024,
        segment_bytes=16 * 1024,
        write_bytes=10_000,
        files=files,
    )


@pytest.fixture
def data(settings: StorageSettings) -> Path:
    """The data folder of the settings."""
    assert settings.data is not None
    return settings.data


@pytest.fixture
def calm(settings: StorageSettings) -> StorageSettings:
    """The same, but nothing folds by itself: everything stays in one segment of the journal."""
    return replace(
        settings, memtable_bytes=1 << 30, memtable_bytes_max=1 << 31, journal_bytes=1 << 30, segment_bytes=1 << 20
    )


@pytest.fixture
def open_store(settings: StorageSettings) -> Iterator[Callable[..., Store]]:
    """Open a store; whatever is still open at the end of the test is let go of."""
    stores: list[Store] = []

    def open_it(chosen: StorageSettings = settings, now_ms: int = NOW_MS) -> Store:
        stores.append(Store.open(chosen, now_ms))
        return stores[-1]

    yield open_it
    for store in stores:
        store.abandon()
