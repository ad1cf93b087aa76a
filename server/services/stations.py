"""服务站: a community's desks, each a queue of requests kept by somebody (mission row C13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db.base import new_public_id
from server.db.models.handling import Station
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.handling import STATION_NAMES, STATION_TRANSITIONS, StationAction, StationKind, StationState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, lists, request_gists, requests, scopes


def open_one(
    session: Session, *, community: OrgNode, kind: StationKind, keeper: Person | None, actor: Actor, now: datetime, name: str | None = None
) -> Station:
    """A station of this kind; after one was closed there may be another. Raises NOT_FOUND, STATION_EXISTS."""
    scopes.require(session, actor, Permission.REQUESTS_DISPATCH, community.id)
    station = Station(
        public_id=new_public_id(),
        community_id=community.id,
        kind=kind,
        name=name or STATION_NAMES[kind],
        keeper_id=keeper.id if keeper is not None else None,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(station)
    except IntegrityError:
        raise Problem("STATION_EXISTS") from None
    events.add(session, station, action="open", actor=actor, now=now)
    return station


def put(session: Session, request: Request, *, station: Station | None, actor: Actor, now: datetime) -> Request:
    """Put a request on a station's queue, or take it off.

    Raises NOT_FOUND (out of scope, another community's), ILLEGAL_MOVE, STATION_CLOSED.
    """
    scopes.require(session, actor, Permission.REQUESTS_DISPATCH, request.community_id)
    requests.require_open(request)
    if station is not None and station.community_id != request.community_id:
        raise Problem("NOT_FOUND")
    if station is not None:
        _require_open(session, station)
    _queue(session, request, station, actor=actor, now=now)
    return request


def close(session: Session, station: Station, *, reason: str, successor: Station | None, actor: Actor, now: datetime) -> int:
    """Close it: what is open on its queue goes over to `successor` or back to the community's own, and each requester is told where.

    Returns how many went over. Raises NOT_FOUND (out of scope, another community's successor), NOTE_REQUIRED, STATION_CLOSED,
    ILLEGAL_MOVE (closed already), STALE.
    """
    scopes.require(session, actor, Permission.REQUESTS_DISPATCH, station.community_id)
    if successor is not None:
        if successor.community_id != station.community_id:
            raise Problem("NOT_FOUND")
        if successor.id == station.id:
            raise Problem("INVALID", fields={"successor": "请选择另一个服务站，或不填"})
        _require_open(session, successor)
    table, action = STATION_TRANSITIONS, StationAction.CLOSE
    events.move(session, station, table=table, action=action, actor=actor, now=now, note=reason, closed_at=now)
    left = _left(session, station)
    for request in left:
        _queue(session, request, successor, actor=actor, now=now)
        requests.tell(session, request, outcome="station", now=now, place=successor.name if successor is not None else "社区")
    return len(left)


def _left(session: Session, station: Station) -> list[Request]:
    """What is open on its queue, held; whoever put something there came before the closing or was refused."""
    here = select(Request).where(Request.station_id == station.id, Request.closed_at.is_(None)).order_by(Request.id)
    held = here.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.execute(held).scalars())


def _queue(session: Session, request: Request, station: Station | None, *, actor: Actor, now: datetime) -> None:
    events.shift(session, request, to=request.state, station_id=station.id if station is not None else None)
    events.add(session, request, action="queue", actor=actor, now=now, note=station.name if station is not None else None)


def _require_open(session: Session, station: Station) -> None:
    """Held until the end, so that it is not closed meanwhile."""
    state = session.execute(select(Station.state).where(Station.id == station.id).with_for_update(read=True)).scalar_one()
    if state is not StationState.OPEN:
        raise Problem("STATION_CLOSED")


def of_community(session: Session, *, community: OrgNode) -> list[Station]:
    """The community's open stations in the order they were opened; eight at most."""
    found = select(Station).where(Station.community_id == community.id, Station.state == StationState.OPEN).order_by(Station.id)
    return list(session.execute(found).scalars())


def waiting(session: Session, *, community: OrgNode) -> Mapping[int, int]:
    """How many open requests lie on each of its queues, by the station's id; one statement."""
    here = select(Request.station_id, func.count()).where(Request.station_id.is_not(None), Request.closed_at.is_(None))
    rows = session.execute(here.where(Request.community_id == community.id).group_by(Request.station_id))
    return {row[0]: int(row[1]) for row in rows if row[0] is not None}


def queue(session: Session, station: Station, *, actor: Actor, after: str | None, limit: int) -> tuple[list[Request], str | None]:
    """What lies on its queue, for its keeper and the staff; oldest first. Raises NOT_FOUND."""
    if station.keeper_id is None or station.keeper_id != actor.person_id:
        scopes.require(session, actor, Permission.REQUESTS_READ, station.community_id)
    here = select(Request).options(request_gists.WITH_SPOKEN).where(Request.station_id == station.id, Request.closed_at.is_(None))
    rows, following = lists.page(session, here, Request, after=after, limit=limit)
    return [row[0] for row in rows], following


def by_public_id(session: Session, public_id: str) -> Station:
    """The station. Raises NOT_FOUND."""
    found = session.execute(select(Station).where(Station.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found
