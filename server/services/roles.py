"""Granting and ending roles (mission row G3)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant
from server.domain.days import local_day
from server.domain.permissions import Actor, Role, may_appoint
from server.domain.problems import Problem
from server.services import events, scopes


def grant(
    session: Session,
    *,
    person: Person,
    role: Role,
    actor: Actor,
    now: datetime,
    node: OrgNode | None = None,
    unit: Unit | None = None,
    valid_to: date | None = None,
) -> RoleGrant:
    """Give a role on a node or a unit from today. Raises FORBIDDEN where the actor may not appoint it there."""
    path = node.path if node is not None else scopes.path_of(session, unit.community_id if unit is not None else 0)
    if not may_appoint(actor, role, path):
        raise Problem("FORBIDDEN")
    made = RoleGrant(
        public_id=new_public_id(),
        person_id=person.id,
        role=role,
        node_id=node.id if node is not None else None,
        unit_id=unit.id if unit is not None else None,
        valid_from=local_day(now),
        valid_to=valid_to,
        granted_by=actor.person_id,
    )
    person.has_grants = True
    session.add(made)
    session.flush()
    events.add(session, made, action="grant", actor=actor, now=now, after=role.value)
    return made


def end(session: Session, *, granted: RoleGrant, actor: Actor, now: datetime) -> None:
    """End a role from today on. Raises NOT_FOUND outside what the actor may appoint."""
    place = granted.node_id if granted.node_id is not None else _community_of(session, granted.unit_id)
    if not may_appoint(actor, granted.role, scopes.path_of(session, place)):
        raise Problem("NOT_FOUND")
    granted.valid_to = local_day(now)
    session.flush()
    person = session.get_one(Person, granted.person_id)
    person.has_grants = _held(session, person.id, local_day(now)) > 0
    events.add(session, granted, action="end", actor=actor, now=now, before=granted.role.value)


def _community_of(session: Session, unit_id: int | None) -> int:
    return session.execute(select(Unit.community_id).where(Unit.id == unit_id)).scalar_one()


def _held(session: Session, person_id: int, today: date) -> int:
    held = select(func.count()).where(RoleGrant.person_id == person_id, or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > today))
    return session.execute(held).scalar_one()
