"""评分: handing out tokens and taking ballots in (docs/protocol.md §4, token pool).

A token's hash stands in the pool, made beforehand and shuffled; the token itself is in Redis alone, sealed under the field keys, because
Redis writes its own file and that file would tell who drew what. `ballot_issued` says that a token was fetched, nobody knows which.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from redis.exceptions import RedisError
from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from server.db import redis_client, vault
from server.db.base import after_commit, new_public_id
from server.db.inserts import insert_new
from server.db.models.ballots import Cell, Envelope, Issued, PoolToken, SpentToken
from server.db.models.people import Person
from server.db.models.requests import Request
from server.db.models.sign_offs import Callback
from server.domain.ballots import CellKind, cell_key
from server.domain.days import local_day, period_start
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.services import policies

BATCH, LOW = 64, 8
KEPT_S = 600  # a phone whose answer was lost asks again within ten minutes
SALT = b"gongjian ballots, one subject v1"  # ballots belong to nobody: there is no person's salt to seal them under
TOKEN, BODY = "ballot_pool.token", "ballot_envelope.body"
RATED = (RequestState.FINISHED, RequestState.REWORK, RequestState.CLOSED)


@dataclass(frozen=True)
class Ticket:
    """A token and the cell whose ballot it is good for."""

    token: str
    cell: Cell


def prepare(session: Session, request: Request, *, actor: Actor, now: datetime) -> None:
    """Make sure that the request's cell has tokens; they reach Redis once this transaction has committed. Raises what issue() raises."""
    _require_rater(session, request, actor, now)
    stock(session, cell_of(session, request))


def issue(session: Session, request: Request, *, actor: Actor, now: datetime) -> Ticket:
    """One token for this finished round; the same again within ten minutes. prepare() has committed before.

    Raises NOT_FOUND (another's request), BALLOT_OWN_WORK, BALLOT_CLOSED, BALLOT_TOKEN_TAKEN, UNAVAILABLE.
    """
    round_ = _require_rater(session, request, actor, now)
    cell = cell_of(session, request)
    row = insert_new(session, cast(Table, Issued.__table__)).values(request_id=request.id, round=round_, on_day=local_day(now))
    fresh = session.execute(row.returning(Issued.__table__.c.round)).first() is not None
    return Ticket(draw(cell, kept=f"gongjian:ballot-kept:{request.public_id}:{round_}", fresh=fresh), cell)


def draw(cell: Cell, *, kept: str, fresh: bool) -> str:
    """Pop a token of the cell, or give the one again that `kept` holds. Raises BALLOT_TOKEN_TAKEN when it was fetched longer ago."""
    try:
        redis: Any = redis_client.client()
        box = redis.get(kept)
        if box is None:
            if not fresh:
                raise Problem("BALLOT_TOKEN_TAKEN")
            box = redis.lpop(pool_key(cell))
            if box is None or not redis.set(kept, box, ex=KEPT_S):
                raise Problem("UNAVAILABLE")
    except RedisError:
        raise Problem("UNAVAILABLE") from None
    return vault.open_sealed(SALT, TOKEN, cell.public_id, box)


def receive(session: Session, *, token: str, cell_public_id: str, body: str, panel: bool = False) -> None:
    """Keep a ballot sealed until it is opened with others. Says nothing: whatever is not counted is dropped without a word.

    Not counted are tokens of no pool or of another cell, of a closed cell, and a token's second ballot (the first one counts).
    """
    digest = vault.token_hash(token)
    kind = Cell.kind == CellKind.PANEL if panel else Cell.kind != CellKind.PANEL
    found = select(Cell.id).join(PoolToken, PoolToken.cell_id == Cell.id).where(PoolToken.token_hash == digest, kind)
    cell_id = session.execute(found.where(Cell.public_id == cell_public_id, Cell.closed_on.is_(None))).scalar()
    if cell_id is None or session.get(SpentToken, digest) is not None:
        return
    values = {"token_hash": digest, "cell_id": cell_id, "body": vault.seal(SALT, BODY, digest, body)}
    session.execute(insert_new(session, cast(Table, Envelope.__table__)).values(**values))


def stock(session: Session, cell: Cell) -> None:
    """Fill the cell's pool when it runs low: hashes now, tokens into Redis after the commit, each in an order of its own."""
    try:
        left: Any = redis_client.client().llen(pool_key(cell))
    except RedisError:
        raise Problem("UNAVAILABLE") from None
    if left >= LOW:
        return
    tokens = [secrets.token_urlsafe(32) for _ in range(BATCH)]
    rows = [{"token_hash": vault.token_hash(token), "cell_id": cell.id} for token in tokens]
    secrets.SystemRandom().shuffle(rows)
    session.execute(insert(PoolToken), rows)
    boxes = [vault.seal(SALT, TOKEN, cell.public_id, token) for token in tokens]
    after_commit(session, lambda: _push(cell, boxes))


def _push(cell: Cell, boxes: list[bytes]) -> None:
    """A push that fails leaves hashes without tokens, which do no harm: the next request for one makes others."""
    with suppress(RedisError):
        redis_client.client().rpush(pool_key(cell), *boxes)


def pool_key(cell: Cell) -> str:
    """The Redis list with the cell's tokens."""
    return f"gongjian:ballots:{cell.public_id}"


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
