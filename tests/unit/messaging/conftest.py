"""What the messaging tests share: a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from crossdock.messaging import database


@pytest.fixture
async def engine(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """A SQLite database with the tables of the test file's METADATA."""
    engine = database(f"sqlite:///{tmp_path / 'test.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(request.module.METADATA.create_all)
    yield engine
    await engine.dispose()
