"""A person's only scan of the day: the scan, its record and the event go in together (docs/protocol.md §3).

Nearly every scan at a gate is one, and at a gate round trips are what costs: on PostgreSQL all three rows are one statement, on SQLite,
which is in our own process, they are three.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, bindparam, exists, insert, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from server.db.models.checkins import Scan, ServiceRecord
from server.db.models.platform import Event
from server.db.prebuilt import Prebuilt
from server.db.statements import on_postgres
from server.domain.permissions import Actor
from server.services import record_rows, scans


class Stored(NamedTuple):
    """The new rows. No `scan_id`: another scan of this person came between; no `record_id`: another record did."""

    scan_id: int | None
    record_id: int | None


def store(session: Session, scan: Mapping[str, Any], record: Mapping[str, Any], *, actor: Actor, now: datetime) -> Stored:
    """Insert the scan and its record, unless somebody else took one of their keys meanwhile, and the record's event."""
    if on_postgres(session):
        given = {**scan, **{f"record_{name}": value for name, value in record.items()}, "actor_id": actor.person_id}
        return Stored(*_TOGETHER.rows(session, given)[0])
    scan_id = scans.insert(session, scan)
    return Stored(scan_id, scan_id and record_rows.insert(session, record, action="scan", actor=actor, now=now))


def _together() -> Any:
    """The three inserts in one. What the rows share is one parameter: the driver keeps no plan of a text with more than 50."""
    scan, record, event = (cast(Table, model.__table__) for model in (Scan, ServiceRecord, Event))
    scan_values = {column.name: bindparam(column.name, type_=column.type) for column in scan.c if column.name != "id"}
    alike = ("person_id", "task_id", "claim_id", "day", "place_in")
    shared = {name: scan_values[name] for name in alike} | {"started_at": scan_values["at"]}
    own = {name: bindparam(f"record_{name}", type_=record.c[name].type) for name in record_rows.WRITTEN if name not in shared}
    record_values = shared | own
    event_values = {
        "subject_kind": literal_column("'service_record'"),
        "action": literal_column("'scan'"),
        "to_state": own["state"],
        "actor_id": bindparam("actor_id", type_=event.c.actor_id.type),
        "session_id": scan_values["session_id"],
        "community_id": own["community_id"],
        "at": scan_values["received_at"],
    }
    new_scan = postgresql.insert(scan).values(scan_values).on_conflict_do_nothing().returning(scan.c.id).cte("new_scan")
    one_record = select(*record_values.values()).where(exists(select(new_scan.c.id)))
    made = postgresql.insert(record).from_select(list(record_values), one_record, include_defaults=False)
    new_record = made.on_conflict_do_nothing().returning(record.c.id).cte("new_record")
    one_event = select(new_record.c.id, *event_values.values())
    new_event = insert(event).from_select(["subject_id", *event_values], one_event, include_defaults=False).cte("new_event")
    ids = (select(new.c.id).scalar_subquery().label(name) for name, new in (("scan_id", new_scan), ("record_id", new_record)))
    return select(*ids).add_cte(new_event)


_TOGETHER = Prebuilt(_together())
