"""What the organiser of a task may do for it without a role: he was named by the community, that is his authority (docs/rules.md §2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.states import A, Rule, S, permission_for, rule_for
from server.services import events, scopes


def allows(session: Session, actor: Actor, permission: Permission, task: Task) -> bool:
    """The task's organiser, or somebody whose role covers its community, or the grid or building it is placed in (docs/permissions.md)."""
    if actor.person_id is not None and task.organiser_id == actor.person_id:
        return True
    return any(scopes.allows(session, actor, permission, node) for node in (task.community_id, task.grid_id) if node is not None)


def require(session: Session, actor: Actor, permission: Permission, task: Task) -> None:
    """Raise NOT_FOUND unless the actor organises the task or his role covers where it is."""
    if not allows(session, actor, permission, task):
        raise Problem("NOT_FOUND")


def move(
    session: Session,
    row: Any,
    *,
    task: Task,
    table: Mapping[tuple[S, A], Rule[S]],
    action: A,
    actor: Actor,
    now: datetime,
    note: str | None = None,
    **changes: Any,
) -> None:
    """events.move for a row of `task` (claim, record) that its organiser may move as well. Raises what events.move raises."""
    before, permission = row.state, permission_for(table, action)
    if permission is not None:
        require(session, actor, permission, task)
    rule = rule_for(table, before, action, note=note)
    events.shift(session, row, to=rule.to, **changes)
    events.add(session, row, action=action.value, actor=actor, now=now, before=before, after=rule.to, note=note)
