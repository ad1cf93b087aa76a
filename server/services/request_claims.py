"""Offering oneself for an open request; the secretary approves, one by one or in bulk (mission rows C3, C4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.requests import Request, RequestOffer
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import OFFER_TRANSITIONS, CheckState, OfferAction, OfferKind, OfferState, RequestAction, RequestState
from server.domain.states import rule_for
from server.services import batches, dispatch, events, receivers, scopes
from server.services.batches import Outcome
from server.services.receivers import Receiver


def claim(session: Session, request: Request, *, by: Receiver, actor: Actor, now: datetime) -> RequestOffer:
    """Offer oneself, one's unit or one's team. Raises REQUEST_NOT_OPEN, REQUEST_OWN, NOT_FOUND (not his to offer), OFFER_EXISTS."""
    if request.state is not RequestState.OPEN or request.check_state is not CheckState.PASSED:
        raise Problem("REQUEST_NOT_OPEN")
    if not receivers.speaks_for(session, actor, by):
        raise Problem("NOT_FOUND")
    receivers.require_stranger(request, actor.person_id)
    return dispatch.offer(session, request, by, OfferKind.CLAIM, actor=actor, now=now, tell=False)


def take_back(session: Session, row: RequestOffer, *, actor: Actor, now: datetime) -> RequestOffer:
    """The claimer thinks otherwise before it was decided. Raises NOT_FOUND, ILLEGAL_MOVE."""
    if row.kind is not OfferKind.CLAIM or not receivers.speaks_for(session, actor, receivers.of(row)):
        raise Problem("NOT_FOUND")
    return events.move(session, row, table=OFFER_TRANSITIONS, action=OfferAction.LAPSE, actor=actor, now=now, answered_at=now)


def decide_many(
    session: Session, public_ids: Sequence[str], *, approve: bool, actor: Actor, now: datetime, reason: str | None = None
) -> Outcome[RequestOffer]:
    """Approve or decline up to 200 claims; those that cannot be are named with their code, the others stand.

    Codes of a failure: NOT_FOUND (also out of scope), ILLEGAL_MOVE (decided, or another claim was approved), REQUEST_CLAIM_SELF (his own).
    Raises NOTE_REQUIRED.
    """
    ids = batches.unique(public_ids)
    action = OfferAction.ACCEPT if approve else OfferAction.DECLINE
    rule_for(OFFER_TRANSITIONS, OfferState.WAITING, action, note=reason)
    held = _held(session, ids, actor)
    outcome: Outcome[RequestOffer] = Outcome([], [])
    for public_id in ids:
        found = held.get(public_id)
        if found is None:
            outcome.failed.append(batches.failure(public_id, "NOT_FOUND"))
        elif found[0].state is not OfferState.WAITING or found[1].state is not RequestState.OPEN:
            outcome.failed.append(batches.failure(public_id, "ILLEGAL_MOVE"))
        elif approve and found[0].made_by_id == actor.person_id:
            outcome.failed.append(batches.failure(public_id, "REQUEST_CLAIM_SELF"))
        else:
            _settle(session, *found, action, actor=actor, now=now, reason=reason)
            outcome.done.append(found[0])
    return outcome


def decide(
    session: Session, row: RequestOffer, *, approve: bool, actor: Actor, now: datetime, reason: str | None = None, seen: int | None = None
) -> RequestOffer:
    """Approve or decline one. Raises the codes of decide_many, STALE."""
    scopes.require(session, actor, Permission.CLAIMS_DECIDE, row.community_id)
    if seen is not None and seen != row.version:
        raise Problem("STALE")
    return batches.only(decide_many(session, [row.public_id], approve=approve, actor=actor, now=now, reason=reason))


def _held(session: Session, ids: Sequence[str], actor: Actor) -> dict[str, tuple[RequestOffer, Request]]:
    """The claims within reach with their requests, all held: requests first, in the order of their ids."""
    named = select(RequestOffer.request_id).where(RequestOffer.public_id.in_(ids), RequestOffer.kind == OfferKind.CLAIM)
    lock = select(Request).where(Request.id.in_(named)).order_by(Request.id).with_for_update(key_share=True)
    found = {row.id: row for row in session.execute(lock.execution_options(populate_existing=True)).scalars()}
    mine = scopes.within(actor, Permission.CLAIMS_DECIDE, RequestOffer.community_id)
    claims = select(RequestOffer).where(RequestOffer.public_id.in_(ids), RequestOffer.kind == OfferKind.CLAIM, mine)
    rows = session.execute(claims.order_by(RequestOffer.id).execution_options(populate_existing=True)).scalars()
    return {row.public_id: (row, found[row.request_id]) for row in rows}


def _settle(
    session: Session, row: RequestOffer, request: Request, action: OfferAction, *, actor: Actor, now: datetime, reason: str | None
) -> None:
    approved = action is OfferAction.ACCEPT
    changes: dict[str, Any] = {"answered_at": now, "answered_by_id": actor.person_id, "reason": reason, "lead": approved}
    events.move(session, row, table=OFFER_TRANSITIONS, action=action, actor=actor, now=now, note=reason, **changes)
    if approved:
        dispatch.take(session, request, row, RequestAction.CLAIM, handler_id=row.made_by_id, actor=actor, now=now)
    dispatch.tell_receiver(session, request, row, outcome="accepted" if approved else "declined", now=now)
