"""Paper slips from a box, for who does not use a phone: five or more at a time, shuffled, of one cell (docs/protocol.md §4, channels)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.ballots import Ballot, Cell, Issued
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.ballots import LEAST, Answers, CellKind, Channel
from server.domain.days import local_day, period_end, period_start, start_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import ballot_openings, ballots, events, scopes


def enter(
    session: Session, community: OrgNode, *, unit: Unit | None, day: date, slips: Sequence[Answers], actor: Actor, now: datetime
) -> Cell:
    """Enter a box of slips about one unit's (or the community's own) work in the quarter of `day`. The event says how many, no more.

    Raises NOT_FOUND (also for a unit that is not of this community and finished nothing here), SLIPS_FEW (fewer than five), SLIPS_MANY
    (more than there were finished requests nobody fetched a token for), BALLOT_CLOSED.
    """
    scopes.require(session, actor, Permission.REQUESTS_CALL_BACK, community.id)
    quarter = period_start("quarter", day)
    finished = _finished(session, community, unit, quarter)
    if unit is not None and unit.community_id != community.id and not finished:
        raise Problem("NOT_FOUND")
    if len(slips) < LEAST:
        raise Problem("SLIPS_FEW")
    kind = CellKind.UNIT if unit is not None else CellKind.OWN
    cell = ballots.cell(session, kind=kind, node_id=community.id, of=unit.id if unit is not None else 0, quarter=quarter)
    if cell.closed_on is not None:
        raise Problem("BALLOT_CLOSED")
    if len(slips) + _entered(session, cell) > finished:
        raise Problem("SLIPS_MANY")
    ballot_openings.add_ballots(session, cell, slips, channel=Channel.PAPER, today=local_day(now))
    events.add(session, cell, action="slips", actor=actor, now=now, note=str(len(slips)))
    return cell


def _entered(session: Session, cell: Cell) -> int:
    return int(session.execute(select(func.count()).where(Ballot.cell_id == cell.id, Ballot.channel == Channel.PAPER)).scalar_one())


def _finished(session: Session, community: OrgNode, unit: Unit | None, quarter: date) -> int:
    """Requests finished in the quarter by this unit (or the community itself) whose requester fetched no token."""
    rated = func.coalesce(Request.handler_unit_id, Person.unit_id)
    found = select(func.count(Request.id)).outerjoin(Person, Person.id == Request.handler_person_id)
    mine = (Request.community_id == community.id, rated == unit.id if unit is not None else rated.is_(None))
    within = (Request.finished_at >= start_of(quarter), Request.finished_at < start_of(period_end("quarter", quarter)))
    fetched = select(Issued.request_id)
    return int(session.execute(found.where(*mine, *within, Request.id.not_in(fetched))).scalar_one())
