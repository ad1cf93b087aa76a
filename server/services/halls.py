"""The screen in a community's hall (大屏): today's activities with their codes, what was asked and done, thanks; totals, no names (row G4).

Whoever has the link sees what hangs in the hall. Nothing is ranked: what is listed stands in the order of time, or of its own table (R2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qr.tokens import Mode
from server.db.base import new_public_id
from server.db.models.codes import Code, HallLink
from server.db.models.orgs import OrgNode
from server.db.models.requests import Request
from server.db.models.tasks import Task
from server.db.models.wishes import Wish
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import local_day, period_start, start_of
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.domain.tasks import TaskState
from server.domain.wishes import WishState
from server.services import codes, events, figures, funnels, scopes, screens, task_calendars
from server.services.figures import Scope

LIFETIME = timedelta(days=366)
MOST = 9  # activities of a day on the screen: three pages of three
LONGEST_CASE = timedelta(days=180)  # requests older than this that are closed this week are not looked for
ENDED = (RequestState.CLOSED, RequestState.CLOSED_UNRATED, RequestState.CLOSED_EXPLAINED)


@dataclass(frozen=True)
class Activity:
    """One of today's: its code's slots as (unix second it begins, token), one for ever where the code is static; heads who came today."""

    task: Task
    rotating: bool
    slots: Sequence[tuple[int, str]]
    came: int


@dataclass(frozen=True)
class Week:
    """Since Monday: requests sent (by category, in the table's order), requests ended, 办好了 said, wishes fulfilled."""

    since: date
    asked: int
    categories: Mapping[str, int]
    done: int
    thanked: int
    wishes: int


@dataclass(frozen=True)
class Hall:
    """All the screen shows; visits and heads are this month's."""

    community: OrgNode
    activities: Sequence[Activity]
    step: int
    week: Week
    visits: int
    heads: int


def open_link(session: Session, community: OrgNode, *, label: str, actor: Actor, now: datetime) -> HallLink:
    """A link for a screen of this community, good for a year. Raises NOT_FOUND out of scope, ORG_LEVEL."""
    scopes.require(session, actor, Permission.CODES_MANAGE, community.id)
    if community.level is not Level.COMMUNITY:
        raise Problem("ORG_LEVEL")
    link = HallLink(
        public_id=new_public_id(),
        community_id=community.id,
        label=label,
        opened_by=actor.id,
        opened_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(link)
    session.flush()
    events.add(session, link, action="open", actor=actor, now=now)
    return link


def links(session: Session, community: OrgNode, *, actor: Actor, now: datetime) -> list[HallLink]:
    """The links that are good now. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.CODES_MANAGE, community.id)
    good = select(HallLink).where(HallLink.community_id == community.id, HallLink.revoked_at.is_(None), HallLink.expires_at > now)
    return list(session.execute(good.order_by(HallLink.id)).scalars())


def revoke(session: Session, public_id: str, *, actor: Actor, now: datetime) -> HallLink:
    """The link is good no more; revoking it again changes nothing. Raises NOT_FOUND."""
    link = session.execute(select(HallLink).where(HallLink.public_id == public_id)).scalar_one_or_none()
    if link is None:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.CODES_MANAGE, link.community_id)
    if link.revoked_at is None:
        link.revoked_at = now
        events.add(session, link, action="revoke", actor=actor, now=now)
    return link


def shown(session: Session, public_id: str, *, now: datetime) -> Hall:
    """What the screen with this link shows now; nine statements. Raises HALL_ENDED."""
    good = (HallLink.public_id == public_id, HallLink.revoked_at.is_(None), HallLink.expires_at > now)
    community = session.execute(select(OrgNode).join(HallLink, HallLink.community_id == OrgNode.id).where(*good)).scalar_one_or_none()
    if community is None:
        raise Problem("HALL_ENDED")
    today = local_day(now)
    activities, step = _activities(session, community, today, now)
    month = figures.served(session, Scope("node", community.id, community.path), "month", [period_start("month", today)], today=today)[0]
    return Hall(community, activities, step, week(session, community, today), month.service_visits, month.service_heads)


def _activities(session: Session, community: OrgNode, today: date, now: datetime) -> tuple[list[Activity], int]:
    """Those of today that are not over, in the order of time, after them what stands for longer; and the seconds a slot lives."""
    lasting = Task.ends_at > now
    found = session.execute(
        select(Task, Code)
        .join(Code, (Code.subject_kind == "task") & (Code.subject_id == Task.id))
        .where(Task.community_id == community.id, Task.state == TaskState.PUBLISHED, lasting)
        .where(Task.starts_at < start_of(today + timedelta(days=1)), Code.retired_at.is_(None))
        .order_by(Task.starts_at.desc(), Task.id)
        .limit(MOST * 4)
    ).all()
    chosen = sorted(found, key=lambda row: (task_calendars.stands(row.Task), row.Task.starts_at, row.Task.id))[:MOST]
    came = task_calendars.heads(session, [row.Task.id for row in chosen], day=today)
    made = [Activity(row.Task, row.Code.mode == Mode.ROTATING, _slots(row.Code, now), came.get(row.Task.id, 0)) for row in chosen]
    steps = [codes.step_of(row.Code) for row in chosen]
    return made, min(steps, default=30)


def _slots(code: Code, now: datetime) -> list[tuple[int, str]]:
    if code.mode == Mode.ROTATING:
        return codes.slots_ahead(code, now=now, count=screens.AHEAD)
    return [(0, codes.token_of(code, now=now))]


def week(session: Session, community: OrgNode, today: date) -> Week:
    """This week's totals: ranges of indexes, never a whole table."""
    monday = today - timedelta(days=today.weekday())
    begin = start_of(monday)
    asked = funnels.of(session, node=community, begin=monday, end=today + timedelta(days=1), actor=SYSTEM).total
    here = (Request.community_id == community.id, Request.state != RequestState.DRAFT)
    sent = select(Request.category, func.count()).where(*here, Request.submitted_at >= begin).group_by(Request.category)
    counted = {row[0]: row[1] for row in session.execute(sent)}
    categories = {name: counted[key] for key, name in REQUEST_CATEGORIES.items() if key in counted}
    ended = session.execute(
        select(func.count(), func.count().filter(Request.solved.is_(True)))
        .where(*here, Request.submitted_at >= begin - LONGEST_CASE)
        .where(Request.state.in_(ENDED), Request.closed_at >= begin)
    ).one()
    wishes = session.execute(
        select(func.count()).where(Wish.community_id == community.id, Wish.state == WishState.CONFIRMED, Wish.confirmed_at >= begin)
    ).scalar_one()
    return Week(monday, asked, categories, ended[0], ended[1], wishes)
