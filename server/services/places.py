"""Communities, units and branches by id, for answers about people: one statement a kind, however many rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit, UnitBranch
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import orgs, scopes


def node(session: Session, public_id: str) -> OrgNode:
    """The node of the tree. Raises NOT_FOUND."""
    return orgs.by_public_id(session, public_id)


def community(session: Session, public_id: str, *, now: datetime) -> OrgNode:
    """A community that exists today. Raises NOT_FOUND, and NOT_COMMUNITY for another level."""
    found = node(session, public_id)
    if found.level is not Level.COMMUNITY:
        raise Problem("NOT_COMMUNITY")
    if found.valid_to is not None and found.valid_to <= local_day(now):
        raise Problem("NOT_FOUND")
    return found


def nodes(session: Session, ids: Iterable[int]) -> dict[int, OrgNode]:
    """The nodes with these ids."""
    return {row.id: row for row in session.execute(select(OrgNode).where(OrgNode.id.in_(set(ids)))).scalars()}


def entered_at(session: Session, actor: Actor, permission: Permission, *, now: datetime) -> tuple[list[OrgNode], list[OrgNode]]:
    """Where somebody enters for others: the communities, and the estates, grids and buildings he may name. Two statements.

    A grid worker's community is the one his grid is in, and he has to name the grid.
    """
    reach = select(OrgNode).where(scopes.within(actor, permission, OrgNode.id), orgs.holds_on(local_day(now))).order_by(OrgNode.path)
    mine = list(session.execute(reach).scalars())
    below = [one for one in mine if one.level in (Level.ESTATE, Level.GRID, Level.BUILDING)]
    above = {int(part) for one in below for part in one.path.split("/") if part} - {one.id for one in mine}
    found = nodes(session, above).values() if above else ()
    return [one for one in (*mine, *found) if one.level is Level.COMMUNITY], below


def units(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of the units with these ids."""
    wanted = {one for one in ids if one is not None}
    return {row.id: row.name for row in session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(wanted)))}


def branches(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of the branches with these ids."""
    wanted = {one for one in ids if one is not None}
    return {row.id: row.name for row in session.execute(select(UnitBranch.id, UnitBranch.name).where(UnitBranch.id.in_(wanted)))}
