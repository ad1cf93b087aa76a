"""微心愿 on the claimant's side: claimed, contacted in time, fulfilled, confirmed by who wished it (docs/rules.md §3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import Unit
from server.db.models.people import Person
from server.db.models.wishes import Wish
from server.domain.days import local_day
from server.domain.people import Purpose
from server.domain.permissions import SYSTEM, Actor, Permission, may_for_unit
from server.domain.problems import Problem
from server.domain.wishes import WISH_TRANSITIONS, WishAction, WishProof, WishState
from server.services import consents, events, people, policies, scopes, wishes

RELEASED: dict[str, Any] = {
    "claimant_id": None, "claimant_unit_id": None, "claimed_at": None, "contact_due_at": None, "contacted_at": None,
}  # fmt: skip
REACHABLE = (WishState.CLAIMED, WishState.CONTACTED)


@dataclass(frozen=True)
class Contact:
    """Whom to call: the wisher, or the guardian of a child; '' where there is no phone (then the community arranges it)."""

    name: str
    phone: str


def claim(session: Session, wish: Wish, *, actor: Actor, now: datetime, unit: Unit | None = None) -> Wish:
    """Take a published wish, for oneself or for the unit one is liaison of. Wisher and collector are told.

    Raises NOT_FOUND, ILLEGAL_MOVE, STALE, WISH_SELF.
    """
    if wish.state in (WishState.COLLECTED, WishState.VERIFIED):
        raise Problem("NOT_FOUND")
    if unit is not None:
        scopes.require_unit(actor, Permission.WISHES_CLAIM, unit.id)
    if wishes.of_wisher(wish, actor):
        raise Problem("WISH_SELF")
    days = policies.value(session, "wishes.contact_days", today=local_day(now), node_id=wish.community_id)
    changes = {
        "claimant_id": actor.id,
        "claimant_unit_id": unit.id if unit is not None else None,
        "claimed_at": now,
        "contact_due_at": now + timedelta(days=days),
    }
    _move(session, wish, WishAction.CLAIM, actor, now, **changes)
    _tell_wisher(session, wish, now)
    if wish.collected_by not in (actor.id, wish.person_id, wish.guardian_id):
        wishes.tell(session, wish, wish.collected_by, now, "claimed_from")
    return wish


def contact_of(session: Session, wish: Wish, *, actor: Actor, now: datetime) -> Contact:
    """Whom to call, between the claim and the fulfilment, for the claimant alone; each reading is an event (R7).

    Raises NOT_FOUND for anybody else and at any other time, CONSENT_REQUIRED where the consent was withdrawn.
    """
    if not of_claimant(wish, actor) or wish.state not in REACHABLE:
        raise Problem("NOT_FOUND")
    consents.require(session, person_id=wish.person_id, purpose=Purpose.WISHES)
    events.add(session, wish, action="read_contact", actor=actor, now=now)
    person = session.get_one(Person, wish.guardian_id or wish.person_id)
    return Contact(people.name_of(person), people.phone_of(person))


def mark_contacted(session: Session, wish: Wish, *, actor: Actor, now: datetime) -> Wish:
    """The claimant got in touch. Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_side(session, wish, actor)
    return _move(session, wish, WishAction.CONTACT, actor, now, contacted_at=now, contact_due_at=None)


def release(session: Session, wish: Wish, *, actor: Actor, now: datetime) -> Wish:
    """The claimant cannot, or staff put it back: it goes first in the next round, nothing follows for anybody (R1). Raises NOT_FOUND."""
    _require_side(session, wish, actor)
    return _put_back(session, wish, actor, now)


def fulfil(session: Session, wish: Wish, *, actor: Actor, now: datetime) -> Wish:
    """It is done; the wisher is asked to confirm. Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_side(session, wish, actor)
    _move(session, wish, WishAction.FULFIL, actor, now, fulfilled_at=now)
    _tell_wisher(session, wish, now)
    return wish


def confirm(session: Session, wish: Wish, *, via: WishProof, actor: Actor, now: datetime) -> Wish:
    """The wisher or guardian says so, or staff who called or hold a signed slip; never who claimed it. Raises NOT_FOUND, CONFIRM_SELF."""
    if via is WishProof.APP and not wishes.of_wisher(wish, actor):
        raise Problem("NOT_FOUND")
    if via is not WishProof.APP:
        scopes.require(session, actor, Permission.WISHES_MANAGE, wish.community_id)
    if actor.person_id == wish.claimant_id:
        raise Problem("CONFIRM_SELF")
    changes = {"confirmed_at": now, "confirmed_by": actor.person_id, "confirmed_via": via}
    _move(session, wish, WishAction.CONFIRM, actor, now, **changes)
    if wish.claimant_id is not None:
        wishes.tell(session, wish, wish.claimant_id, now)
    return wish


def release_due(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Put back what nobody got in touch about in time. Returns how many; run twice, it does nothing more."""
    late = select(Wish).where(Wish.state == WishState.CLAIMED, Wish.contact_due_at < now).order_by(Wish.contact_due_at).limit(limit)
    rows = list(session.execute(late.with_for_update(skip_locked=True).execution_options(populate_existing=True)).scalars())
    for wish in rows:
        claimant = wish.claimant_id
        _put_back(session, wish, SYSTEM, now)
        if claimant is not None:
            wishes.tell(session, wish, claimant, now)
    return len(rows)


def of_claimant(wish: Wish, actor: Actor) -> bool:
    """Did he claim it, or is he liaison of the unit that did?"""
    if wish.claimant_id is None or actor.person_id is None:
        return False
    return wish.claimant_id == actor.person_id or (
        wish.claimant_unit_id is not None and may_for_unit(actor, Permission.WISHES_CLAIM, wish.claimant_unit_id)
    )


def _require_side(session: Session, wish: Wish, actor: Actor) -> None:
    if not of_claimant(wish, actor):
        scopes.require(session, actor, Permission.WISHES_MANAGE, wish.community_id)


def _put_back(session: Session, wish: Wish, actor: Actor, now: datetime) -> Wish:
    return _move(session, wish, WishAction.RELEASE, actor, now, round=wish.round + 1, **RELEASED)


def _move(session: Session, wish: Wish, action: WishAction, actor: Actor, now: datetime, **changes: Any) -> Wish:
    return events.move(session, wish, table=WISH_TRANSITIONS, action=action, actor=actor, now=now, **changes)


def _tell_wisher(session: Session, wish: Wish, now: datetime) -> None:
    """Tell the wisher, and the guardian of a child."""
    for person_id in {wish.person_id, wish.guardian_id} - {None}:
        wishes.tell(session, wish, person_id, now)  # type: ignore[arg-type]
