"""What a scanned code is, so that a phone knows what to do with it (mission row B1). Tells nothing that the poster does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from qr.tokens import Kind
from server.db.models.codes import Code
from server.db.models.orgs import OrgNode
from server.db.models.tasks import Task
from server.domain.permissions import Actor
from server.domain.posters import KIND_NAMES
from server.domain.problems import Problem
from server.services import codes, refusals


@dataclass(frozen=True)
class Preview:
    """Kind, title and where it leads: a task's or a community's public id, empty for a person."""

    kind: Kind
    kind_name: str
    title: str
    task: str | None = None
    community: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def preview(session: Session, text: str, *, actor: Actor, now: datetime) -> Preview:
    """What the code stands for. Raises ScanRefused (QR_…)."""
    try:
        return of_text(session, text, now)
    except Problem as problem:
        raise refusals.of_text(problem, text, actor=actor, now=now) from None


def of_text(session: Session, text: str, now: datetime) -> Preview:
    """The same for anybody. A code on the console's sign-in page has no object: what it opens is asked elsewhere. Raises CodeRefused."""
    if codes.read(text).kind is Kind.CONSOLE_LOGIN:
        return Preview(Kind.CONSOLE_LOGIN, KIND_NAMES[Kind.CONSOLE_LOGIN], "登录管理后台")
    return of_code(session, codes.resolve(session, text, now).code)


def of_code(session: Session, code: Code) -> Preview:
    """The same of a code that was read already."""
    kind = Kind(code.kind)
    name = KIND_NAMES.get(kind, "二维码")
    if code.subject_kind == "task":
        task = session.get_one(Task, code.subject_id)
        community = session.get_one(OrgNode, task.community_id).public_id
        return Preview(kind, name, task.title, task.public_id, community, task.starts_at, task.ends_at)
    if kind is Kind.COMMUNITY:
        found = session.get_one(OrgNode, code.subject_id)
        return Preview(kind, name, found.name, community=found.public_id)
    return Preview(kind, name, name)
