"""Is this row within what the actor was granted? A row outside is a 404, so that nobody learns it exists (house law 4)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.db.models.orgs import OrgNode
from server.domain import permissions
from server.domain.permissions import GRANTS, Actor, Permission
from server.domain.problems import Problem


def require(session: Session, actor: Actor, permission: Permission, node_id: int) -> None:
    """Raise NOT_FOUND unless the actor may do this on the node (community, street …) with this id."""
    if not allows(session, actor, permission, node_id):
        raise Problem("NOT_FOUND")


def allows(session: Session, actor: Actor, permission: Permission, node_id: int) -> bool:
    """Does a grant cover the node? No statement where the grant is on the node itself."""
    if actor.is_system:
        return True
    paths = granted(actor, permission)
    if any(path.endswith(f"/{node_id}/") for path in paths):
        return True
    return bool(paths) and permissions.may_on_node(actor, permission, path_of(session, node_id))


def require_unit(actor: Actor, permission: Permission, unit_id: int) -> None:
    """Raise NOT_FOUND unless the actor may do this for the unit."""
    if not permissions.may_for_unit(actor, permission, unit_id):
        raise Problem("NOT_FOUND")


def path_of(session: Session, node_id: int) -> str:
    """The node's path, '' for an unknown node."""
    return session.execute(select(OrgNode.path).where(OrgNode.id == node_id)).scalar() or ""


def within(
    actor: Actor, permission: Permission, column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
) -> ColumnElement[bool]:
    """A WHERE condition: the row's node (`column`) lies under one of the actor's grants with this permission."""
    if actor.is_system:
        return true()
    return column.in_(select(OrgNode.id).where(nodes(actor, permission))) if granted(actor, permission) else false()


def nodes(actor: Actor, permission: Permission) -> ColumnElement[bool]:
    """The same for the tree itself: the node lies there."""
    if actor.is_system:
        return true()
    return or_(false(), *(OrgNode.path.startswith(path, autoescape=True) for path in granted(actor, permission)))


def granted(actor: Actor, permission: Permission) -> list[str]:
    """The paths of the nodes on which the actor was granted this."""
    return sorted({grant.node_path for grant in actor.grants if grant.node_path and permission in GRANTS[grant.role]})
