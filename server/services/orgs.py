"""The org tree: making, ending, reading nodes (mission row A1)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.domain.orgs import PARENTS, Level
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, scopes


def create(
    session: Session,
    *,
    parent: OrgNode | None,
    level: Level,
    name: str,
    valid_from: date,
    actor: Actor,
    now: datetime,
    code: str | None = None,
    contact_post: str | None = None,
) -> OrgNode:
    """Add a node under `parent` (None: the county itself). Raises ORG_LEVEL where the level does not fit under the parent."""
    if parent is not None:
        scopes.require(session, actor, Permission.ORGS_MANAGE, parent.id)
    if (parent is None) is not (level is Level.COUNTY) or (parent is not None and parent.level not in PARENTS[level]):
        raise Problem("ORG_LEVEL")
    node = OrgNode(
        public_id=new_public_id(),
        parent_id=parent.id if parent else None,
        level=level,
        name=name,
        code=code,
        path="",
        contact_post=contact_post,
        valid_from=valid_from,
    )
    session.add(node)
    session.flush()  # the path holds the node's own id
    node.path = f"{parent.path if parent else '/'}{node.id}/"
    session.flush()
    events.add(session, node, action="create", actor=actor, now=now)
    return node


def by_public_id(session: Session, public_id: str) -> OrgNode:
    """The node. Raises NOT_FOUND."""
    node = session.execute(select(OrgNode).where(OrgNode.public_id == public_id)).scalar_one_or_none()
    if node is None:
        raise Problem("NOT_FOUND")
    return node
