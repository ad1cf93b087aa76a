"""New rows of service records: the columns nothing changes later, the insert that two writers meet on, the event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy import insert as sql_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from qr import folds
from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.platform import Event
from server.domain.checkins import ONE_SITTING
from server.domain.permissions import Actor
from server.domain.records import Method

_record = cast(Table, ServiceRecord.__table__)
_event = sql_insert(cast(Table, Event.__table__)).inline()
_INSERT = {
    "postgresql": postgresql.insert(_record).on_conflict_do_nothing().returning(_record.c.id),
    "sqlite": sqlite.insert(_record).on_conflict_do_nothing().returning(_record.c.id),
}
WRITTEN = (  # the columns of a record made from a scan; the others are empty until somebody stands for it
    "public_id", "source_key", "task_id", "shift_id", "claim_id", "person_id", "community_id", "grid_id", "unit_id", "day", "ordinal",
    "method", "state", "version", "started_at", "ended_at", "minutes", "token_axis", "duration_axis", "place_in", "planned_minutes",
    "attested_axis", "grade", "flags", "mids", "covers",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a record belongs, from its first scan."""

    task_id: int
    shift_id: int | None
    claim_id: int | None
    community_id: int
    grid_id: int | None
    unit_id: int | None


def insert(session: Session, values: Mapping[str, Any], *, action: str, actor: Actor, now: datetime) -> int | None:
    """Insert a record and its event; its id, or None when its name or its ordinal was taken meanwhile."""
    connection = session.connection()
    row = {"public_id": new_public_id(), **values}
    record_id = connection.execute(_INSERT[connection.dialect.name], row).scalar()
    if record_id is not None:
        connection.execute(_event, _event_row(record_id, row, action, actor, now))
    return cast("int | None", record_id)


def columns(place: Place, *, person_id: int, day: date, ordinal: int, method: Method, planned_minutes: int) -> dict[str, Any]:
    """The columns of a new record that nothing changes later."""
    return {
        **vars(place),
        "person_id": person_id,
        "day": day,
        "ordinal": ordinal,
        "method": method,
        "planned_minutes": planned_minutes,
        "version": 0,
        "minutes": 0,
        "duration_axis": 0,
        "attested_axis": 0,
        "covers": [],
    }


def place_of_row(row: Any) -> Place:
    """From a scan's row, or from what a scan looked up."""
    unit_id = row.claim_unit_id if row.claim_id is not None else row.unit_id
    return Place(row.task_id, row.shift_id, row.claim_id, row.community_id, row.grid_id, unit_id)


def plan_of(scan: Any) -> folds.Session:
    """What was planned: the shift of the claim, else the task; a standing post is open all day."""
    if scan.shift_ends_at is not None:
        length = scan.shift_ends_at - scan.shift_starts_at
        return folds.Session(int(length.total_seconds()) // 60, int(scan.shift_ends_at.timestamp()))
    standing = scan.ends_at - scan.starts_at > ONE_SITTING
    return folds.Session(scan.planned_minutes, None if standing else int(scan.ends_at.timestamp()))


def _event_row(record_id: int, record: Mapping[str, Any], action: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "subject_kind": "service_record",
        "subject_id": record_id,
        "action": action,
        "to_state": record["state"],
        "actor_id": actor.person_id,
        "session_id": actor.session_id,
        "community_id": record["community_id"],
        "at": now,
    }
