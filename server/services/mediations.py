"""矛盾调解: a case on a request, who is at odds and what came of it, sealed (mission row C13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.handling import Mediation
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.handling import MEDIATION_TRANSITIONS, MediationAction, MediationState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, handling, lists, requests, scopes

PARTIES, RESULT = "mediation.parties", "mediation.result"


def open_case(session: Session, request: Request, *, parties: Sequence[str], actor: Actor, now: datetime) -> Mediation:
    """The handler, or the community, opens the case; he is the mediator. Raises NOT_FOUND, INVALID, MEDIATION_EXISTS, ILLEGAL_MOVE."""
    if not handling.is_handler(session, request, actor):
        scopes.require(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
    requests.require_open(request)
    if len(parties) < 2:
        raise Problem("INVALID", fields={"parties": "请写明至少两方当事人"})
    if session.execute(select(Mediation.id).where(Mediation.request_id == request.id)).first():
        raise Problem("MEDIATION_EXISTS")
    case = Mediation(
        public_id=new_public_id(),
        request_id=request.id,
        community_id=request.community_id,
        mediator_id=actor.id,
        state=MediationState.OPEN,
        salt=vault.new_salt(),
        opened_at=now,
    )
    case.parties = vault.seal(case.salt, PARTIES, case.public_id, "\n".join(parties))
    session.add(case)
    session.flush()
    events.add(session, case, action="open", actor=actor, now=now, after=case.state)
    return case


def close(session: Session, case: Mediation, *, action: MediationAction, result: str, actor: Actor, now: datetime) -> Mediation:
    """The mediator says what came of it. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE, STALE."""
    if case.mediator_id != actor.person_id:
        raise Problem("NOT_FOUND")
    if not result.strip():
        raise Problem("NOTE_REQUIRED", fields={"result": "请写明调解结果"})
    sealed = vault.seal(case.salt, RESULT, case.public_id, result)
    return events.move(session, case, table=MEDIATION_TRANSITIONS, action=action, actor=actor, now=now, result=sealed, closed_at=now)


def of_community(
    session: Session, *, community: OrgNode, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[Mediation, Request, Person]], str | None]:
    """A community's cases, newest first, with their requests and mediators. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    cases = select(Mediation, Request, Person).join(Request, Request.id == Mediation.request_id)
    mine = cases.join(Person, Person.id == Mediation.mediator_id).where(Mediation.community_id == community.id)
    rows, following = lists.page(session, mine, Mediation, after=after, limit=limit, newest_first=True)
    return [(row[0], row[1], row[2]) for row in rows], following


def visible(session: Session, public_id: str, *, actor: Actor) -> Mediation:
    """The case, for its mediator and the community's staff. Raises NOT_FOUND."""
    case = session.execute(select(Mediation).where(Mediation.public_id == public_id)).scalar_one_or_none()
    if case is None:
        raise Problem("NOT_FOUND")
    if case.mediator_id != actor.person_id:
        scopes.require(session, actor, Permission.REQUESTS_READ, case.community_id)
    return case


def parties_of(case: Mediation) -> list[str]:
    """Who is at odds."""
    return vault.open_sealed(case.salt, PARTIES, case.public_id, case.parties).split("\n")


def result_of(case: Mediation) -> str:
    """What came of it, '' while it is open."""
    return vault.open_sealed(case.salt, RESULT, case.public_id, case.result)
