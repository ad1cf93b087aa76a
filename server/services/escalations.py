"""催办 and 升级: what is overdue is dunned once, then goes one level up with its reason (mission row C6, docs/rules.md §3.3).

The timer presses the request, never a person: nothing is written about whoever was slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.requests import Request
from server.domain import deadlines as rules
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.request_triage import LEVEL_NAMES
from server.domain.requests import ESCALATES, LEVELS, RequestAction, RequestState
from server.services import deadlines, events, notices, receivers, request_moves, requests, workdays

BATCH = 200
OVERDUE = "逾期未办，系统自动升级"
WAITED = "等居民回话已到期限，系统恢复办理"


def escalate(session: Session, request: Request, *, reason: str, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """One level up; who is responsible there is told, and so are the requesters.

    Raises NOT_FOUND (out of scope), NOTE_REQUIRED, REQUEST_HIGHEST, ILLEGAL_MOVE, STALE.
    """
    if request.level is LEVELS[-1]:
        raise Problem("REQUEST_HIGHEST")
    above = LEVELS[LEVELS.index(request.level) + 1]
    changes = {"level": above, "explained_by_id": None}
    request_moves.move(session, request, RequestAction.ESCALATE, actor=actor, now=now, note=reason, seen=seen, **changes)
    node = request_moves.node_of(session, request, above)
    _tell(
        session, request, receivers.staff_on(session, node, Permission.REQUESTS_ESCALATED, now=now), NoticeKind.REQUEST_ESCALATED, now=now
    )
    requests.tell(session, request, outcome="escalated", now=now)
    return request


def take_up(session: Session, request: Request, *, actor: Actor, now: datetime) -> Request:
    """Whoever stands at that level does it himself. Raises NOT_FOUND, REQUEST_LEVEL, ILLEGAL_MOVE."""
    request_moves.require_level(session, actor, request)
    receivers.require_stranger(request, actor.person_id)
    hands: dict[str, Any] = {"handler_person_id": actor.person_id, "handler_unit_id": None, "handler_team_id": None}
    taken: dict[str, Any] = {**hands, "accepted_at": now, "contacted_at": None}
    return request_moves.move(session, request, RequestAction.TAKE_UP, actor=actor, now=now, **taken)


def escalate_due(session: Session, *, now: datetime) -> int:
    """Escalate what has been overdue for the policy's working days (a sweep calls it). Returns how many; at most 200 a call."""
    today = local_day(now)
    count = deadlines.limits(session, node_id=None, today=today).escalate_workdays
    before = rules.escalates_before(now, count, workdays.overrides(session, since=today - workdays.HORIZON / 2))
    late = select(Request).where(Request.due_at <= before, Request.state.in_(ESCALATES), Request.level != LEVELS[-1])
    rows = list(_held(session, late))
    for request in rows:
        reason = f"{OVERDUE}：{LEVEL_NAMES[request.level]}未在期限内办理"
        escalate(session, request, reason=reason, actor=SYSTEM, now=now)
    return len(rows)


def dun_due(session: Session, *, now: datetime) -> int:
    """One reminder for what has just run out, to whoever it lies with (a sweep calls it). Returns how many; at most 200 a call."""
    late = select(Request).where(Request.due_at <= now, Request.dunned_at.is_(None), Request.state.in_(ESCALATES))
    rows = list(_held(session, late))
    for request in rows:
        events.shift(session, request, to=request.state, dunned_at=now)
        events.add(session, request, action="dun", actor=SYSTEM, now=now)
        _tell(session, request, _responsible(session, request, now), NoticeKind.REQUEST_DUE, now=now)
    return len(rows)


def resume_due(session: Session, *, now: datetime) -> int:
    """What has waited for the resident as long as it may goes back to handling, with all the time the work had left (a sweep calls it).

    Whoever handles it and the requesters are told. Returns how many; at most 200 a call.
    """
    rows = list(_held(session, select(Request).where(Request.due_at <= now, Request.state == RequestState.WAITING)))
    for request in rows:
        clock = deadlines.resumed(request, now=now)
        request_moves.move(session, request, RequestAction.RESUME, actor=SYSTEM, now=now, note=WAITED, **clock)
        _tell(session, request, _responsible(session, request, now), NoticeKind.REQUEST_DUE, now=now, outcome="resumed")
        requests.tell(session, request, outcome="resumed", now=now)
    return len(rows)


def _held(session: Session, late: Any) -> Iterable[Request]:
    """The oldest of them, held; what somebody else is moving just now waits for the next run."""
    wanted = late.order_by(Request.due_at, Request.id).limit(BATCH).with_for_update(skip_locked=True, key_share=True)
    found: Iterable[Request] = session.execute(wanted.execution_options(populate_existing=True)).scalars()
    return found


def _responsible(session: Session, request: Request, now: datetime) -> Iterable[int]:
    """Its handler while it is worked on (for a unit whoever answers for it), else the staff of its level."""
    if request.state in (RequestState.ACCEPTED, RequestState.IN_PROGRESS, RequestState.REWORK):
        hands = receivers.handlers_of(session, request, now=now)
        if hands:
            return hands
    permission = Permission.REQUESTS_ESCALATED if request.state is RequestState.ESCALATED else Permission.REQUESTS_DISPATCH
    return receivers.staff_on(session, request_moves.node_of(session, request, request.level), permission, now=now)


def _tell(session: Session, request: Request, people: Iterable[int], kind: NoticeKind, *, now: datetime, outcome: str = "") -> None:
    for person_id in people:
        notices.tell(
            session,
            person_id=person_id,
            kind=kind,
            subject_kind="request",
            subject_public_id=request.public_id,
            facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "level": request.level.value, "outcome": outcome},
            dedupe=f"{kind.value}:{request.id}:{request.version}:{person_id}",
            now=now,
        )
