"""The codes of a community and its tasks, for those who print and show them (mission row B2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server.db.models.codes import Code, CodeEpoch, PosterPrint
from server.db.models.orgs import OrgNode
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.posters import KIND_NAMES, PURPOSES
from server.domain.problems import Problem
from server.domain.tasks import TaskState
from server.services import codes, lists, organisers, posters, scopes, tasks

LOOKED_BACK = 200  # prints of a community that are looked through for what hangs on its walls


@dataclass(frozen=True)
class Reprint:
    """A code whose poster must be printed again: why and since when the old one does not work."""

    code: Code
    reason: str
    since: datetime | None


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


def detail(session: Session, public_id: str, *, actor: Actor, permission: Permission = Permission.CODES_MANAGE) -> tuple[Code, Task | None]:
    """A code that is printed or shown, and its task. Raises NOT_FOUND (also for a person's code: that is his own)."""
    code = codes.by_public_id(session, public_id)
    if code.community_id is None or code.kind not in PURPOSES:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, permission, code.community_id)
    return code, session.get_one(Task, code.subject_id) if code.subject_kind == "task" else None


def to_reprint(session: Session, community: OrgNode, *, prints: Sequence[PosterPrint], now: datetime) -> list[Reprint]:
    """Codes that were revoked after they had been printed, and were not printed since: what hangs there does not work any more.

    Two statements at most, over the community's own codes; `prints` are its last ones.
    """
    printable = (
        select(Code)
        .outerjoin(Task, and_(Code.subject_kind == "task", Task.id == Code.subject_id))
        .where(Code.community_id == community.id, Code.retired_at.is_(None), Code.mode == int(Mode.STATIC), Code.epoch > 0)
        .where(or_(Code.kind == int(Kind.COMMUNITY), and_(Task.state == TaskState.PUBLISHED, Task.ends_at > now)))
    )
    revoked = list(session.execute(printable.order_by(Code.id)).scalars())
    if not revoked:
        return []
    closed = select(CodeEpoch).where(CodeEpoch.code_id.in_([code.id for code in revoked]), CodeEpoch.valid_to.is_not(None))
    ended = {row.code_id: row for row in session.execute(closed.order_by(CodeEpoch.epoch)).scalars()}
    drawn = {one["serial"] for row in prints if row.failed_at is None for one in row.content}
    was = [code for code in revoked if any(f"{code.public_id}-{epoch}" in drawn for epoch in range(code.epoch))]
    return [
        Reprint(code, ended[code.id].reason or "", ended[code.id].valid_to) for code in was if f"{code.public_id}-{code.epoch}" not in drawn
    ]


def prints_of(session: Session, community: OrgNode, *, limit: int = LOOKED_BACK) -> list[PosterPrint]:
    """What was printed lately, the newest first."""
    wanted = select(PosterPrint).where(PosterPrint.community_id == community.id).order_by(PosterPrint.id.desc()).limit(limit)
    return list(session.execute(wanted).scalars())


def epochs_of(session: Session, code: Code) -> list[CodeEpoch]:
    """When the code was revoked and why, the newest first."""
    ended = select(CodeEpoch).where(CodeEpoch.code_id == code.id, CodeEpoch.valid_to.is_not(None)).order_by(CodeEpoch.epoch.desc())
    return list(session.execute(ended).scalars())


def printed(session: Session) -> list[tuple[str, str, str, str]]:
    """Community, kind, label and serial of every code that may hang on a wall: what to print again once its key is retired."""
    rows = session.execute(
        select(OrgNode.name, Code.kind, Code.label, Code.public_id, Code.epoch)
        .join(OrgNode, OrgNode.id == Code.community_id)
        .where(Code.retired_at.is_(None), Code.mode == int(Mode.STATIC))
        .order_by(OrgNode.path, Code.kind, Code.id)
    )
    return [(row.name, KIND_NAMES.get(row.kind, "二维码"), row.label, f"{row.public_id}-{row.epoch}") for row in rows]
