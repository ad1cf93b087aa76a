"""Service records after presence: report, send back, dispute, void, correct, and who has which before him (mission rows C5, B6; R8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from qr import rules
from server.db import vault
from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import COUNTS, DISPUTE_WITHIN, RECORD_TRANSITIONS, WAITING, Method, RecordAction, RecordState
from server.services import events, lists, media, notices, organisers, scopes, tallies

REPORT, DISPUTE = "service_record.report", "service_record.dispute"
QUEUED = (*WAITING, RecordState.SENT_BACK, RecordState.DISPUTED)


def report(
    session: Session,
    record: ServiceRecord,
    *,
    text: str,
    actor: Actor,
    now: datetime,
    media_ids: Sequence[str] = (),
) -> ServiceRecord:
    """The person says what was done; pictures are optional (R5). Raises NOT_FOUND for another's record, ILLEGAL_MOVE, MEDIA_UNFIT."""
    person = _own(session, record, actor)
    box = vault.seal(person.salt, REPORT, record.public_id, text) if person.salt else None
    events.move(session, record, table=RECORD_TRANSITIONS, action=RecordAction.REPORT, actor=actor, now=now, report=box, reported_at=now)
    media.attach(session, media_ids, owner=person, subject_kind="service_record", subject_id=record.id)
    return record


def report_text(person: Person, record: ServiceRecord) -> str:
    """What the person reported, '' where nothing."""
    return vault.open_sealed(person.salt, REPORT, record.public_id, record.report)


def reason_of(person: Person, record: ServiceRecord) -> str | None:
    """What he says against it while that is open, else why staff sent it back, upheld or voided it; `person` is whose record it is."""
    if record.state is RecordState.DISPUTED:
        return vault.open_sealed(person.salt, DISPUTE, record.public_id, record.dispute) or None
    return record.reason


def send_back(session: Session, record: ServiceRecord, *, reason: str, actor: Actor, now: datetime) -> ServiceRecord:
    """The report lacks something; the person is told what and reports again."""
    task = session.get_one(Task, record.task_id)
    organisers.move(
        session,
        record,
        task=task,
        table=RECORD_TRANSITIONS,
        action=RecordAction.SEND_BACK,
        actor=actor,
        now=now,
        note=reason,
        reason=reason,
    )
    _tell(session, record, task, NoticeKind.RECORD_SENT_BACK, "sent_back", reason=reason, now=now)
    return record


def dispute(session: Session, record: ServiceRecord, *, reason: str, actor: Actor, now: datetime) -> ServiceRecord:
    """The person contradicts his own confirmed record; it stands until it is decided. Raises DISPUTE_LATE after 30 days."""
    _own(session, record, actor)
    if record.confirmed_at is not None and now > record.confirmed_at + DISPUTE_WITHIN:
        raise Problem("DISPUTE_LATE")
    salt = session.get_one(Person, record.person_id).salt
    sealed = vault.seal(salt, DISPUTE, record.public_id, reason) if salt is not None else None
    table, action = RECORD_TRANSITIONS, RecordAction.DISPUTE
    return events.move(
        session, record, table=table, action=action, actor=actor, now=now, note=reason, own_words=True, dispute=sealed, reason=None
    )


def uphold(session: Session, record: ServiceRecord, *, reason: str, actor: Actor, now: datetime) -> ServiceRecord:
    """The record stays as it was confirmed; it counted all the time."""
    events.move(session, record, table=RECORD_TRANSITIONS, action=RecordAction.UPHOLD, actor=actor, now=now, note=reason, reason=reason)
    _tell(session, record, session.get_one(Task, record.task_id), NoticeKind.RECORD_CONFIRMED, "upheld", reason=reason, now=now)
    return record


def void(session: Session, record: ServiceRecord, *, reason: str, actor: Actor, now: datetime) -> ServiceRecord:
    """The record never was: what it counted leaves every figure. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE, CONFIRM_SELF."""
    if actor.person_id == record.person_id:
        raise Problem("CONFIRM_SELF")
    counted = record.state in COUNTS
    events.move(session, record, table=RECORD_TRANSITIONS, action=RecordAction.VOID, actor=actor, now=now, note=reason, reason=reason)
    if counted:
        tallies.contribute(session, record, now=now, sign=-1)
    _tell(session, record, session.get_one(Task, record.task_id), NoticeKind.RECORD_VOIDED, "void", reason=reason, now=now)
    return record


def correct(
    session: Session, record: ServiceRecord, *, started_at: datetime, ended_at: datetime, reason: str, actor: Actor, now: datetime
) -> ServiceRecord:
    """Void a record and write another with these times, which a second member of staff must confirm (docs/protocol.md §2).

    Returns the new record, ENDED. Raises what void raises, END_WRONG.
    """
    if not started_at <= ended_at <= now:
        raise Problem("END_WRONG")
    void(session, record, reason=reason, actor=actor, now=now)
    copied = ("task_id", "shift_id", "claim_id", "person_id", "community_id", "grid_id", "unit_id", "day", "planned_minutes")
    public_id = new_public_id()
    made = ServiceRecord(
        public_id=public_id,
        source_key=f"correction:{record.id}",
        **{name: getattr(record, name) for name in copied},
        ordinal=_next_ordinal(session, record),
        method=Method.PAPER,
        state=RecordState.ENDED,
        started_at=started_at,
        ended_at=ended_at,
        minutes=rules.minutes(int(started_at.timestamp()), int(ended_at.timestamp()), record.planned_minutes),
        token_axis=0,
        duration_axis=1,
        attested_start=started_at,
        attested_end=ended_at,
        grade=rules.Grade.D.value,
        mids=[],
        covers=[],
        recorder_id=actor.id,
    )
    session.add(made)
    session.flush()
    events.add(session, made, action="correct", actor=actor, now=now, after=made.state.value, note=reason)
    return made


def queue(
    session: Session, *, actor: Actor, after: str | None, limit: int, task: Task | None = None, states: Sequence[RecordState] = QUEUED
) -> tuple[list[tuple[ServiceRecord, Person, Task]], str | None]:
    """What waits for this organiser or secretary, oldest first, with the person and the task; and the next cursor."""
    wanted = (
        select(ServiceRecord, Person, Task)
        .join(Person, Person.id == ServiceRecord.person_id)
        .join(Task, Task.id == ServiceRecord.task_id)
        .where(_reach(actor), ServiceRecord.state.in_(states))
    )
    if task is not None:
        wanted = wanted.where(ServiceRecord.task_id == task.id)
    rows, following = lists.page(session, wanted, ServiceRecord, after=after, limit=limit)
    return [(record, person, of) for record, person, of in rows], following


def counts(session: Session, *, actor: Actor) -> dict[RecordState, int]:
    """How many records wait in each state of the queue."""
    counted = (
        select(ServiceRecord.state, func.count())
        .join(Task, Task.id == ServiceRecord.task_id)
        .where(_reach(actor), ServiceRecord.state.in_(QUEUED))
        .group_by(ServiceRecord.state)
    )
    found: dict[RecordState, int] = dict(session.execute(counted).all())
    return {state: found.get(state, 0) for state in QUEUED}


def by_public_id(session: Session, public_id: str) -> ServiceRecord:
    """The record. Raises NOT_FOUND."""
    record = session.execute(select(ServiceRecord).where(ServiceRecord.public_id == public_id)).scalar_one_or_none()
    if record is None:
        raise Problem("NOT_FOUND")
    return record


def readable(session: Session, record: ServiceRecord, actor: Actor) -> Task:
    """The record's task, for the person himself, the organiser and staff of the community. Raises NOT_FOUND for others."""
    task = session.get_one(Task, record.task_id)
    if actor.person_id != record.person_id:
        organisers.require(session, actor, Permission.RECORDS_CONFIRM, task)
    return task


def _reach(actor: Actor) -> ColumnElement[bool]:
    return or_(Task.organiser_id == actor.person_id, scopes.within(actor, Permission.RECORDS_CONFIRM, ServiceRecord.community_id))


def _own(session: Session, record: ServiceRecord, actor: Actor) -> Person:
    if record.person_id != actor.person_id:
        raise Problem("NOT_FOUND")
    return session.get_one(Person, record.person_id)


def _next_ordinal(session: Session, record: ServiceRecord) -> int:
    same = (ServiceRecord.person_id == record.person_id, ServiceRecord.day == record.day, ServiceRecord.task_id == record.task_id)
    return int(session.execute(select(func.coalesce(func.max(ServiceRecord.ordinal), 0)).where(*same)).scalar_one()) + 1


def _tell(session: Session, record: ServiceRecord, task: Task, kind: NoticeKind, outcome: str, *, reason: str, now: datetime) -> None:
    facts: dict[str, Any] = {"title": task.title, "day": record.day.isoformat(), "outcome": outcome, "reason": reason}
    notices.tell(
        session,
        person_id=record.person_id,
        kind=kind,
        subject_kind="record",
        subject_public_id=record.public_id,
        facts=facts,
        dedupe=f"{outcome}:{record.id}:{record.version}",
        now=now,
    )
