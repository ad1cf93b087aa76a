"""转接: the member asks, the old community (or its deadline) releases, the new one accepts; the history goes along (mission row A4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration, Transfer
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import (
    MEMBER_TRANSITIONS,
    TRANSFER_TRANSITIONS,
    MemberAction,
    MemberState,
    TransferAction,
    TransferReason,
    TransferState,
)
from server.services import events, lists, notices, policies, registrations, scopes, serials, workdays

OPEN = (TransferState.REQUESTED, TransferState.RELEASED)
NOTE = "transfer.note"
SWEPT = 200  # transfers a sweep releases in one transaction


def request(
    session: Session,
    registration: MemberRegistration,
    *,
    to: OrgNode,
    reason: TransferReason,
    actor: Actor,
    now: datetime,
    note: str | None = None,
) -> Transfer:
    """Ask to move to another community. Raises NOT_FOUND for somebody else's registration, ILLEGAL_MOVE, TRANSFER_SAME."""
    registrations.require_own(session, registration, actor)
    if to.id == registration.community_id:
        raise Problem("TRANSFER_SAME")
    _registration(session, registration, MemberAction.MOVE, actor=actor, now=now)
    days = policies.value(session, "registrations.release_workdays", today=local_day(now), node_id=registration.community_id)
    row = Transfer(
        public_id=new_public_id(),
        registration_id=registration.id,
        person_id=registration.person_id,
        community_id=registration.community_id,
        from_community_id=registration.community_id,
        to_community_id=to.id,
        reason=reason,
        state=TransferState.REQUESTED,
        requested_at=now,
        release_due_at=workdays.end_of(session, now=now, count=days),
    )
    row.note = _sealed(session, row, note)
    session.add(row)
    session.flush()
    events.add(session, row, action="request", actor=actor, now=now, after=row.state)
    return row


def note_of(person: Person, row: Transfer) -> str | None:
    """What the member wrote; `person` is who moves."""
    return vault.open_sealed(person.salt, NOTE, row.public_id, row.note) or None


def release(session: Session, row: Transfer, *, actor: Actor, now: datetime) -> Transfer:
    """The old community lets him go. Raises NOT_FOUND out of its scope, ILLEGAL_MOVE, STALE."""
    changes: dict[str, Any] = {"released_at": now, "released_by": actor.person_id, "community_id": row.to_community_id}
    _move(session, row, TransferAction.RELEASE, actor=actor, now=now, **changes)
    _tell(session, row, "released", now)
    return row


def release_due(session: Session, *, now: datetime) -> int:
    """Release what the old communities left lying past their working days (a sweep calls it). Returns how many; once each."""
    due = select(Transfer).where(Transfer.state == TransferState.REQUESTED, Transfer.release_due_at <= now).order_by(Transfer.id)
    rows = list(session.execute(due.limit(SWEPT).with_for_update(skip_locked=True)).scalars())
    for row in rows:
        release(session, row, actor=SYSTEM, now=now)
    return len(rows)


def accept(session: Session, row: Transfer, *, actor: Actor, now: datetime) -> Transfer:
    """The new community takes him in: the old registration closes, the new one is ACTIVE. Raises NOT_FOUND, ILLEGAL_MOVE, STALE."""
    _move(session, row, TransferAction.ACCEPT, actor=actor, now=now, decided_at=now, decided_by=actor.person_id)
    old = session.get_one(MemberRegistration, row.registration_id)
    _registration(session, old, MemberAction.MOVED, actor=actor, now=now, valid_to=local_day(now))
    row.new_registration_id = _follow_up(session, old, row, actor=actor, now=now).id
    session.flush()
    _tell(session, row, "accepted", now)
    return row


def send_back(session: Session, row: Transfer, *, reason: str | None, actor: Actor, now: datetime) -> Transfer:
    """The new community refuses with a reason; he stays where he was. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED, STALE."""
    changes: dict[str, Any] = {"decided_at": now, "decided_by": actor.person_id, "refusal": reason}
    _move(session, row, TransferAction.RETURN, actor=actor, now=now, note=reason, **changes)
    _stay(session, row, actor=actor, now=now)
    _tell(session, row, "returned", now)
    return row


def cancel(session: Session, row: Transfer, *, actor: Actor, now: datetime) -> Transfer:
    """The member stays after all. Raises NOT_FOUND for somebody else's, ILLEGAL_MOVE."""
    registrations.require_own(session, session.get_one(MemberRegistration, row.registration_id), actor)
    _move(session, row, TransferAction.CANCEL, actor=actor, now=now, decided_at=now, decided_by=actor.person_id)
    _stay(session, row, actor=actor, now=now)
    return row


def by_public_id(session: Session, public_id: str) -> Transfer:
    """The transfer. Raises NOT_FOUND."""
    row = session.execute(select(Transfer).where(Transfer.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def of_person(session: Session, *, person_id: int) -> list[Transfer]:
    """A person's transfers, the newest first."""
    found = select(Transfer).where(Transfer.person_id == person_id).order_by(Transfer.id.desc()).limit(50)
    return list(session.execute(found).scalars())


def queue(
    session: Session, *, community: OrgNode, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[Transfer, Person]], str | None]:
    """What waits for this community: to release (from it) or, once released, to accept (to it). Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REGISTRATIONS_DECIDE, community.id)
    wanted = select(Transfer, Person).join(Person, Person.id == Transfer.person_id)
    wanted = wanted.where(Transfer.community_id == community.id, Transfer.state.in_(OPEN))
    rows, following = lists.page(session, wanted, Transfer, after=after, limit=limit)
    return [(row[0], row[1]) for row in rows], following


def _follow_up(session: Session, old: MemberRegistration, row: Transfer, *, actor: Actor, now: datetime) -> MemberRegistration:
    """The new registration, with what he said about himself, without the old address and grid."""
    community = session.get_one(OrgNode, row.to_community_id)
    new = MemberRegistration(
        public_id=new_public_id(),
        person_id=old.person_id,
        community_id=community.id,
        unit_id=old.unit_id,
        branch_id=old.branch_id,
        source=old.source,
        state=MemberState.ACTIVE,
        skills=old.skills,
        service_types=old.service_types,
        available_times=old.available_times,
        receipt_no=serials.following(session, series=serials.MEMBER, community=community, now=now),
        transferred_from_id=old.id,
        submitted_at=row.requested_at,
        decided_at=now,
        decided_by=actor.person_id,
        valid_from=local_day(now),
    )
    session.add(new)
    try:
        session.flush()
    except IntegrityError:
        raise Problem("STALE") from None
    events.add(session, new, action="transfer", actor=actor, now=now, after=new.state)
    return new


def _stay(session: Session, row: Transfer, *, actor: Actor, now: datetime) -> None:
    _registration(session, session.get_one(MemberRegistration, row.registration_id), MemberAction.MOVE_BACK, actor=actor, now=now)


def _registration(session: Session, row: MemberRegistration, action: MemberAction, *, actor: Actor, now: datetime, **changes: Any) -> None:
    events.move(session, row, table=MEMBER_TRANSITIONS, action=action, actor=actor, now=now, **changes)


def _move(
    session: Session, row: Transfer, action: TransferAction, *, actor: Actor, now: datetime, note: str | None = None, **changes: Any
) -> Transfer:
    return events.move(session, row, table=TRANSFER_TRANSITIONS, action=action, actor=actor, now=now, note=note, **changes)


def _tell(session: Session, row: Transfer, outcome: str, now: datetime) -> None:
    to = session.get_one(OrgNode, row.to_community_id)
    notices.tell(
        session,
        person_id=row.person_id,
        kind=NoticeKind.TRANSFER_DECIDED,
        subject_kind="transfer",
        subject_public_id=row.public_id,
        facts={"community": to.name, "outcome": outcome},
        dedupe=f"transfer:{row.id}:{row.version}",
        now=now,
    )


def _sealed(session: Session, row: Transfer, words: str | None) -> bytes | None:
    salt = session.get_one(Person, row.person_id).salt
    return vault.seal(salt, NOTE, row.public_id, words) if words and salt is not None else None
