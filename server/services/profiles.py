"""What a person sees of himself: name, binding, registration, roles, consents; four statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.db.models.people import Person, RoleGrant
from server.db.models.registrations import MemberRegistration
from server.db.models.rosters import RosterEntry
from server.domain.days import local_day
from server.domain.people import Purpose
from server.domain.permissions import Role
from server.domain.registrations import LIVE, MemberState
from server.domain.rosters import EntryState
from server.services import consents, people


@dataclass(frozen=True)
class Held:
    """A role on a node or a unit, by public id."""

    role: Role
    place: str
    place_id: str
    kind: str


@dataclass(frozen=True)
class Registered:
    """Where his registration stands."""

    id: str
    state: MemberState
    community_id: str
    community: str


@dataclass(frozen=True)
class Profile:
    """The person as he may see himself; the phone with its middle hidden."""

    person: Person
    name: str
    phone: str
    bound: bool
    unit: str | None
    unit_id: str | None
    branch: str | None
    registration: Registered | None
    roles: tuple[Held, ...]
    consents: tuple[Purpose, ...]


def of(session: Session, *, person: Person, now: datetime) -> Profile:
    """The person's own view of himself."""
    unit = session.execute(
        select(Unit.name, Unit.public_id, UnitBranch.name.label("branch"))
        .select_from(Person)
        .join(Unit, Unit.id == Person.unit_id)
        .outerjoin(UnitBranch, UnitBranch.id == Person.branch_id)
        .where(Person.id == person.id)
    ).first()
    bound = select(RosterEntry.id).where(RosterEntry.person_id == person.id, RosterEntry.state == EntryState.LISTED)
    return Profile(
        person=person,
        name=people.name_of(person),
        phone=masked_phone(people.phone_of(person)),
        bound=session.execute(bound).first() is not None,
        unit=unit.name if unit else None,
        unit_id=unit.public_id if unit else None,
        branch=unit.branch if unit else None,
        registration=_registration(session, person.id),
        roles=_roles(session, person, now) if person.has_grants else (),
        consents=tuple(row.purpose for row in consents.of(session, person_id=person.id)),
    )


def masked_phone(phone: str) -> str:
    """138****5678; '' where none is known."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else ""


def masked_name(name: str) -> str:
    """The family name and two stars, however long the rest is."""
    return f"{name[:1]}**" if name else "**"


def _registration(session: Session, person_id: int) -> Registered | None:
    """The live one, else the newest that waits or came back."""
    wanted = (*LIVE, MemberState.SUBMITTED, MemberState.RETURNED)
    found = session.execute(
        select(MemberRegistration.public_id, MemberRegistration.state, OrgNode.public_id.label("community_id"), OrgNode.name)
        .join(OrgNode, OrgNode.id == MemberRegistration.community_id)
        .where(MemberRegistration.person_id == person_id, MemberRegistration.state.in_(wanted))
        .order_by(MemberRegistration.state.in_(LIVE).desc(), MemberRegistration.id.desc())
        .limit(1)
    ).first()
    return Registered(found.public_id, found.state, found.community_id, found.name) if found else None


def _roles(session: Session, person: Person, now: datetime) -> tuple[Held, ...]:
    today = local_day(now)
    rows = session.execute(
        select(RoleGrant.role, OrgNode.public_id.label("node"), OrgNode.name.label("node_name"), OrgNode.level, Unit.public_id, Unit.name)
        .outerjoin(OrgNode, OrgNode.id == RoleGrant.node_id)
        .outerjoin(Unit, Unit.id == RoleGrant.unit_id)
        .where(
            RoleGrant.person_id == person.id,
            RoleGrant.valid_from <= today,
            or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > today),
        )
        .order_by(RoleGrant.id)
    )
    return tuple(
        Held(row.role, row.node_name or row.name, row.node or row.public_id, row.level.value if row.node else "unit") for row in rows
    )
