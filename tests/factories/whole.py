"""The whole database as rows, to say that something left nothing behind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.base import Base
from server.db.models.tallies import Contribution

LEFT_BEHIND = {"event", "undo", "outbox", "contribution", "audit_seal", "login_session"}  # what happened stays written; sums are compared


def everything(session: Session) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables but the ledgers, without versions; a number that was given back counts as never given."""
    session.flush()
    dumped = {}
    for table in Base.metadata.sorted_tables:
        if table.name not in LEFT_BEHIND:
            rows = session.execute(select(table)).mappings()
            kept = [{name: value for name, value in row.items() if name != "version"} for row in rows]
            dumped[table.name] = [row for row in kept if not (table.name == "serial_counter" and row["last"] == 0)]
            dumped[table.name].sort(key=lambda row: str(row.get("id", row)))
    return dumped


def net(session: Session) -> tuple[int, int]:
    """Visits and minutes that all contributions come to."""
    row = session.execute(select(func.coalesce(func.sum(Contribution.visits), 0), func.coalesce(func.sum(Contribution.minutes), 0))).one()
    return int(row[0]), int(row[1])
