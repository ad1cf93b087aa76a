"""Service records in a given state, for what only reads them (tallies, figures); how a record comes about is tested with records."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.days import local_day, start_of
from server.domain.records import COUNTS, Method, RecordState
from server.domain.tasks import TaskKind, TaskMode, TaskState
from server.services import tallies
from tests.factories.people import Tree, a_person

_numbers = count(1)


def a_record(
    session: Session,
    now: datetime,
    tree: Tree,
    person: Person,
    *,
    state: RecordState = RecordState.FINAL,
    minutes: int = 60,
    day: date | None = None,
    grid: bool = False,
    neighbour: bool = False,
) -> ServiceRecord:
    """A record of the person in 示例社区 (or its neighbour, or its grid); one that counts has its contribution."""
    day = day or local_day(now)
    began = start_of(day) + timedelta(hours=9)
    community = tree.neighbour if neighbour else tree.community
    record = ServiceRecord(
        public_id=new_public_id(),
        source_key=f"test:{next(_numbers)}",
        task_id=_task(session, now, tree).id,
        person_id=person.id,
        community_id=community.id,
        grid_id=tree.grid.id if grid else None,
        unit_id=person.unit_id,
        day=day,
        planned_minutes=minutes,
        ordinal=next(_numbers),
        method=Method.SCAN,
        state=state,
        started_at=began,
        ended_at=began + timedelta(minutes=minutes),
        minutes=minutes,
        token_axis=2,
        grade="B",
        mids=[],
        covers=[],
    )
    session.add(record)
    session.flush()
    if state in COUNTS:
        tallies.contribute(session, record, now=now)
    return record


def void(session: Session, record: ServiceRecord, now: datetime) -> None:
    """Take a record that counted out of every figure."""
    record.state, record.version = RecordState.VOID, record.version + 1
    session.flush()
    tallies.contribute(session, record, now=now, sign=-1)


def _task(session: Session, now: datetime, tree: Tree) -> Task:
    found = session.query(Task).filter(Task.title == "整理楼道").first()
    if found is not None:
        return found
    organiser = a_person(session, now, "王组织")
    made = Task(
        public_id=new_public_id(),
        kind=TaskKind.ACTIVITY,
        mode=TaskMode.MENU,
        state=TaskState.PUBLISHED,
        community_id=tree.community.id,
        title="整理楼道",
        content="整理楼道杂物",
        category="environment",
        place="1幢门口",
        starts_at=now,
        ends_at=now + timedelta(hours=2),
        planned_minutes=120,
        capacity=500,
        skills=[],
        organiser_id=organiser.id,
        created_by=organiser.id,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made
