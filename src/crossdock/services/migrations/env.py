"""What Alembic runs to upgrade: on the connection that upgrade.py hands over, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
