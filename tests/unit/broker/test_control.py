"""The control socket: who may ask, what is answered, and what happens when nobody is there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crossdock.broker import control
from crossdock.broker.control import Control, fold
from crossdock.broker.storage.store import StorageError


class Turn:
    """A turn that settles at once, or not at all."""

    def __init__(self) -> None:
        self.folds = 0
        self.works = True

    async def settle(self) -> bool:
        """As told."""
        self.folds += 1
        return self.works


@pytest.fixture
def turn() -> Turn:
    """A turn that works."""
    return Turn()


@pytest.fixture
async def data(turn: Turn, tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder, deeper than an address of a socket may be long, whose control socket is served."""
    folder = tmp_path.joinpath(*["deep" * 10] * 4)
    folder.mkdir(parents=True)
    (folder / "control.sock").write_text("what a broker that was killed left")
    server = Control(turn, folder)  # type: ignore[arg-type]
    await server.start()
    yield folder
    server.close()
    assert not (folder / "control.sock").exists()


async def asked(data: Path, line: bytes) -> bytes:
    """What is answered to a line."""

    def ask() -> bytes:
        with control._address(data) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(address)
            connection.sendall(line)
            return connection.makefile("rb").readline()

    return await asyncio.to_thread(ask)


async def test_a_broker_folds_when_asked(data: Path, turn: Turn) -> None:
    """The question returns when it is done; only the owner of the folder can ask."""
    assert await asyncio.to_thread(fold, data)
    assert turn.folds == 1
    assert (data / "control.sock").stat().st_mode & 0o777 == 0o600


async def test_a_broker_that_cannot_says_so(data: Path, turn: Turn) -> None:
    """An error is a sentence."""
    turn.works = False
    with pytest.raises(StorageError, match="the broker cannot write its data folder and stops; see its log"):
        await asyncio.to_thread(fold, data)


@pytest.mark.parametrize(
    "line", [b"\n", b"fold\n", b"{}\n", b'{"do":"format"}\n', b'{"do":"fold","now":1}\n', b"\xff\n"]
)
async def test_what_it_does_not_understand_is_answered(data: Path, turn: Turn, line: bytes) -> None:
    """Junk, and the questions of other versions, get a sentence; nothing is done, and the next is answered."""
    assert b"the broker does not understand" in await asked(data, line)
    assert turn.folds == 0
    assert await asked(data, b'{"do":"fold"}\n') == b"{}\n"


async def test_what_is_no_line_is_left(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endless lines, and clients that say nothing or go away, cost the broker nothing."""
    monkeypatch.setattr(control, "ASK_TIMEOUT_S", 0.05)
    assert await asked(data, b"x" * 100_000) == b""
    assert await asked(data, b"{") == b""
    monkeypatch.undo()
    assert await asked(data, b'{"do":"fold"}\n') == b"{}\n"


def test_where_no_broker_serves_nobody_is_asked(tmp_path: Path) -> None:
    """No folder, no socket, and one that a killed broker left mean the same."""
    assert not fold(tmp_path / "nowhere")
    assert not fold(tmp_path)
    (tmp_path / "file").touch()
    assert not fold(tmp_path / "file")
    with control._listen(tmp_path):
        pass
    assert (tmp_path / "control.sock").exists()
    assert not fold(tmp_path)


async def test_a_broker_without_a_folder_has_no_socket(turn: Turn) -> None:
    """In memory there is nothing to ask for."""
    server = Control(turn, None)  # type: ignore[arg-type]
    await server.start()
    server.close()


async def test_a_folder_that_takes_no_sockets_is_no_hindrance(turn: Turn, tmp_path: Path) -> None:
    """The broker serves without a control socket."""
    (tmp_path / "control.sock").mkdir()
    server = Control(turn, tmp_path)  # type: ignore[arg-type]
    await server.start()
    server.close()
    assert (tmp_path / "control.sock").is_dir()


async def test_a_broker_that_goes_away_is_noticed(tmp_path: Path) -> None:
    """Whoever waits for the answer of a broker that stops is told."""
    listener = control._listen(tmp_path)
    asking = asyncio.create_task(asyncio.to_thread(fold, tmp_path))
    connection, _ = await asyncio.to_thread(listener.accept)
    connection.close()
    listener.close()
    with pytest.raises(StorageError, match=r"(stopped meanwhile|does not answer).*try again"):
        await asking
