"""Opening ballots: five or more of a cell at a time, shuffled, hash and content apart, in one transaction (docs/protocol.md §4).

Killed in the middle nothing has happened; run twice nothing is opened twice, because a hash that was spent takes no second ballot.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.orm import Session

from server.db import statements, vault
from server.db.models.ballots import Ballot, Cell, Envelope, SpentToken
from server.db.models.orgs import OrgNode
from server.domain.ballots import LEAST, Answers, CellKind, Channel, CommentState, unpack
from server.domain.days import local_day, period_end, period_start
from server.services import ballot_pools, ballots, policies

LOCK = "ballots"
COMMENT = "ballot.comment"
RATED = (CellKind.UNIT, CellKind.OWN)


def due(session: Session, *, now: datetime) -> list[int]:
    """The ids of rated cells with five or more waiting, of which no batch was opened today."""
    waiting = select(Envelope.cell_id).group_by(Envelope.cell_id).having(func.count() >= LEAST)
    ready = select(Cell.id).where(Cell.id.in_(waiting), Cell.kind.in_(RATED))
    return list(session.execute(ready.where(Cell.opened_on.is_(None) | (Cell.opened_on != local_day(now)))).scalars())


def open_cell(session: Session, cell_id: int, *, now: datetime) -> int:
    """Open all that waits for this cell if it is five or more; how many were opened."""
    statements.one_at_a_time(session, LOCK)
    cell = session.get_one(Cell, cell_id)
    return _open(session, [cell_id], into=cell, today=local_day(now)) if _waiting(session, [cell_id]) >= LEAST else 0


def quarters_to_close(session: Session, *, now: datetime) -> list[tuple[int, date]]:
    """(street, quarter) whose time to rate is over and that have cells still open."""
    today = local_day(now)
    grace = policies.value(session, "ballots.close_days", today=today)
    street = func.coalesce(OrgNode.parent_id, OrgNode.id)
    found = select(street, Cell.quarter).join(OrgNode, OrgNode.id == Cell.node_id)
    open_ = found.where(Cell.kind.in_(RATED), Cell.closed_on.is_(None), Cell.quarter < period_start("quarter", today)).distinct()
    return [(row[0], row[1]) for row in session.execute(open_) if period_end("quarter", row[1]) + timedelta(days=grace) <= today]


def close_quarter(session: Session, *, street_id: int, quarter: date, now: datetime) -> None:
    """Open what is left of a quarter: per cell, what is too little with the rest of its community, then of its street.

    What is fewer than five even there is never opened: its ballots are destroyed and nothing of them is shown.
    """
    statements.one_at_a_time(session, LOCK)
    today = local_day(now)
    communities = list(session.execute(select(OrgNode.id).where(OrgNode.parent_id == street_id)).scalars()) or [street_id]
    left: list[int] = []
    for community in communities:
        left += _close_community(session, community, quarter, today)
    _gather(session, left, (CellKind.STREET, street_id, quarter), today)
    session.execute(delete(Envelope).where(Envelope.cell_id.in_(left)))


def destroy(session: Session, cell: Cell, *, now: datetime) -> None:
    """Close a cell whose vote is not held: what waits is deleted unopened, what still comes is dropped."""
    cell.closed_on = local_day(now)
    session.flush()  # before the deletion: a ballot on its way is through, or finds the cell closed
    session.execute(delete(Envelope).where(Envelope.cell_id == cell.id))
    ballot_pools.empty(session, cell)


def shuffled(rows: Sequence[Any]) -> list[Any]:
    """The rows in an order drawn by the system's random source."""
    mixed = list(rows)
    secrets.SystemRandom().shuffle(mixed)
    return mixed


def add_ballots(session: Session, cell: Cell, answers: Sequence[Answers], *, channel: Channel, today: date) -> None:
    """Insert opened ballots under random keys in a random order."""
    session.execute(insert(Ballot), [_row(cell, one, channel, today) for one in shuffled(answers)])


def take_out(session: Session, cells: Sequence[int]) -> list[str]:
    """Spend the waiting tokens of these cells and hand over what their envelopes say, shuffled; the envelopes are gone."""
    session.execute(delete(Envelope).where(Envelope.token_hash.in_(select(SpentToken.token_hash))))  # arrived while the first was opened
    rows = session.execute(_envelopes(cells)).all()
    if not rows:
        return []
    session.execute(delete(Envelope).where(Envelope.token_hash.in_([row.token_hash for row in rows])))
    session.execute(insert(SpentToken), [{"token_hash": row.token_hash} for row in shuffled(rows)])
    return shuffled([vault.open_sealed(ballot_pools.SALT, ballots.BODY, row.token_hash, row.body) for row in rows])


def _close_community(session: Session, community: int, quarter: date, today: date) -> list[int]:
    """Open per cell and per community; the cells whose envelopes are left."""
    mine = (Cell.node_id == community, Cell.quarter == quarter, Cell.kind.in_(RATED), Cell.closed_on.is_(None))
    cells = list(session.execute(select(Cell).where(*mine)).scalars())
    for cell in cells:
        if _waiting(session, [cell.id]) >= LEAST:
            _open(session, [cell.id], into=cell, today=today)
    for cell in cells:
        cell.closed_on = today
    left = [cell.id for cell in cells]
    return [] if _gather(session, left, (CellKind.COMMUNITY, community, quarter), today) else left


def _gather(session: Session, cells: list[int], where: tuple[CellKind, int, date], today: date) -> bool:
    """Open what waits for all of these cells together, into one gathering cell, if it is five or more."""
    if _waiting(session, cells) < LEAST:
        return False
    kind, node_id, quarter = where
    into = ballots.cell(session, kind=kind, node_id=node_id, quarter=quarter)
    into.closed_on = today
    _open(session, cells, into=into, today=today)
    return True


def _open(session: Session, cells: list[int], *, into: Cell, today: date) -> int:
    texts = take_out(session, cells)
    add_ballots(session, into, [unpack(text) for text in texts], channel=Channel.PHONE, today=today)
    into.opened_on = today
    session.flush()
    return len(texts)


def _waiting(session: Session, cells: Sequence[int]) -> int:
    return len(session.execute(_envelopes(cells)).all()) if cells else 0


def _envelopes(cells: Sequence[int]) -> Select[str, bytes]:
    """What waits and was not counted before, in the order of hashes, which is none."""
    spent = select(SpentToken.token_hash)
    waiting = select(Envelope.token_hash, Envelope.body).where(Envelope.cell_id.in_(cells), Envelope.token_hash.not_in(spent))
    return waiting.order_by(Envelope.token_hash)


def _row(cell: Cell, one: Answers, channel: Channel, today: date) -> dict[str, Any]:
    key = secrets.token_hex(16)
    comment = one.comment.strip()
    return {
        "key": key,
        "cell_id": cell.id,
        "channel": channel,
        "contacted": one.contacted,
        "solved": one.solved,
        "satisfaction": one.satisfaction,
        "tags": list(one.tags),
        "comment": vault.seal(ballot_pools.SALT, COMMENT, key, comment) if comment else None,
        "comment_state": CommentState.WAITING if comment else CommentState.NONE,
        "opened_on": today,
    }
