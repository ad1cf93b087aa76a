"""Binding a person to his roster entry: by the phone WeChat vouches for, or by the secretary's hand (mission row A3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.people import Person
from server.db.models.rosters import RosterEntry
from server.domain.days import local_day
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.rosters import EntryState
from server.services import consents, events, people, places


class Outcome(StrEnum):
    """What a phone number said about the roster."""

    BOUND = "bound"
    NO_MATCH = "ROSTER_NO_MATCH"
    AMBIGUOUS = "ROSTER_AMBIGUOUS"


@dataclass(frozen=True)
class Candidate:
    """A roster entry that may be the person, and why: same_name, same_phone, same_unit, same_community."""

    entry: RosterEntry
    reasons: tuple[str, ...]


def of(session: Session, *, person_id: int) -> RosterEntry | None:
    """The entry the person is bound to, while his unit lists him."""
    found = select(RosterEntry).where(RosterEntry.person_id == person_id, RosterEntry.state == EntryState.LISTED)
    return session.execute(found).scalar_one_or_none()


def entry(session: Session, public_id: str | None) -> RosterEntry:
    """The listed entry. Raises NOT_FOUND, and INVALID where none was named."""
    if public_id is None:
        raise Problem("INVALID", fields={"entry": "请选定名册里的人"})
    wanted = select(RosterEntry).where(RosterEntry.public_id == public_id, RosterEntry.state == EntryState.LISTED)
    found = session.execute(wanted).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def by_phone(session: Session, *, person: Person, actor: Actor, now: datetime) -> Outcome:
    """Bind the person if exactly one listed entry has his phone; more than one, or somebody else's, needs a secretary."""
    if of(session, person_id=person.id) is not None:
        return Outcome.BOUND
    if person.phone_hash is None:
        return Outcome.NO_MATCH
    found = _listed(session, RosterEntry.phone_hash == person.phone_hash, today=local_day(now))
    if not found:
        return Outcome.NO_MATCH
    if len(found) > 1 or found[0].person_id is not None:
        return Outcome.AMBIGUOUS
    bind(session, person=person, entry=found[0], actor=actor, now=now)
    return Outcome.BOUND


def bind(session: Session, *, person: Person, entry: RosterEntry, actor: Actor, now: datetime) -> None:
    """Tie both together: kind and unit come from the roster, the name too where he has given none. Raises ROSTER_ENTRY_TAKEN.

    His branch follows only if he agrees to that separately (R7).
    """
    free = update(RosterEntry).where(RosterEntry.id == entry.id, RosterEntry.person_id.is_(None), RosterEntry.state == EntryState.LISTED)
    taken = session.execute(free.values(person_id=person.id).execution_options(synchronize_session="evaluate"))
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise Problem("ROSTER_ENTRY_TAKEN")
    person.member_type, person.unit_id = entry.member_type, entry.unit_id
    if person.name is None:
        people.set_name(person, name_of(entry))
    consents.follow_branch(session, person)
    events.add(session, person, action="bind", actor=actor, now=now, after=entry.public_id)


def candidates(
    session: Session, *, name: str, now: datetime, unit_name: str = "", community_id: int | None = None, phone_hash: str | None = None
) -> list[Candidate]:
    """Listed entries of the same name (or phone), the best first, at most twenty; entries with a person of his own are left out."""
    same = RosterEntry.name_hash == vault.lookup_hash("name", name)
    wanted = or_(same, RosterEntry.phone_hash == phone_hash) if phone_hash else same
    free = [entry for entry in _listed(session, wanted, today=local_day(now)) if entry.person_id is None]
    units = places.units(session, {entry.unit_id for entry in free})
    asked = _Asked(vault.lookup_hash("name", name), vault.normalise(unit_name), community_id, phone_hash)
    judged = [Candidate(entry, _reasons(entry, vault.normalise(units[entry.unit_id]), asked)) for entry in free]
    return sorted(judged, key=lambda candidate: -len(candidate.reasons))[:20]


def name_of(entry: RosterEntry) -> str:
    """The name on the roster."""
    return vault.open_sealed(entry.salt, "roster_entry.name", entry.public_id, entry.name)


def phone_of(entry: RosterEntry) -> str:
    """The phone on the roster, '' where it has none."""
    return vault.open_sealed(entry.salt, "roster_entry.phone", entry.public_id, entry.phone)


@dataclass(frozen=True)
class _Asked:
    name_hash: str
    unit: str
    community_id: int | None
    phone_hash: str | None


def _reasons(entry: RosterEntry, unit: str, asked: _Asked) -> tuple[str, ...]:
    found = {
        "same_name": entry.name_hash == asked.name_hash,
        "same_phone": asked.phone_hash is not None and entry.phone_hash == asked.phone_hash,
        "same_unit": bool(asked.unit) and (asked.unit in unit or unit in asked.unit),
        "same_community": entry.community_id is not None and entry.community_id == asked.community_id,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def _listed(session: Session, wanted: object, *, today: date) -> list[RosterEntry]:
    valid = or_(RosterEntry.valid_until.is_(None), RosterEntry.valid_until >= today)
    found = select(RosterEntry).where(wanted, RosterEntry.state == EntryState.LISTED, valid).order_by(RosterEntry.id).limit(100)  # type: ignore[arg-type]
    return list(session.execute(found).scalars())
