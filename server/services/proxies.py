"""Registering somebody who does not use a phone: a grid worker or clerk enters him, on paper or by word of mouth (R6).

Who signs in himself says himself that he registers: nobody's word stands for his (R7). Only a form that he signed does, and he is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import MemberState, Source
from server.services import bindings, consents, people, registrations, scopes
from server.services.registrations import Details

SOURCES = {ConsentChannel.PAPER: Source.PAPER, ConsentChannel.SPOKEN: Source.PROXY}


@dataclass(frozen=True)
class Represented:
    """Who is registered: by name, a phone if he has one, and how he agreed; `entry` is the roster entry a clerk knows him to be."""

    name: str
    phone: str | None
    member_type: MemberType
    channel: ConsentChannel
    entry: RosterEntry | None = None


def register(
    session: Session, *, who: Represented, community: OrgNode, details: Details, actor: Actor, now: datetime
) -> MemberRegistration:
    """Find or make the person, keep his consent with the actor as witness, bind him if the roster knows him, submit for him.

    Raises NOT_FOUND out of scope (a grid worker names his grid), PHONE_TAKEN where the phone is another name's, REGISTERS_HIMSELF where he
    has an account and signed nothing, WITNESS_REQUIRED where somebody would witness for himself, and what `registrations.submit` refuses.
    """
    scopes.require(session, actor, Permission.REGISTRATIONS_PROXY, (details.grid or community).id)
    if who.entry is not None:
        scopes.require(session, actor, Permission.BINDINGS_DECIDE, community.id)
    person = _find(session, who) or people.create(
        session, created_via="proxy", now=now, name=who.name, phone=who.phone, member_type=who.member_type
    )
    consents.give(session, person=person, purpose=Purpose.SERVICE, channel=who.channel, witness_id=actor.person_id, actor=actor, now=now)
    if who.entry is None:
        bindings.by_phone(session, person=person, actor=actor, now=now)
    elif who.entry.person_id is None:
        bindings.bind(session, person=person, entry=who.entry, actor=actor, now=now)
    row = registrations.submit(
        session, person=person, community=community, source=SOURCES[who.channel], details=details, actor=actor, now=now
    )
    if row.state is MemberState.SUBMITTED:  # who was taken in at once has been told so
        registrations.tell(session, row, outcome="entered", now=now)
    return row


def _find(session: Session, who: Represented) -> Person | None:
    """The person of the roster entry, or the one with this phone, if he has this name."""
    if who.entry is not None and who.entry.person_id is not None:
        return _may_be_entered(session, session.get_one(Person, who.entry.person_id), who)
    known = people.by_phone(session, who.phone) if who.phone else None
    if known is not None:
        _may_be_entered(session, known, who)
    if known is not None and known.name is None:
        people.set_name(known, who.name)
    if known is not None and known.name_hash != vault.lookup_hash("name", who.name):
        raise Problem("PHONE_TAKEN")
    return known


def _may_be_entered(session: Session, person: Person, who: Represented) -> Person:
    """Somebody without an account, or one who signed a form under his own name."""
    if people.has_account(session, person) and (who.channel is not ConsentChannel.PAPER or person.name is None):
        raise Problem("REGISTERS_HIMSELF")
    return person
