"""The pages of the documentation whose commands need a broker: every command runs as it stands, and prints what the page shows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pages
import pytest
from broker_process import start_broker

pytestmark = pytest.mark.contract

HERE = [page for page, where in pages.RUN_BY.items() if where == "contract"]
SECRETS = {"AKIDEXAMPLE": "secret-of-the-example"}
"""The access key of the pages, and its secret."""

QUIET = {"AWS_PAGER": "", "NODE_NO_WARNINGS": "1", "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}


@contextmanager
def brokers(folder: Path, *flags: str) -> Iterator[dict[str, str]]:
    """What the pages call the brokers, and where they are: one started with `flags`, and one that checks signatures."""
    secrets = folder / "keys.json"
    secrets.write_text(json.dumps(SECRETS))
    first, url = start_broker(folder / "first", "--region", "us-east-1", *flags)
    second, signed_url = start_broker(folder / "second", "--region", "us-east-1", "--credentials", str(secrets))
    try:
        yield {
            "127.0.0.1:9324": url.removeprefix("http://"),
            "127.0.0.1:9325": signed_url.removeprefix("http://"),
        }
    finally:
        for process in (first, second):
            process.terminate()
        assert [process.wait(timeout=60) for process in (first, second)] == [0, 0]


@pytest.mark.parametrize("page", HERE)
def test_the_commands_of_a_page_run(page: str, client_bin: Any, node_modules: Path, tmp_path: Path) -> None:
    """Each block succeeds, and prints what the page shows. The broker's clock is manual where the page says so."""
    text = (pages.ROOT / page).read_text()
    flags = [flag for flag in ("--manual-clock",) if f"--data data/broker {flag}" in text]
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "node_modules").symlink_to(node_modules)
    environment = {"PATH": pages.path_with(client_bin("awscli")), "HOME": str(folder), **QUIET}
    with brokers(tmp_path, *flags) as names:
        pages.run(pages.ROOT / page, environment, folder, names)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ('{"a": "…"}', '{"a":"b c"}\n', True),
        ("one\ntwo", "one  two", True),
        ("one", "one two", False),
        ("… two", "one two", True),
        ("a.c", "abc", False),
    ],
)
def test_what_a_page_shows_is_compared(shown: str, printed: str, same: bool) -> None:
    """White space does not count, an ellipsis stands for anything, everything else is literal."""
    assert pages.matches(shown, printed) is same
