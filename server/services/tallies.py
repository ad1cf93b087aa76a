"""Contributions: what a decision adds to or takes from the figures, exactly once by its key (house law 3; docs/rules.md §4).

Every decision writes one contribution in its own transaction; one coalescing drain folds all that waits. A figure is read, changed and
written under a lock that only the drain and the rebuild take, in the transaction that marks the contribution folded: killed half-way
nothing has happened, run twice nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from server import defer
from server.db import statements
from server.db.models.checkins import ServiceRecord
from server.db.models.orgs import OrgNode
from server.db.models.tallies import Contribution, Tally, TallyHead
from server.domain.tallies import Figures, Key, Served

BATCH = 500
LOCK = "tallies"
KEY = ("scope", "scope_id", "period", "starts_on")


def contribute(session: Session, record: ServiceRecord, *, now: datetime, sign: int = 1) -> None:
    """Let a record that has become FINAL count (sign 1), or leave every figure because it became VOID (sign −1).

    The key is the record and the version it has now, so the same decision never counts twice; the figures follow within seconds.
    """
    contribute_all(session, [record], now=now, sign=sign)


def contribute_all(session: Session, records: Sequence[ServiceRecord], *, now: datetime, sign: int = 1) -> None:
    """contribute() for many records in one statement."""
    if records:
        session.execute(insert(Contribution), [_contribution(record, sign, now) for record in records])
        defer.wake(session, "tallies.drain")


def take_back(session: Session, record: ServiceRecord, *, minutes: int, now: datetime) -> None:
    """The record is FINAL no more, a moment after it became so with these minutes: they leave every figure again."""
    gone = {**_contribution(record, -1, now), "minutes": -minutes}
    session.execute(insert(Contribution).values(**gone))
    defer.wake(session, "tallies.drain")


def _contribution(record: ServiceRecord, sign: int, now: datetime) -> dict[str, Any]:
    return {
        "source": "record",
        "key": f"{record.id}#{record.version}",
        "record_id": record.id,
        "person_id": record.person_id,
        "community_id": record.community_id,
        "grid_id": record.grid_id,
        "unit_id": record.unit_id,
        "day": record.day,
        "visits": sign,
        "minutes": sign * record.minutes,
        "at": now,
    }


def drain(session: Session, *, now: datetime, limit: int = BATCH) -> int:
    """Fold the oldest waiting contributions, at most `limit`; returns how many. Another drain waits until this transaction ends."""
    statements.one_at_a_time(session, LOCK)
    rows = session.execute(waiting().limit(limit)).all()
    if rows:
        add(session, Figures(map(served_by, rows)))
        mark_folded(session, [row.id for row in rows], now=now)
    return len(rows)


def waiting() -> Select[*tuple[Any, ...]]:
    """Contributions that no figure holds yet, oldest first, each with its place's path: the grid's where there is one."""
    community, grid = aliased(OrgNode), aliased(OrgNode)
    return (
        select(
            Contribution.id,
            Contribution.person_id,
            Contribution.unit_id,
            func.coalesce(grid.path, community.path).label("path"),
            Contribution.day,
            Contribution.visits,
            Contribution.minutes,
        )
        .join(community, community.id == Contribution.community_id)
        .outerjoin(grid, grid.id == Contribution.grid_id)
        .where(Contribution.folded_at.is_(None))
        .order_by(Contribution.id)
    )


def served_by(row: Row[Any]) -> Served:
    """A row of waiting() as what counts."""
    return Served(row.person_id, row.unit_id, row.path, row.day, row.visits, row.minutes)


def mark_folded(session: Session, ids: list[int], *, now: datetime) -> None:
    """Say that the figures hold these contributions. Raises RuntimeError where one was folded already: the lock was not held."""
    marking = update(Contribution).where(Contribution.id.in_(ids), Contribution.folded_at.is_(None)).values(folded_at=now)
    marked: Any = session.execute(marking.execution_options(synchronize_session=False))
    if marked.rowcount != len(ids):
        raise RuntimeError("a contribution was folded by somebody else")


def add(session: Session, more: Figures) -> None:
    """Write old + `more` for every key and head; rows in key order. The caller holds LOCK."""
    come = _add_heads(session, more)
    old = {
        Key(row.scope, row.scope_id, row.period, row.starts_on): row for row in statements.rows_at(session, Tally, KEY, list(more.visits))
    }
    rows = []
    for key in sorted(more.visits):
        visits, minutes, heads = (old[key].visits, old[key].minutes, old[key].heads) if key in old else (0, 0, 0)
        new = {"visits": visits + more.visits[key], "minutes": minutes + more.minutes[key], "heads": heads + come.get(key, 0)}
        rows.append({**key._asdict(), **new})
    statements.put_rows(session, Tally, rows, key=KEY, values=("visits", "minutes", "heads"))


def _add_heads(session: Session, more: Figures) -> dict[Key, int]:
    """Write old + more for every person under every key; returns by key how many came (0→1) less how many left (1→0)."""
    wanted = [(*key, person) for key, person in more.heads]
    found = statements.rows_at(session, TallyHead, (*KEY, "person_id"), wanted)
    old = {(Key(row.scope, row.scope_id, row.period, row.starts_on), row.person_id): row for row in found}
    come: dict[Key, int] = {}
    rows = []
    for key, person in sorted(more.heads):
        visits, minutes = (old[key, person].visits, old[key, person].minutes) if (key, person) in old else (0, 0)
        after = visits + more.heads[key, person]
        come[key] = come.get(key, 0) + (after > 0) - (visits > 0)
        rows.append({**key._asdict(), "person_id": person, "visits": after, "minutes": minutes + more.head_minutes[key, person]})
    statements.put_rows(session, TallyHead, rows, key=(*KEY, "person_id"), values=("visits", "minutes"))
    return come
