"""Requests as the desk looks for them: one community's by state, place, kind and number, and how many there are where (mission row H2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.requests import STILL_OPEN, Request
from server.db.models.tasks import VolunteerTeam
from server.domain.days import local_day
from server.domain.orgs import Level
from server.domain.permissions import Actor, Permission
from server.domain.request_desk import OPEN_STATES
from server.domain.requests import Channel, RequestState
from server.services import orgs, people, request_gists, request_lists, scopes

OVER_COMMUNITIES = (RequestState.ESCALATED, RequestState.EXPLAINING)
R = Request
# What a list shows of a request: reading all its columns takes four times as long.
SHOWN = select(
    R.id, R.public_id, R.number, R.community_id, R.grid_id, R.category, R.state, R.round, R.due_at, R.submitted_at, R.channel, R.urgency,
    R.level, R.check_state, R.handler_unit_id, R.handler_team_id, R.handler_person_id, R.salt, R.content,
    request_gists.SPOKEN.label("spoken"),
)  # fmt: skip
LATE = func.count().filter(Request.due_at < bindparam("now"), Request.state != RequestState.WAITING)
COUNTS = select(Request.state, func.count(), LATE).where(Request.community_id == bindparam("here"), STILL_OPEN).group_by(Request.state)
Rows = tuple[list[Any], str | None]  # of SHOWN, and the next `after`


@dataclass(frozen=True)
class Wanted:
    """What of a community's requests is looked for; nothing named means all that is open. `number` is a whole 单号 or its end."""

    states: Sequence[RequestState] = ()
    category: str | None = None
    place: OrgNode | None = None
    overdue: bool = False
    channel: Channel | None = None
    number: str = ""


@dataclass(frozen=True)
class Spot:
    """A place with what is open at it, alone and with all below; `depth` is 0 for an estate, 1 for a grid, 2 for a building."""

    node: OrgNode
    depth: int
    here: int
    below: int


def listed(session: Session, *, community: OrgNode, wanted: Wanted, actor: Actor, now: datetime, after: str | None, limit: int) -> Rows:
    """Open ones by their date, ended ones newest first. Raises NOT_FOUND out of scope, INVALID for a cursor that is none."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    here = SHOWN.where(Request.community_id == community.id, Request.state != RequestState.DRAFT, *_narrowed(wanted, now))
    if wanted.number or any(state not in OPEN_STATES for state in wanted.states):
        return request_lists.newest(session, here.where(Request.state.in_(wanted.states)) if wanted.states else here, after, limit)
    chosen = here.where(STILL_OPEN, Request.state.in_(wanted.states)) if wanted.states else here.where(STILL_OPEN)
    return request_lists.nearest(session, chosen, after, limit)


def escalated(session: Session, *, actor: Actor, after: str | None, limit: int) -> Rows:
    """What has gone up and waits for a decision, in all communities the actor decides for, the nearest date first."""
    mine = scopes.within(actor, Permission.REQUESTS_ESCALATED, Request.community_id)
    return request_lists.nearest(session, SHOWN.where(mine, Request.state.in_(OVER_COMMUNITIES)), after, limit)


def counts(session: Session, *, community: OrgNode, actor: Actor, now: datetime) -> Mapping[str, int]:
    """How many are open in each state, and under `overdue` how many are late; one statement."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    rows = session.execute(COUNTS, {"now": now, "here": community.id}).all()
    return {**{row[0].value: row[1] for row in rows}, "overdue": sum(row[2] for row in rows)}


def places(session: Session, *, community: OrgNode, actor: Actor, now: datetime) -> tuple[list[Spot], int]:
    """Estates, grids and buildings with what is open there, and how many open ones name no place. Two statements."""
    scopes.require(session, actor, Permission.REQUESTS_READ, community.id)
    counted = select(Request.grid_id, func.count()).where(Request.community_id == community.id, STILL_OPEN).group_by(Request.grid_id)
    at = {row[0]: int(row[1]) for row in session.execute(counted)}
    nodes = [node for node in orgs.subtree(session, on=local_day(now), root=community) if node.id != community.id]
    below: Counter[int] = Counter()
    for node in nodes:
        for part in node.path.split("/"):
            below[int(part or 0)] += at.get(node.id, 0)
    depth = {Level.ESTATE: 0, Level.GRID: 1, Level.BUILDING: 2}
    spots = [Spot(node, depth.get(node.level, 0), at.get(node.id, 0), below[node.id]) for node in sorted(nodes, key=_by_path)]
    return spots, at.get(None, 0) + at.get(community.id, 0)


def handlers(session: Session, requests: Iterable[Any]) -> Mapping[int, str]:
    """In whose hands each is, by the request's id: the unit or team, else the person; three statements at most."""
    rows = list(requests)
    units = _names(session, Unit, {row.handler_unit_id for row in rows})
    teams = _names(session, VolunteerTeam, {row.handler_team_id for row in rows})
    persons = people_named(session, {row.handler_person_id for row in rows if not (row.handler_unit_id or row.handler_team_id)})
    return {
        row.id: units.get(row.handler_unit_id or 0) or teams.get(row.handler_team_id or 0) or persons.get(row.handler_person_id or 0, "")
        for row in rows
    }


def people_named(session: Session, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of these people; one statement, none where there is nobody."""
    wanted = {one for one in ids if one is not None}
    found = session.execute(select(Person).where(Person.id.in_(wanted))).scalars() if wanted else ()
    return {person.id: people.name_of(person) for person in found}


def _names(session: Session, model: type[Unit | VolunteerTeam], ids: set[int | None]) -> dict[int, str]:
    wanted = ids - {None}
    return {row[0]: row[1] for row in session.execute(select(model.id, model.name).where(model.id.in_(wanted)))} if wanted else {}


def _narrowed(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if wanted.category:
        asked.append(Request.category == wanted.category)
    if wanted.channel:
        asked.append(Request.channel == wanted.channel)
    if wanted.place is not None:
        below = select(OrgNode.id).where(OrgNode.path.startswith(wanted.place.path, autoescape=True))
        asked.append(Request.grid_id.in_(below))
    if wanted.overdue:
        asked += [Request.due_at < now, Request.state != RequestState.WAITING]
    if wanted.number:
        asked.append(or_(Request.number == wanted.number, Request.number.endswith(wanted.number, autoescape=True)))
    return asked


def _by_path(node: OrgNode) -> list[int]:
    return [int(part) for part in node.path.split("/") if part]
