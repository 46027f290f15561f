"""A running pipeline for the journeys."""

from collections.abc import Iterator

import pytest
from tests.journey.pipeline import Pipeline, free_ports


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A running pipeline that the tests of a module share; it is stopped at the end."""
    pipeline = Pipeline(tmp_path_factory.mktemp("journey") / "data", *free_ports())
    pipeline.up()
    yield pipeline
    if pipeline.process is not None and pipeline.process.poll() is None:
        pipeline.interrupt()
