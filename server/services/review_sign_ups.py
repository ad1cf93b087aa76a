"""Signing somebody up for a panel who has no phone: on paper or by his word, with the clerk as witness (R6; docs/rules.md §2).

Nobody is signed up by another's wish: whoever was entered so may have it taken back by any clerk until the members are selected.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.people import Person
from server.db.models.reviews import ReviewMember, ReviewPanel
from server.domain.consents import check_witness
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.reviews import ReviewState
from server.services import events, intakes, reviews, scopes
from server.services.intakes import Represented


def enter(session: Session, panel: ReviewPanel, *, who: Represented, actor: Actor, now: datetime) -> ReviewMember:
    """Sign him up with the clerk as witness; with his phone, twice is once.

    Raises NOT_FOUND out of scope, ILLEGAL_MOVE once the members were selected, WITNESS_REQUIRED for the clerk's own name or without paper
    or word, REVIEW_NAMESAKE for a second one of the name without a phone, PHONE_TAKEN where the phone is another name's.
    """
    scopes.require(session, actor, Permission.REVIEWS_ENTER, panel.community_id)
    reviews.require_state(panel, ReviewState.GATHERING)
    if who.consent is ConsentChannel.APP:
        raise Problem("WITNESS_REQUIRED")
    if who.phone is None and _named(session, panel, who.name):
        raise Problem("REVIEW_NAMESAKE")
    person = intakes.represented(session, who=who, actor=actor, now=now)
    check_witness(who.consent, given_by=person.id, witness=actor.person_id)
    made = reviews.volunteer(session, panel, person=person, actor=actor, now=now, channel=who.consent, witness_id=actor.person_id)
    if made.signed_up_at == now and made.witness_id == actor.person_id:
        events.add(session, panel, action="enter_volunteer", actor=actor, now=now)
    return made


def take_back(session: Session, panel: ReviewPanel, *, person: Person, actor: Actor, now: datetime) -> None:
    """He does not want to any more: any clerk takes out whom a clerk entered. Raises NOT_FOUND for others, ILLEGAL_MOVE as enter()."""
    scopes.require(session, actor, Permission.REVIEWS_ENTER, panel.community_id)
    reviews.require_state(panel, ReviewState.GATHERING)
    mine = select(ReviewMember).where(ReviewMember.panel_id == panel.id, ReviewMember.person_id == person.id)
    found = session.execute(mine.where(ReviewMember.witness_id.is_not(None))).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    session.delete(found)
    session.flush()
    events.add(session, panel, action="take_back_volunteer", actor=actor, now=now)


def entered(session: Session, panel: ReviewPanel, *, actor: Actor) -> list[tuple[ReviewMember, Person]]:
    """Whom clerks entered, in the order of signing up. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REVIEWS_ENTER, panel.community_id)
    return [(member, person) for member, person in reviews.members_of(session, panel) if member.witness_id is not None]


def _named(session: Session, panel: ReviewPanel, name: str) -> bool:
    same = select(ReviewMember.id).join(Person, Person.id == ReviewMember.person_id).where(ReviewMember.panel_id == panel.id)
    return session.execute(same.where(Person.name_hash == vault.lookup_hash("name", name)).limit(1)).first() is not None
