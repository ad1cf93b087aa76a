"""党员报到: submit, accept or return, retire, float, end (mission row A4; docs/rules.md §3). Moving house is in transfers.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.people import MemberType, Purpose
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.registrations import LIVE, MEMBER_TRANSITIONS, MemberAction, MemberState, Source
from server.services import batches, bindings, consents, events, lists, notices, policies, scopes, serials
from server.services.batches import Outcome

WAITING = (MemberState.SUBMITTED, MemberState.RETURNED)
ADDRESS = "member_registration.address"


@dataclass(frozen=True)
class Details:
    """What a member says about himself on the form; the address to the building, without a room number (R7)."""

    skills: Sequence[str] = ()
    service_types: Sequence[str] = ()
    available_times: Sequence[str] = ()
    address: str | None = None
    grid: OrgNode | None = None


def submit(
    session: Session, *, person: Person, community: OrgNode, source: Source, details: Details, actor: Actor, now: datetime
) -> MemberRegistration:
    """Register with the community where he lives: at once ACTIVE where the roster agrees, else SUBMITTED to the secretary.

    Raises CONSENT_REQUIRED, NAME_REQUIRED, REGISTRATION_EXISTS, REGISTRATION_ELSEWHERE, REGISTRATION_OPEN.
    """
    consents.require(session, person_id=person.id, purpose=Purpose.SERVICE)
    if person.name is None:
        raise Problem("NAME_REQUIRED", fields={"name": "请填写姓名"})
    _refuse_second(session, person.id, community.id)
    row = MemberRegistration(
        public_id=new_public_id(),
        person_id=person.id,
        community_id=community.id,
        unit_id=person.unit_id,
        branch_id=person.branch_id,
        source=source,
        state=MemberState.SUBMITTED,
        recorded_by=actor.person_id if actor.person_id != person.id else None,
        submitted_at=now,
    )
    _fill(person, row, community, details)
    session.add(row)
    session.flush()
    events.add(session, row, action="submit", actor=actor, now=now, after=row.state)
    if _roster_agrees(session, person, community, now):
        accept(session, row, actor=SYSTEM, now=now)
    return row


def accept(session: Session, row: MemberRegistration, *, actor: Actor, now: datetime) -> MemberRegistration:
    """The community takes the member in and gives a receipt number. Raises NOT_FOUND, ILLEGAL_MOVE, STALE, REGISTRATION_ELSEWHERE."""
    scopes.require(session, actor, Permission.REGISTRATIONS_DECIDE, row.community_id)
    live = live_of(session, person_id=row.person_id)
    if live is not None and live.id != row.id:
        raise Problem("REGISTRATION_ELSEWHERE")
    community = session.get_one(OrgNode, row.community_id)
    try:
        with session.begin_nested():
            receipt = serials.following(session, series=serials.MEMBER, community=community, now=now)
            _move(session, row, MemberAction.ACCEPT, actor=actor, now=now, receipt_no=receipt, valid_from=local_day(now), reason=None)
    except IntegrityError:  # another community took him in at this very moment
        raise Problem("REGISTRATION_ELSEWHERE") from None
    tell(session, row, outcome="accepted", now=now)
    return row


def send_back(session: Session, row: MemberRegistration, *, reason: str | None, actor: Actor, now: datetime) -> MemberRegistration:
    """Return the form with a reason. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED, STALE."""
    _move(session, row, MemberAction.RETURN, actor=actor, now=now, note=reason, reason=reason)
    tell(session, row, outcome="returned", now=now)
    return row


def decide_many(
    session: Session, public_ids: Sequence[str], *, community: OrgNode, accepting: bool, reason: str | None, actor: Actor, now: datetime
) -> Outcome[MemberRegistration]:
    """Accept or return many: what succeeds stands, each failure is named. Raises NOT_FOUND for a community out of scope."""
    scopes.require(session, actor, Permission.REGISTRATIONS_DECIDE, community.id)

    def decide(row: MemberRegistration) -> MemberRegistration:
        if accepting:
            return accept(session, row, actor=actor, now=now)
        return send_back(session, row, reason=reason, actor=actor, now=now)

    ids = batches.unique(public_ids)
    wanted = select(MemberRegistration).where(MemberRegistration.public_id.in_(ids), MemberRegistration.community_id == community.id)
    rows = {row.public_id: row for row in session.execute(wanted).scalars()}
    outcome: Outcome[MemberRegistration] = Outcome([], [])
    for public_id in ids:
        code = _code_of(session, decide, rows.get(public_id))
        if code is None:
            outcome.done.append(rows[public_id])
        else:
            outcome.failed.append(batches.failure(public_id, code))
    return outcome


def resubmit(session: Session, row: MemberRegistration, *, details: Details, actor: Actor, now: datetime) -> MemberRegistration:
    """Send the corrected form again. Raises NOT_FOUND for somebody else's, ILLEGAL_MOVE."""
    require_own(session, row, actor)
    _fill(session.get_one(Person, row.person_id), row, session.get_one(OrgNode, row.community_id), details)
    session.flush()
    return events.move(
        session, row, table=MEMBER_TRANSITIONS, action=MemberAction.RESUBMIT, actor=actor, now=now, submitted_at=now, reason=None
    )


def change(session: Session, row: MemberRegistration, *, details: Details, actor: Actor, now: datetime) -> MemberRegistration:
    """Correct what he says about himself while the registration stands or waits. Raises NOT_FOUND for somebody else's, ILLEGAL_MOVE."""
    require_own(session, row, actor)
    if row.state is MemberState.CLOSED:
        raise Problem("ILLEGAL_MOVE")
    _fill(session.get_one(Person, row.person_id), row, session.get_one(OrgNode, row.community_id), details)
    session.flush()
    events.add(session, row, action="change", actor=actor, now=now)
    return row


def withdraw(session: Session, row: MemberRegistration, *, actor: Actor, now: datetime) -> MemberRegistration:
    """Take the form back, or leave. Raises NOT_FOUND for somebody else's, ILLEGAL_MOVE."""
    require_own(session, row, actor)
    left = local_day(now) if row.state in LIVE else None
    return events.move(session, row, table=MEMBER_TRANSITIONS, action=MemberAction.WITHDRAW, actor=actor, now=now, valid_to=left)


def retire(session: Session, row: MemberRegistration, *, actor: Actor, now: datetime, seen: int | None = None) -> MemberRegistration:
    """He retires: stays registered as an ordinary volunteer, leaves every denominator."""
    return _change_type(session, row, MemberAction.RETIRE, MemberType.RETIRED, actor=actor, now=now, seen=seen)


def float_away(session: Session, row: MemberRegistration, *, actor: Actor, now: datetime, seen: int | None = None) -> MemberRegistration:
    """He becomes a floating member (流动党员): stays registered, leaves every denominator."""
    return _change_type(session, row, MemberAction.FLOAT, MemberType.FLOATING, actor=actor, now=now, seen=seen)


def end(
    session: Session, row: MemberRegistration, *, reason: str | None, actor: Actor, now: datetime, seen: int | None = None
) -> MemberRegistration:
    """The community closes the registration, with a reason. Raises NOT_FOUND, ILLEGAL_MOVE, NOTE_REQUIRED, STALE."""
    _move(session, row, MemberAction.END, actor=actor, now=now, note=reason, reason=reason, valid_to=local_day(now), seen=seen)
    tell(session, row, outcome="closed", now=now)
    return row


def live_of(session: Session, *, person_id: int) -> MemberRegistration | None:
    """The person's one live registration."""
    found = select(MemberRegistration).where(MemberRegistration.person_id == person_id, MemberRegistration.state.in_(LIVE))
    return session.execute(found).scalar_one_or_none()


def of_person(session: Session, *, person_id: int) -> list[MemberRegistration]:
    """All of a person's registrations, the newest first: his history goes along with him."""
    found = select(MemberRegistration).where(MemberRegistration.person_id == person_id).order_by(MemberRegistration.id.desc()).limit(50)
    return list(session.execute(found).scalars())


def queue(
    session: Session, *, community: OrgNode, state: MemberState, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[MemberRegistration, Person]], str | None]:
    """A community's registrations in one state with their persons, oldest first. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.MEMBERS_READ, community.id)
    wanted = select(MemberRegistration, Person).join(Person, Person.id == MemberRegistration.person_id)
    wanted = wanted.where(MemberRegistration.community_id == community.id, MemberRegistration.state == state)
    rows, following = lists.page(session, wanted, MemberRegistration, after=after, limit=limit)
    return [(row[0], row[1]) for row in rows], following


def by_public_id(session: Session, public_id: str) -> MemberRegistration:
    """The registration. Raises NOT_FOUND."""
    row = session.execute(select(MemberRegistration).where(MemberRegistration.public_id == public_id)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def public_ids(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The public ids of these registrations."""
    wanted = {one for one in ids if one is not None}
    found = select(MemberRegistration.id, MemberRegistration.public_id).where(MemberRegistration.id.in_(wanted))
    return {row.id: row.public_id for row in session.execute(found)} if wanted else {}


def address_of(person: Person, row: MemberRegistration) -> str:
    """The address on the form, '' where none was given."""
    return vault.open_sealed(person.salt, ADDRESS, row.public_id, row.address)


def require_own(session: Session, row: MemberRegistration, actor: Actor) -> None:
    """Raise NOT_FOUND unless it is his own, or he enters forms for others in this community (R6)."""
    if row.person_id != actor.person_id:
        scopes.require(session, actor, Permission.REGISTRATIONS_PROXY, row.grid_id or row.community_id)


def tell(session: Session, row: MemberRegistration, *, outcome: str, now: datetime) -> None:
    """One notice about what became of the registration."""
    community = session.get_one(OrgNode, row.community_id)
    notices.tell(
        session,
        person_id=row.person_id,
        kind=NoticeKind.REGISTRATION_DECIDED,
        subject_kind="member_registration",
        subject_public_id=row.public_id,
        facts={"community": community.name, "outcome": outcome},
        dedupe=f"registration:{row.id}:{row.version}",
        now=now,
    )


def _code_of(session: Session, decide: Callable[[MemberRegistration], Any], row: MemberRegistration | None) -> str | None:
    """None where the decision stands, else why not; what it began is undone."""
    if row is None:
        return "NOT_FOUND"
    try:
        with session.begin_nested():
            decide(row)
    except Problem as problem:
        return problem.code
    return None


def _refuse_second(session: Session, person_id: int, community_id: int) -> None:
    live = live_of(session, person_id=person_id)
    if live is not None:
        raise Problem("REGISTRATION_EXISTS" if live.community_id == community_id else "REGISTRATION_ELSEWHERE")
    waiting = select(MemberRegistration.id).where(
        MemberRegistration.person_id == person_id,
        MemberRegistration.community_id == community_id,
        MemberRegistration.state.in_(WAITING),
    )
    if session.execute(waiting).first() is not None:
        raise Problem("REGISTRATION_OPEN")


def _roster_agrees(session: Session, person: Person, community: OrgNode, now: datetime) -> bool:
    entry = bindings.of(session, person_id=person.id)
    if entry is None or entry.community_id not in (None, community.id):
        return False
    return bool(policies.value(session, "registrations.auto_accept", today=local_day(now), node_id=community.id))


def _fill(person: Person, row: MemberRegistration, community: OrgNode, details: Details) -> None:
    if person.salt is None or (details.grid is not None and not details.grid.path.startswith(community.path)):
        raise Problem("NOT_FOUND")
    row.skills, row.service_types, row.available_times = (
        list(details.skills),
        list(details.service_types),
        list(details.available_times),
    )
    row.grid_id = details.grid.id if details.grid is not None else None
    row.address = vault.seal(person.salt, ADDRESS, row.public_id, details.address) if details.address else None


def _move(
    session: Session, row: MemberRegistration, action: MemberAction, *, actor: Actor, now: datetime, note: str | None = None, **changes: Any
) -> MemberRegistration:
    changes = {"decided_at": now, "decided_by": actor.person_id, **changes}
    return events.move(session, row, table=MEMBER_TRANSITIONS, action=action, actor=actor, now=now, note=note, **changes)


def _change_type(
    session: Session, row: MemberRegistration, action: MemberAction, kind: MemberType, *, actor: Actor, now: datetime, seen: int | None
) -> MemberRegistration:
    events.move(session, row, table=MEMBER_TRANSITIONS, action=action, actor=actor, now=now, seen=seen)
    session.get_one(Person, row.person_id).member_type = kind
    entry = bindings.of(session, person_id=row.person_id)
    if entry is not None:
        entry.member_type = kind
    session.flush()
    return row
