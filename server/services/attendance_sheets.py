"""The attendance sheet of a task and a day: who is expected, who came (mission rows B5, C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task
from server.domain.days import local_day, start_of
from server.domain.permissions import Actor, Permission
from server.domain.records import RecordState
from server.domain.tasks import HOLDS_PLACE
from server.services import lists, organisers, people, places

PAGE = 100
MOST_WALK_INS = 200


@dataclass(frozen=True)
class Row:
    """One person: what he claimed, what is written down of him that day. `note`: for whom he stands in, or whom he asked to."""

    person: Person
    name: str
    unit: str
    claim: Claim | None
    shift: Shift | None
    record: ServiceRecord | None
    note: str


@dataclass(frozen=True)
class Sheet:
    """A page of those who claimed, and (with the first page) those who came without a claim; heads present now, and of all who came."""

    day: date
    rows: Sequence[Row]
    following: str | None
    present: int
    came: int


def of(session: Session, task: Task, *, day: date, actor: Actor, after: str | None = None) -> Sheet:
    """The sheet of this day. Six statements. Raises NOT_FOUND unless the actor may write attendance down."""
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    claimed, following = _claimed(session, task, day, after)
    ids = [person.id for _, _, person in claimed]
    expected = (
        or_(ServiceRecord.person_id.in_(ids), ServiceRecord.claim_id.is_(None)) if after is None else ServiceRecord.person_id.in_(ids)
    )
    found = session.execute(
        select(ServiceRecord, Person)
        .join(Person, Person.id == ServiceRecord.person_id)
        .where(ServiceRecord.task_id == task.id, ServiceRecord.day == day, ServiceRecord.state != RecordState.VOID, expected)
        .order_by(ServiceRecord.id)
        .limit(PAGE * 2 + MOST_WALK_INS)
    ).all()
    records = {record.person_id: record for record, _ in found}
    notes = _notes(session, [claim for claim, _, _ in claimed])
    walked_in = {person.id: person for record, person in found if record.person_id not in set(ids)}
    units = places.units(session, [*(claim.unit_id for claim, _, _ in claimed), *(person.unit_id for person in walked_in.values())])
    rows = [
        Row(
            person, people.name_of(person), units.get(claim.unit_id or 0, ""), claim, shift, records.get(person.id), notes.get(claim.id, "")
        )
        for claim, shift, person in claimed
    ]
    rows += [
        Row(person, people.name_of(person), units.get(person.unit_id or 0, ""), None, None, records[person.id], "")
        for person in walked_in.values()
    ]
    present, came = _counts(session, task, day)
    return Sheet(day, rows, following, present, came)


def day_of(task: Task, now: datetime) -> date:
    """The day one looks at first: today, or the nearest of the task's days."""
    last = local_day(task.ends_at - timedelta(seconds=1))
    return min(max(local_day(now), local_day(task.starts_at)), last)


def _claimed(session: Session, task: Task, day: date, after: str | None) -> tuple[list[tuple[Claim, Shift | None, Person]], str | None]:
    """The claims of this day that hold a place: on no shift, or on one that touches the day."""
    begin, end = start_of(day), start_of(day + timedelta(days=1))
    wanted = (
        select(Claim, Shift, Person)
        .outerjoin(Shift, Shift.id == Claim.shift_id)
        .join(Person, Person.id == Claim.person_id)
        .where(Claim.task_id == task.id, Claim.state.in_(HOLDS_PLACE))
        .where(or_(Claim.shift_id.is_(None), and_(Shift.starts_at < end, Shift.ends_at > begin)))
    )
    rows, following = lists.page(session, wanted, Claim, after=after, limit=PAGE)
    return [(claim, shift, person) for claim, shift, person in rows], following


def _notes(session: Session, claims: Sequence[Claim]) -> dict[int, str]:
    """By claim: for whom he stands in, or whom he asked; two statements where somebody did, else one."""
    replaced = {claim.stands_in_for_id for claim in claims if claim.stands_in_for_id is not None}
    asked = {claim.offered_to_id for claim in claims if claim.offered_to_id is not None}
    left = select(Claim.id, Person).join(Person, Person.id == Claim.person_id).where(Claim.id.in_(replaced))
    before = {row[0]: row[1] for row in session.execute(left)} if replaced else {}
    offered = {one.id: one for one in session.execute(select(Person).where(Person.id.in_(asked))).scalars()} if asked else {}
    notes = {}
    for claim in claims:
        if claim.stands_in_for_id in before:
            notes[claim.id] = f"替{people.name_of(before[claim.stands_in_for_id])}顶班"
        elif claim.offered_to_id in offered:
            notes[claim.id] = f"已请{people.name_of(offered[claim.offered_to_id])}顶班，等对方答复"
    return notes


def _counts(session: Session, task: Task, day: date) -> tuple[int, int]:
    came = func.count(func.distinct(ServiceRecord.person_id))
    counted = select(came.filter(ServiceRecord.state == RecordState.PRESENT), came).where(
        ServiceRecord.task_id == task.id, ServiceRecord.day == day, ServiceRecord.state != RecordState.VOID
    )
    present, total = session.execute(counted).one()
    return int(present), int(total)
