"""Volunteer teams (志愿服务队, mission row A7): making one, joining, leaving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.tasks import TeamMember, VolunteerTeam
from server.domain.categories import TEAM_CATEGORIES
from server.domain.people import PersonState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, people, scopes


@dataclass(frozen=True)
class TeamLine:
    """A team as the list shows it: heads counted, `mine` for who asks."""

    team: VolunteerTeam
    members: int
    mine: bool


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
    session.add(TeamMember(team_id=team.id, person_id=leader.id, joined_at=now))
    session.flush()
    events.add(session, team, action="create", actor=actor, now=now)
    return team


def join(session: Session, team: VolunteerTeam, *, person: Person, actor: Actor, now: datetime) -> None:
    """Become a member, of one's own will; joining again changes nothing. Raises NOT_FOUND for an archived team."""
    if team.archived_at is not None:
        raise Problem("NOT_FOUND")
    if not is_member(session, team, person.id):
        session.add(TeamMember(team_id=team.id, person_id=person.id, joined_at=now))
        session.flush()
        events.add(session, team, action="join", actor=actor, now=now)


def leave(session: Session, team: VolunteerTeam, *, person: Person, actor: Actor, now: datetime) -> None:
    """End the membership. Raises NOT_FOUND for who is not in it, TEAM_LEADER for its leader."""
    if team.leader_id == person.id:
        raise Problem("TEAM_LEADER")
    ended: Any = session.execute(
        update(TeamMember)
        .where(TeamMember.team_id == team.id, TeamMember.person_id == person.id, TeamMember.left_at.is_(None))
        .values(left_at=now)
        .execution_options(synchronize_session=False)
    )
    if ended.rowcount != 1:
        raise Problem("NOT_FOUND")
    events.add(session, team, action="leave", actor=actor, now=now)


def listed(session: Session, *, community_id: int | None, actor: Actor, after: VolunteerTeam | None, limit: int) -> list[TeamLine]:
    """Living teams of a community (None: of the county), oldest first, with their heads."""
    inside = TeamMember.left_at.is_(None)
    heads = select(func.count()).where(TeamMember.team_id == VolunteerTeam.id, inside).scalar_subquery()
    mine = select(TeamMember.id).where(TeamMember.team_id == VolunteerTeam.id, inside, TeamMember.person_id == actor.person_id).exists()
    query = select(VolunteerTeam, heads, mine).where(VolunteerTeam.archived_at.is_(None)).order_by(VolunteerTeam.id).limit(limit)
    if community_id is not None:
        query = query.where(VolunteerTeam.community_id == community_id)
    if after is not None:
        query = query.where(VolunteerTeam.id > after.id)
    return [TeamLine(team, count, bool(is_mine)) for team, count, is_mine in session.execute(query)]


def mates(session: Session, team: VolunteerTeam, *, actor: Actor) -> Sequence[Mate]:
    """Who is in it, for its members and its community's staff. Raises NOT_FOUND for everybody else."""
    if actor.person_id is None or not is_member(session, team, actor.person_id):
        scopes.require(session, actor, Permission.TEAMS_MANAGE, team.community_id)
    rows = session.execute(
        select(Person)
        .join(TeamMember, TeamMember.person_id == Person.id)
        .where(TeamMember.team_id == team.id, TeamMember.left_at.is_(None))
        .order_by(TeamMember.id)
    ).scalars()
    return [Mate(person.public_id, people.name_of(person), person.id == team.leader_id) for person in rows]


def people_named(session: Session, public_ids: Sequence[str]) -> Sequence[Person]:
    """The active persons with these ids, each once. Raises NOT_FOUND unless all are there."""
    wanted = set(public_ids)
    found = session.execute(select(Person).where(Person.public_id.in_(wanted), Person.state == PersonState.ACTIVE)).scalars().all()
    if len(found) != len(wanted):
        raise Problem("NOT_FOUND")
    return found


def is_member(session: Session, team: VolunteerTeam, person_id: int) -> bool:
    """Is the person in the team now?"""
    inside = select(TeamMember.id).where(TeamMember.team_id == team.id, TeamMember.person_id == person_id, TeamMember.left_at.is_(None))
    return session.execute(inside).first() is not None


def by_public_id(session: Session, public_id: str) -> VolunteerTeam:
    """The team. Raises NOT_FOUND."""
    team = session.execute(select(VolunteerTeam).where(VolunteerTeam.public_id == public_id)).scalar_one_or_none()
    if team is None:
        raise Problem("NOT_FOUND")
    return team
