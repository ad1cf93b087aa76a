"""Where staff enter for others: their community, and the places in it that they may name; a grid worker names his grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from server.console.desk import Call
from server.console.places import Places
from server.db.models.orgs import OrgNode
from server.domain.permissions import GRANTS, Permission, may_on_node
from server.domain.problems import Problem
from server.services import places


def where(call: Call, session: Session, permission: Permission) -> tuple[Places, list[OrgNode]]:
    """The community one enters for (`?at=`, else the first), and the places in it that may be named. Raises NOT_FOUND."""
    communities, below = places.entered_at(session, call.actor, permission, now=call.now)
    wanted = call.typed.get("at") or call.args.get("at") or ""
    here = next((one for one in communities if wanted in ("", one.public_id)), None)
    if here is None:
        raise Problem("NOT_FOUND")
    return Places(communities, here), [one for one in below if one.path.startswith(here.path)]


def spots(call: Call, permission: Permission, community: OrgNode, below: Iterable[OrgNode]) -> list[tuple[str, str]]:
    """Places to choose from; who works in a grid has to choose."""
    anywhere = [("", "不清楚")] if may_on_node(call.actor, permission, community.path) else []
    return [*anywhere, *indented(below)]


def highest(call: Call, permission: Permission) -> OrgNode:
    """The uppermost place where the person may do this. Raises NOT_FOUND."""
    paths = [one.node_path for one in call.actor.grants if one.node_path and permission in GRANTS[one.role]]
    if not paths:
        raise Problem("NOT_FOUND")
    return call.session.get_one(OrgNode, int(min(paths, key=len).strip("/").split("/")[-1]))


def indented(nodes: Iterable[OrgNode]) -> list[tuple[str, str]]:
    """Places as choices, the deeper indented by a wide blank."""
    listed = list(nodes)
    top = min((node.path.count("/") for node in listed), default=0)
    return [(node.public_id, "\u3000" * (node.path.count("/") - top) + node.name) for node in listed]


def named(below: Sequence[OrgNode], wanted: str) -> OrgNode | None:
    """The place that was chosen. Raises NOT_FOUND for one that is not offered."""
    found = next((one for one in below if one.public_id == wanted), None)
    if wanted and found is None:
        raise Problem("NOT_FOUND")
    return found
