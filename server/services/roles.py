"""Granting and ending roles (mission row G3)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person, RoleGrant
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Actor, Permission, Role, may_appoint
from server.domain.problems import Problem
from server.services import events, lists, orgs, people, scopes

UNIT_ROLES = frozenset({Role.UNIT_LIAISON, Role.UNIT_BRANCH})
MOST = 500  # places in a list to choose from, roles of one person
Held = tuple[Role, int | None, int | None]  # role, node id, unit id
APART = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR})


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
    """Give a role on a node or a unit from today.

    Raises NOT_FOUND outside his scope, FORBIDDEN for a role he may not appoint, INVALID for an end not after today, ROLE_PLACE (unit
    roles on units, others on nodes), ROLE_SELF, ROLE_SPLIT (system, security and audit are three people), ROLE_HELD.
    """
    if (role in UNIT_ROLES) is not (unit is not None) or (node is None) is (unit is None):
        raise Problem("ROLE_PLACE")
    community_id = unit.community_id if unit is not None else 0
    scopes.require(session, actor, Permission.ROLES_GRANT, node.id if node is not None else community_id)
    if valid_to is not None and valid_to <= local_day(now):
        raise Problem("INVALID", fields={"valid_to": "结束日期要晚于今天"})
    path = node.path if node is not None else scopes.path_of(session, community_id)
    if not may_appoint(actor, role, path):
        raise Problem("FORBIDDEN")
    wanted = (role, node.id if node is not None else None, unit.id if unit is not None else None)
    _check_person(session, person, wanted, actor, local_day(now))
    made = RoleGrant(
        public_id=new_public_id(),
        person_id=person.id,
        role=role,
        node_id=wanted[1],
        unit_id=wanted[2],
        valid_from=local_day(now),
        valid_to=valid_to,
        granted_by=actor.person_id,
    )
    person.has_grants = True
    session.add(made)
    session.flush()
    events.add(session, made, action="grant", actor=actor, now=now, after=role.value)
    return made


def page(
    session: Session,
    *,
    actor: Actor,
    today: date,
    after: str | None,
    limit: int,
    person: Person | None = None,
    role: Role | None = None,
    node: OrgNode | None = None,
) -> tuple[list[Row[RoleGrant, Person, OrgNode | None, Unit | None]], str | None]:
    """Roles that hold today within what the actor may appoint, with the person and the place, newest first."""
    place: Any = func.coalesce(RoleGrant.node_id, Unit.community_id)
    found = (
        select(RoleGrant, Person, OrgNode, Unit)
        .join(Person, Person.id == RoleGrant.person_id)
        .outerjoin(OrgNode, OrgNode.id == RoleGrant.node_id)
        .outerjoin(Unit, Unit.id == RoleGrant.unit_id)
        .where(scopes.within(actor, Permission.ROLES_GRANT, place), holds_on(today))
    )
    if person is not None:
        found = found.where(RoleGrant.person_id == person.id)
    if role is not None:
        found = found.where(RoleGrant.role == role)
    if node is not None:
        below = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
        found = found.where(place.in_(below))
    return lists.page(session, found, RoleGrant, after=after, limit=limit, newest_first=True)


def of_person(session: Session, person: Person, *, actor: Actor, today: date) -> list[Row[RoleGrant, Person, OrgNode | None, Unit | None]]:
    """What he holds within what the actor may appoint. Raises NOT_FOUND where that is nothing."""
    held, _ = page(session, actor=actor, today=today, after=None, limit=MOST, person=person)
    if not held:
        raise Problem("NOT_FOUND")
    return held


def appointable(session: Session, actor: Actor, node: OrgNode) -> list[Role]:
    """The roles that the actor may give on this node or on a unit there."""
    return [role for role in Role if may_appoint(actor, role, node.path)]


def tops(session: Session, *, actor: Actor, today: date) -> list[OrgNode]:
    """The nodes above communities on which the actor may appoint, the county first."""
    mine = scopes.within(actor, Permission.ROLES_GRANT, OrgNode.id)
    standing = (OrgNode.valid_from <= today, or_(OrgNode.valid_to.is_(None), OrgNode.valid_to > today))
    above = select(OrgNode).where(mine, *standing, OrgNode.level.in_((Level.COUNTY, Level.STREET))).order_by(OrgNode.path)
    return list(session.execute(above.limit(MOST)).scalars())


def within_community(session: Session, community: OrgNode, *, actor: Actor, today: date) -> tuple[list[OrgNode], list[Unit]]:
    """Where in a community a role may be held: itself with what is below it, and its units. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.ROLES_GRANT, community.id)
    units = select(Unit).where(Unit.community_id == community.id, Unit.archived_at.is_(None)).order_by(Unit.id).limit(MOST)
    return list(orgs.subtree(session, on=today, root=community)), list(session.execute(units).scalars())


def person_for(session: Session, *, name: str, phone: str, now: datetime) -> Person:
    """Who is to hold a role: the person with this phone if he bears this name, a new one where nobody has it. Raises INVALID."""
    found = people.by_phone(session, phone)
    if found is None:
        return people.create(session, created_via="staff", now=now, name=name, phone=phone)
    if vault.normalise(people.name_of(found)) != vault.normalise(name):
        raise Problem("INVALID", fields={"name": "这个手机号登记的是另一个姓名，请核对后再填"})
    return found


def by_public_id(session: Session, public_id: str) -> RoleGrant:
    """The grant. Raises NOT_FOUND."""
    granted = session.execute(select(RoleGrant).where(RoleGrant.public_id == public_id)).scalar_one_or_none()
    if granted is None:
        raise Problem("NOT_FOUND")
    return granted


def holds_on(today: date) -> ColumnElement[bool]:
    """A WHERE condition: the grant has not ended by this day."""
    return or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > today)


def end(session: Session, *, granted: RoleGrant, actor: Actor, now: datetime) -> None:
    """End a role from today on; ending it again changes nothing. Raises NOT_FOUND outside what the actor may appoint."""
    place = granted.node_id if granted.node_id is not None else _community_of(session, granted.unit_id)
    if not may_appoint(actor, granted.role, scopes.path_of(session, place)):
        raise Problem("NOT_FOUND")
    ending = update(RoleGrant).where(RoleGrant.id == granted.id, holds_on(local_day(now))).values(valid_to=local_day(now))
    ended: Any = session.execute(ending.execution_options(synchronize_session="evaluate"))
    if ended.rowcount != 1:
        return
    person = session.get_one(Person, granted.person_id)
    person.has_grants = _held(session, person.id, local_day(now)) > 0
    events.add(session, granted, action="end", actor=actor, now=now, before=granted.role.value)


def _community_of(session: Session, unit_id: int | None) -> int:
    return session.execute(select(Unit.community_id).where(Unit.id == unit_id)).scalar_one()


def _held(session: Session, person_id: int, today: date) -> int:
    held = select(func.count()).where(RoleGrant.person_id == person_id, holds_on(today))
    return session.execute(held).scalar_one()


def _check_person(session: Session, person: Person, wanted: Held, actor: Actor, today: date) -> None:
    if person.id == actor.person_id:
        raise Problem("ROLE_SELF")
    session.execute(select(Person.id).where(Person.id == person.id).with_for_update())  # two grants at once must see each other
    rows = session.execute(
        select(RoleGrant.role, RoleGrant.node_id, RoleGrant.unit_id).where(RoleGrant.person_id == person.id, holds_on(today))
    )
    held = {(row.role, row.node_id, row.unit_id) for row in rows}
    if wanted in held:
        raise Problem("ROLE_HELD")
    if wanted[0] in APART and any(role in APART for role, _node, _unit in held):
        raise Problem("ROLE_SPLIT")
