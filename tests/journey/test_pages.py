"""The pages of the documentation that run a broker: every command runs as it stands, and prints what the page shows."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pages
import pytest
from tests.journey.pipeline import free_ports

pytestmark = pytest.mark.journey

HERE = [page for page, where in pages.RUN_BY.items() if where == "journey"]


@pytest.mark.parametrize("page", HERE)
def test_the_commands_of_a_page_run(page: str, tmp_path: Path) -> None:
    """Each block succeeds, and prints what the page shows; the broker that the page starts is stopped by the page."""
    port = str(free_ports()[1])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CROSSDOCK_PORT": port}
    try:
        pages.run(pages.ROOT / page, environment, tmp_path, {"127.0.0.1:9324": f"127.0.0.1:{port}"})
    finally:
        left_over = [
            int(lock.read_text()) for lock in tmp_path.glob("data/*/lock") if (lock.parent / "control.sock").exists()
        ]
        for process in left_over:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    assert left_over == []
