"""Which place a page is about: the community a member of staff works in, or the one chosen among several (`?at=`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Select, bindparam, select

from server.console.desk import Call
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Actor, Grant, Permission
from server.domain.problems import Problem
from server.services import orgs, scopes

MOST = 500  # communities in a list to choose from; a county has fewer


@dataclass(frozen=True)
class Places:
    """The nodes of one level that a person may choose from, and the chosen one."""

    listed: Sequence[OrgNode]
    here: OrgNode

    @property
    def several(self) -> bool:
        """Is there anything to choose?"""
        return len(self.listed) > 1


def chosen(call: Call, permission: Permission, *, level: Level = Level.COMMUNITY) -> Places:
    """The nodes of this level on which the person may do this, the one in `?at=` (else the first) chosen; one statement.

    Raises NOT_FOUND for a place that is not his, or where there is none.
    """
    mine = _listed(call.actor.grants, permission, level)
    listed = call.session.execute(mine, {"on": local_day(call.now)}).scalars().all()
    wanted = call.typed.get("at") or call.args.get("at")
    here = next((node for node in listed if wanted in (None, "", node.public_id)), None)
    if here is None:
        raise Problem("NOT_FOUND")
    return Places(listed, here)


@lru_cache(maxsize=512)  # putting a statement together costs more than running it
def _listed(grants: tuple[Grant, ...], permission: Permission, level: Level) -> Select[OrgNode]:
    """The nodes of this level that hold on the day `on`, for whoever was granted this."""
    mine = scopes.nodes(Actor(None, grants=grants), permission)
    here = select(OrgNode).where(mine, OrgNode.level == level, orgs.holds_on(bindparam("on")))
    return here.order_by(OrgNode.path).limit(MOST)
