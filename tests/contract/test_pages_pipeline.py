"""The pages of the documentation whose commands need a whole pipeline: every command runs as it stands, and prints what the page shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest
from tests.journey.pipeline import Pipeline, free_ports

pytestmark = [pytest.mark.contract, pytest.mark.journey]

HERE = [page for page, where in pages.RUN_BY.items() if where == "pipeline"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A running pipeline whose data folder is where the pages have it."""
    running = Pipeline(tmp_path_factory.mktemp("pages") / "data", *free_ports())
    running.up()
    yield running
    assert running.interrupt() == 0


@pytest.mark.parametrize("page", HERE)
def test_the_commands_of_a_page_run(page: str, pipeline: Pipeline, client_bin: Any, tmp_path: Path) -> None:
    """Each block succeeds, and prints what the page shows."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "data").symlink_to(pipeline.data)
    environment = {"PATH": pages.path_with(client_bin("awscli")), "HOME": str(folder), "AWS_PAGER": ""}
    pages.run(pages.ROOT / page, environment, folder, {"127.0.0.1:9324": f"127.0.0.1:{pipeline.broker_port}"})
