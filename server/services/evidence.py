"""Witnesses and the grade they make (docs/protocol.md §2). Whoever stands for a record is told apart by person and by session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from qr import rules
from qr.rules import Attestation, Evidence
from server.db.inserts import insert_new
from server.db.models.checkins import Scan, ServiceRecord, Witness
from server.domain.checkins import place_of
from server.domain.permissions import Actor
from server.domain.problems import Problem


def witness(session: Session, record: ServiceRecord, *, kind: rules.Witness, actor: Actor, now: datetime) -> str:
    """The actor stands for the record; saying it twice changes nothing. Returns the grade it has now (store it with the move).

    Raises CHECKIN_SELF: nobody witnesses for himself.
    """
    if actor.person_id == record.person_id:
        raise Problem("CHECKIN_SELF")
    row = {"record_id": record.id, "kind": kind.value, "person_id": actor.id, "session_id": actor.session_id, "at": now}
    session.execute(insert_new(session, cast(Table, Witness.__table__)).values(**row))
    return grade_of(session, record)


def grade_of(session: Session, record: ServiceRecord) -> str:
    """The grade by the record's own axes and its witnesses."""
    through = select(Scan.session_id).where(Scan.person_id == record.person_id, Scan.day == record.day, Scan.session_id.is_not(None))
    given = of_records(session, [record.id])[record.id]
    axes = Evidence(t=record.token_axis, d=record.duration_axis, place=place_of(record.place_in))
    return grade(axes, given, person_id=record.person_id, sessions=set(session.execute(through).scalars()))


def grade(axes: Evidence, given: Iterable[Attestation], *, person_id: int, sessions: Set[int | None]) -> str:
    """The grade of these axes with the attestations that may stand for the person."""
    own = {one for one in sessions if one is not None}
    admitted = rules.admissible(given, person=person_id, sessions=own, vouched_for=set())
    return rules.grade(rules.join(axes, Evidence(witnesses=admitted))).value


def of_records(session: Session, record_ids: Iterable[int]) -> Mapping[int, list[Attestation]]:
    """All attestations of these records."""
    found: dict[int, list[Attestation]] = defaultdict(list)
    rows = session.execute(
        select(Witness.record_id, Witness.kind, Witness.person_id, Witness.session_id).where(Witness.record_id.in_(list(record_ids)))
    )
    for row in rows:
        found[row.record_id].append(Attestation(rules.Witness(row.kind), row.person_id, row.session_id))
    return found
