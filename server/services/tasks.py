"""Posts, tasks and activities: drafting, publishing, changing, ending (mission rows A7, C3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.tasks import Shift, Task
from server.domain.categories import FIVE_HELPS, of_kind
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.tasks import EDITABLE_WHEN_PUBLISHED, LONGEST_MINUTES, TASK_TRANSITIONS, TaskAction, TaskKind, TaskMode, TaskState
from server.services import claim_decisions, codes, events, scopes

CHECKED = (
    "kind",
    "mode",
    "category",
    "five_help",
    "starts_at",
    "ends_at",
    "planned_minutes",
    "unit_id",
    "grid_id",
    "community_id",
    "capacity",
)

LINGERS = timedelta(days=1)  # scans may still arrive for a while after the end


class Details(TypedDict, total=False):
    """What a draft may say beyond the necessary; micro-degrees, metres."""

    content: str
    grid_id: int | None
    unit_id: int | None
    five_help: str | None
    place_lat_e6: int | None
    place_lng_e6: int | None
    place_radius_m: int | None
    skills: list[str]
    risk_note: str | None
    dangerous: bool
    insured: bool
    claim_needed: bool
    approval_needed: bool
    rotating: bool


class Changes(Details, total=False):
    """What an edit may change."""

    title: str
    category: str
    place: str
    starts_at: datetime
    ends_at: datetime
    planned_minutes: int
    capacity: int


def create(
    session: Session,
    *,
    community: OrgNode,
    kind: TaskKind,
    mode: TaskMode,
    title: str,
    category: str,
    place: str,
    starts_at: datetime,
    ends_at: datetime,
    planned_minutes: int,
    capacity: int,
    organiser: Person,
    actor: Actor,
    now: datetime,
    **details: Unpack[Details],
) -> Task:
    """A draft in `community`. Minutes and heads. Raises NOT_FOUND out of scope, ORG_LEVEL, INVALID naming the field."""
    scopes.require(session, actor, Permission.TASKS_MANAGE, community.id)
    if community.level is not Level.COMMUNITY:
        raise Problem("ORG_LEVEL")
    task = Task(
        public_id=new_public_id(),
        kind=kind,
        mode=mode,
        state=TaskState.DRAFT,
        community_id=community.id,
        title=title,
        category=category,
        place=place,
        starts_at=starts_at,
        ends_at=ends_at,
        planned_minutes=planned_minutes,
        capacity=capacity,
        taken=0,
        organiser_id=organiser.id,
        created_by=actor.id,
        created_at=now,
        **{"content": "", "skills": [], **details},
    )
    _check(session, task)
    session.add(task)
    session.flush()
    events.add(session, task, action="create", actor=actor, now=now, after=task.state.value)
    return task


def edit(session: Session, task: Task, *, actor: Actor, now: datetime, seen: int | None = None, **changes: Unpack[Changes]) -> Task:
    """Change a draft, or of a published task what EDITABLE_WHEN_PUBLISHED names. `seen` is the version the editor had before her.

    Raises NOT_FOUND, ILLEGAL_MOVE, TASK_FIXED (published), CAPACITY_TAKEN, INVALID, STALE.
    """
    scopes.require(session, actor, Permission.TASKS_MANAGE, task.community_id)
    if task.state not in (TaskState.DRAFT, TaskState.PUBLISHED):
        raise Problem("ILLEGAL_MOVE", data={"state": task.state.value, "action": "edit"})
    if task.state is TaskState.PUBLISHED and not changes.keys() <= EDITABLE_WHEN_PUBLISHED:
        raise Problem("TASK_FIXED")
    if changes.get("capacity", task.taken) < task.taken:
        raise Problem("CAPACITY_TAKEN", fields={"capacity": f"已有 {task.taken} 人占用名额"})
    _check(session, SimpleNamespace(**{name: changes.get(name, getattr(task, name)) for name in CHECKED}))
    events.shift(session, task, to=task.state, seen=seen, **changes)
    if task.state is TaskState.PUBLISHED:
        _honest(task)
    events.add(session, task, action="edit", actor=actor, now=now)
    return task


def publish(session: Session, task: Task, *, actor: Actor, now: datetime) -> Task:
    """Open the task for claims and give it its code. Raises RISK_NOTE_REQUIRED, INSURANCE_REQUIRED, TASK_PAST."""
    scopes.require(session, actor, Permission.TASKS_MANAGE, task.community_id)
    _honest(task)
    if task.ends_at <= now:
        raise Problem("TASK_PAST")
    events.move(session, task, table=TASK_TRANSITIONS, action=TaskAction.PUBLISH, actor=actor, now=now, published_at=now)
    codes.for_subject(
        session,
        kind=Kind.ACTIVITY if task.kind is TaskKind.ACTIVITY else Kind.TASK,
        subject_kind="task",
        subject_id=task.id,
        community_id=task.community_id,
        label=task.title,
        mode=Mode.ROTATING if task.rotating else Mode.STATIC,
        now=now,
    )
    return task


def end(session: Session, task: Task, *, actor: Actor, now: datetime) -> Task:
    """No more claims; those that wait for a decision are cancelled, the approved ones stay for what is still to be confirmed."""
    events.move(session, task, table=TASK_TRANSITIONS, action=TaskAction.END, actor=actor, now=now)
    claim_decisions.cancel_all(session, task, actor=actor, now=now, reason="已经结束", only_pending=True)
    return task


def cancel(session: Session, task: Task, *, reason: str, actor: Actor, now: datetime) -> Task:
    """The task falls through: everybody who holds a claim is told why. Raises NOTE_REQUIRED once it was published."""
    events.move(session, task, table=TASK_TRANSITIONS, action=TaskAction.CANCEL, actor=actor, now=now, note=reason, closed_reason=reason)
    claim_decisions.cancel_all(session, task, actor=actor, now=now, reason=reason)
    return task


def end_due(session: Session, now: datetime, *, limit: int = 200) -> int:
    """End what was over a day ago (a sweep's work). Returns how many."""
    over = select(Task).where(Task.state == TaskState.PUBLISHED, Task.ends_at < now - LINGERS).order_by(Task.id).limit(limit)
    found = session.execute(over.with_for_update(key_share=True, skip_locked=True)).scalars().all()
    for task in found:
        end(session, task, actor=SYSTEM, now=now)
    return len(found)


def add_shift(session: Session, task: Task, *, starts_at: datetime, ends_at: datetime, capacity: int, actor: Actor, now: datetime) -> Shift:
    """A time window of a post with its own places. Raises NOT_A_POST, INVALID, ILLEGAL_MOVE."""
    scopes.require(session, actor, Permission.TASKS_MANAGE, task.community_id)
    if task.kind is not TaskKind.POST:
        raise Problem("NOT_A_POST")
    if task.state not in (TaskState.DRAFT, TaskState.PUBLISHED):
        raise Problem("ILLEGAL_MOVE", data={"state": task.state.value, "action": "add_shift"})
    if not task.starts_at <= starts_at < ends_at <= task.ends_at:
        raise Problem("INVALID", fields={"starts_at": "班次要在岗位的起止时间以内"})
    shift = Shift(public_id=new_public_id(), task_id=task.id, starts_at=starts_at, ends_at=ends_at, capacity=capacity, taken=0)
    session.add(shift)
    session.flush()
    events.add(session, task, action="add_shift", actor=actor, now=now)
    return shift


def by_public_id(session: Session, public_id: str) -> Task:
    """The task in whatever state. Raises NOT_FOUND."""
    task = session.execute(select(Task).where(Task.public_id == public_id)).scalar_one_or_none()
    if task is None:
        raise Problem("NOT_FOUND")
    return task


def _check(session: Session, task: Any) -> None:
    """Raise INVALID naming every field that does not fit the others."""
    wrong = {
        "category": "请从列出的类别里选一个" if task.category not in of_kind(task.kind) else "",
        "five_help": "请从五助里选一个" if task.five_help and task.five_help not in FIVE_HELPS else "",
        "ends_at": "结束时间要晚于开始时间" if task.ends_at <= task.starts_at else "",
        "planned_minutes": "请填 1 到 1440 之间的分钟数" if not 1 <= task.planned_minutes <= LONGEST_MINUTES else "",
        "unit": "结对任务要选定一个单位" if (task.mode is TaskMode.PAIR) is (task.unit_id is None) else "",
        "grid": "网格不在这个社区里" if not _grid_inside(session, task) else "",
        "capacity": "名额至少一人" if task.capacity < 1 else "",
    }
    wrong = {name: sentence for name, sentence in wrong.items() if sentence}
    if wrong:
        raise Problem("INVALID", fields=wrong)


def _grid_inside(session: Session, task: Any) -> bool:
    return task.grid_id is None or scopes.path_of(session, task.grid_id).startswith(scopes.path_of(session, task.community_id))


def _honest(task: Task) -> None:
    """Recruiting states true information and risks; work with personal danger is insured first (docs/rules.md §2)."""
    if not (task.risk_note or "").strip():
        raise Problem("RISK_NOTE_REQUIRED", fields={"risk_note": "没有特别的风险也请写明"})
    if task.dangerous and not task.insured:
        raise Problem("INSURANCE_REQUIRED")
