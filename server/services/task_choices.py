"""What the form of a task offers to choose from: who may organise it, the units that may be asked, the grids (mission row A7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant
from server.db.models.registrations import UnitRegistration
from server.domain.orgs import Level
from server.domain.people import PersonState
from server.domain.permissions import Role
from server.domain.registrations import UnitState
from server.services import people, roles

ORGANISING = (Role.SECRETARY, Role.CLERK, Role.ORGANISER, Role.GRID_WORKER)
MOST = 300


@dataclass(frozen=True)
class Choices:
    """Each as (public id, name)."""

    organisers: Sequence[tuple[str, str]]
    units: Sequence[tuple[str, str]]
    grids: Sequence[tuple[str, str]]


def of(session: Session, community: OrgNode, *, today: date, also: Person | None = None) -> Choices:
    """For a task of this community: its staff (and `also`), the units there or registered with it, its grids; three statements."""
    below = select(OrgNode.id).where(OrgNode.path.startswith(community.path, autoescape=True))
    held = select(RoleGrant.person_id).where(
        RoleGrant.node_id.in_(below), RoleGrant.role.in_(ORGANISING), RoleGrant.valid_from <= today, roles.holds_on(today)
    )
    staff = session.execute(select(Person).where(Person.id.in_(held), Person.state == PersonState.ACTIVE).order_by(Person.id).limit(MOST))
    found = {person.public_id: person for person in [*([also] if also is not None else []), *staff.scalars()]}
    registered = select(UnitRegistration.unit_id).where(
        UnitRegistration.community_id == community.id, UnitRegistration.state.in_((UnitState.ACCEPTED, UnitState.RECEIPT_SENT))
    )
    units = session.execute(
        select(Unit.public_id, Unit.name)
        .where(or_(Unit.community_id == community.id, Unit.id.in_(registered)), Unit.archived_at.is_(None))
        .order_by(Unit.name, Unit.id)
        .limit(MOST)
    )
    grids = session.execute(
        select(OrgNode.public_id, OrgNode.name)
        .where(OrgNode.path.startswith(community.path, autoescape=True), OrgNode.level == Level.GRID)
        .where(or_(OrgNode.valid_to.is_(None), OrgNode.valid_to > today))
        .order_by(OrgNode.path)
        .limit(MOST)
    )
    return Choices([(key, people.name_of(person)) for key, person in found.items()], [(a, b) for a, b in units], [(a, b) for a, b in grids])
