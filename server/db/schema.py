"""Bringing a database to the newest schema (`gongjian db upgrade`), and making the next revision from the models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

import server.db.models  # noqa: F401 - fills the metadata
from server.db.base import one_writer

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
LOCK = 7_205_759_403_792  # an arbitrary number: PostgreSQL's advisory lock of migrations


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Make or upgrade all tables; a second process waits for the first."""
    with _configured(engine) as config:
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to a revision ("-1": one step)."""
    with _configured(engine) as config:
        command.downgrade(config, revision)


def current(engine: Engine) -> str | None:
    """The revision the database has, None where it is empty."""
    from alembic.runtime.migration import MigrationContext

    with engine.connect() as connection:
        revision: str | None = MigrationContext.configure(connection).get_current_revision()
        return revision


def differences(engine: Engine) -> list[Any]:
    """What the models have and the database lacks, or the other way round; empty when they agree."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from server.db.base import Base

    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata))


def revise(engine: Engine, message: str, now: datetime) -> None:
    """Write the next revision from the difference between models and database."""
    with _configured(engine) as config:
        command.revision(config, message, autogenerate=True, rev_id=now.strftime("%Y%m%d%H%M"))


@contextmanager
def _configured(engine: Engine) -> Iterator[Config]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with one_writer(), engine.connect() as connection:
        _lock(connection)
        config.attributes["connection"] = connection
        yield config


def _lock(connection: Connection) -> None:
    """Held until the connection's transaction ends, which is when the migration is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
