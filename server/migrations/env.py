"""Alembic's environment: migrations run on the process's engine, under a lock so that two starts cannot race."""

from alembic import context

import server.db.models  # noqa: F401 - fills the metadata
from server.db.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
