"""The rows of lists that are no ledger: posts and activities, service records; as server/services/ledger_rows.py writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.categories import of_kind
from server.domain.records import COUNTS, METHOD_NAMES, RECORD_STATE_NAMES
from server.domain.tasks import TASK_KIND_NAMES, TASK_STATE_NAMES, TaskState
from server.services import people
from server.services.ledger_rows import Asked, Line, below, chunks, hours, iso, moment


def task_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """Posts, tasks and activities that lie in the period, in whole or in part."""
    place = aliased(OrgNode)
    wanted = select(Task, place.name).join(place, place.id == Task.community_id)
    inside = (Task.starts_at < asked.span.end, Task.ends_at >= asked.span.begin, Task.state != TaskState.DRAFT)
    return wanted.where(below(asked, func.coalesce(Task.grid_id, Task.community_id)), *inside)


def task_rows(asked: Asked) -> Iterator[Line]:
    """岗位与活动."""
    number = 0
    counts = (ServiceRecord.task_id, func.count(), func.sum(ServiceRecord.minutes))
    for rows in chunks(asked.session, task_select(asked), Task):
        mine = (ServiceRecord.task_id.in_([row[0].id for row in rows]), ServiceRecord.state.in_(COUNTS))
        served = {row[0]: (row[1], int(row[2])) for row in asked.session.execute(select(*counts).where(*mine).group_by(counts[0]))}
        for task, place in rows:
            number += 1
            visits, minutes = served.get(task.id, (0, 0))
            yield (
                number, task.title, TASK_KIND_NAMES[task.kind], of_kind(task.kind).get(task.category, "其他"), place, task.place,
                moment(task.starts_at), moment(task.ends_at), task.capacity, task.taken, TASK_STATE_NAMES[task.state], visits,
                hours(minutes),
            )  # fmt: skip


def record_select(asked: Asked) -> Select[*tuple[Any, ...]]:
    """Service records of the period."""
    place = aliased(OrgNode)
    return (
        select(ServiceRecord, Person, Unit.name, Task.title, place.name)
        .join(Person, Person.id == ServiceRecord.person_id)
        .join(Task, Task.id == ServiceRecord.task_id)
        .join(place, place.id == ServiceRecord.community_id)
        .outerjoin(Unit, Unit.id == ServiceRecord.unit_id)
        .where(below(asked, func.coalesce(ServiceRecord.grid_id, ServiceRecord.community_id)))
        .where(ServiceRecord.day >= asked.span.starts_on, ServiceRecord.day < asked.span.ends_before)
    )


def record_rows(asked: Asked) -> Iterator[Line]:
    """服务记录."""
    number = 0
    for rows in chunks(asked.session, record_select(asked), ServiceRecord):
        for record, person, unit, title, place in rows:
            number += 1
            yield (
                number, iso(record.day), people.name_of(person), unit, title, place, METHOD_NAMES[record.method],
                RECORD_STATE_NAMES[record.state], record.minutes,
            )  # fmt: skip
