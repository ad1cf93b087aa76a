"""An uploaded roster between its preview and its import (mission row A2): checked once, kept sealed, imported without a second upload.

The rows as they were read and the errors lie sealed under a salt of the draft's own in the files port; what is imported is what was shown,
checked again in the transaction that writes it, because units and members may have changed in between.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Row, or_, select, update
from sqlalchemy.orm import Session

from server import defer, files
from server.db import redis_client, vault
from server.db.base import after_commit, new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.rosters import RosterDraft, RosterImport
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.rosters import AT_ONCE, KEPT, KIND_NAMES, CellError, DraftState, Sheet
from server.services import notices, rosters, scopes, sessions
from server.services.roster_plans import Progress, Supply, silent
from server.services.rosters import Preview

CONTENT = "roster_draft.content"
PROGRESS_TTL = 3600  # s
FORGOTTEN = 200  # drafts a sweep


@dataclass(frozen=True)
class Content:
    """What was read: the sheet's name and rows, what is wrong with it, the titles without use to us."""

    sheet: str
    rows: tuple[tuple[str, ...], ...]
    errors: tuple[CellError, ...]
    ignored: tuple[str, ...]


def keep(
    session: Session,
    *,
    preview: Preview,
    sheets: Sequence[Sheet],
    node: OrgNode,
    filename: str,
    sha256: str,
    supply: Supply,
    actor: Actor,
    now: datetime,
) -> RosterDraft:
    """Keep what `rosters.check` looked at until somebody imports it or a week is over."""
    scopes.require(session, actor, Permission.ROSTERS_IMPORT, node.id)
    public_id, salt = new_public_id(), vault.new_salt()
    rows = next(sheet.rows for sheet in sheets if sheet.name == preview.sheet)
    content = Content(preview.sheet, rows, preview.errors, preview.ignored)
    counts = {name: getattr(preview, name) for name in ("rows", "created", "updated", "unchanged", "failed")}
    draft = RosterDraft(
        public_id=public_id,
        kind=preview.kind,
        node_id=node.id,
        filename=filename[-200:] or "名册",
        original=sha256,
        salt=salt,
        sha256=files.put(area(public_id), vault.seal(salt, CONTENT, public_id, _packed(content))),
        supplied_by=supply.by,
        basis=supply.basis,
        valid_until=supply.valid_until,
        uploaded_by=actor.person_id,
        uploaded_at=now,
        delete_after=local_day(now) + KEPT,
        **counts,
    )
    session.add(draft)
    session.flush()
    return draft


def one(session: Session, public_id: str, *, actor: Actor) -> RosterDraft:
    """The draft, for who may import for its place. Raises NOT_FOUND."""
    draft = session.execute(select(RosterDraft).where(RosterDraft.public_id == public_id)).scalar_one_or_none()
    if draft is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.ROSTERS_IMPORT, draft.node_id)
    return draft


def waiting(session: Session, *, actor: Actor, limit: int) -> Sequence[Row[RosterDraft, str]]:
    """The newest uploads within the actor's scope that are not imported, with the place's name."""
    found = (
        select(RosterDraft, OrgNode.name)
        .join(OrgNode, OrgNode.id == RosterDraft.node_id)
        .where(scopes.within(actor, Permission.ROSTERS_IMPORT, RosterDraft.node_id), RosterDraft.import_id.is_(None))
    )
    return session.execute(found.order_by(RosterDraft.id.desc()).limit(limit)).all()


def content_of(draft: RosterDraft) -> Content:
    """What was read. Raises ROSTER_DRAFT_GONE once it was deleted, or its key was."""
    try:
        text = vault.open_sealed(draft.salt, CONTENT, draft.public_id, files.get(area(draft.public_id), draft.sha256))
    except (FileNotFoundError, vault.SealBroken):
        raise Problem("ROSTER_DRAFT_GONE") from None
    said = json.loads(zlib.decompress(base64.b64decode(text)))
    rows = tuple(tuple(row) for row in said["rows"])
    return Content(said["sheet"], rows, tuple(CellError(*error) for error in said["errors"]), tuple(said["ignored"]))


def start(session: Session, draft: RosterDraft, *, actor: Actor, now: datetime) -> RosterDraft:
    """Import what is short at once, let a job import the rest; asked twice it happens once. Raises what `rosters.check` refuses."""
    free = update(RosterDraft).where(
        RosterDraft.id == draft.id, RosterDraft.import_id.is_(None), or_(RosterDraft.asked_at.is_(None), RosterDraft.problem.is_not(None))
    )
    asked: Any = session.execute(free.values(asked_at=now, asked_by=actor.person_id, problem=None))
    session.refresh(draft)
    if asked.rowcount != 1:
        return draft
    if draft.rows <= AT_ONCE:
        carry_out(session, draft, actor=actor, now=now)
    else:
        defer.defer(session, "rosters.import", now=now, draft_id=draft.id)
    return draft


def carry_out(session: Session, draft: RosterDraft, *, actor: Actor, now: datetime, progress: Progress = silent) -> RosterImport:
    """The import itself and its mark on the draft, in one transaction. Raises STALE where it is imported already, else as `check`."""
    content, node = content_of(draft), session.get_one(OrgNode, draft.node_id)
    supply = Supply(draft.supplied_by, draft.basis, draft.valid_until)
    sheets = [Sheet(content.sheet, content.rows)]
    preview = rosters.check(session, kind=draft.kind, node=node, sheets=sheets, supply=supply, actor=actor, now=now, progress=progress)
    made = rosters.apply(
        session,
        preview=preview,
        node=node,
        filename=draft.filename,
        sha256=draft.original,
        supply=supply,
        actor=actor,
        now=now,
        progress=progress,
    )
    once = update(RosterDraft).where(RosterDraft.id == draft.id, RosterDraft.import_id.is_(None)).values(import_id=made.id)
    marked: Any = session.execute(once.execution_options(synchronize_session=False))
    if marked.rowcount != 1:
        raise Problem("STALE")
    session.refresh(draft)
    return made


def asker(session: Session, draft: RosterDraft, *, now: datetime) -> Actor:
    """Who asked for the import, with what he may do today."""
    if draft.asked_by is None:
        raise Problem("NOT_FOUND")
    return Actor(draft.asked_by, None, sessions.grants_of(session, person_id=draft.asked_by, today=local_day(now)))


def fail(session: Session, draft: RosterDraft, *, code: str) -> None:
    """It could not be imported, and why; it may be asked for again."""
    failed = update(RosterDraft).where(RosterDraft.id == draft.id, RosterDraft.import_id.is_(None)).values(problem=code)
    session.execute(failed.execution_options(synchronize_session=False))


def tell(session: Session, draft: RosterDraft, *, outcome: str, now: datetime) -> None:
    """A notice to who asked: `imported` or `failed`."""
    if draft.asked_by is None or draft.asked_at is None:
        return
    notices.tell(
        session,
        person_id=draft.asked_by,
        kind=NoticeKind.ROSTER_IMPORTED,
        subject_kind="roster_draft",
        subject_public_id=draft.public_id,
        facts={"title": KIND_NAMES[draft.kind], "outcome": outcome},
        dedupe=f"roster_draft:{draft.id}:{draft.asked_at.isoformat()}",
        now=now,
    )


def made_of(session: Session, draft: RosterDraft) -> RosterImport | None:
    """The import that came of it."""
    return session.get(RosterImport, draft.import_id) if draft.import_id is not None else None


def discard(session: Session, draft: RosterDraft) -> None:
    """Delete an upload that nobody wants; one that is being imported, or was, stays. Raises ILLEGAL_MOVE."""
    if draft.state not in (DraftState.READY, DraftState.FAILED):
        raise Problem("ILLEGAL_MOVE")
    session.delete(draft)
    after_commit(session, partial(files.delete, area(draft.public_id), draft.sha256))


def old(session: Session, *, now: datetime) -> Sequence[RosterDraft]:
    """Drafts whose week is over; one that is being imported waits."""
    over = select(RosterDraft).where(RosterDraft.delete_after <= local_day(now)).order_by(RosterDraft.id).limit(FORGOTTEN)
    return [draft for draft in session.execute(over).scalars() if draft.state is not DraftState.IMPORTING]


def note_progress(draft: RosterDraft, stage: str, done: int, total: int) -> None:
    """How far the job is, for who watches. It lives in Redis only, because the import's own transaction is still open."""
    try:
        redis_client.client().set(_key(draft), json.dumps([stage, done, total]), ex=PROGRESS_TTL)
    except RedisError:
        return


def progress_of(draft: RosterDraft) -> tuple[str, int, int]:
    """Stage, rows done, rows in all; ('', 0, 0) where nothing is known."""
    try:
        said: Any = redis_client.client().get(_key(draft))
    except RedisError:
        return "", 0, 0
    stage, done, total = json.loads(said) if said else ("", 0, 0)
    return stage, done, total


def area(public_id: str) -> str:
    """Where in the files port this draft lies; nobody else's row points there."""
    return f"rosters/{public_id}"


def _key(draft: RosterDraft) -> str:
    return f"gongjian:roster:{draft.public_id}"


def _packed(content: Content) -> str:
    errors = [(error.row, error.column, error.message) for error in content.errors]
    said = {"sheet": content.sheet, "rows": content.rows, "errors": errors, "ignored": content.ignored}
    return base64.b64encode(zlib.compress(json.dumps(said, ensure_ascii=False).encode())).decode()
