"""The codes of a community and its tasks, for those who print and show them (mission row B2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server.db.models.codes import Code
from server.db.models.orgs import OrgNode
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.posters import KIND_NAMES
from server.domain.problems import Problem
from server.domain.tasks import TaskState
from server.services import lists, organisers, posters, scopes, tasks


def of_community(
    session: Session, community: OrgNode, *, actor: Actor, now: datetime, after: str | None, limit: int
) -> tuple[list[tuple[Code, str | None]], str | None]:
    """The community's own code and those of its published tasks that are not over, with the task's public id; the next cursor.

    Raises NOT_FOUND.
    """
    scopes.require(session, actor, Permission.CODES_MANAGE, community.id)
    posters.of_itself(session, community, now=now)
    wanted = (
        select(Code, Task.public_id)
        .outerjoin(Task, and_(Code.subject_kind == "task", Task.id == Code.subject_id))
        .where(Code.community_id == community.id, Code.retired_at.is_(None))
        .where(or_(Code.kind == int(Kind.COMMUNITY), and_(Task.state == TaskState.PUBLISHED, Task.ends_at > now)))
    )
    rows, following = lists.page(session, wanted, Code, after=after, limit=limit)
    return [(code, task) for code, task in rows], following


def of_task(session: Session, public_id: str, *, actor: Actor) -> tuple[Code, str]:
    """The code of a published task, with the task's public id. Raises NOT_FOUND."""
    task = tasks.by_public_id(session, public_id)
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    code = session.execute(
        select(Code).where(Code.subject_kind == "task", Code.subject_id == task.id, Code.retired_at.is_(None))
    ).scalar_one_or_none()
    if code is None:
        raise Problem("NOT_FOUND")
    return code, task.public_id


def printed(session: Session) -> list[tuple[str, str, str, str]]:
    """Community, kind, label and serial of every code that may hang on a wall: what to print again once its key is retired."""
    rows = session.execute(
        select(OrgNode.name, Code.kind, Code.label, Code.public_id, Code.epoch)
        .join(OrgNode, OrgNode.id == Code.community_id)
        .where(Code.retired_at.is_(None), Code.mode == int(Mode.STATIC))
        .order_by(OrgNode.path, Code.kind, Code.id)
    )
    return [(row.name, KIND_NAMES.get(row.kind, "二维码"), row.label, f"{row.public_id}-{row.epoch}") for row in rows]
