"""Moving a request: the guarded update, its new deadlines, and the offers that a move leaves without object (mission rows C3, C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.requests import Request, RequestOffer
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import (
    OFFER_TRANSITIONS,
    REQUEST_TRANSITIONS,
    OfferAction,
    OfferKind,
    OfferState,
    RequestAction,
    RequestLevel,
    RequestState,
)
from server.domain.states import rule_for
from server.services import deadlines, events, scopes

WORKED_ON = (RequestState.ACCEPTED, RequestState.IN_PROGRESS, RequestState.WAITING)


def move(
    session: Session,
    request: Request,
    action: RequestAction,
    *,
    actor: Actor,
    now: datetime,
    note: str | None = None,
    seen: int | None = None,
    **changes: Any,
) -> Request:
    """events.move with the deadlines of the new stage; offers nobody can accept any more lapse. Raises what events.move raises."""
    rule = rule_for(REQUEST_TRANSITIONS, request.state, action, note=note)
    values = {**deadlines.after(session, request, to=rule.to, now=now), **changes}
    events.move(session, request, table=REQUEST_TRANSITIONS, action=action, actor=actor, now=now, note=note, seen=seen, **values)
    lapse(session, request, now=now)
    return request


def lapse(session: Session, request: Request, *, now: datetime) -> None:
    """Offers that wait for nothing: all once it is not to be had, whistles stay while it is worked on, claims while it is open."""
    waiting = select(RequestOffer).where(RequestOffer.request_id == request.id, RequestOffer.state == OfferState.WAITING)
    for offer in session.execute(waiting).scalars():
        stays = {
            OfferKind.CLAIM: request.state is RequestState.OPEN,
            OfferKind.DISPATCH: request.state is RequestState.DISPATCHED,
            OfferKind.WHISTLE: request.state is RequestState.DISPATCHED or request.state in WORKED_ON,
        }
        if not stays[offer.kind]:
            events.move(session, offer, table=OFFER_TRANSITIONS, action=OfferAction.LAPSE, actor=SYSTEM, now=now, answered_at=now)


def locked(session: Session, request_id: int) -> Request:
    """The request, held to the end of the transaction. Order everywhere: request, then offer."""
    wanted = select(Request).where(Request.id == request_id).with_for_update(key_share=True)
    return session.execute(wanted.execution_options(populate_existing=True)).scalar_one()


def node_of(session: Session, request: Request, level: RequestLevel) -> int:
    """The id of the node that is responsible at this level; below the community it is the community."""
    parts = [int(part) for part in scopes.path_of(session, request.community_id).split("/") if part]
    above = {RequestLevel.STREET: 1, RequestLevel.COUNTY: 2}.get(level, 0)
    return parts[max(len(parts) - 1 - above, 0)]


def require_level(session: Session, actor: Actor, request: Request) -> None:
    """An escalated request is decided on by its level or above. Raises NOT_FOUND without any such role, REQUEST_LEVEL below it."""
    scopes.require(session, actor, Permission.REQUESTS_ESCALATED, request.community_id)
    if not scopes.allows(session, actor, Permission.REQUESTS_ESCALATED, node_of(session, request, request.level)):
        raise Problem("REQUEST_LEVEL")


def community_of(session: Session, request: Request) -> OrgNode:
    """Its community."""
    return session.get_one(OrgNode, request.community_id)
