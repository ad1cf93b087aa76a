"""What the confirmation of a record is judged by, gathered for many at once (docs/protocol.md §2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from qr import rules
from server.db.models.checkins import Scan, ServiceRecord, Witness
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.records import COUNTS
from server.services import evidence, organisers

Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Case:
    """One record with all that its confirmation is judged by."""

    record: ServiceRecord
    task: Task
    witnesses: tuple[rules.Attestation, ...]
    own_sessions: frozenset[int]
    vouched_for: frozenset[int]


def of(session: Session, ids: Sequence[str], actor: Actor) -> dict[str, Case]:
    """The records within the actor's reach, locked, with witnesses and the logins their scans came through; oldest first."""
    people = select(ServiceRecord.person_id).where(ServiceRecord.public_id.in_(ids))
    # Two confirmers of one person wait for each other, so that no minute is counted twice.
    session.execute(select(Person.id).where(Person.id.in_(people)).order_by(Person.id).with_for_update(key_share=True)).all()
    rows = session.execute(
        select(ServiceRecord, Task)
        .join(Task, Task.id == ServiceRecord.task_id)
        .where(ServiceRecord.public_id.in_(ids))
        .order_by(ServiceRecord.started_at, ServiceRecord.id)
        .with_for_update(of=ServiceRecord, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    tasks = {task.id: task for _, task in rows}
    mine = {task.id for task in tasks.values() if organisers.allows(session, actor, Permission.RECORDS_CONFIRM, task)}
    rows = [row for row in rows if row[1].id in mine]
    records = [record for record, _ in rows]
    stood, vouched = _witnesses(session, records)
    logins = _logins(session, records)
    return {
        record.public_id: Case(
            record,
            task,
            tuple(stood[record.id]),
            frozenset(logins[record.person_id, mid] for mid in record.mids if (record.person_id, mid) in logins),
            frozenset(vouched[record.person_id]),
        )
        for record, task in rows
    }


def _witnesses(session: Session, records: Sequence[ServiceRecord]) -> tuple[Mapping[int, list[rules.Attestation]], dict[int, set[int]]]:
    """Who stands for each record, and for whom each person himself stood as a peer."""
    stood = evidence.of_records(session, [record.id for record in records])
    vouched: dict[int, set[int]] = defaultdict(set)
    if any(one.kind is rules.Witness.PEER for given in stood.values() for one in given):
        pairs = (
            select(Witness.person_id, ServiceRecord.person_id.label("for_id"))
            .join(ServiceRecord, ServiceRecord.id == Witness.record_id)
            .where(Witness.kind == rules.Witness.PEER.value, Witness.person_id.in_([record.person_id for record in records]))
        )
        for voucher, for_id in session.execute(pairs):
            vouched[voucher].add(for_id)
    return stood, vouched


def _logins(session: Session, records: Sequence[ServiceRecord]) -> dict[tuple[int, str], int]:
    """The login session each message came through, by (person, mid)."""
    mids = [mid for record in records for mid in record.mids]
    if not mids:
        return {}
    sent = select(Scan.person_id, Scan.mid, Scan.session_id).where(
        Scan.person_id.in_({record.person_id for record in records}), Scan.mid.in_(mids), Scan.session_id.is_not(None)
    )
    return {(person_id, mid): session_id for person_id, mid, session_id in session.execute(sent) if session_id is not None}


def counted(session: Session, records: Sequence[ServiceRecord]) -> dict[int, list[Interval]]:
    """What already counts for these people around these days."""
    found: dict[int, list[Interval]] = defaultdict(list)
    if not records:
        return found
    days = [record.day for record in records]
    rows = session.execute(
        select(ServiceRecord.person_id, ServiceRecord.started_at, ServiceRecord.ended_at).where(
            ServiceRecord.person_id.in_({record.person_id for record in records}),
            ServiceRecord.day.between(min(days) - timedelta(days=1), max(days) + timedelta(days=1)),
            ServiceRecord.state.in_(COUNTS),
        )
    )
    for person_id, start, end in rows:
        if end is not None:
            found[person_id].append((start, end))
    return found
