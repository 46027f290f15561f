"""A program as a process: it stops on SIGTERM, and says in one sentence why it cannot start."""

import asyncio
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from crossdock.services.foundation import foundation, running
from crossdock.services.orders import store
from crossdock.services.orders.service import REVISIONS
from crossdock.services.process import CannotStart
from crossdock.services.provider.service import provider
from crossdock.services.retention import REMEMBERED_MS, Retention
from crossdock.services.settings import ProviderSettings

PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from crossdock.services.provider.service import serve
from crossdock.services.settings import ProviderSettings
serve(ProviderSettings(data=Path(sys.argv[1]), port=int(sys.argv[2])))
"""


def start(data: Path, port: int = 0) -> "subprocess.Popen[str]":
    """A provider process."""
    command = [sys.executable, "-c", PROGRAM, str(data), str(port)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_sigterm_ends_it_well(tmp_path: Path) -> None:
    """A program that serves ends with status 0 on SIGTERM, and has said where it serves."""
    with start(tmp_path / "new" / "folder") as process:
        assert process.stderr is not None
        assert "http://127.0.0.1:" in process.stderr.readline()
        process.terminate()
        assert process.wait(60) == 0


def _taken_port(tmp_path: Path) -> tuple[Path, int]:
    listener = socket.create_server(("127.0.0.1", 0))
    _taken_port.keep = listener  # type: ignore[attr-defined]
    return tmp_path, listener.getsockname()[1]


def _file_as_folder(tmp_path: Path) -> tuple[Path, int]:
    (tmp_path / "file").write_text("")
    return tmp_path / "file", 0


def _foreign_file(tmp_path: Path) -> tuple[Path, int]:
    (tmp_path / "provider.db").write_bytes(b"this is not a database" * 100)
    return tmp_path, 0


@pytest.mark.parametrize(
    ("prepare", "word"),
    [(_taken_port, "address already in use"), (_file_as_folder, "not a folder"), (_foreign_file, "provider.db")],
)
def test_why_it_cannot_start(prepare: Any, word: str, tmp_path: Path) -> None:
    """A taken port, a file in place of the folder, or a foreign file: status 1, one sentence, no traceback."""
    with start(*prepare(tmp_path)) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert word in said
    assert said.count("\n") == 1


async def test_a_failure_closes_the_program(tmp_path: Path) -> None:
    """Leaving after a failure closes everything; the next start finds the books in order."""
    settings = ProviderSettings(data=tmp_path)
    with pytest.raises(ZeroDivisionError):
        async with provider(settings, None):  # type: ignore[arg-type]
            raise ZeroDivisionError
    async with provider(settings, None) as url, aiohttp.ClientSession(url) as http, http.get("/ready") as response:  # type: ignore[arg-type]
        assert response.status == 200


async def test_a_taken_port_is_an_os_error(workbench: Any) -> None:
    """A service finds its port taken before it touches anything else."""
    ground = await workbench.open("orders")
    port = ground.listener.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        async with foundation("orders", replace(ground.settings, port=port), REVISIONS, ground.clock):
            pass


async def test_a_schema_from_the_future_is_refused(workbench: Any) -> None:
    """A database that a newer program made is not touched."""
    ground = await workbench.open("orders")
    async with ground.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CannotStart, match="9999"):
        async with foundation("orders", ground.settings, REVISIONS, ground.clock):
            pass


async def test_idempotency_keys_are_forgotten_in_time(workbench: Any) -> None:
    """A key is remembered for its time and forgotten after it."""
    ground = await workbench.open("orders")
    entry = store.Remembered(key="k", fingerprint="f", answer=b"", order_id="o", created_ms=ground.clock.now_ms())
    async with ground.transaction() as tx:
        await store.remember(tx.session, entry)
    for advance_ms, known in ((0, entry), (REMEMBERED_MS + 1, None)):
        ground.clock.advance(advance_ms)
        async with running(Retention(ground, store.prune)):
            await asyncio.sleep(0)
        async with ground.reading() as session:
            assert await store.remembered(session, "k") == known
