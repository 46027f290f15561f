"""The schema that the revisions make is the schema that the stores use."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from crossdock.services.migrations.upgrade import upgrade
from crossdock.services.notifications import store as notifications_store
from crossdock.services.orders import store as orders_store
from crossdock.services.payments import store as payments_store


@pytest.mark.parametrize("store", [orders_store, payments_store, notifications_store], ids=lambda s: s.__name__)
async def test_revisions_make_the_schema(store: ModuleType, workbench: Any) -> None:
    """Nothing is missing and nothing is left over; upgrading again changes nothing."""
    folder = Path(str(store.__file__)).parent
    ground = await workbench.open(folder.name)
    await upgrade(ground.engine, folder / "revisions")

    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), store.metadata))

    async with ground.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
