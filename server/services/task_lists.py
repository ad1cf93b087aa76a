"""What is open near home, and what a secretary has in hand (mission rows A7, C3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.tasks import Claim, Shift, Task
from server.domain.days import start_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE
from server.domain.tasks import HOLDS_PLACE, ClaimState, TaskKind, TaskState
from server.services import lists, organisers, scopes


@dataclass(frozen=True)
class TaskLine:
    """A task as the list shows it: with its community, and the state of who asks."""

    task: Task
    community: OrgNode
    unit: Unit | None
    claimed: ClaimState | None


@dataclass(frozen=True)
class TaskDetail:
    """A task as its own page shows it: with organiser and shifts."""

    line: TaskLine
    organiser: Person
    grid: OrgNode | None
    shifts: Sequence[Shift]


@dataclass(frozen=True)
class Filter:
    """What the person wants to see; `day` is a local day, `nearby` the other communities of the street."""

    community: OrgNode | None = None
    nearby: bool = False
    kind: TaskKind | None = None
    category: str | None = None
    day: date | None = None


def open_tasks(
    session: Session, *, actor: Actor, wanted: Filter, after: str | None, limit: int, now: datetime
) -> tuple[list[TaskLine], str | None]:
    """Published tasks that are not over, by start; the next cursor. Without a community: the person's own, else the whole county."""
    query = _lines(actor).where(Task.state == TaskState.PUBLISHED, Task.ends_at > now)
    nodes = _communities(session, actor, wanted)
    if nodes is not None:
        query = query.where(Task.community_id.in_(nodes))
    if wanted.kind is not None:
        query = query.where(Task.kind == wanted.kind)
    if wanted.category is not None:
        query = query.where(Task.category == wanted.category)
    if wanted.day is not None:
        query = query.where(Task.starts_at < start_of(wanted.day + timedelta(days=1)), Task.ends_at > start_of(wanted.day))
    if after is not None:
        query = query.where(_later_than(session, after))
    found = session.execute(query.order_by(Task.starts_at, Task.id).limit(limit + 1)).all()
    page = [TaskLine(*row) for row in found[:limit]]
    return page, page[-1].task.public_id if len(found) > limit else None


def managed(session: Session, *, actor: Actor, state: TaskState | None, after: str | None, limit: int) -> tuple[list[TaskLine], str | None]:
    """All tasks within the actor's role or organised by him, newest first; the next cursor."""
    query = _lines(actor).where(or_(Task.organiser_id == actor.person_id, scopes.within(actor, Permission.TASKS_MANAGE, Task.community_id)))
    if state is not None:
        query = query.where(Task.state == state)
    rows, following = lists.page(session, query, Task, after=after, limit=limit, newest_first=True)
    return [TaskLine(*row) for row in rows], following


def detail(session: Session, public_id: str, *, actor: Actor) -> TaskDetail:
    """One task; a draft only for its organiser and its community's staff. Raises NOT_FOUND."""
    organiser, grid = aliased(Person), aliased(OrgNode)
    query = _lines(actor).join(organiser, organiser.id == Task.organiser_id).outerjoin(grid, grid.id == Task.grid_id)
    row: Any = session.execute(query.add_columns(organiser, grid).where(Task.public_id == public_id)).first()
    if row is None:
        raise Problem("NOT_FOUND")
    line = TaskLine(*row[:4])
    if line.task.state is TaskState.DRAFT:
        organisers.require(session, actor, Permission.TASKS_MANAGE, line.task)
    shifts = session.execute(select(Shift).where(Shift.task_id == line.task.id).order_by(Shift.starts_at, Shift.id)).scalars().all()
    return TaskDetail(line, row[4], row[5], shifts)


def shift_by_public_id(session: Session, task: Task, public_id: str) -> Shift:
    """A shift of this task. Raises NOT_FOUND."""
    shift = session.execute(select(Shift).where(Shift.public_id == public_id, Shift.task_id == task.id)).scalar_one_or_none()
    if shift is None:
        raise Problem("NOT_FOUND")
    return shift


def _lines(actor: Actor) -> Any:
    """Task, community, asked unit, and the state of the actor's newest claim that holds a place: one statement for a page."""
    mine = (
        select(Claim.state)
        .where(Claim.task_id == Task.id, Claim.person_id == actor.person_id, Claim.state.in_(HOLDS_PLACE))
        .order_by(Claim.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(Task, OrgNode, Unit, mine).join(OrgNode, OrgNode.id == Task.community_id).outerjoin(Unit, Unit.id == Task.unit_id)


def _communities(session: Session, actor: Actor, wanted: Filter) -> list[int] | None:
    """The communities to look in; None is the whole county."""
    home = wanted.community.id if wanted.community is not None else _home(session, actor)
    if home is None:
        return None
    if not wanted.nearby:
        return [home]
    street = select(OrgNode.parent_id).where(OrgNode.id == home).scalar_subquery()
    return list(session.execute(select(OrgNode.id).where(OrgNode.parent_id == street)).scalars())


def _home(session: Session, actor: Actor) -> int | None:
    registered = select(MemberRegistration.community_id).where(
        MemberRegistration.person_id == actor.person_id, MemberRegistration.state.in_(LIVE)
    )
    return session.execute(registered).scalar()


def _later_than(session: Session, after: str) -> ColumnElement[bool]:
    last = session.execute(select(Task.starts_at, Task.id).where(Task.public_id == after)).first()
    if last is None:
        raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
    return or_(Task.starts_at > last.starts_at, (Task.starts_at == last.starts_at) & (Task.id > last.id))
