"""Reading the audit log: what happened, when, by whom; ids and reasons only, never what people wrote (mission row G4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ScalarSelect, Select, bindparam, inspect, literal, select, union_all
from sqlalchemy.orm import Session

from server.db import statements, vault
from server.db.base import Base
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.platform import Event
from server.domain.days import start_of
from server.domain.problems import Problem
from server.services import audit, people

MOST_DAYS = 31  # a page reads the events of a month at most, whatever is looked for
READ = (
    select(*audit.COLUMNS, Person.public_id.label("actor"), Person.salt, Person.name, OrgNode.name.label("community"))
    .outerjoin(Person, Person.id == Event.actor_id)
    .outerjoin(OrgNode, OrgNode.id == Event.community_id)
)
JITTER = 5_000  # events of one moment may be numbered in another order than they are dated: so far apart at most


@dataclass(frozen=True)
class Wanted:
    """What is looked for: `first` ≤ day ≤ `last`; empty means any. `subject` and `actor` are public ids."""

    first: date
    last: date
    kind: str = ""
    subject: str = ""
    actor: str = ""
    action: str = ""


@dataclass(frozen=True)
class Line:
    """One event with the names that go with it; `actor` is '' for the system, `subject` the row's public id where it has one."""

    event: Any  # a row of READ
    actor: str
    actor_id: str
    community: str
    subject: str = ""


def page(session: Session, wanted: Wanted, *, after: int | None, limit: int) -> tuple[list[Line], int | None]:
    """The newest first, and the next `after` (an event's number). Raises INVALID for a period that is none or longer than a month."""
    if not timedelta(0) <= wanted.last - wanted.first < timedelta(days=MOST_DAYS):
        raise Problem("INVALID", fields={"last": f"结束日期不能早于开始日期，一次最多看 {MOST_DAYS} 天"})
    query = _filtered(session, wanted)
    if query is None:
        return [], None
    if after is not None:
        query = query.where(Event.id < after)
    rows = session.execute(query.order_by(Event.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    return _lines(session, shown), shown[-1].id if len(rows) > limit else None


def about(session: Session, row: Any, *, limit: int = 50) -> list[Line]:
    """What happened to one row, the newest first."""
    mine = READ.where(Event.subject_kind == row.__tablename__, Event.subject_id == row.id)
    return _lines(session, session.execute(mine.order_by(Event.id.desc()).limit(limit)).all())


def names(session: Session, ids: Collection[int | None]) -> Mapping[int, str]:
    """Who these are, in one statement."""
    wanted = {one for one in ids if one is not None}
    found = session.execute(select(Person).where(Person.id.in_(wanted))).scalars() if wanted else ()
    return {person.id: people.name_of(person) for person in found}


def _lines(session: Session, rows: Sequence[Any]) -> list[Line]:
    """The events with names: one statement more, however many."""
    subjects = _subjects(session, rows)
    return [
        Line(
            row,
            vault.open_sealed(row.salt, "person.name", row.actor or "", row.name),
            row.actor or "",
            row.community or "",
            subjects.get((row.subject_kind, row.subject_id), ""),
        )
        for row in rows
    ]


def _filtered(session: Session, wanted: Wanted) -> Select[*tuple[Any, ...]] | None:
    """The query without its page; None where nothing can be found."""
    bounds = _bounds(session, wanted)
    if bounds is None:
        return None
    since, until = start_of(wanted.first), start_of(wanted.last + timedelta(days=1))
    query = READ.where(Event.id.between(*bounds), Event.at >= since, Event.at < until)
    if wanted.kind:
        query = query.where(Event.subject_kind == _spelt("kind", wanted.kind))
    if wanted.subject:
        query = query.where(Event.subject_id == _id_of(session, models().get(wanted.kind), wanted.subject))
    if wanted.actor:
        query = query.where(Event.actor_id == _id_of(session, Person, wanted.actor))
    return query.where(Event.action == _spelt("action", wanted.action)) if wanted.action else query


def _spelt(name: str, value: str) -> BindParameter[str]:
    """Written into the statement: what is rare wants another index than what is common, which a plan for any value cannot know."""
    return bindparam(name, value, literal_execute=True)


def _bounds(session: Session, wanted: Wanted) -> tuple[int, int] | None:
    """The numbers between which the period's events lie: two looks into the index of times."""
    edges = (_edge(start_of(wanted.first), newest=False), _edge(start_of(wanted.last + timedelta(days=1)), newest=True))
    first, last = session.execute(select(*edges)).one()
    return (first - JITTER, last + JITTER) if first is not None and last is not None else None


def _edge(at: datetime, *, newest: bool) -> ScalarSelect[int]:
    found = select(Event.id)
    found = found.where(Event.at < at).order_by(Event.at.desc()) if newest else found.where(Event.at >= at).order_by(Event.at)
    return found.limit(1).scalar_subquery()


@cache
def models() -> Mapping[str, Any]:
    """The models that have public ids, by their table's name."""
    found = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    return {name: model for name, model in found.items() if "public_id" in inspect(model).columns}


def _subjects(session: Session, events: Sequence[Any]) -> Mapping[tuple[str, int], str]:
    """The public ids of what the events are about: one statement over all their tables."""
    wanted: dict[str, set[int]] = {}
    for event in events:
        wanted.setdefault(event.subject_kind, set()).add(event.subject_id)
    known = models()
    parts = [
        select(literal(kind).label("kind"), known[kind].id.label("id"), known[kind].public_id.label("public_id")).where(
            statements.among(session, known[kind].id, ids)
        )
        for kind, ids in wanted.items()
        if kind in known
    ]
    return {(row.kind, row.id): row.public_id for row in session.execute(union_all(*parts))} if parts else {}


def _id_of(session: Session, model: Any, public_id: str) -> int:
    """The number of a row; 0, which no row has, for an unknown one."""
    if model is None:
        raise Problem("INVALID", fields={"subject": "请先选择是哪一类"})
    return session.execute(select(model.id).where(model.public_id == public_id)).scalar() or 0
