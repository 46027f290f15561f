"""The control socket: how a command on the same machine asks the broker that serves a data folder to do something.

It is `control.sock` in the data folder, and only the owner of the folder may connect: the rights of the file are the authentication. One
line of JSON goes each way. `Control` serves it; `fold` is the asking side.

    {"do": "fold"}  ->  {}                   everything that was acknowledged is in the tables
                        {"error": "..."}     why not, in a sentence
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from crossdock.broker.storage.errors import StorageError
from crossdock.broker.storage.folder import NOT_YOURS
from crossdock.broker.turn import Turn

log = structlog.get_logger()

NAME = "control.sock"
LINE_BYTES_MAX = 4_096
ASK_TIMEOUT_S = 10
"""How long the broker waits for a question."""
ANSWER_TIMEOUT_S = 120
"""How long a command waits for the answer."""


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """What can be asked."""

    do: Literal["fold"]


class Answer(msgspec.Struct, omit_defaults=True):
    """Done, or why it was not."""

    error: str | None = None


class Control:
    """Serves the control socket of a data folder; without a folder, none."""

    def __init__(self, turn: Turn, folder: Path | None) -> None:
        self._turn = turn
        self._folder = folder
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Where the file system knows no sockets the broker goes without."""
        if self._folder is None:
            return
        try:
            listener = _listen(self._folder)
        except OSError as error:
            log.warning("there is no control socket: a backup has to wait until the broker stops", reason=str(error))
            return
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_BYTES_MAX)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None and self._folder is not None:
            self._server.close()
            (self._folder / NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(ASK_TIMEOUT_S):
                line = await reader.readuntil()
            writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            msgspec.json.decode(line, type=Ask)
        except msgspec.MsgspecError as error:
            return Answer(f"the broker does not understand: {error}; does it run another version of crossdock?")
        if await self._turn.settle():
            return Answer()
        return Answer("the broker cannot write its data folder and stops; see its log")


def fold(data: Path) -> bool:
    """Have the broker that serves a data folder move everything it acknowledged into the tables; False if none serves it.

    StorageError if it does not do it.
    """
    try:
        with _address(data) as address, socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.sendall(msgspec.json.encode(Ask("fold")) + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline(LINE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except PermissionError as error:
        raise StorageError(f"{data} {NOT_YOURS}") from error
    except OSError as error:
        raise StorageError(f"the broker of {data} does not answer: {error}; try again") from error
    if not line:
        raise StorageError(f"the broker of {data} stopped meanwhile; try again")
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise StorageError(answer.error)
    return True


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """The address of the socket in a folder. It goes by the number of an open file: the path itself may be longer than an address can be."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def _listen(folder: Path) -> socket.socket:
    """A socket that only the owner may connect to. One that a killed broker left goes: whoever holds the folder's lock is alone."""
    (folder / NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listener.fileno(), 0o600)
        with _address(folder) as address:
            listener.bind(address)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener
