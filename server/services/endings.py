"""Ends that are not a 签收: withdrawn by the requester, or explained as impossible with a second approver (mission row C8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.requests import Request, RequestParty
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import RequestAction, RequestState
from server.services import events, notices, request_moves, requests

WITHDRAWN = "request.withdraw_reason"


def withdraw(
    session: Session, request: Request, *, actor: Actor, now: datetime, reason: str | None = None, seen: int | None = None
) -> Request:
    """The requester takes it back, at any open stage; whoever worked on it is told. Where others asked for the same, it goes on for them
    and what he wrote is not kept.

    Raises NOT_FOUND (not his), ILLEGAL_MOVE, STALE.
    """
    if not requests.is_own(request, actor):
        raise Problem("NOT_FOUND")
    heir = _next_requester(session, request)
    if heir is not None:
        return _hand_on(session, request, heir, actor=actor, now=now, seen=seen)
    handler = request.handler_person_id
    sealed = vault.seal(request.salt, WITHDRAWN, request.public_id, reason) if reason else None
    request_moves.move(session, request, RequestAction.WITHDRAW, actor=actor, now=now, seen=seen, closed_at=now, withdraw_reason=sealed)
    if handler is not None:
        _tell_handler(session, request, handler, now=now)
    return request


def explain(session: Session, request: Request, *, reason: str, actor: Actor, now: datetime) -> Request:
    """It cannot be done (policy, a third party): the level responsible says why. Raises NOT_FOUND, REQUEST_LEVEL, NOTE_REQUIRED."""
    request_moves.require_level(session, actor, request)
    return request_moves.move(session, request, RequestAction.EXPLAIN, actor=actor, now=now, note=reason, explained_by_id=actor.person_id)


def decide_explanation(session: Session, request: Request, *, approve: bool, reason: str, actor: Actor, now: datetime) -> Request:
    """Somebody else of that level or above approves (it ends, unsolved) or refuses. Raises EXPLAIN_SELF, REQUEST_LEVEL, ILLEGAL_MOVE."""
    request_moves.require_level(session, actor, request)
    if request.explained_by_id == actor.person_id:
        raise Problem("EXPLAIN_SELF")
    action = RequestAction.APPROVE_EXPLANATION if approve else RequestAction.REFUSE_EXPLANATION
    end: dict[str, Any] = {"closed_at": now, "solved": False, "closed_reason": reason} if approve else {"explained_by_id": None}
    request_moves.move(session, request, action, actor=actor, now=now, note=reason, **end)
    if request.state is RequestState.CLOSED_EXPLAINED:
        requests.tell(session, request, outcome="closed_explained", now=now)
    return request


def reason_of(request: Request) -> str | None:
    """Why it ended: what the requester wrote when he took it back, else what staff wrote; for himself and who may read the request."""
    return vault.open_sealed(request.salt, WITHDRAWN, request.public_id, request.withdraw_reason) or request.closed_reason


def _next_requester(session: Session, request: Request) -> RequestParty | None:
    """The first of those whose own requests were merged into this one, and who is not leaving now."""
    others = select(RequestParty).where(RequestParty.request_id == request.id, RequestParty.person_id != request.asked_for_id)
    return session.execute(others.order_by(RequestParty.id).limit(1)).scalar_one_or_none()


def _hand_on(session: Session, request: Request, heir: RequestParty, *, actor: Actor, now: datetime, seen: int | None) -> Request:
    """The heir's own words take the place of the leaver's, who is gone from it."""
    requests.require_open(request)
    merged = session.get_one(Request, heir.via_request_id)
    requests.reseal(request, content=requests.words(merged), where=requests.place(merged))
    events.shift(session, request, to=request.state, seen=seen, asked_for_id=heir.person_id, author_id=heir.person_id)
    session.execute(delete(RequestParty).where(RequestParty.id == heir.id))
    events.add(session, request, action="hand_on", actor=actor, now=now)
    return request


def _tell_handler(session: Session, request: Request, handler: int, *, now: datetime) -> None:
    notices.tell(
        session,
        person_id=handler,
        kind=NoticeKind.REQUEST_OFFERED,
        subject_kind="request",
        subject_public_id=request.public_id,
        facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": "withdrawn"},
        dedupe=f"request:{request.id}:withdrawn",
        now=now,
    )
