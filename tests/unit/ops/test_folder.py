"""The data folder: made, recognised, refused with a sentence, held by one pipeline only."""

import os
from pathlib import Path

import pytest

from crossdock.ops.folder import DataFolder
from crossdock.ops.refusal import Refusal


def test_a_missing_folder_is_made_and_recognised_again(tmp_path: Path) -> None:
    """A second run finds the mark of the first."""
    folder = DataFolder(tmp_path / "a" / "data")
    folder.prepare()
    folder.prepare()
    assert folder.logs.is_dir()


def test_what_a_broker_alone_left_is_no_hindrance(tmp_path: Path) -> None:
    """`crossdock broker` keeps data/broker; `up` on data accepts it."""
    (tmp_path / "broker").mkdir()
    DataFolder(tmp_path).prepare()


def a_file(path: Path) -> None:
    path.write_text("I am a file")


def foreign(path: Path) -> None:
    path.mkdir()
    (path / "holiday.jpg").write_bytes(b"\xff\xd8")


def damaged_mark(path: Path) -> None:
    path.mkdir()
    (path / "crossdock.json").write_bytes(b"\x00\x01 not json")


def newer_layout(path: Path) -> None:
    path.mkdir()
    (path / "crossdock.json").write_text('{"crossdock_layout": 99}')


def damaged_database(path: Path) -> None:
    DataFolder(path).prepare()
    (path / "orders").mkdir()
    (path / "orders" / "orders.db").write_bytes(b"garbage" * 100)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (a_file, "is a file"),
        (foreign, "not crossdock's"),
        (damaged_mark, "is damaged"),
        (newer_layout, "newer crossdock"),
        (damaged_database, "orders.db is not a database"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, harm, words: str) -> None:
    """Each kind of wrong folder has its own words and its own remedy; nothing in it is touched."""
    path = tmp_path / "data"
    harm(path)
    with pytest.raises(Refusal, match=words) as refused:
        DataFolder(path).prepare()
    assert "--data" in refused.value.remedy or "version" in refused.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """Without permission the reason of the system is named."""
    tmp_path.chmod(0o500)
    with pytest.raises(Refusal, match="cannot be used"):
        DataFolder(tmp_path / "data").prepare()


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """While one holds the lock nobody else gets it; when its descriptor is closed the folder is free."""
    folder = DataFolder(tmp_path)
    held = folder.try_lock()
    assert held is not None
    assert folder.try_lock() is None
    assert folder.is_in_use()
    os.close(held)
    assert not folder.is_in_use()


def test_asking_about_a_folder_that_never_ran_makes_no_file(tmp_path: Path) -> None:
    """`is_in_use` only looks."""
    assert not DataFolder(tmp_path).is_in_use()
    assert list(tmp_path.iterdir()) == []
