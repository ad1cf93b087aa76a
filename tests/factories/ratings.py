"""Finished requests to be signed and rated, and people who may call back; ballots of several raters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from server.db import redis_client
from server.db.models.ballots import Cell
from server.db.models.orgs import Unit
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.ballots import Answers, Satisfaction, pack
from server.domain.days import local_day, period_start
from server.domain.permissions import Actor
from server.domain.requests import RequestState
from server.services import ballot_pools, ballots, events
from tests.factories.people import Tree
from tests.factories.requests import a_request

VERY, BASIC, NOT = Satisfaction.VERY, Satisfaction.BASIC, Satisfaction.NOT


def a_finished(
    session: Session,
    now: datetime,
    tree: Tree,
    person: Person | None = None,
    *,
    unit: Unit | None = None,
    handler: Person | None = None,
    **over: object,
) -> Request:
    """A request that was just FINISHED by a unit, a person or (neither) the community itself."""
    request = a_request(session, now, tree, person, RequestState.TRIAGED, **over)
    done = {"finished_at": now, "handler_unit_id": unit.id if unit else None, "handler_person_id": handler.id if handler else None}
    events.shift(session, request, to=RequestState.FINISHED, **done)
    return request


def finish_again(session: Session, request: Request, now: datetime) -> None:
    """The rework is done; a stand-in for the whole way through dispatch and handling."""
    events.shift(session, request, to=RequestState.FINISHED, finished_at=now)


def ballot(satisfaction: Satisfaction = VERY, *, contacted: bool = True, solved: bool = True, comment: str = "") -> Answers:
    """A ballot that says so."""
    return Answers(contacted, solved, satisfaction, (), comment)


def a_stocked_cell(session: Session, request: Request) -> Cell:
    """The request's cell with its tokens in Redis at once, as after the commit of prepare()."""
    cell = ballots.cell_of(session, request)
    ballot_pools.stock(session, cell)
    for hook in session.info.pop("hooks", []):
        hook()
    return cell


def cast_ballots(session: Session, request: Request, said: Sequence[Answers]) -> Cell:
    """Ballots for the request's cell by tokens drawn straight from its pool, whoever holds them."""
    for one in said:
        cell = a_stocked_cell(session, request)
        token = ballot_pools.draw(cell, kept=str(id(one)), fresh=True)
        redis_client.client().delete(ballot_pools.kept_key(cell, str(id(one))))
        ballots.receive(session, token=token, cell_public_id=cell.public_id, body=pack(one))
    return a_stocked_cell(session, request)


def rater(request: Request) -> Actor:
    """Whose request it is."""
    return Actor(request.asked_for_id)


def quarter_of(now: datetime) -> date:
    """The first day of the quarter."""
    return period_start("quarter", local_day(now))
