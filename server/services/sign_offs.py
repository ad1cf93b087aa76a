"""签收 by who asked: 办好了 closes, 没办好，请再来 sends it round again, the third time one level up.

Named and about the work (docs/protocol.md §4; mission rows C5, C7).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.requests import Request
from server.db.models.sign_offs import SignOff
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import LEVELS, REQUEST_TRANSITIONS, RequestAction, RequestState
from server.domain.sign_offs import MOST_FAILURES, TASKS, AgainReason, Source
from server.services import deadlines, escalations, events, notices, receivers, requests, scopes
from server.services.receivers import Receiver


def sign(
    session: Session,
    request: Request,
    *,
    done: bool,
    actor: Actor,
    now: datetime,
    reason: AgainReason | None = None,
    on_word: bool = False,
    seen: int | None = None,
) -> Request:
    """The requester's own answer, or what he told somebody who may_sign_for him (`on_word`). Once a round, FINISHED only.

    Raises NOT_FOUND (another's), SIGN_OFF_ON_WORD, SIGN_OFF_OWN_WORK (a handler does not sign for his own work), NOTE_REQUIRED (again
    without a reason), ILLEGAL_MOVE, STALE.
    """
    source = _source(session, request, actor, on_word)
    return settle(session, request, done=done, reason=reason, source=source, actor=actor, now=now, seen=seen)


def settle(
    session: Session,
    request: Request,
    *,
    done: bool,
    reason: AgainReason | None,
    source: Source,
    actor: Actor,
    now: datetime,
    seen: int | None = None,
) -> Request:
    """Close the request or send it round again, and keep who said so. The caller has checked who may. Raises as sign()."""
    if not done and reason is None:
        raise Problem("NOTE_REQUIRED", fields={"reason": "请选一个原因"})
    row = SignOff(
        request_id=request.id,
        round=request.round,
        done=done,
        reason=None if done else reason,
        source=source,
        by_id=actor.id,
        handler_person_id=request.handler_person_id,
        handler_unit_id=request.handler_unit_id,
        handler_team_id=request.handler_team_id,
        at=now,
    )
    if reason is None or done:
        close(session, request, actor=actor, now=now, seen=seen)
    else:
        _again(session, request, reason, actor=actor, now=now, seen=seen)
    session.add(row)
    session.flush()
    return request


def may_sign_for(session: Session, request: Request, actor: Actor) -> bool:
    """Who enters the 签收 of somebody without a phone (R6): who entered the request, or any colleague who calls back where staff did.

    Who asked himself, or through his child, signs so too: the community does not speak for him. Never whose work it is.
    """
    if actor.person_id in (None, request.asked_for_id) or _is_own_work(session, request, actor):
        return False
    if actor.person_id == request.author_id:
        return True
    return requests.by_staff(request) and scopes.allows(session, actor, Permission.REQUESTS_CALL_BACK, request.community_id)


def close(session: Session, request: Request, *, actor: Actor, now: datetime, seen: int | None = None) -> None:
    """FINISHED → CLOSED, solved."""
    events.move(
        session,
        request,
        table=REQUEST_TRANSITIONS,
        action=RequestAction.SIGN_OFF,
        actor=actor,
        now=now,
        seen=seen,
        solved=True,
        closed_at=now,
        due_at=None,
    )


def of(session: Session, request: Request) -> list[SignOff]:
    """Every round's answer, for the community and who asked; never for a handler."""
    return list(session.execute(select(SignOff).where(SignOff.request_id == request.id).order_by(SignOff.round)).scalars())


def neutral_words(session: Session, request: Request) -> str | None:
    """What a handler may read about a request that came back: a task, not an opinion. None in the first round."""
    last = select(SignOff.reason).where(SignOff.request_id == request.id, SignOff.done.is_(False)).order_by(SignOff.round.desc())
    reason = session.execute(last.limit(1)).scalar()
    return TASKS[reason] if reason is not None else None


def _source(session: Session, request: Request, actor: Actor, on_word: bool) -> Source:
    if actor.person_id == request.asked_for_id:
        if actor.person_id == request.handler_person_id:
            raise Problem("SIGN_OFF_OWN_WORK")
        return Source.OWN
    if not may_sign_for(session, request, actor):
        knows = actor.person_id == request.author_id or requests.read_by_staff(session, request, actor)
        raise Problem("SIGN_OFF_OWN_WORK" if knows and _is_own_work(session, request, actor) else "NOT_FOUND")
    if not on_word:
        raise Problem("SIGN_OFF_ON_WORD")
    return Source.ON_WORD


def _is_own_work(session: Session, request: Request, actor: Actor) -> bool:
    whole = Receiver(unit_id=request.handler_unit_id, team_id=request.handler_team_id)
    return actor.person_id == request.handler_person_id or (whole != Receiver() and receivers.speaks_for(session, actor, whole))


def _again(session: Session, request: Request, reason: AgainReason, *, actor: Actor, now: datetime, seen: int | None) -> None:
    """The event says the neutral task; the third failure is not handed out again but goes up, and to the quarter's panel."""
    events.move(
        session,
        request,
        table=REQUEST_TRANSITIONS,
        action=RequestAction.SEND_AGAIN,
        actor=actor,
        now=now,
        note=TASKS[reason],
        seen=seen,
        round=request.round + 1,
        solved=None,
        **deadlines.after(session, request, to=RequestState.REWORK, now=now),
    )
    if request.round >= MOST_FAILURES and request.level is not LEVELS[-1]:
        escalations.escalate(session, request, reason="第三次没有办好，请上一级研究", actor=SYSTEM, now=now)
        return
    for person_id in receivers.handlers_of(session, request, now=now):
        _tell_handler(session, request, person_id, now)


def _tell_handler(session: Session, request: Request, person_id: int, now: datetime) -> None:
    notices.tell(
        session,
        person_id=person_id,
        kind=NoticeKind.REQUEST_OFFERED,
        subject_kind="request",
        subject_public_id=request.public_id,
        facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": "again"},
        dedupe=f"request:{request.id}:again:{request.round}:{person_id}",
        now=now,
    )
