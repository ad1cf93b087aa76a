"""A community's posts, tasks and activities as its staff look at them: a list with filters, and a month (mission rows A7, C3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode
from server.db.models.tasks import Claim, Shift, Task
from server.domain.days import local_day, period_end, start_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.tasks import ClaimState, TaskKind, TaskState
from server.services import lists, organisers, scopes, task_lists
from server.services.task_lists import TaskDetail

MOST = 400  # entries of a month that are shown; more than thirteen a day nobody reads
ONE_SITTING = timedelta(days=1)  # what is longer stands all the time: it has a line of its own, not one in every day


@dataclass(frozen=True)
class TaskRow:
    """A task with the claims that wait for a decision, and the heads of those who came."""

    task: Task
    waiting: int
    came: int


@dataclass(frozen=True)
class Entry:
    """What happens at a time of a day: a task, or a shift of a post."""

    task: Task
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Month:
    """Weeks of seven days from Monday; `entries` by day, in the order of time; `standing`: posts that go on for longer than a day."""

    first: date
    weeks: Sequence[Sequence[date]]
    entries: Mapping[date, Sequence[Entry]]
    standing: Sequence[Task]


def page(
    session: Session,
    *,
    community: OrgNode,
    actor: Actor,
    after: str | None,
    limit: int,
    state: TaskState | None = None,
    kind: TaskKind | None = None,
    words: str = "",
) -> tuple[list[TaskRow], str | None]:
    """The community's tasks, the newest first, with `words` in their title; the next cursor. Raises NOT_FOUND out of scope.

    Who works in a grid has what is placed there.
    """
    wanted = select(Task).where(Task.community_id == community.id, _in_reach(session, actor, community))
    if state is not None:
        wanted = wanted.where(Task.state == state)
    if kind is not None:
        wanted = wanted.where(Task.kind == kind)
    if words:
        wanted = wanted.where(Task.title.contains(words, autoescape=True))
    rows, following = lists.page(session, wanted, Task, after=after, limit=limit, newest_first=True)
    found = [row[0] for row in rows]
    ids = [task.id for task in found]
    waiting, came = _waiting(session, ids), heads(session, ids)
    return [TaskRow(task, waiting.get(task.id, 0), came.get(task.id, 0)) for task in found], following


def heads(session: Session, task_ids: Collection[int], *, day: date | None = None) -> dict[int, int]:
    """How many people came to each of these tasks (on this day); no names."""
    counted = select(ServiceRecord.task_id, func.count(func.distinct(ServiceRecord.person_id))).where(
        ServiceRecord.task_id.in_(task_ids), ServiceRecord.state != RecordState.VOID
    )
    if day is not None:
        counted = counted.where(ServiceRecord.day == day)
    return {row[0]: row[1] for row in session.execute(counted.group_by(ServiceRecord.task_id))} if task_ids else {}


def month(session: Session, *, community: OrgNode, actor: Actor, first: date) -> Month:
    """What happens in the month that begins on `first`, as page(); cancelled tasks are not in it. Raises NOT_FOUND out of scope."""
    last = period_end("month", first)
    begin, end = start_of(first), start_of(last)
    here = (Task.community_id == community.id, Task.state != TaskState.CANCELLED, _in_reach(session, actor, community))
    tasks = session.execute(
        select(Task).where(*here, Task.starts_at < end, Task.ends_at > begin).order_by(Task.starts_at, Task.id).limit(MOST)
    ).scalars()
    found = list(tasks)
    shifts = session.execute(
        select(Shift)
        .where(Shift.task_id.in_([task.id for task in found]), Shift.starts_at < end, Shift.ends_at > begin)
        .order_by(Shift.starts_at, Shift.id)
        .limit(MOST)
    ).scalars()
    by_id = {task.id: task for task in found}
    short = [Entry(task, task.starts_at, task.ends_at) for task in found if not stands(task)]
    entries = sorted([*short, *(Entry(by_id[one.task_id], one.starts_at, one.ends_at) for one in shifts)], key=lambda one: one.starts_at)
    by_day: dict[date, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_day[max(first, local_day(entry.starts_at))].append(entry)
    return Month(first, weeks_of(first, last), by_day, [task for task in found if stands(task)])


def stands(task: Task) -> bool:
    """Does it go on for longer than a day?"""
    return task.ends_at - task.starts_at > ONE_SITTING


def weeks_of(first: date, end: date) -> list[list[date]]:
    """The weeks, each from Monday, that hold the days from `first` to before `end`."""
    monday = first - timedelta(days=first.weekday())
    count = ((end - timedelta(days=1)) - monday).days // 7 + 1
    return [[monday + timedelta(days=7 * week + day) for day in range(7)] for week in range(count)]


def detail(session: Session, public_id: str, *, actor: Actor) -> TaskDetail:
    """One task for the staff of its community or grid, and its organiser. Raises NOT_FOUND."""
    found = task_lists.detail(session, public_id, actor=actor)
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, found.line.task)
    return found


def _in_reach(session: Session, actor: Actor, community: OrgNode) -> ColumnElement[bool]:
    """Which of the community's tasks the actor has to do with: all, or what is placed in his grids. Raises NOT_FOUND where he has none."""
    if scopes.allows(session, actor, Permission.ATTENDANCE_RECORD, community.id):
        return true()
    inside = (scopes.within(actor, Permission.ATTENDANCE_RECORD, OrgNode.id), OrgNode.path.startswith(community.path, autoescape=True))
    if session.execute(select(OrgNode.id).where(*inside).limit(1)).first() is None:
        raise Problem("NOT_FOUND")
    return scopes.within(actor, Permission.ATTENDANCE_RECORD, Task.grid_id)


def _waiting(session: Session, task_ids: Collection[int]) -> dict[int, int]:
    counted = select(Claim.task_id, func.count()).where(Claim.task_id.in_(task_ids), Claim.state == ClaimState.PENDING)
    return {row[0]: row[1] for row in session.execute(counted.group_by(Claim.task_id))} if task_ids else {}
