"""The notice board of a community, open to everybody: what is coming, what was done; totals, no names (docs/rules.md R2, R7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.tasks import Task
from server.domain.days import local_day, period_start
from server.domain.orgs import Level
from server.domain.problems import Problem
from server.domain.tasks import TaskState
from server.services import figures, halls, orgs
from server.services.figures import Figure, Scope
from server.services.halls import Week

AHEAD = timedelta(days=30)
MOST = 30


@dataclass(frozen=True)
class Board:
    """Published activities of the next thirty days in the order of time, this month's service, this week's requests."""

    community: OrgNode
    tasks: Sequence[Task]
    month: Figure
    week: Week


def communities(session: Session, *, now: datetime) -> list[tuple[OrgNode, list[OrgNode]]]:
    """The streets with their communities of today, in the order of the tree."""
    nodes = orgs.subtree(session, on=local_day(now), deepest=Level.COMMUNITY)
    below = [node for node in nodes if node.level is Level.COMMUNITY]
    return [(node, mine) for node in nodes if node.level is Level.STREET and (mine := [one for one in below if one.parent_id == node.id])]


def of(session: Session, public_id: str, *, now: datetime) -> Board:
    """The board of a community. Raises NOT_FOUND."""
    community, today = orgs.by_public_id(session, public_id), local_day(now)
    if community.level is not Level.COMMUNITY or not orgs.holds(community, today):
        raise Problem("NOT_FOUND")
    coming = select(Task).where(Task.community_id == community.id, Task.state == TaskState.PUBLISHED)
    coming = coming.where(Task.ends_at > now, Task.starts_at < now + AHEAD).order_by(Task.starts_at, Task.id).limit(MOST)
    tasks = session.execute(coming).scalars().all()
    scope = Scope("node", community.id, community.path)
    month = figures.served(session, scope, "month", [period_start("month", today)], today=today)[0]
    return Board(community, tasks, month, halls.week(session, community, today))
