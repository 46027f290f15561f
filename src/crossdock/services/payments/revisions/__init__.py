"""The history of the payment database's schema: Alembic revisions, applied at start."""
