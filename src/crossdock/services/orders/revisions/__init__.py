"""The history of the order database's schema: Alembic revisions, applied at start."""
