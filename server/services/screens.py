"""Screens in the hall: they fetch the next slots of a rotating code, hold no key, and can be ended (docs/protocol.md §1, row B2)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qr.tokens import Mode
from server.db import vault
from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.codes import Code, Screen
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.services import codes, events, posters

AHEAD = 20  # slots: a stolen screen is worth ten minutes of codes
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Shown:
    """What a screen shows: the code and its task, (unix second, token) of the slots, how many are there and how many ever came."""

    code: Code
    slots: list[tuple[int, str]]
    step: int
    present: int
    came: int
    task: Task | None = None


def open_screen(session: Session, code: Code, *, actor: Actor, now: datetime) -> tuple[Screen, str]:
    """A screen for a rotating code, and its bearer token (only its hash is kept). Raises NOT_FOUND, SCREEN_STATIC."""
    posters.require(session, code, actor, Permission.SCREENS_OPEN)
    if code.mode != Mode.ROTATING:
        raise Problem("SCREEN_STATIC")
    token = secrets.token_urlsafe(32)
    screen = Screen(
        public_id=new_public_id(),
        code_id=code.id,
        token_hash=vault.token_hash(token),
        opened_by=actor.id,
        opened_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(screen)
    session.flush()
    events.add(session, screen, action="open", actor=actor, now=now)
    return screen, token


def slots(session: Session, *, token: str, now: datetime, count: int = AHEAD) -> Shown:
    """The next slots for the screen with this token. Raises SCREEN_ENDED."""
    code = session.execute(
        select(Code)
        .join(Screen, Screen.code_id == Code.id)
        .where(Screen.token_hash == vault.token_hash(token), Screen.revoked_at.is_(None), Screen.expires_at > now)
        .where(Code.retired_at.is_(None), Code.mode == int(Mode.ROTATING))
    ).scalar_one_or_none()
    if code is None:
        raise Problem("SCREEN_ENDED")
    present, came = _counts(session, code)
    task = session.get_one(Task, code.subject_id) if code.subject_kind == "task" else None
    return Shown(code, codes.slots_ahead(code, now=now, count=min(count, AHEAD)), codes.step_of(code), present, came, task)


def open_of(session: Session, code: Code, *, now: datetime) -> list[Screen]:
    """The screens that show this code now."""
    wanted = select(Screen).where(Screen.code_id == code.id, Screen.revoked_at.is_(None), Screen.expires_at > now)
    return list(session.execute(wanted.order_by(Screen.id)).scalars())


def end(session: Session, public_id: str, *, actor: Actor, now: datetime) -> Code:
    """No more slots for this screen; ending it again changes nothing. Returns the code it showed. Raises NOT_FOUND."""
    screen = session.execute(select(Screen).where(Screen.public_id == public_id)).scalar_one_or_none()
    if screen is None:
        raise Problem("NOT_FOUND")
    code = session.get_one(Code, screen.code_id)
    posters.require(session, code, actor, Permission.SCREENS_OPEN)
    if screen.revoked_at is None:
        screen.revoked_at = now
        events.add(session, screen, action="end", actor=actor, now=now)
    return code


def _counts(session: Session, code: Code) -> tuple[int, int]:
    """Heads who are there now, and heads who came."""
    if code.subject_kind != "task":
        return 0, 0
    came = func.count(func.distinct(ServiceRecord.person_id))
    there = came.filter(ServiceRecord.state == RecordState.PRESENT)
    counted = select(there, came).where(ServiceRecord.task_id == code.subject_id, ServiceRecord.state != RecordState.VOID)
    present, total = session.execute(counted).one()
    return int(present), int(total)
