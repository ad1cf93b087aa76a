"""延期: once a request, asked by the handler before it is due, decided by the community, the requester told why (mission row C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.handling import RequestExtension
from server.db.models.requests import Request
from server.domain.handling import EXTENSION_TRANSITIONS, ExtensionAction, ExtensionState
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import deadlines, events, handling, requests

REASON = "request_extension.reason"
GOES_ON = (RequestState.ACCEPTED, RequestState.IN_PROGRESS)


def ask(session: Session, request: Request, *, until: datetime, reason: str, actor: Actor, now: datetime) -> RequestExtension:
    """Ask for more time. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE, EXTENSION_LATE, EXTENSION_LONG, EXTENSION_USED, INVALID."""
    if not handling.is_handler(session, request, actor):
        raise Problem("NOT_FOUND")
    if not reason.strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明延期原因"})
    _require_in_time(session, request, until, now)
    if of(session, request) is not None:
        raise Problem("EXTENSION_USED")
    public_id = new_public_id()
    row = RequestExtension(
        public_id=public_id,
        request_id=request.id,
        community_id=request.community_id,
        state=ExtensionState.ASKED,
        until=until,
        reason=vault.seal(request.salt, REASON, public_id, reason),
        asked_by=actor.id,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    events.add(session, row, action="ask", actor=actor, now=now, after=row.state)
    return row


def decide(session: Session, request: Request, *, approve: bool, note: str, actor: Actor, now: datetime) -> RequestExtension:
    """The community says yes (the deadline moves, the requester is told) or no. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE, STALE."""
    row = of(session, request)
    if row is None:
        raise Problem("NOT_FOUND")
    action = ExtensionAction.APPROVE if approve else ExtensionAction.REFUSE
    decided: dict[str, Any] = {"decided_by": actor.person_id, "decided_at": now}
    events.move(session, row, table=EXTENSION_TRANSITIONS, action=action, actor=actor, now=now, note=note, **decided)
    if approve:
        _extend(session, request, row, actor=actor, now=now)
    return row


def of(session: Session, request: Request) -> RequestExtension | None:
    """The extension of this request, asked or decided."""
    return session.execute(select(RequestExtension).where(RequestExtension.request_id == request.id)).scalar_one_or_none()


def reason_of(request: Request, row: RequestExtension) -> str:
    """Why more time is needed, as the handler wrote it."""
    return vault.open_sealed(request.salt, REASON, row.public_id, row.reason)


def _require_in_time(session: Session, request: Request, until: datetime, now: datetime) -> None:
    if request.state not in GOES_ON or request.finish_due_at is None:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "extend"})
    if request.finish_due_at <= now:
        raise Problem("EXTENSION_LATE")
    if until <= request.finish_due_at:
        raise Problem("INVALID", fields={"until": "延期要晚于现在的期限"})
    if until > deadlines.longest(session, request, now=now):
        raise Problem("EXTENSION_LONG")


def _extend(session: Session, request: Request, row: RequestExtension, *, actor: Actor, now: datetime) -> None:
    """The work's deadline moves; that of the contact or of the wait for the resident does not."""
    if request.state not in (*GOES_ON, RequestState.WAITING):
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "extend"})
    until = max(row.until, request.finish_due_at or row.until)
    contacting = request.state is RequestState.ACCEPTED and request.contacted_at is None
    due = request.due_at if contacting or request.state is RequestState.WAITING else until
    events.shift(
        session,
        request,
        to=request.state,
        due_at=due,
        finish_due_at=until,
        promised_at=until,
        dunned_at=None,
        extensions=request.extensions + 1,
    )
    events.add(session, request, action="extend", actor=actor, now=now)
    requests.tell(session, request, outcome="extended", now=now)
