"""评分: handing out tokens (server/services/ballot_pools.py) and taking ballots in (docs/protocol.md §4).

`ballot_issued` says that a token was fetched, nobody knows which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.inserts import insert_new
from server.db.models.ballots import Cell, Envelope, Issued, PoolToken, SpentToken
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.sign_offs import Callback
from server.domain.ballots import PANEL_KINDS, CellKind, cell_key
from server.domain.days import local_day, period_start
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import ballot_pools, policies, sessions
from server.services.ballot_pools import SALT

BODY = "ballot_envelope.body"
RATED = (RequestState.FINISHED, RequestState.REWORK, RequestState.CLOSED)


@dataclass(frozen=True)
class Ticket:
    """A token and the cell whose ballot it is good for."""

    token: str
    cell: Cell


def prepare(session: Session, request: Request, *, actor: Actor, now: datetime) -> None:
    """Make sure that the request's cell has tokens; they reach Redis once this transaction has committed. Raises what issue() raises."""
    _require_rater(session, request, actor, now)
    ballot_pools.stock(session, cell_of(session, request))


def issue(session: Session, request: Request, *, actor: Actor, now: datetime) -> Ticket:
    """One token for this finished round; the same again within ten minutes. prepare() has committed before.

    Raises NOT_FOUND (another's request), BALLOT_OWN_WORK, BALLOT_CLOSED, BALLOT_TOKEN_TAKEN, UNAVAILABLE.
    """
    round_ = _require_rater(session, request, actor, now)
    cell = cell_of(session, request)
    row = insert_new(session, cast(Table, Issued.__table__)).values(request_id=request.id, round=round_, on_day=local_day(now))
    fresh = session.execute(row.returning(Issued.__table__.c.round)).first() is not None
    return Ticket(ballot_pools.draw(cell, kept=f"{request.public_id}:{round_}", fresh=fresh), cell)


def receive(session: Session, *, token: str, cell_public_id: str, body: str, panel: bool = False) -> None:
    """Keep a ballot sealed until it is opened with others. Says nothing: whatever is not counted is dropped without a word.

    Not counted are tokens of no pool or of another cell, of a closed cell, and a token's second ballot (the first one counts).
    """
    digest = vault.token_hash(token)
    kind = Cell.kind.in_(PANEL_KINDS) if panel else Cell.kind.not_in(PANEL_KINDS)
    found = select(Cell.id).join(PoolToken, PoolToken.cell_id == Cell.id).where(PoolToken.token_hash == digest, kind)
    open_ = found.where(Cell.public_id == cell_public_id, Cell.closed_on.is_(None))
    cell_id = session.execute(open_.with_for_update(read=True, of=Cell)).scalar()  # closing it waits for us, or we for it
    if cell_id is None or session.get(SpentToken, digest) is not None:
        return
    put(session, digest, cell_id, body)


def put(session: Session, digest: str, cell_id: int, body: str) -> None:
    """Lay a sealed envelope under its token's hash; the first one counts."""
    values = {"token_hash": digest, "cell_id": cell_id, "body": vault.seal(SALT, BODY, digest, body)}
    session.execute(insert_new(session, cast(Table, Envelope.__table__)).values(**values))


def cell_of(session: Session, request: Request) -> Cell:
    """The cell of the request's finished round: its community, who handled it, the quarter it was finished in. Made when first needed."""
    if request.finished_at is None:
        raise Problem("BALLOT_CLOSED")
    quarter = period_start("quarter", local_day(request.finished_at))
    unit_id = rated_unit(session, request)
    kind = CellKind.UNIT if unit_id is not None else CellKind.OWN
    return cell(session, kind=kind, node_id=request.community_id, of=unit_id or 0, quarter=quarter)


def rated_unit(session: Session, request: Request) -> int | None:
    """The unit whose doing it was: the handling one, or the handling member's; None where it was the community's own."""
    if request.handler_unit_id is not None or request.handler_person_id is None:
        return request.handler_unit_id
    return session.execute(select(Person.unit_id).where(Person.id == request.handler_person_id)).scalar()


def cell(session: Session, *, kind: CellKind, node_id: int, quarter: date, of: int = 0) -> Cell:
    """The cell with this key, made when it is not there."""
    key = cell_key(kind, node_id, of, quarter)
    values = {
        "public_id": new_public_id(),
        "key": key,
        "kind": kind,
        "node_id": node_id,
        "unit_id": of if kind is CellKind.UNIT else None,
        "quarter": quarter,
    }
    session.execute(insert_new(session, cast(Table, Cell.__table__)).values(**values))
    return session.execute(select(Cell).where(Cell.key == key)).scalar_one()


def _require_rater(session: Session, request: Request, actor: Actor, now: datetime) -> int:
    """Whose request it is, in the time for it, and not about his own doing; the round he may rate."""
    if actor.person_id != request.asked_for_id:
        raise Problem("NOT_FOUND")
    sessions.require_own_phone(actor)
    days = policies.value(session, "requests.sign_days", today=local_day(now), node_id=request.community_id)
    if request.state not in RATED or request.finished_at is None or now > request.finished_at + timedelta(days=days):
        raise Problem("BALLOT_CLOSED")
    if request.handler_person_id == request.asked_for_id:
        raise Problem("BALLOT_OWN_WORK")
    round_ = request.round - (request.state is RequestState.REWORK)
    asked = select(Callback.id).where(Callback.request_id == request.id, Callback.round == round_, Callback.satisfaction.is_not(None))
    if session.execute(asked.limit(1)).first() is not None:  # he has said it on the phone: it would count twice
        raise Problem("BALLOT_CLOSED")
    return round_
