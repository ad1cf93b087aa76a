"""Two persons turn out to be one: the account that has done nothing yet goes over to the person who is known (mission row A3)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from server.db.models.checkins import Scan, ServiceRecord
from server.db.models.people import BindingRequest, Consent, LoginSession, Person, RoleGrant, WechatAccount
from server.db.models.registrations import Document, MemberRegistration
from server.db.models.rosters import RosterEntry
from server.db.models.tasks import Claim
from server.domain.people import BindingState, PersonState
from server.domain.permissions import Actor
from server.services import events

HISTORY = (MemberRegistration, Claim, ServiceRecord, Scan, Document, RoleGrant, RosterEntry)


def is_empty(session: Session, person: Person) -> bool:
    """Has he done nothing that another person would inherit, and no phone of his own?"""
    if person.phone_hash is not None or person.has_grants:
        return False
    done = or_(*(exists().where(model.person_id == person.id) for model in HISTORY))
    return not session.execute(select(done)).scalar_one()


def has_account(session: Session, person: Person) -> bool:
    """Does somebody already sign in as this person?"""
    return bool(session.execute(select(exists().where(WechatAccount.person_id == person.id))).scalar_one())


def absorb(session: Session, *, empty: Person, into: Person, actor: Actor, now: datetime) -> None:
    """Move account, login sessions, consents and open requests of `empty` to `into`; `empty` stays as a MERGED row that names it.

    A consent that both gave stays where it was given. Who else signs in as `into` is the caller's question.
    """
    for model in (WechatAccount, LoginSession):
        session.execute(update(model).where(model.person_id == empty.id).values(person_id=into.id))
    held = select(Consent.purpose).where(Consent.person_id == into.id, Consent.withdrawn_at.is_(None)).scalar_subquery()
    moved = update(Consent).where(Consent.person_id == empty.id, Consent.withdrawn_at.is_(None), Consent.purpose.not_in(held))
    session.execute(moved.values(person_id=into.id).execution_options(synchronize_session=False))
    asked = update(BindingRequest).where(BindingRequest.person_id == empty.id, BindingRequest.state == BindingState.SUBMITTED)
    session.execute(asked.values(state=BindingState.WITHDRAWN, version=BindingRequest.version + 1, decided_at=now))
    empty.state, empty.merged_into_id = PersonState.MERGED, into.id
    session.flush()
    events.add(session, empty, action="merge", actor=actor, now=now, before=PersonState.ACTIVE.value, after=PersonState.MERGED.value)
