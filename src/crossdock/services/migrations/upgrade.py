"""Bringing a service's database to its newest schema, with the Alembic revisions that are packaged beside the service.

All of it is one transaction, so two processes that start at once do not disturb each other on SQLite, where a transaction is the only
writer, and a failed upgrade leaves the schema as it was.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

HERE = Path(__file__).parent


async def upgrade(engine: AsyncEngine, revisions: Path) -> None:
    """Apply the revisions that the database lacks. Raises alembic.util.CommandError for a schema newer than the program."""
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade, revisions)


def _upgrade(connection: Connection, revisions: Path) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _literal(HERE))
    config.set_main_option("version_locations", _literal(revisions))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, "head")


def _literal(path: Path) -> str:
    """A path for Alembic's configuration, which interpolates percent signs."""
    return str(path).replace("%", "%%")
