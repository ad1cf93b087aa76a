"""回访: who did not sign within the window is called on the next working day (docs/rules.md §3.3; docs/protocol.md §4, channels).

What is said on the telephone is named, and the script says so first. Whom several calls do not reach ends as CLOSED_UNRATED, outside
satisfaction: no answer is no opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.ballots import Issued
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import ContactReading, Request
from server.db.models.sign_offs import Callback
from server.domain import workdays
from server.domain.ballots import CALLBACK_NOTICE, Satisfaction
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day, start_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import REQUEST_TRANSITIONS, RequestAction, RequestState
from server.domain.sign_offs import AgainReason, Source
from server.services import events, lists, people, policies, request_gists, scopes, sign_offs
from server.services import workdays as calendar

LOOK_BACK = timedelta(days=15)  # longer than any run of days off


@dataclass(frozen=True)
class Due:
    """A request to call about: whom, by which number, how often he was not reached, and what to say."""

    request: Request
    person: Person
    tries: int
    script: str
    ask_satisfaction: bool


@dataclass(frozen=True)
class Said:
    """What a call brought: not reached, or answers he was free not to give."""

    reached: bool
    contacted: bool | None = None
    solved: bool | None = None
    satisfaction: Satisfaction | None = None
    reason: AgainReason | None = None


def queue(
    session: Session, *, community: OrgNode, actor: Actor, now: datetime, after: str | None = None, limit: int = 20
) -> tuple[list[Due], str | None]:
    """Whom to call today, in the order of requests. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REQUESTS_CALL_BACK, community.id)
    waiting = (
        select(Request).options(request_gists.WITH_SPOKEN).where(Request.community_id == community.id, *_due(session, community.id, now))
    )
    rows, following = lists.page(session, waiting, Request, after=after, limit=limit)
    return _described(session, [row[0] for row in rows], community), following


def due_of(session: Session, request: Request, *, actor: Actor, now: datetime) -> Due:
    """One request to call about. Raises NOT_FOUND, CALLBACK_EARLY, SIGN_OFF_OWN_WORK, ILLEGAL_MOVE."""
    scopes.require(session, actor, Permission.REQUESTS_CALL_BACK, request.community_id)
    _check(session, request, Said(reached=False), actor, now)
    return _described(session, [request], session.get_one(OrgNode, request.community_id))[0]


def is_due(session: Session, request: Request, *, now: datetime) -> bool:
    """Has the window to sign ended?"""
    here = select(Request.id).where(Request.id == request.id, *_due(session, request.community_id, now))
    return session.execute(here).first() is not None


def record(session: Session, request: Request, said: Said, *, actor: Actor, now: datetime) -> Callback:
    """Keep a call: solved closes, not solved sends it round again, a call in vain counts towards the last one.

    Raises NOT_FOUND, CALLBACK_EARLY, CALLBACK_RATED (he fetched a token: satisfaction is not asked twice), SIGN_OFF_OWN_WORK,
    NOTE_REQUIRED (not solved, and no reason), INVALID (answers without reaching him).
    """
    scopes.require(session, actor, Permission.REQUESTS_CALL_BACK, request.community_id)
    _check(session, request, said, actor, now)
    row = Callback(
        public_id=new_public_id(),
        request_id=request.id,
        community_id=request.community_id,
        round=request.round,
        reached=said.reached,
        contacted=said.contacted,
        solved=said.solved,
        satisfaction=said.satisfaction,
        by_id=actor.id,
        at=now,
    )
    session.add(row)
    session.flush()
    events.add(session, row, action="call", actor=actor, now=now, after="reached" if said.reached else "not_reached")
    if said.solved is not None:
        sign_offs.settle(session, request, done=said.solved, reason=said.reason, source=Source.CALLBACK, actor=actor, now=now)
    elif _tries(session, request) >= policies.value(session, "callbacks.tries", today=local_day(now), node_id=request.community_id):
        _time_out(session, request, actor=actor, now=now)
    return row


def _time_out(session: Session, request: Request, *, actor: Actor, now: datetime) -> None:
    """FINISHED → CLOSED_UNRATED: outside satisfaction."""
    events.move(
        session, request, table=REQUEST_TRANSITIONS, action=RequestAction.TIME_OUT, actor=actor, now=now, closed_at=now, due_at=None
    )


def number_of(session: Session, request: Request, *, actor: Actor, now: datetime) -> str:
    """The number to call, '' where there is none; the reading is kept (P14). Raises NOT_FOUND, CALLBACK_EARLY, ILLEGAL_MOVE."""
    scopes.require(session, actor, Permission.REQUESTS_CALL_BACK, request.community_id)
    _check(session, request, Said(reached=False), actor, now)
    session.add(ContactReading(request_id=request.id, reader_id=actor.id, session_id=actor.session_id, at=now))
    return people.phone_of(session.get_one(Person, request.asked_for_id))


def _check(session: Session, request: Request, said: Said, actor: Actor, now: datetime) -> None:
    if request.state is not RequestState.FINISHED:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "call_back"})
    if not is_due(session, request, now=now):
        raise Problem("CALLBACK_EARLY")
    if actor.person_id in (request.handler_person_id, request.asked_for_id):
        raise Problem("SIGN_OFF_OWN_WORK")
    answers = (said.contacted, said.solved, said.satisfaction)
    if not said.reached and any(answer is not None for answer in answers):
        raise Problem("INVALID", fields={"reached": "没有打通就没有回答，请核对"})
    if said.satisfaction is not None and _issued(session, [request]):
        raise Problem("CALLBACK_RATED")


def _due(session: Session, community_id: int, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Finished, and the window to sign ended before the last working day began: "the next working day"."""
    today = local_day(now)
    days = policies.value(session, "requests.sign_days", today=today, node_id=community_id)
    overrides = calendar.overrides(session, since=today - LOOK_BACK)
    working = today
    while not workdays.is_workday(working, overrides):
        working -= timedelta(days=1)
    return Request.state == RequestState.FINISHED, Request.finished_at < start_of(working) - timedelta(days=days)


def _described(session: Session, requests: list[Request], community: OrgNode) -> list[Due]:
    """Three statements, however many requests."""
    ids = [request.id for request in requests]
    asked = select(Person).where(Person.id.in_([one.asked_for_id for one in requests]))
    persons = {row.id: row for row in session.execute(asked).scalars()}
    counted = select(Callback.request_id, Callback.round, func.count()).where(Callback.request_id.in_(ids))
    tries = {(row[0], row[1]): row[2] for row in session.execute(counted.group_by(Callback.request_id, Callback.round))}
    issued = _issued(session, requests)
    made = []
    for request in requests:
        asks = (request.id, request.round) not in issued
        text = _script(request, community, asks)
        made.append(Due(request, persons[request.asked_for_id], tries.get((request.id, request.round), 0), text, asks))
    return made


def _script(request: Request, community: OrgNode, asks: bool) -> str:
    """What the clerk says, word for word; that it is named comes before the first question."""
    about = REQUEST_CATEGORIES.get(request.category, "诉求")
    last = "三、您满意吗（满意、基本满意、不满意）？" if asks else ""
    return (
        f"您好，这里是{community.name}，想回访您的“{about}”诉求（单号{request.number or ''}）。{CALLBACK_NOTICE}"
        f"一、办理前有人联系过您吗？二、事情办好了吗？{last}谢谢您。"
    )


def _tries(session: Session, request: Request) -> int:
    mine = select(func.count()).where(Callback.request_id == request.id, Callback.round == request.round)
    return int(session.execute(mine).scalar_one())


def _issued(session: Session, requests: list[Request]) -> set[tuple[int, int]]:
    """Of these, the (request, round) for which a token was fetched."""
    found = select(Issued.request_id, Issued.round).where(Issued.request_id.in_([request.id for request in requests]))
    rounds = {(request.id, request.round) for request in requests}
    return {(row[0], row[1]) for row in session.execute(found)} & rounds
