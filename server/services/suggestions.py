"""Whom the community might ask for a request, each with the reasons why (mission row C3); a constant number of statements."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.registrations import MemberRegistration
from server.db.models.requests import Request
from server.db.models.tasks import VolunteerTeam
from server.domain.categories import TEAM_CATEGORIES
from server.domain.matching import Candidate, Suggestion, Wanted, suggest
from server.domain.people import PersonState
from server.domain.permissions import Actor, Permission
from server.domain.registrations import LIVE
from server.services import people, request_moves, scopes

LOOKED_AT = 2000  # registrations of the community; nobody further away is nearer


@dataclass(frozen=True)
class Named:
    """A suggestion with the receiver's name."""

    suggestion: Suggestion
    name: str


def of(
    session: Session, request: Request, *, actor: Actor, times: frozenset[str] = frozenset(), called: str = "", most: int = 10
) -> list[Named]:
    """Members, teams and units that fit, best first; the requester himself is never among them. `called`: whose name holds this.

    Street and county, once it has come up to them, see teams and units, not members. Raises NOT_FOUND, REQUEST_LEVEL.
    """
    here = scopes.allows(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
    if not here:
        request_moves.require_level(session, actor, request)
    community = request_moves.community_of(session, request)
    place = community if request.grid_id is None else session.get_one(OrgNode, request.grid_id)
    names: dict[str, str] = {}
    candidates = [
        *(_members(session, request, community, names) if here else ()),
        *_teams(session, community, names),
        *_units(session, community, names),
    ]
    candidates = [one for one in candidates if called in names[one.id]]
    above = [int(part) for part in place.path.split("/") if part]
    levels = {node.id: node.level for node in session.execute(select(OrgNode).where(OrgNode.id.in_(above))).scalars()}
    found = suggest(Wanted(request.category, place.path, times), candidates, levels, most=most)
    return [Named(one, names[one.candidate.id]) for one in found]


def _members(session: Session, request: Request, community: OrgNode, names: dict[str, str]) -> list[Candidate]:
    living = (
        select(MemberRegistration, Person, func.coalesce(OrgNode.path, community.path))
        .join(Person, Person.id == MemberRegistration.person_id)
        .outerjoin(OrgNode, OrgNode.id == MemberRegistration.grid_id)
        .where(
            MemberRegistration.community_id == community.id,
            MemberRegistration.state.in_(LIVE),
            Person.state == PersonState.ACTIVE,
            Person.id.not_in((request.asked_for_id, request.author_id)),
        )
        .order_by(MemberRegistration.id.desc())
        .limit(LOOKED_AT)
    )
    found = []
    for row, person, path in session.execute(living):
        names[person.public_id] = people.name_of(person)
        said = (*row.skills, *row.service_types)
        found.append(Candidate("person", person.public_id, said, path, tuple(row.available_times)))
    return found


def _teams(session: Session, community: OrgNode, names: dict[str, str]) -> list[Candidate]:
    teams = select(VolunteerTeam).where(VolunteerTeam.community_id == community.id, VolunteerTeam.archived_at.is_(None))
    found = []
    for team in session.execute(teams.order_by(VolunteerTeam.id)).scalars():
        names[team.public_id] = team.name
        found.append(Candidate("team", team.public_id, (TEAM_CATEGORIES.get(team.category, ""), team.name), community.path))
    return found


def _units(session: Session, community: OrgNode, names: dict[str, str]) -> list[Candidate]:
    """Units whose premises are in the same street."""
    street = community.path[: community.path.rstrip("/").rindex("/") + 1]
    near = select(Unit, OrgNode.path).join(OrgNode, OrgNode.id == Unit.community_id)
    near = near.where(OrgNode.path.startswith(street, autoescape=True), Unit.archived_at.is_(None)).order_by(Unit.id).limit(LOOKED_AT)
    found = []
    for unit, path in session.execute(near):
        names[unit.public_id] = unit.name
        found.append(Candidate("unit", unit.public_id, (unit.name,), path))
    return found
