"""Excel files: asking for one, making it in a job, fetching it once it is there (docs/console.md).

The row says who asked, for what and why, and is an event; so is each fetching. The file lies sealed under a salt of the row's own, which
goes with the row after a week. What may stand in it is asked again when it is made, by what the person may do then.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server import defer, files
from server.db import vault
from server.db.base import new_public_id
from server.db.models.exports import Export
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.exports import EXPORTS, KEPT, NAMES, SLOW, ExportKind
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import events, notices, scopes, sessions

WHERE = "export.file"
SHORTEST = 4  # letters of a reason
FORGOTTEN = 200  # files a sweep


def ask(session: Session, *, kind: ExportKind, node: OrgNode, asked: dict[str, Any], reason: str, actor: Actor, now: datetime) -> Export:
    """Ask for a file; a job makes it. Raises NOT_FOUND out of scope, INVALID without a reason where it holds names."""
    scopes.require(session, actor, EXPORTS[kind].permission, node.id)
    reason = reason.strip()[:200]
    if EXPORTS[kind].names and len(reason) < SHORTEST:
        raise Problem("INVALID", fields={"reason": "请写明为什么要导出姓名，例如：核对二季度服务记录"})
    row = Export(
        public_id=new_public_id(),
        kind=kind,
        community_id=node.id,
        asked=asked,
        reason=reason or None,
        salt=vault.new_salt(),
        asked_by=actor.id,
        asked_at=now,
        delete_after=local_day(now) + KEPT,
    )
    session.add(row)
    session.flush()
    events.add(session, row, action="ask", actor=actor, now=now, note=f"{EXPORTS[kind].title}：{reason}"[:200] if reason else kind.value)
    defer.defer(session, "exports.make", now=now, export_id=row.id)
    return row


def own(session: Session, public_id: str, *, actor: Actor) -> Export:
    """The file that this person asked for. Raises NOT_FOUND for anybody else's."""
    row = session.execute(select(Export).where(Export.public_id == public_id, Export.asked_by == actor.id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def recent(session: Session, *, actor: Actor, limit: int = 10) -> Sequence[tuple[Export, str]]:
    """The person's newest files with their places' names."""
    mine = select(Export, OrgNode.name).join(OrgNode, OrgNode.id == Export.community_id).where(Export.asked_by == actor.id)
    return [(row[0], row[1]) for row in session.execute(mine.order_by(Export.id.desc()).limit(limit))]


def asker(session: Session, row: Export, *, now: datetime) -> Actor:
    """Who asked, with what he may do today."""
    return Actor(row.asked_by, None, sessions.grants_of(session, person_id=row.asked_by, today=local_day(now)))


def note_progress(session: Session, row: Export, done: int, total: int) -> None:
    """How far the job is."""
    session.execute(update(Export).where(Export.id == row.id).values(done=done, total=total))


def seal(row: Export, data: bytes) -> bytes:
    """The file as it may lie on a disk."""
    return vault.seal(row.salt, WHERE, row.public_id, base64.b64encode(data).decode())


def finish(session: Session, row: Export, *, sha256: str, rows: int, named: bool, now: datetime) -> bool:
    """The file is there; who waited long is told. False where another run was quicker."""
    first = update(Export).where(Export.id == row.id, Export.sha256.is_(None))
    made: Any = session.execute(first.values(sha256=sha256, named=named, made_at=now, problem=None, done=rows, total=rows))
    if made.rowcount == 1 and now - row.asked_at >= SLOW:
        _tell(session, row, "ready", now)
    return bool(made.rowcount == 1)


def fail(session: Session, row: Export, *, code: str, now: datetime) -> None:
    """There is no file, and why."""
    failed = update(Export).where(Export.id == row.id, Export.sha256.is_(None), Export.problem.is_(None)).values(problem=code)
    done: Any = session.execute(failed)
    if done.rowcount == 1:
        _tell(session, row, "failed", now)


def fetch(session: Session, row: Export, *, actor: Actor, now: datetime) -> bytes:
    """The file for who asked for it, kept as an event. Raises EXPORT_NOT_READY, EXPORT_GONE, and NOT_FOUND once he may no longer."""
    scopes.require(session, actor, EXPORTS[row.kind].permission, row.community_id)
    if row.named:
        scopes.require(session, actor, NAMES[row.kind], row.community_id)
    if row.sha256 is None:
        raise Problem("EXPORT_NOT_READY")
    try:
        box = files.get(area(row.public_id), row.sha256)
    except FileNotFoundError:
        raise Problem("EXPORT_GONE") from None
    events.add(session, row, action="fetch", actor=actor, now=now)
    return base64.b64decode(vault.open_sealed(row.salt, WHERE, row.public_id, box))


def old(session: Session, *, now: datetime) -> Sequence[Export]:
    """Files whose week is over."""
    over = select(Export).where(Export.delete_after <= local_day(now)).order_by(Export.id).limit(FORGOTTEN)
    return session.execute(over).scalars().all()


def area(public_id: str) -> str:
    """Where in the files port this file lies; nobody else's row points there."""
    return f"exports/{public_id}"


def _tell(session: Session, row: Export, outcome: str, now: datetime) -> None:
    notices.tell(
        session,
        person_id=row.asked_by,
        kind=NoticeKind.EXPORT_MADE,
        subject_kind="export",
        subject_public_id=row.public_id,
        facts={"title": EXPORTS[row.kind].title, "outcome": outcome},
        dedupe=f"export:{row.id}:{outcome}",
        now=now,
    )
