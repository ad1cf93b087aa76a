"""Units (单位) and their branches (支部) in a community (mission row A2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.domain.orgs import Level, UnitCategory
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, lists, scopes

CONTACT = ("contact_name", "contact_phone")
CHANGEABLE = ("name", "uscc", "category", "address", "superior")


@dataclass(frozen=True)
class Contact:
    """Who answers for a unit; '' where nobody was named."""

    name: str
    phone: str


def create(
    session: Session,
    *,
    community: OrgNode,
    name: str,
    category: UnitCategory,
    actor: Actor,
    now: datetime,
    uscc: str | None = None,
    address: str | None = None,
    superior: str | None = None,
    contact_name: str | None = None,
    contact_phone: str | None = None,
) -> Unit:
    """Add a unit to the community of its premises. Raises NOT_FOUND out of scope, ORG_LEVEL for another level, UNIT_EXISTS."""
    scopes.require(session, actor, Permission.UNITS_MANAGE, community.id)
    if community.level is not Level.COMMUNITY:
        raise Problem("ORG_LEVEL")
    _check_free(session, community.id, name, uscc)
    unit = Unit(
        public_id=new_public_id(),
        name=name,
        uscc=uscc,
        category=category,
        address=address,
        community_id=community.id,
        superior=superior,
        salt=vault.new_salt(),
        created_at=now,
    )
    set_contact(unit, contact_name=contact_name, contact_phone=contact_phone)
    session.add(unit)
    session.flush()
    events.add(session, unit, action="create", actor=actor, now=now)
    return unit


def change(session: Session, *, unit: Unit, actor: Actor, now: datetime, seen: int | None = None, **values: Any) -> Unit:
    """Change what is given of CHANGEABLE and CONTACT; `seen` is the version the person had before her.

    Raises NOT_FOUND out of scope, UNIT_EXISTS, STALE.
    """
    scopes.require(session, actor, Permission.UNITS_MANAGE, unit.community_id)
    if values.keys() & {"name", "uscc"}:
        _check_free(session, unit.community_id, values.get("name", unit.name), values.get("uscc", unit.uscc), but=unit.id)
    events.revise(session, unit, seen=seen, **{key: values[key] for key in CHANGEABLE if key in values})
    set_contact(unit, **{key: values[key] for key in CONTACT if key in values})
    session.flush()
    events.add(session, unit, action="change", actor=actor, now=now)
    return unit


def archive(session: Session, *, unit: Unit, actor: Actor, now: datetime) -> None:
    """Take a unit out of every list; its history stays. Doing it again changes nothing. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.UNITS_MANAGE, unit.community_id)
    if unit.archived_at is None:
        events.revise(session, unit, archived_at=now)
        events.add(session, unit, action="archive", actor=actor, now=now)


def page(
    session: Session, *, community: OrgNode, actor: Actor, after: str | None, limit: int, word: str = "", archived: bool = False
) -> tuple[list[Unit], str | None]:
    """Units of a community in order of entry, and the next `after`; `word` is a part of the name or the credit code.

    Raises NOT_FOUND out of scope.
    """
    scopes.require(session, actor, Permission.UNITS_MANAGE, community.id)
    found = select(Unit).where(Unit.community_id == community.id, Unit.archived_at.is_not(None) if archived else Unit.archived_at.is_(None))
    if word:
        found = found.where(or_(Unit.name.contains(word, autoescape=True), Unit.uscc == word.upper()))
    rows, following = lists.page(session, found, Unit, after=after, limit=limit)
    return [row[0] for row in rows], following


def by_public_id(session: Session, public_id: str) -> Unit:
    """The unit. Raises NOT_FOUND."""
    unit = session.execute(select(Unit).where(Unit.public_id == public_id)).scalar_one_or_none()
    if unit is None:
        raise Problem("NOT_FOUND")
    return unit


def of_actor(session: Session, public_id: str, actor: Actor) -> Unit:
    """The unit, for who manages its community. Raises NOT_FOUND for everybody else."""
    unit = by_public_id(session, public_id)
    scopes.require(session, actor, Permission.UNITS_MANAGE, unit.community_id)
    return unit


def add_branch(session: Session, *, unit: Unit, name: str, actor: Actor, now: datetime) -> UnitBranch:
    """Add a party branch. Raises NOT_FOUND out of scope, BRANCH_EXISTS."""
    scopes.require(session, actor, Permission.UNITS_MANAGE, unit.community_id)
    if session.execute(select(UnitBranch.id).where(UnitBranch.unit_id == unit.id, UnitBranch.name == name)).first():
        raise Problem("BRANCH_EXISTS")
    branch = UnitBranch(public_id=new_public_id(), unit_id=unit.id, name=name)
    session.add(branch)
    session.flush()
    events.add(session, branch, action="create", actor=actor, now=now)
    return branch


def branches(session: Session, unit: Unit) -> Sequence[UnitBranch]:
    """The unit's branches by name."""
    return session.execute(select(UnitBranch).where(UnitBranch.unit_id == unit.id).order_by(UnitBranch.name)).scalars().all()


def contact_of(unit: Unit) -> Contact:
    """Open the contact for somebody who may see it."""
    return Contact(*(vault.open_sealed(unit.salt, f"unit.{key}", unit.public_id, getattr(unit, key)) for key in CONTACT))


def read_contact(session: Session, *, unit: Unit, actor: Actor, now: datetime) -> Contact:
    """The whole contact; the read is kept as an event. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.UNITS_MANAGE, unit.community_id)
    events.add(session, unit, action="read_contact", actor=actor, now=now)
    return contact_of(unit)


def set_contact(unit: Unit, **values: str | None) -> None:
    """Seal contact_name and contact_phone as given; None takes it out."""
    for key, text in values.items():
        setattr(unit, key, vault.seal(unit.salt, f"unit.{key}", unit.public_id, text) if text else None)


def _check_free(session: Session, community_id: int, name: str, uscc: str | None, *, but: int = 0) -> None:
    """Two units of one name in a community need two credit codes to be told apart."""
    taken = and_(Unit.community_id == community_id, Unit.name == name)
    if uscc:
        taken = or_(and_(taken, Unit.uscc.is_(None)), Unit.uscc == uscc)
    if session.execute(select(Unit.id).where(taken, Unit.id != but).limit(1)).first():
        raise Problem("UNIT_EXISTS")
