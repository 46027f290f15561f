"""A row that the counts promise and the tables lack fails the store, which stops the broker: clients hear ServiceUnavailable."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.simulation.disk_world import DiskWorld

from crossdock.aws.api import sqs
from crossdock.broker.queues.machine import MachineSettings
from crossdock.broker.storage.errors import Damaged
from crossdock.broker.storage.store import StorageFailed

SMALL = MachineSettings(window=4, lookahead=6, content_bytes_max=1_500)
MESSAGES = 40


def lose(data: Path, which: str) -> None:
    """Take rows of messages out of the tables."""
    with closing(sqlite3.connect(data / "broker.db")) as connection, connection:
        connection.execute(f"DELETE FROM messages WHERE {which}")


def filled(data: Path, **attributes: object) -> tuple[DiskWorld, str]:
    """A world whose messages are all in the tables, and the URL of their queue."""
    world = DiskWorld(data, SMALL, 0)
    url = world.create(**attributes)
    for number in range(MESSAGES):
        world.send(url, f"{number} ".ljust(300, "x"))
    world.store.fold()
    return world, url


@pytest.mark.parametrize("which", ["1", "sequence % 2", "sequence % 37 = 0"], ids=["all", "some", "one"])
def test_what_is_counted_and_on_no_page_fails_the_store(tmp_path: Path, which: str) -> None:
    """The consumer that has received everything else is told."""
    world, url = filled(tmp_path)
    world.restart()
    lose(tmp_path, which)
    with pytest.raises(
        StorageFailed, match=r"queue 1 should hold messages that are missing.* `crossdock broker check`"
    ):
        for _ in range(MESSAGES):
            for message in world.receive(url):
                world.delete(url, message)
    with pytest.raises(StorageFailed):
        world.store.commit()


def test_a_message_without_its_content_fails_the_store(tmp_path: Path) -> None:
    """The machine let go of the content of a message that it keeps, and the store has lost it."""
    world, url = filled(tmp_path)
    world.store._store.close()
    world.store.crash()
    lose(tmp_path, "1")
    with pytest.raises(StorageFailed, match=r"message \d+ is missing"):
        for _ in range(MESSAGES):
            world.call(sqs.ReceiveMessage(url, max_number_of_messages=10))


def test_a_delayed_message_that_is_missing_fails_the_start(tmp_path: Path) -> None:
    """Its state is there, and it is not."""
    world, _ = filled(tmp_path, DelaySeconds=60)
    world.store._store.close()
    lose(tmp_path, "sequence % 5 = 0")
    with pytest.raises(Damaged, match=r"message \d+ is missing"):
        world.restart()
