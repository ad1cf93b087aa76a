"""Consents: one open row a person and purpose; withdrawing closes it (mission row G5, docs/rules.md R7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.people import Consent, Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry
from server.domain import consents
from server.domain.people import ConsentChannel, Purpose
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import events


def give(
    session: Session,
    *,
    person: Person,
    purpose: Purpose,
    actor: Actor,
    now: datetime,
    version: str | None = None,
    channel: ConsentChannel = ConsentChannel.APP,
    witness_id: int | None = None,
) -> Consent:
    """Record what a person agreed to; saying it again changes nothing. `version` is the text he was shown (None: the present one).

    Raises CONSENT_OUTDATED for an older text and WITNESS_REQUIRED for paper or speech without somebody who was there.
    """
    current = consents.TEXTS[purpose].version
    consents.check_version(purpose, version or current)
    consents.check_witness(channel, given_by=person.id, witness=witness_id)
    standing = _open(session, person.id, purpose)
    if standing is not None and standing.version == current:
        return standing
    if standing is not None:
        standing.withdrawn_at = now
        session.flush()
    given = Consent(
        public_id=new_public_id(),
        person_id=person.id,
        purpose=purpose,
        version=current,
        channel=channel,
        witness_id=witness_id,
        given_at=now,
    )
    session.add(given)
    session.flush()
    events.add(session, given, action="give", actor=actor, now=now, after=purpose.value)
    if purpose is Purpose.PARTY_DATA:
        follow_branch(session, person)
    return given


def withdraw(session: Session, *, person: Person, purpose: Purpose, actor: Actor, now: datetime) -> None:
    """Close the consent; what needs it is refused from now on. Raises NOT_FOUND where none stands."""
    standing = _open(session, person.id, purpose)
    if standing is None:
        raise Problem("NOT_FOUND")
    standing.withdrawn_at = now
    session.flush()
    events.add(session, standing, action="withdraw", actor=actor, now=now, before=purpose.value)
    if purpose is Purpose.PARTY_DATA:
        follow_branch(session, person)


def stands(session: Session, *, person_id: int, purpose: Purpose) -> bool:
    """Does he agree to the present text?"""
    standing = _open(session, person_id, purpose)
    return standing is not None and standing.version == consents.TEXTS[purpose].version


def require(session: Session, *, person_id: int, purpose: Purpose) -> None:
    """Raise CONSENT_REQUIRED unless the person agreed to the present text of this purpose."""
    if not stands(session, person_id=person_id, purpose=purpose):
        raise Problem("CONSENT_REQUIRED", data={"purpose": purpose.value, "version": consents.TEXTS[purpose].version})


def of(session: Session, *, person_id: int) -> list[Consent]:
    """The consents that stand, in the order they were given."""
    found = select(Consent).where(Consent.person_id == person_id, Consent.withdrawn_at.is_(None)).order_by(Consent.id)
    return list(session.execute(found).scalars())


def follow_branch(session: Session, person: Person) -> None:
    """The branch stands on the person and his registrations as the roster has it, exactly while he agrees to that (R7)."""
    agreed = stands(session, person_id=person.id, purpose=Purpose.PARTY_DATA)
    listed = session.execute(select(RosterEntry.branch_id).where(RosterEntry.person_id == person.id)).scalar() if agreed else None
    person.branch_id = listed
    session.execute(update(MemberRegistration).where(MemberRegistration.person_id == person.id).values(branch_id=listed))
    session.flush()


def _open(session: Session, person_id: int, purpose: Purpose) -> Consent | None:
    found = select(Consent).where(Consent.person_id == person_id, Consent.purpose == purpose, Consent.withdrawn_at.is_(None))
    return session.execute(found).scalar_one_or_none()
