"""INSERT … ON CONFLICT DO NOTHING on both databases: whoever comes second reads what the first one wrote."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def insert_new(session: Session, table: Table) -> Any:
    """An INSERT into `table` that does nothing where a unique key is taken; with `.returning(…)` it then gives no row.

    On PostgreSQL it waits for a transaction that is writing the same key, so a second look finds that row.
    """
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
