"""Volunteer teams (志愿服务队, mission row A7): making one, asking to join, being let in, leaving.

Who is in a team reads the names of the others, so its leader or the community says who comes in (R7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request, RequestOffer
from server.db.models.tasks import TeamMember, VolunteerTeam
from server.domain.categories import TEAM_CATEGORIES
from server.domain.notices import NoticeKind
from server.domain.people import PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import IN_HAND, OfferState
from server.services import events, notices, people, scopes

ASKING = and_(TeamMember.joined_at.is_(None), TeamMember.left_at.is_(None))
INSIDE = and_(TeamMember.joined_at.is_not(None), TeamMember.left_at.is_(None))


@dataclass(frozen=True)
class TeamLine:
    """A team as the list shows it: heads counted; is who looks in it, or has he asked to be?"""

    team: VolunteerTeam
    members: int
    mine: bool
    asked: bool = False


@dataclass(frozen=True)
class Mate:
    """A member as his team-mates see him."""

    id: str
    name: str
    leader: bool


def create(
    session: Session,
    *,
    community: OrgNode,
    name: str,
    category: str,
    leader: Person,
    actor: Actor,
    now: datetime,
    unit_id: int | None = None,
) -> VolunteerTeam:
    """A team of the community; its leader is its first member. Raises NOT_FOUND out of scope, INVALID."""
    scopes.require(session, actor, Permission.TEAMS_MANAGE, community.id)
    if category not in TEAM_CATEGORIES:
        raise Problem("INVALID", fields={"category": "请从列出的类别里选一个"})
    team = VolunteerTeam(
        public_id=new_public_id(),
        community_id=community.id,
        unit_id=unit_id,
        name=name,
        category=category,
        leader_id=leader.id,
        created_at=now,
    )
    session.add(team)
    session.flush()
    session.add(TeamMember(team_id=team.id, person_id=leader.id, asked_at=now, joined_at=now))
    session.flush()
    events.add(session, team, action="create", actor=actor, now=now)
    return team


def join(session: Session, team: VolunteerTeam, *, person: Person, actor: Actor, now: datetime) -> None:
    """Ask to become a member, of one's own will; asking again changes nothing. Raises NOT_FOUND for an archived team."""
    if team.archived_at is not None:
        raise Problem("NOT_FOUND")
    if not _has(session, team, person.id, TeamMember.left_at.is_(None)):
        session.add(TeamMember(team_id=team.id, person_id=person.id, asked_at=now))
        session.flush()
        events.add(session, team, action="ask", actor=actor, now=now)


def admit(session: Session, team: VolunteerTeam, *, person: Person, admits: bool, actor: Actor, now: datetime) -> None:
    """Its leader or the community's staff lets him in, or not; he is told. Raises NOT_FOUND for others and where he did not ask."""
    require_head(session, team, actor)
    changes = {"joined_at": now} if admits else {"left_at": now}
    row_id = _close(session, team, person, ASKING, changes)
    events.add(session, team, action="admit" if admits else "turn_down", actor=actor, now=now)
    notices.tell(
        session,
        person_id=person.id,
        kind=NoticeKind.TEAM_DECIDED,
        subject_kind="volunteer_team",
        subject_public_id=team.public_id,
        facts={"title": team.name, "outcome": "admitted" if admits else "declined"},
        dedupe=f"team:{row_id}",
        now=now,
    )


def asks(session: Session, team: VolunteerTeam, person: Person) -> TeamMember:
    """His asking to join. Raises NOT_FOUND where he does not ask."""
    mine = select(TeamMember).where(TeamMember.team_id == team.id, TeamMember.person_id == person.id, ASKING)
    row = session.execute(mine).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def asking(session: Session, team: VolunteerTeam, *, actor: Actor) -> Sequence[Mate]:
    """Who asks to join, the longest waiting first, for its leader and the community's staff. Raises NOT_FOUND for everybody else."""
    require_head(session, team, actor)
    return [Mate(person.public_id, people.name_of(person), leader=False) for person in _persons(session, team, ASKING)]


def leave(session: Session, team: VolunteerTeam, *, person: Person, actor: Actor, now: datetime) -> None:
    """End the membership, or take back that one asked. Raises NOT_FOUND for who is not in it, TEAM_LEADER for its leader."""
    if team.leader_id == person.id:
        raise Problem("TEAM_LEADER")
    _close(session, team, person, TeamMember.left_at.is_(None), {"left_at": now})
    events.add(session, team, action="leave", actor=actor, now=now)


def hand_over(session: Session, team: VolunteerTeam, *, leader: Person, actor: Actor, now: datetime) -> None:
    """The community names another leader out of the team; he is told, the old one stays a member. Naming him again changes nothing.

    Raises NOT_FOUND out of scope, for an archived team and for who is not in it, STALE where somebody else was quicker.
    """
    scopes.require(session, actor, Permission.TEAMS_MANAGE, team.community_id)
    if team.archived_at is not None or not is_member(session, team, leader.id):
        raise Problem("NOT_FOUND")
    if team.leader_id == leader.id:
        return
    _change(session, team, leader_id=leader.id)
    events.add(session, team, action="hand_over", actor=actor, now=now)
    notices.tell(
        session,
        person_id=leader.id,
        kind=NoticeKind.TEAM_DECIDED,
        subject_kind="volunteer_team",
        subject_public_id=team.public_id,
        facts={"title": team.name, "outcome": "leads"},
        dedupe=f"team:{team.id}:leads:{leader.id}:{now.isoformat()}",
        now=now,
    )


def archive(session: Session, team: VolunteerTeam, *, actor: Actor, now: datetime) -> None:
    """The team is no more: out of every list, its memberships closed, so that nobody reads the names of the others; its history stays.

    Raises NOT_FOUND out of scope, TEAM_BUSY while a request is in its hands or waits for its answer, STALE where it is archived already.
    """
    scopes.require(session, actor, Permission.TEAMS_MANAGE, team.community_id)
    if _is_busy(session, team):
        raise Problem("TEAM_BUSY")
    _change(session, team, archived_at=now)
    inside = update(TeamMember).where(TeamMember.team_id == team.id, TeamMember.left_at.is_(None)).values(left_at=now)
    session.execute(inside.execution_options(synchronize_session=False))
    events.add(session, team, action="archive", actor=actor, now=now)


def listed(session: Session, *, community_id: int | None, actor: Actor, after: VolunteerTeam | None, limit: int) -> list[TeamLine]:
    """Living teams of a community (None: of the county), oldest first, with their heads."""
    heads = select(func.count()).where(TeamMember.team_id == VolunteerTeam.id, INSIDE).scalar_subquery()
    his = (TeamMember.team_id == VolunteerTeam.id, TeamMember.person_id == actor.person_id)
    mine, asked = (select(TeamMember.id).where(*his, standing).exists() for standing in (INSIDE, ASKING))
    query = select(VolunteerTeam, heads, mine, asked).where(VolunteerTeam.archived_at.is_(None)).order_by(VolunteerTeam.id).limit(limit)
    if community_id is not None:
        query = query.where(VolunteerTeam.community_id == community_id)
    if after is not None:
        query = query.where(VolunteerTeam.id > after.id)
    return [TeamLine(team, count, bool(is_mine), bool(has_asked)) for team, count, is_mine, has_asked in session.execute(query)]


def mates(session: Session, team: VolunteerTeam, *, actor: Actor) -> Sequence[Mate]:
    """Who is in it, for its members and its community's staff. Raises NOT_FOUND for everybody else."""
    if actor.person_id is None or not is_member(session, team, actor.person_id):
        scopes.require(session, actor, Permission.TEAMS_MANAGE, team.community_id)
    return [Mate(person.public_id, people.name_of(person), person.id == team.leader_id) for person in _persons(session, team, INSIDE)]


def people_named(session: Session, public_ids: Sequence[str]) -> Sequence[Person]:
    """The active persons with these ids, each once. Raises NOT_FOUND unless all are there."""
    wanted = set(public_ids)
    found = session.execute(select(Person).where(Person.public_id.in_(wanted), Person.state == PersonState.ACTIVE)).scalars().all()
    if len(found) != len(wanted):
        raise Problem("NOT_FOUND")
    return found


def is_member(session: Session, team: VolunteerTeam, person_id: int) -> bool:
    """Is the person in the team now?"""
    return _has(session, team, person_id, INSIDE)


def by_public_id(session: Session, public_id: str) -> VolunteerTeam:
    """The team. Raises NOT_FOUND."""
    team = session.execute(select(VolunteerTeam).where(VolunteerTeam.public_id == public_id)).scalar_one_or_none()
    if team is None:
        raise Problem("NOT_FOUND")
    return team


def require_head(session: Session, team: VolunteerTeam, actor: Actor) -> None:
    """Raise NOT_FOUND unless the actor leads the team or manages those of its community."""
    if actor.person_id != team.leader_id:
        scopes.require(session, actor, Permission.TEAMS_MANAGE, team.community_id)


def _change(session: Session, team: VolunteerTeam, **changes: Any) -> None:
    """Write to a living team whose leader is still the one we saw. Raises STALE."""
    alive = (VolunteerTeam.id == team.id, VolunteerTeam.archived_at.is_(None), VolunteerTeam.leader_id == team.leader_id)
    written = update(VolunteerTeam).where(*alive).values(**changes).returning(VolunteerTeam.id)
    if session.execute(written.execution_options(synchronize_session=False)).scalar() is None:
        raise Problem("STALE")
    session.refresh(team)


def _is_busy(session: Session, team: VolunteerTeam) -> bool:
    held = select(Request.id).where(Request.handler_team_id == team.id, Request.state.in_(IN_HAND))
    asked = select(RequestOffer.id).where(RequestOffer.team_id == team.id, RequestOffer.state == OfferState.WAITING)
    return any(session.execute(one.limit(1)).first() is not None for one in (held, asked))


def _has(session: Session, team: VolunteerTeam, person_id: int, standing: ColumnElement[bool]) -> bool:
    row = select(TeamMember.id).where(TeamMember.team_id == team.id, TeamMember.person_id == person_id, standing)
    return session.execute(row).first() is not None


def _persons(session: Session, team: VolunteerTeam, standing: ColumnElement[bool]) -> Sequence[Person]:
    rows = select(Person).join(TeamMember, TeamMember.person_id == Person.id).where(TeamMember.team_id == team.id, standing)
    return session.execute(rows.order_by(TeamMember.id)).scalars().all()


def _close(session: Session, team: VolunteerTeam, person: Person, standing: ColumnElement[bool], changes: dict[str, datetime]) -> int:
    """The guarded update of the row that stands so; its id. Raises NOT_FOUND where there is none."""
    mine = update(TeamMember).where(TeamMember.team_id == team.id, TeamMember.person_id == person.id, standing).values(**changes)
    row_id = session.execute(mine.returning(TeamMember.id).execution_options(synchronize_session=False)).scalar()
    if row_id is None:
        raise Problem("NOT_FOUND")
    return row_id
