"""Where the phone is refused or unknown, the secretary matches the person by hand (mission row A3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import BindingRequest, Person
from server.db.models.rosters import RosterEntry
from server.domain.notices import NoticeKind
from server.domain.people import BINDING_TRANSITIONS, BindingAction, BindingState, Purpose
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import bindings, consents, events, lists, merges, notices, people, scopes
from server.services.bindings import Candidate


def submit(
    session: Session, *, community: OrgNode, name: str, actor: Actor, now: datetime, unit_name: str | None = None, note: str | None = None
) -> BindingRequest:
    """Ask the community to find the person on a roster. Raises CONSENT_REQUIRED, ALREADY_BOUND, BINDING_OPEN."""
    consents.require(session, person_id=actor.id, purpose=Purpose.SERVICE)
    if bindings.of(session, person_id=actor.id) is not None:
        raise Problem("ALREADY_BOUND")
    open_one = select(BindingRequest.id).where(BindingRequest.person_id == actor.id, BindingRequest.state == BindingState.SUBMITTED)
    if session.execute(open_one).first() is not None:
        raise Problem("BINDING_OPEN")
    person = session.get_one(Person, actor.id)
    row = BindingRequest(
        public_id=new_public_id(), person_id=person.id, community_id=community.id, state=BindingState.SUBMITTED, submitted_at=now
    )
    row.claimed_name = _seal(person, row, "claimed_name", name)
    row.claimed_unit = _seal(person, row, "claimed_unit", unit_name) if unit_name else None
    row.note = _seal(person, row, "note", note) if note else None
    session.add(row)
    session.flush()
    events.add(session, row, action="submit", actor=actor, now=now, after=row.state)
    return row


def accept(session: Session, row: BindingRequest, *, entry: RosterEntry, actor: Actor, now: datetime) -> BindingRequest:
    """The secretary says which roster entry he is. Raises ROSTER_ENTRY_TAKEN where it is another person who has a life of his own,
    NOT_FOUND for an entry of another place that has neither his name nor his phone, BINDING_PARTED for who parted that person from
    another account: somebody else looks first, or one alone could move a person from account to account.

    An entry whose person was entered by the community takes the requester in, provided he has done nothing yet under this account and
    that person neither signs in nor holds a role: else whoever may decide requests could give a stranger somebody's account.
    """
    entry = session.get_one(RosterEntry, entry.id, with_for_update=True, populate_existing=True)  # before the row refers to it: no deadlock
    person, known = session.get_one(Person, row.person_id), entry.person_id
    if not _may_be(person, row, entry):
        raise Problem("NOT_FOUND")
    _move(session, row, BindingAction.ACCEPT, actor=actor, now=now, roster_entry_id=entry.id)
    if known is not None and known != person.id:
        into = session.get_one(Person, known)
        if into.has_grants or people.has_account(session, into) or not merges.is_empty(session, person):
            raise Problem("ROSTER_ENTRY_TAKEN")
        if merges.parted_by(session, into, actor):
            raise Problem("BINDING_PARTED")
        merges.absorb(session, empty=person, into=into, actor=actor, now=now, community_id=row.community_id)
        _tell(session, row, person_id=known, now=now)
        return row
    if person.name is None:
        people.set_name(person, bindings.name_of(entry))
    bindings.bind(session, person=person, entry=entry, actor=actor, now=now)
    _tell(session, row, person_id=person.id, now=now)
    return row


def send_back(session: Session, row: BindingRequest, *, reason: str, actor: Actor, now: datetime) -> BindingRequest:
    """The secretary found nobody, and says why. Raises NOTE_REQUIRED."""
    _move(session, row, BindingAction.RETURN, actor=actor, now=now, reason=reason)
    _tell(session, row, person_id=row.person_id, now=now)
    return row


def withdraw(session: Session, row: BindingRequest, *, actor: Actor, now: datetime) -> BindingRequest:
    """The person takes his request back. Raises NOT_FOUND for anybody else's."""
    if row.person_id != actor.id:
        raise Problem("NOT_FOUND")
    return _move(session, row, BindingAction.WITHDRAW, actor=actor, now=now)


def by_public_id(session: Session, public_id: str) -> BindingRequest:
    """The request. Raises NOT_FOUND."""
    row = session.execute(select(BindingRequest).where(BindingRequest.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def of_person(session: Session, *, person_id: int) -> list[BindingRequest]:
    """A person's own requests, the newest first, at most twenty."""
    found = select(BindingRequest).where(BindingRequest.person_id == person_id).order_by(BindingRequest.id.desc()).limit(20)
    return list(session.execute(found).scalars())


def queue(
    session: Session, *, community: OrgNode, actor: Actor, state: BindingState, after: str | None, limit: int
) -> tuple[Sequence[tuple[BindingRequest, Person]], str | None]:
    """A community's requests in one state with their persons, oldest first, and the key of the next page. Raises NOT_FOUND."""
    scopes.require(session, actor, Permission.BINDINGS_DECIDE, community.id)
    wanted = select(BindingRequest, Person).join(Person, Person.id == BindingRequest.person_id)
    wanted = wanted.where(BindingRequest.community_id == community.id, BindingRequest.state == state)
    rows, following = lists.page(session, wanted, BindingRequest, after=after, limit=limit)
    return [(row[0], row[1]) for row in rows], following


def candidates(session: Session, row: BindingRequest, *, actor: Actor, now: datetime) -> list[Candidate]:
    """Who on the rosters the requester may be. Raises NOT_FOUND outside the actor's communities."""
    scopes.require(session, actor, Permission.BINDINGS_DECIDE, row.community_id)
    person = session.get_one(Person, row.person_id)
    name, unit = claimed(person, row)
    return bindings.candidates(session, name=name, unit_name=unit, community_id=row.community_id, phone_hash=person.phone_hash, now=now)


def claimed(person: Person, row: BindingRequest) -> tuple[str, str]:
    """Name and unit as the requester wrote them."""
    return _open(person, row, "claimed_name", row.claimed_name), _open(person, row, "claimed_unit", row.claimed_unit)


def note_of(person: Person, row: BindingRequest) -> str:
    """What he added."""
    return _open(person, row, "note", row.note)


def _may_be(person: Person, row: BindingRequest, entry: RosterEntry) -> bool:
    """One of the community's own, or of the name or phone that he gave: members of units elsewhere live here."""
    name, _ = claimed(person, row)
    by_phone = person.phone_hash is not None and entry.phone_hash == person.phone_hash
    return entry.community_id == row.community_id or by_phone or entry.name_hash == vault.lookup_hash("name", name)


def _move(
    session: Session,
    row: BindingRequest,
    action: BindingAction,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    roster_entry_id: int | None = None,
) -> BindingRequest:
    changes: dict[str, Any] = {"decided_at": now, "decided_by": actor.person_id, "reason": reason, "roster_entry_id": roster_entry_id}
    return events.move(session, row, table=BINDING_TRANSITIONS, action=action, actor=actor, now=now, note=reason, **changes)


def _tell(session: Session, row: BindingRequest, *, person_id: int, now: datetime) -> None:
    community = session.get_one(OrgNode, row.community_id)
    notices.tell(
        session,
        person_id=person_id,
        kind=NoticeKind.BINDING_DECIDED,
        subject_kind="binding_request",
        subject_public_id=row.public_id,
        facts={"community": community.name, "outcome": row.state.value},
        dedupe=f"binding:{row.id}:{row.version}",
        now=now,
    )


def _seal(person: Person, row: BindingRequest, column: str, text: str) -> bytes:
    if person.salt is None:
        raise Problem("NOT_FOUND")
    return vault.seal(person.salt, f"binding_request.{column}", row.public_id, text)


def _open(person: Person, row: BindingRequest, column: str, box: bytes | None) -> str:
    return vault.open_sealed(person.salt, f"binding_request.{column}", row.public_id, box)
