"""Presence written down by the organiser: he scans the person's code, ticks, or enters a paper list (R1, R6; docs/protocol.md §2).

All count the same. Whoever scans as well keeps one record: what the scans leave open, the organiser's word fills in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from qr import rules
from qr.tokens import Kind
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.tasks import Claim, Shift, Task
from server.domain.attendance import UNDECIDED
from server.domain.checkins import ONE_SITTING, PRESENTABLE, window_refusal
from server.domain.days import local_day
from server.domain.people import PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import Method, RecordState
from server.domain.registrations import LIVE
from server.domain.tasks import TaskState
from server.services import batches, codes, evidence, folds, organisers, record_rows, refusals, windows
from server.services.batches import Failure, Outcome
from server.services.codes import CodeRefused

TRIES = 3


def scan_person(session: Session, task: Task, *, text: str, direction: str, actor: Actor, now: datetime) -> ServiceRecord:
    """The organiser scanned a person's code: a witness's word, so it counts once confirmed. `in` begins, `out` ends.

    Raises NOT_FOUND, ScanRefused (QR_…, CHECKIN_SELF, CHECKIN_EARLY, CHECKIN_CLOSED, CHECKIN_CANCELLED, CHECKIN_NO_ENTRY).
    """
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    try:
        found = codes.resolve(session, text, now)
        if found.token.kind is not Kind.PERSON:
            raise CodeRefused("QR_WRONG_KIND", "kind", found.code.id, data={"advice": "请扫本人手机上的个人码或个人卡"})
        if found.code.subject_id == actor.person_id:
            raise Problem("CHECKIN_SELF")
        _in_time(session, task, now, now)
        person = session.get_one(Person, found.code.subject_id)
        if direction == "out":
            return _end(session, task, person, now, actor=actor, now=now)
        t = rules.token_axis(found.token.mode, late=False)
        return _present(session, task, person, start=now, end=None, t=t, method=Method.ORGANISER_SCAN, actor=actor, now=now)
    except Problem as problem:
        raise refusals.of_text(problem, text, actor=actor, now=now, task_id=task.id) from None


def record(
    session: Session,
    task: Task,
    *,
    people: Sequence[str],
    method: Method,
    started_at: datetime,
    ended_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> Outcome[ServiceRecord]:
    """Tick people present, or enter a paper list; the actor becomes recorder and so cannot confirm. Writing it twice changes nothing.

    Raises NOT_FOUND, INVALID (times), CHECKIN_EARLY, CHECKIN_CLOSED, CHECKIN_CANCELLED. A failure names CHECKIN_SELF or NOT_FOUND.
    """
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    if started_at > now or (ended_at is not None and not started_at <= ended_at <= now):
        raise Problem("INVALID", fields={"ended_at" if ended_at else "started_at": "时间要在现在之前，离开要晚于到场"})
    _in_time(session, task, started_at, now)

    def write(person: Person) -> ServiceRecord:
        return _present(session, task, person, start=started_at, end=ended_at, t=0, method=method, actor=actor, now=now)

    return _each(session, task, people, write)


def end(session: Session, task: Task, *, people: Sequence[str], ended_at: datetime, actor: Actor, now: datetime) -> Outcome[ServiceRecord]:
    """The organiser knows when these people left (D 1); a scanned end stays. A failure names CHECKIN_NO_ENTRY, CHECKIN_SELF, NOT_FOUND."""
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    if ended_at > now:
        raise Problem("INVALID", fields={"ended_at": "离开时间不能晚于现在"})
    return _each(session, task, people, lambda person: _end(session, task, person, ended_at, actor=actor, now=now))


def _of_task(task: Task) -> ColumnElement[bool]:
    """Registered in the task's community, claimed it, or came: an id of anybody else names nobody (he scans, or shows his code)."""
    home = (MemberRegistration.community_id == task.community_id, MemberRegistration.state.in_(LIVE))
    asked = select(Claim.person_id).where(Claim.task_id == task.id)
    came = select(ServiceRecord.person_id).where(ServiceRecord.task_id == task.id)
    return or_(*(Person.id.in_(one) for one in (select(MemberRegistration.person_id).where(*home), asked, came)))


def _each(session: Session, task: Task, people: Sequence[str], write: Callable[[Person], ServiceRecord]) -> Outcome[ServiceRecord]:
    """What succeeded stands, each failure is named; every check comes before the first write for a person."""
    ids = batches.unique(people)
    active = select(Person).where(Person.public_id.in_(ids), Person.state == PersonState.ACTIVE, _of_task(task))
    found = {person.public_id: person for person in session.execute(active).scalars()}
    done: list[ServiceRecord] = []
    failed: list[Failure] = []
    for public_id in ids:
        try:
            if public_id not in found:
                raise Problem("NOT_FOUND")
            done.append(write(found[public_id]))
        except Problem as problem:
            if problem.code == "STALE":
                raise
            failed.append(batches.failure(public_id, problem.code))
    return Outcome(done, failed)


def _in_time(session: Session, task: Task, at: datetime, now: datetime) -> None:
    if task.state is TaskState.CANCELLED:
        raise Problem("CHECKIN_CANCELLED")
    limits = windows.of_community(session, task.community_id, now=now)
    refused = window_refusal(task.starts_at, task.ends_at, first=at, last=at, before=limits.before, after=limits.after)
    if refused is not None:
        raise Problem(refused)


def _present(
    session: Session,
    task: Task,
    person: Person,
    *,
    start: datetime,
    end: datetime | None,
    t: int,
    method: Method,
    actor: Actor,
    now: datetime,
) -> ServiceRecord:
    """Join the person's undecided record of that task and day, or begin one; then the day is folded again."""
    if person.id == actor.person_id:
        raise Problem("CHECKIN_SELF")
    for _ in range(TRIES):
        rows = _of_day(session, task, person, start)
        open_row = next((row for row in rows if row.state in UNDECIDED), None)
        if open_row is None and rows:
            return rows[0]  # a human has decided it already
        row = open_row or _begin(session, task, person, start=start, method=method, actor=actor, now=now)
        if row is not None:
            _attest(row, start=start, end=end, t=t)
            if method is not Method.ORGANISER_SCAN and row.recorder_id is None:
                row.recorder_id = actor.id
            return _witnessed(session, row, actor=actor, now=now)
    raise Problem("STALE")


def _end(session: Session, task: Task, person: Person, ended_at: datetime, *, actor: Actor, now: datetime) -> ServiceRecord:
    if person.id == actor.person_id:
        raise Problem("CHECKIN_SELF")
    rows = [row for row in _of_day(session, task, person, ended_at) if row.state in UNDECIDED and row.started_at <= ended_at]
    if not rows:
        raise Problem("CHECKIN_NO_ENTRY")
    _attest(rows[-1], start=None, end=ended_at, t=0)
    return _witnessed(session, rows[-1], actor=actor, now=now)


def _of_day(session: Session, task: Task, person: Person, at: datetime) -> list[ServiceRecord]:
    query = select(ServiceRecord).where(
        ServiceRecord.person_id == person.id, ServiceRecord.day == local_day(at), ServiceRecord.task_id == task.id
    )
    locked = query.order_by(ServiceRecord.started_at, ServiceRecord.id).with_for_update().execution_options(populate_existing=True)
    return list(session.execute(locked).scalars())


def _begin(
    session: Session, task: Task, person: Person, *, start: datetime, method: Method, actor: Actor, now: datetime
) -> ServiceRecord | None:
    """A record without scans; None when the person's own scan made one at this moment."""
    claim, shift = _claim(session, task, person, start)
    planned = task.planned_minutes if shift is None else int((shift.ends_at - shift.starts_at).total_seconds()) // 60
    unit_id = claim.unit_id if claim is not None else person.unit_id
    place = record_rows.Place(task.id, shift.id if shift else None, claim.id if claim else None, task.community_id, task.grid_id, unit_id)
    day = local_day(start)
    values = {
        **record_rows.columns(place, person_id=person.id, day=day, ordinal=1, method=method, planned_minutes=planned),
        "source_key": f"tick:{task.id}:{person.id}:{day.isoformat()}",
        "state": RecordState.PRESENT,
        "started_at": start,
        "token_axis": 0,
        "grade": rules.Grade.D.value,
        "flags": "",
        "mids": [],
    }
    record_id = record_rows.insert(session, values, action=method.value, actor=actor, now=now)
    return None if record_id is None else session.get_one(ServiceRecord, record_id)


def _claim(session: Session, task: Task, person: Person, at: datetime) -> tuple[Claim | None, Shift | None]:
    """The person's claim on the task, of several (shifts) the one whose hours are nearest."""
    rows: Any = session.execute(
        select(Claim, Shift)
        .outerjoin(Shift, Shift.id == Claim.shift_id)
        .where(Claim.task_id == task.id, Claim.person_id == person.id, Claim.state.in_(PRESENTABLE))
        .order_by(Claim.id)
    ).all()

    def away(row: tuple[Claim, Shift | None]) -> timedelta:
        return max(row[1].starts_at - at, at - row[1].ends_at, timedelta()) if row[1] is not None else ONE_SITTING

    return min(rows, key=away, default=(None, None))


def _attest(row: ServiceRecord, *, start: datetime | None, end: datetime | None, t: int) -> None:
    """The organiser's word, once said, stands; a later end replaces an earlier one."""
    if start is not None and row.attested_start is None:
        row.attested_start = start
    if end is not None:
        row.attested_end = end
    row.attested_axis = max(row.attested_axis, t)


def _witnessed(session: Session, row: ServiceRecord, *, actor: Actor, now: datetime) -> ServiceRecord:
    session.flush()
    evidence.witness(session, row, kind=rules.Witness.ORGANISER, actor=actor, now=now)
    folds.refold(session, person_id=row.person_id, day=row.day, actor=actor, now=now)
    return session.get_one(ServiceRecord, row.id)
