"""The org tree: making, ending, reading nodes (mission row A1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.orgs import PARENTS, Level
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, lists, scopes


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
    """Add a node under `parent` (None: the county itself, by the system alone).

    Raises NOT_FOUND out of scope, ORG_LEVEL where the level does not fit, ORG_ENDED, ORG_EXISTS (same name beside it, or the code is used).
    """
    _check_place(session, parent, level, actor, valid_from)
    _check_free(session, parent, name, code, valid_from)
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


def change(
    session: Session,
    *,
    node: OrgNode,
    actor: Actor,
    now: datetime,
    name: str | None = None,
    contact_post: str | None = None,
    seen: int | None = None,
) -> OrgNode:
    """Give a node another name or contact post (None: as it is); the former name stays in its events.

    Raises NOT_FOUND, ORG_ENDED, ORG_EXISTS, STALE (`seen` is the version the person had before her).
    """
    scopes.require(session, actor, Permission.ORGS_MANAGE, node.id)
    if not holds(node, local_day(now)):
        raise Problem("ORG_ENDED")
    former = node.name
    if name is not None and name != former:
        _check_free(session, _parent(session, node), name, None, local_day(now))
    given = {"name": name, "contact_post": contact_post}
    events.revise(session, node, seen=seen, **{key: said for key, said in given.items() if said is not None})
    events.add(session, node, action="change", actor=actor, now=now, note=former if node.name != former else None)
    return node


def end(session: Session, *, node: OrgNode, on: date, actor: Actor, now: datetime, seen: int | None = None) -> int:
    """End a node and all below it: `on` is the first day without them. Returns how many ended.

    A merger is the new node made first and the old ones ended: figures of the past keep their old places. Raises NOT_FOUND, ORG_ENDED,
    STALE.
    """
    scopes.require(session, actor, Permission.ORGS_MANAGE, node.id)
    if node.valid_to is not None:
        raise Problem("ORG_ENDED")
    if on < node.valid_from:
        raise Problem("INVALID", fields={"on": "撤销日期不能早于设立日期"})
    events.revise(session, node, seen=seen, valid_to=on)
    below = OrgNode.path.startswith(node.path, autoescape=True)
    ending = update(OrgNode).where(below, OrgNode.valid_to.is_(None)).values(valid_to=on, version=OrgNode.version + 1)
    ended: Any = session.execute(ending)
    events.add(session, node, action="end", actor=actor, now=now)
    return int(ended.rowcount) + 1


def subtree(session: Session, *, on: date, root: OrgNode | None = None, deepest: Level = Level.BUILDING) -> Sequence[OrgNode]:
    """All nodes of the tree (or below and with `root`) that hold on this day, parents before children, down to `deepest`."""
    levels = list(Level)[: list(Level).index(deepest) + 1]
    asked = {"on": on, "below": root.path if root is not None else "/", "levels": levels}
    nodes = session.execute(SUBTREE, asked).scalars().all()
    return sorted(nodes, key=lambda node: (node.path.count("/"), node.code or "", node.id))


def uppermost(session: Session, *, actor: Actor, on: date) -> Sequence[OrgNode]:
    """The nodes that were given to the actor to keep and that hold on this day, none below another."""
    paths = scopes.granted(actor, Permission.ORGS_MANAGE)
    tops = [path for path in paths if not any(path != other and path.startswith(other) for other in paths)]
    return session.execute(select(OrgNode).where(OrgNode.path.in_(tops), holds_on(on)).order_by(OrgNode.id)).scalars().all()


def standing_below(
    session: Session, node: OrgNode, *, on: date, after: str | None, limit: int
) -> tuple[list[OrgNode], str | None]:  # fmt: skip
    """What stands directly below it on this day, the oldest first, and the next `after`. Raises INVALID for a cursor that is none."""
    wanted = select(OrgNode).where(OrgNode.parent_id == node.id, holds_on(on))
    rows, following = lists.page(session, wanted, OrgNode, after=after, limit=limit)
    return [row[0] for row in rows], following


def counts_below(session: Session, nodes: Sequence[OrgNode], *, on: date) -> Mapping[int | None, int]:
    """How many stand directly below each of these on this day; one statement."""
    counted = select(OrgNode.parent_id, func.count()).where(OrgNode.parent_id.in_([node.id for node in nodes]), holds_on(on))
    return {row[0]: row[1] for row in session.execute(counted.group_by(OrgNode.parent_id))}


def children(session: Session, node: OrgNode, *, limit: int) -> Sequence[OrgNode]:
    """What stands or stood directly below it, what still stands first."""
    below = select(OrgNode).where(OrgNode.parent_id == node.id).order_by(OrgNode.valid_to.is_not(None), OrgNode.id)
    return session.execute(below.limit(limit)).scalars().all()


def size(session: Session, node: OrgNode) -> int:
    """How many nodes would end with it, itself included."""
    below = OrgNode.path.startswith(node.path, autoescape=True)
    return session.execute(select(func.count()).where(below, OrgNode.valid_to.is_(None))).scalar_one()


def chain(session: Session, node: OrgNode) -> Sequence[OrgNode]:
    """The responsibility chain (五级联动): from the county down to the node, each with its contact post."""
    ids = [int(part) for part in node.path.split("/") if part]
    return session.execute(select(OrgNode).where(OrgNode.id.in_(ids)).order_by(func.length(OrgNode.path))).scalars().all()


def community_names(session: Session, *, on: date, below: str = "/") -> Mapping[str, frozenset[int]]:
    """Ids of the communities by what people call them: name, name without 社区, code. More than one id: ambiguous."""
    found: dict[str, set[int]] = defaultdict(set)
    rows = session.execute(
        select(OrgNode.id, OrgNode.name, OrgNode.code).where(
            OrgNode.level == Level.COMMUNITY, holds_on(on), OrgNode.path.startswith(below, autoescape=True)
        )
    )
    for row in rows:
        for word in {row.name, row.name.removesuffix("社区"), row.code} - {None, ""}:
            found[word].add(row.id)
    return {word: frozenset(ids) for word, ids in found.items()}


def by_public_id(session: Session, public_id: str) -> OrgNode:
    """The node. Raises NOT_FOUND."""
    return _one(session, OrgNode.public_id == public_id)


def by_code_or_id(session: Session, text: str) -> OrgNode:
    """The node with this code or public id (command line); ROOT is the county. Raises NOT_FOUND."""
    if text == "ROOT":
        return _one(session, OrgNode.parent_id.is_(None))
    return _one(session, or_(OrgNode.public_id == text, OrgNode.code == text))


def holds(node: OrgNode, on: date) -> bool:
    """Does the node exist on this day (half-open)?"""
    return node.valid_from <= on and (node.valid_to is None or on < node.valid_to)


def holds_on(on: date | BindParameter[date]) -> ColumnElement[bool]:
    """The same as a WHERE condition."""
    return and_(OrgNode.valid_from <= on, or_(OrgNode.valid_to.is_(None), OrgNode.valid_to > on))


# Put together once: that costs more than running them.
HERE = (holds_on(bindparam("on")), OrgNode.path.startswith(bindparam("below")))
SUBTREE = select(OrgNode).where(*HERE, OrgNode.level.in_(bindparam("levels", expanding=True)))


def _one(session: Session, condition: ColumnElement[bool]) -> OrgNode:
    node = session.execute(select(OrgNode).where(condition)).scalars().first()
    if node is None:
        raise Problem("NOT_FOUND")
    return node


def _parent(session: Session, node: OrgNode) -> OrgNode | None:
    return session.get_one(OrgNode, node.parent_id) if node.parent_id is not None else None


def _check_place(session: Session, parent: OrgNode | None, level: Level, actor: Actor, valid_from: date) -> None:
    if parent is None:
        if level is not Level.COUNTY or not actor.is_system:
            raise Problem("ORG_LEVEL")
        return
    scopes.require(session, actor, Permission.ORGS_MANAGE, parent.id)
    if parent.level not in PARENTS[level]:
        raise Problem("ORG_LEVEL")
    if parent.valid_to is not None and parent.valid_to <= valid_from:
        raise Problem("ORG_ENDED")


def _check_free(session: Session, parent: OrgNode | None, name: str, code: str | None, on: date) -> None:
    beside = OrgNode.parent_id == parent.id if parent is not None else OrgNode.parent_id.is_(None)
    taken = and_(beside, OrgNode.name == name, or_(OrgNode.valid_to.is_(None), OrgNode.valid_to > on))
    if code is not None:
        taken = or_(taken, OrgNode.code == code)
    if session.execute(select(OrgNode.id).where(taken).limit(1)).first():
        raise Problem("ORG_EXISTS")
