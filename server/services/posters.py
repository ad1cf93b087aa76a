"""Posters: what stands on them, and the prints that a job draws (mission row B2). Rotating codes are shown, never printed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qr.tokens import Kind, Mode
from server import defer
from server.db.base import new_public_id
from server.db.inserts import insert_new
from server.db.models.codes import Code, PosterPrint, WxaPicture
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain import posters
from server.domain.permissions import Actor, Permission
from server.domain.posters import PURPOSES, PosterForm, PosterStyle, PrintState
from server.domain.problems import Problem
from server.domain.tasks import TaskState
from server.services import codes, organisers, registrations, scopes

AREA = "posters"


@dataclass(frozen=True)
class Sheet:
    """One poster to draw: its texts and the token its code carries."""

    texts: dict[str, Any]
    token: str


def of_code(session: Session, code: Code, *, form: PosterForm, style: PosterStyle, actor: Actor, now: datetime) -> PosterPrint:
    """The print of one code's poster; a job draws it unless the same one is there. Raises NOT_FOUND, POSTER_ROTATING."""
    require(session, code, actor)
    if code.kind not in PURPOSES:
        raise Problem("NOT_FOUND")
    if code.mode == Mode.ROTATING and code.kind != Kind.PERSON:
        raise Problem("POSTER_ROTATING")
    community_id = code.community_id or _home_of(session, code.subject_id)
    return _ask(session, community_id, [_texts(session, code, community_id)], [code], form=form, style=style, actor=actor, now=now)


def card_of(session: Session, person: Person, community: OrgNode, *, form: PosterForm, actor: Actor, now: datetime) -> PosterPrint:
    """The printed card of a member without a phone (R6), for the staff of his community. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.CODES_MANAGE, community.id)
    if _home_of(session, person.id) != community.id:
        raise Problem("NOT_FOUND")
    code = codes.of_person(session, person_id=person.id, now=now)
    texts = [_texts(session, code, community.id)]
    return _ask(session, community.id, texts, [code], form=form, style=PosterStyle.LINK, actor=actor, now=now)


def of_community(session: Session, community: OrgNode, *, form: PosterForm, style: PosterStyle, actor: Actor, now: datetime) -> PosterPrint:
    """One file with the posters of the community and of all its published tasks whose codes do not rotate.

    Raises NOT_FOUND, INVALID for a picture form (many posters are a PDF).
    """
    scopes.require(session, actor, Permission.CODES_MANAGE, community.id)
    if form not in (PosterForm.PDF_A4, PosterForm.PDF_A3):
        raise Problem("INVALID", fields={"format": "整个社区的海报请选 PDF"})
    of_itself(session, community, now=now)
    tasks = select(Task.id).where(Task.community_id == community.id, Task.state == TaskState.PUBLISHED, Task.ends_at > now)
    rows = session.execute(
        select(Code)
        .where(Code.community_id == community.id, Code.retired_at.is_(None), Code.mode == int(Mode.STATIC))
        .where((Code.kind == int(Kind.COMMUNITY)) | ((Code.subject_kind == "task") & Code.subject_id.in_(tasks)))
        .order_by(Code.kind, Code.id)
    ).scalars()
    chosen = list(rows)
    texts = [_texts(session, code, community.id) for code in chosen]
    return _ask(session, community.id, texts, chosen, form=form, style=style, actor=actor, now=now)


def of_itself(session: Session, community: OrgNode, *, now: datetime) -> Code:
    """The community's own code, made when it is first asked for."""
    return codes.for_subject(session, kind=Kind.COMMUNITY, subject_kind="community", subject_id=community.id, community_id=community.id,
                             label=community.name, mode=Mode.STATIC, now=now)  # fmt: skip


def require(session: Session, code: Code, actor: Actor, permission: Permission = Permission.CODES_MANAGE) -> None:
    """Raise NOT_FOUND unless the actor has charge of the code: by role, as the task's organiser, or because it is his own."""
    if code.subject_kind == "task":
        organisers.require(session, actor, permission, session.get_one(Task, code.subject_id))
    else:
        codes.require(session, code, actor, permission)


def by_public_id(session: Session, public_id: str, *, actor: Actor) -> PosterPrint:
    """A print that the actor asked for, or may ask for. Raises NOT_FOUND."""
    row = session.execute(select(PosterPrint).where(PosterPrint.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    if row.requested_by != actor.person_id:
        scopes.require(session, actor, Permission.CODES_MANAGE, row.community_id)
    return row


def sheets(session: Session, print_id: int, *, now: datetime) -> list[Sheet]:
    """What the job draws: the texts as they were asked for, the codes as they are now."""
    row = session.get_one(PosterPrint, print_id)
    found = {code.id: code for code in session.execute(select(Code).where(Code.id.in_([one["code_id"] for one in row.content]))).scalars()}
    return [Sheet(one, _printed(found[one["code_id"]], now)) for one in row.content]


def note_progress(session: Session, print_id: int, done: int) -> None:
    """How many sheets are drawn."""
    session.execute(update(PosterPrint).where(PosterPrint.id == print_id).values(done=done).execution_options(synchronize_session=False))


def finish(session: Session, print_id: int, *, sha256: str | None, now: datetime) -> None:
    """The file lies in the files port, or the print failed (sha256 None)."""
    row = session.get_one(PosterPrint, print_id)
    row.sha256, row.finished_at = sha256, now
    row.failed_at = now if sha256 is None else None
    row.done = row.total if sha256 is not None else row.done


def picture_of(session: Session, token: str) -> str | None:
    """The file of the mini-program code that WeChat drew for this token."""
    return session.execute(select(WxaPicture.sha256).where(WxaPicture.token_hash == _hash(token))).scalar()


def keep_picture(session: Session, token: str, sha256: str, *, now: datetime) -> None:
    """Remember the file of a mini-program code."""
    table: Any = WxaPicture.__table__
    session.execute(insert_new(session, table).values(token_hash=_hash(token), sha256=sha256, fetched_at=now))


def _ask(
    session: Session,
    community_id: int,
    texts: list[dict[str, Any]],
    chosen: Sequence[Code],
    *,
    form: PosterForm,
    style: PosterStyle,
    actor: Actor,
    now: datetime,
) -> PosterPrint:
    signed = [_printed(code, now) for code in chosen]
    key = _hash(json.dumps([texts, signed, form, style], ensure_ascii=False, sort_keys=True))
    row = session.execute(select(PosterPrint).where(PosterPrint.key == key)).scalar_one_or_none()
    if row is None:
        table: Any = PosterPrint.__table__
        values = {"public_id": new_public_id(), "key": key, "community_id": community_id, "content": texts, "form": form, "style": style,
                  "done": 0, "total": len(texts), "requested_by": actor.person_id,
                  "requested_at": now}  # fmt: skip
        session.execute(insert_new(session, table).values(**values))
        row = session.execute(select(PosterPrint).where(PosterPrint.key == key)).scalar_one()
        defer.defer(session, "posters.print", now=now, print_id=row.id)
    elif row.state is PrintState.FAILED:
        row.failed_at, row.done = None, 0
        session.flush()
        defer.defer(session, "posters.print", now=now, print_id=row.id)
    return row


def _home_of(session: Session, person_id: int) -> int:
    """The community where the person is registered. Raises NOT_FOUND."""
    live = registrations.live_of(session, person_id=person_id)
    if live is None:
        raise Problem("NOT_FOUND")
    return live.community_id


def _texts(session: Session, code: Code, community_id: int) -> dict[str, Any]:
    """Title, place and issuer of one poster."""
    issuer = session.get_one(OrgNode, community_id).name
    title, place = code.label, issuer
    if code.subject_kind == "task":
        task = session.get_one(Task, code.subject_id)
        title, place = task.title, posters.when_and_where(task.place, task.starts_at, task.ends_at)
    serial = f"{code.public_id}-{code.epoch}"
    return posters.content(code_id=code.id, kind=code.kind, title=title, place=place, issuer=issuer, serial=serial)


def _printed(code: Code, now: datetime) -> str:
    return codes.card_of(code) if code.kind == Kind.PERSON else codes.token_of(code, now=now)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
