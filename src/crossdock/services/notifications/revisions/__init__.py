"""The history of the notification database's schema: Alembic revisions, applied at start."""
