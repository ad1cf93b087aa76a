"""Which place a page is about: the community a member of staff works in, or the one chosen among several (`?at=`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from server.console.desk import Call
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Permission
from server.domain.problems import Problem
from server.services import scopes

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
    today = local_day(call.now)
    listed = (
        call.session.execute(
            select(OrgNode)
            .where(
                scopes.within(call.actor, permission, OrgNode.id),
                OrgNode.level == level,
                OrgNode.valid_from <= today,
                or_(OrgNode.valid_to.is_(None), OrgNode.valid_to > today),
            )
            .order_by(OrgNode.path)
            .limit(MOST)
        )
        .scalars()
        .all()
    )
    wanted = call.typed.get("at") or call.args.get("at")
    here = next((node for node in listed if wanted in (None, "", node.public_id)), None)
    if here is None:
        raise Problem("NOT_FOUND")
    return Places(listed, here)
