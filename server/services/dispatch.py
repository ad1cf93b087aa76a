"""派单: asking a person, a unit or a team; publishing for claim; answering; calling several units at once (吹哨). Mission rows C3, C6.

Nobody is ever assigned: whoever is asked says yes or no, and a no costs nothing (docs/rules.md R1). The first to accept keeps the lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.people import Person
from server.db.models.requests import Request, RequestOffer
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import OFFER_TRANSITIONS, OfferAction, OfferKind, OfferState, RequestAction, RequestState
from server.services import events, notices, receivers, request_moves, requests, scopes
from server.services.receivers import Receiver

EXCUSE = "request_offer.excuse"
TWICE_FAILED = 2  # from this rework round on somebody else does it


def publish(session: Session, request: Request, *, actor: Actor, now: datetime, seen: int | None = None) -> Request:
    """Open for claim. Raises NOT_FOUND (out of scope), REQUEST_UNCHECKED, ILLEGAL_MOVE, STALE."""
    requests.require_checked(request)
    return request_moves.move(session, request, RequestAction.PUBLISH, actor=actor, now=now, seen=seen)


def dispatch(session: Session, request: Request, *, to: Receiver, actor: Actor, now: datetime, seen: int | None = None) -> RequestOffer:
    """Ask one receiver; the request waits for the answer.

    Raises NOT_FOUND, REQUEST_UNCHECKED, REQUEST_LEVEL, SAME_HANDLER, ILLEGAL_MOVE, STALE.
    """
    _ask(session, request, [to], actor=actor, now=now, seen=seen)
    return offer(session, request, to, OfferKind.DISPATCH, actor=actor, now=now)


def whistle(
    session: Session, request: Request, *, to: Sequence[Receiver], reason: str, actor: Actor, now: datetime, seen: int | None = None
) -> list[RequestOffer]:
    """吹哨: call several at once. Before the work the first to accept takes the lead; during the work they come to help the lead.

    Raises what dispatch raises, NOTE_REQUIRED, OFFER_EXISTS for one who was called already.
    """
    if not reason.strip():
        raise Problem("NOTE_REQUIRED", fields={"reason": "请写明请哪些单位来做什么"})
    if request.state in request_moves.WORKED_ON:
        scopes.require(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
        events.shift(session, request, to=request.state, seen=seen)
        events.add(session, request, action="whistle", actor=actor, now=now, note=reason)
    else:
        _ask(session, request, to, actor=actor, now=now, seen=seen, note=reason)
    return [offer(session, request, one, OfferKind.WHISTLE, actor=actor, now=now) for one in to]


def accept(session: Session, row: RequestOffer, *, actor: Actor, now: datetime) -> RequestOffer:
    """Say yes: the first leads the work, later ones of a whistle help. Raises NOT_FOUND (not asked), ILLEGAL_MOVE (too late), STALE."""
    request = _asked(session, row, actor)
    first = request.state is RequestState.DISPATCHED
    helping = row.kind is OfferKind.WHISTLE and request.state in request_moves.WORKED_ON
    if row.kind is OfferKind.CLAIM or not (first or helping):
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "accept"})
    _answer(session, row, OfferAction.ACCEPT, actor=actor, now=now, lead=first)
    if first:
        take(session, request, row, RequestAction.ACCEPT, handler_id=actor.id, actor=actor, now=now)
    return row


def decline(session: Session, row: RequestOffer, *, reason: str, actor: Actor, now: datetime) -> RequestOffer:
    """Say no, or give it back before the work began; nothing else follows from it. Raises NOT_FOUND, NOTE_REQUIRED, ILLEGAL_MOVE."""
    request = _asked(session, row, actor)
    gives_back = row.state is OfferState.ACCEPTED
    if row.kind is OfferKind.CLAIM and not gives_back:
        raise Problem("ILLEGAL_MOVE", data={"state": row.state.value, "action": "decline"})
    if gives_back and row.lead and request.state is not RequestState.ACCEPTED:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "decline"})
    words: dict[str, Any] = {"note": reason, "own_words": True}
    _answer(session, row, OfferAction.DECLINE, actor=actor, now=now, excuse=_sealed(session, row, actor, reason), lead=False, **words)
    if (gives_back and request.state is RequestState.ACCEPTED and _led(request, row)) or _nobody_left(session, request):
        request_moves.move(session, request, RequestAction.DECLINE, actor=actor, now=now, **words, **NOBODY)
    return row


def arrive(session: Session, row: RequestOffer, *, actor: Actor, now: datetime) -> RequestOffer:
    """Who was called by a whistle is there now. Raises NOT_FOUND, ILLEGAL_MOVE unless accepted; said twice, the first time stands."""
    request = _asked(session, row, actor)
    if row.kind is not OfferKind.WHISTLE or row.state is not OfferState.ACCEPTED or request.state not in request_moves.WORKED_ON:
        raise Problem("ILLEGAL_MOVE", data={"state": row.state.value, "action": "arrive"})
    if row.arrived_at is None:
        events.shift(session, row, to=row.state, arrived_at=now)
        events.add(session, row, action="arrive", actor=actor, now=now)
    return row


NOBODY: dict[str, Any] = {
    "handler_person_id": None,
    "handler_unit_id": None,
    "handler_team_id": None,
    "accepted_at": None,
    "contacted_at": None,
}


def take(
    session: Session, request: Request, row: RequestOffer, action: RequestAction, *, handler_id: int | None, actor: Actor, now: datetime
) -> None:
    """The request is in these hands now; its requesters are told."""
    handler: dict[str, Any] = {"handler_person_id": handler_id, "handler_unit_id": row.unit_id, "handler_team_id": row.team_id}
    request_moves.move(session, request, action, actor=actor, now=now, accepted_at=now, contacted_at=None, **handler)
    requests.tell(session, request, outcome="accepted", now=now)


def offer(
    session: Session,
    request: Request,
    to: Receiver,
    kind: OfferKind,
    *,
    actor: Actor,
    now: datetime,
    tell: bool = True,
) -> RequestOffer:
    """A new offer with its event, and a notice to who is to answer. Raises OFFER_EXISTS where one of this receiver is open."""
    same = [getattr(RequestOffer, name) == value for name, value in to.columns.items() if value is not None]
    live = (OfferState.WAITING, OfferState.ACCEPTED) if request.state in request_moves.WORKED_ON else (OfferState.WAITING,)
    held = select(RequestOffer.id).where(RequestOffer.request_id == request.id, RequestOffer.state.in_(live), *same)
    if session.execute(held.limit(1)).first():
        raise Problem("OFFER_EXISTS")
    row = RequestOffer(
        public_id=new_public_id(),
        request_id=request.id,
        community_id=request.community_id,
        kind=kind,
        state=OfferState.WAITING,
        round=request.round,
        made_at=now,
        made_by_id=actor.person_id,
        due_at=request.due_at,
        **to.columns,
    )
    session.add(row)
    session.flush()
    events.add(session, row, action=kind.value, actor=actor, now=now, after=row.state)
    if tell:
        tell_receiver(session, request, row, outcome=kind.value, now=now)
    return row


def tell_receiver(session: Session, request: Request, row: RequestOffer, *, outcome: str, now: datetime) -> None:
    """One notice to each who answers for the receiver: what kind of matter it is, never whose."""
    for person_id in receivers.people_of(session, receivers.of(row), now=now):
        notices.tell(
            session,
            person_id=person_id,
            kind=NoticeKind.REQUEST_OFFERED,
            subject_kind="request_offer",
            subject_public_id=row.public_id,
            facts={"title": REQUEST_CATEGORIES.get(request.category, "诉求"), "outcome": outcome},
            dedupe=f"offer:{row.id}:{row.version}:{person_id}",
            now=now,
        )


def reasons_of(session: Session, offers: Sequence[RequestOffer]) -> dict[int, str | None]:
    """Offer id → why whoever answered cannot, in his own words, else why staff declined the claim; one statement at most."""
    who = {row.answered_by_id for row in offers if row.excuse is not None}
    found = session.execute(select(Person.id, Person.salt).where(Person.id.in_(who))).all() if who else ()
    salts = {person_id: salt for person_id, salt in found}  # noqa: C416 - rows are no pairs to dict()
    return {
        row.id: vault.open_sealed(salts.get(row.answered_by_id or 0), EXCUSE, row.public_id, row.excuse) or row.reason for row in offers
    }


def by_public_id(session: Session, public_id: str) -> RequestOffer:
    """The offer. Raises NOT_FOUND."""
    found = session.execute(select(RequestOffer).where(RequestOffer.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def on_request(session: Session, public_id: str, request: str) -> RequestOffer:
    """The offer, if it is about this request (public ids). Raises NOT_FOUND."""
    row = by_public_id(session, public_id)
    if session.get_one(Request, row.request_id).public_id != request:
        raise Problem("NOT_FOUND")
    return row


def _ask(
    session: Session,
    request: Request,
    to: Sequence[Receiver],
    *,
    actor: Actor,
    now: datetime,
    seen: int | None,
    note: str | None = None,
) -> None:
    """→ DISPATCHED, whoever had it before has it no more."""
    requests.require_checked(request)
    if request.state is RequestState.ESCALATED:
        request_moves.require_level(session, actor, request)
    _require_other(session, request, to)
    action = RequestAction.DIRECT if request.state is RequestState.ESCALATED else RequestAction.DISPATCH
    request_moves.move(session, request, action, actor=actor, now=now, note=note, seen=seen, **NOBODY)


def _require_other(session: Session, request: Request, to: Sequence[Receiver]) -> None:
    """Whoever led an earlier round is not asked again once it has failed twice. Raises SAME_HANDLER."""
    if request.round < TWICE_FAILED:
        return
    led = select(RequestOffer).where(
        RequestOffer.request_id == request.id, RequestOffer.lead.is_(True), RequestOffer.state == OfferState.ACCEPTED
    )
    before = {receivers.of(row) for row in session.execute(led).scalars()}
    if before.intersection(to):
        raise Problem("SAME_HANDLER")


def _asked(session: Session, row: RequestOffer, actor: Actor) -> Request:
    """The request of an offer the actor speaks for, held; the offer as it is now. Raises NOT_FOUND."""
    if not receivers.speaks_for(session, actor, receivers.of(row)):
        raise Problem("NOT_FOUND")
    request = request_moves.locked(session, row.request_id)
    session.refresh(row)
    return request


def _answer(session: Session, row: RequestOffer, action: OfferAction, *, actor: Actor, now: datetime, **more: Any) -> None:
    changes = {"answered_at": now, "answered_by_id": actor.person_id, **more}
    events.move(session, row, table=OFFER_TRANSITIONS, action=action, actor=actor, now=now, **changes)


def _sealed(session: Session, row: RequestOffer, actor: Actor, words: str) -> bytes | None:
    salt = session.get_one(Person, actor.id).salt
    return vault.seal(salt, EXCUSE, row.public_id, words) if salt is not None else None


def _led(request: Request, row: RequestOffer) -> bool:
    """Is this receiver the one whose hands it is in?"""
    if row.unit_id is not None or row.team_id is not None:
        return (request.handler_unit_id, request.handler_team_id) == (row.unit_id, row.team_id)
    return request.handler_unit_id is None and request.handler_team_id is None and request.handler_person_id == row.person_id


def _nobody_left(session: Session, request: Request) -> bool:
    """Dispatched, and the last who was asked has said no."""
    if request.state is not RequestState.DISPATCHED:
        return False
    waiting = select(RequestOffer.id).where(RequestOffer.request_id == request.id, RequestOffer.state == OfferState.WAITING)
    return session.execute(waiting.limit(1)).first() is None
