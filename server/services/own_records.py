"""What a person sees of his own service records: all of them, and why each is proven as it is (mission row B6; R5: his own data)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord, Supplement
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.checkins import explain
from server.domain.problems import Problem
from server.domain.records import COUNTS
from server.services import evidence, lists, records


@dataclass(frozen=True)
class Seen:
    """A record in full: its task, the person's own report, the evidence in sentences, messages that wait for review."""

    record: ServiceRecord
    task: Task
    report: str
    evidence: list[str]
    supplements: int


def page(session: Session, *, person_id: int, after: str | None, limit: int) -> tuple[list[tuple[ServiceRecord, Task]], str | None]:
    """The person's records, newest first; and the next cursor."""
    mine = select(ServiceRecord, Task).join(Task, Task.id == ServiceRecord.task_id).where(ServiceRecord.person_id == person_id)
    rows, following = lists.page(session, mine, ServiceRecord, after=after, limit=limit, newest_first=True)
    return [(record, task) for record, task in rows], following


def one(session: Session, *, person_id: int, public_id: str) -> Seen:
    """One of the person's records. Raises NOT_FOUND, also for somebody else's."""
    record = records.by_public_id(session, public_id)
    if record.person_id != person_id:
        raise Problem("NOT_FOUND")
    stood = Counter(one.kind.value for one in evidence.of_records(session, [record.id])[record.id])
    sentences = explain(
        t=max(record.token_axis, record.attested_axis),
        d=record.duration_axis,
        inside=record.place_in,
        witnesses=stood,
        flags=record.flags,
        final=record.state in COUNTS,
    )
    waiting = select(Supplement.id).where(Supplement.record_id == record.id, Supplement.reviewed_at.is_(None))
    person = session.get_one(Person, person_id)
    task = session.get_one(Task, record.task_id)
    return Seen(record, task, records.report_text(person, record), sentences, len(session.execute(waiting).all()))
