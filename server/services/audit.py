"""The audit chain: each seal is a hash over a range of events and the seal before it (mission row G4).

Sealing is a job, never part of a request. Whoever changes, removes or slips in a sealed event breaks the chain at that seal; the newest
hash, written down elsewhere, fixes all before it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from server.db import statements, vault
from server.db.models.platform import AuditSeal, Event

RANGE = 1000  # events a seal at most
STEP = 20  # seals between two looks at how far it is
AGE = timedelta(minutes=1)
FIRST = "0" * 64
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
COLUMNS = (
    Event.id,
    Event.subject_kind,
    Event.subject_id,
    Event.action,
    Event.from_state,
    Event.to_state,
    Event.actor_id,
    Event.session_id,
    Event.community_id,
    Event.note,
    Event.at,
)


@dataclass(frozen=True)
class Horizon:
    """The newest event's id, and (PostgreSQL) the first transaction number not given out when it was looked at."""

    last_id: int
    next_transaction: int


@dataclass(frozen=True)
class Position:
    """How far a verification is: the last seal that holds, where it ends, its hash, and how many events lie before."""

    seal_id: int = 0
    last_event_id: int = 0
    hash: str = FIRST
    events: int = 0


@dataclass(frozen=True)
class Broken:
    """The first seal that does not hold, its range of event ids, and why."""

    seal_id: int
    first_event_id: int
    last_event_id: int
    why: str


def horizon(session: Session) -> Horizon:
    """Look how far events go now; what is below may still be uncommitted, see settled()."""
    last = session.execute(select(func.coalesce(func.max(Event.id), 0))).scalar_one()
    following = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return Horizon(last, session.execute(following).scalar_one() if statements.on_postgres(session) else 0)


def settled(session: Session, seen: Horizon) -> bool:
    """Have all transactions ended that may hold an event id up to the horizon's? (SQLite's writers follow one another.)"""
    if not statements.on_postgres(session):
        return True
    oldest = session.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")).scalar_one()
    return bool(oldest >= seen.next_transaction)


def seal(session: Session, *, now: datetime, up_to: int) -> int:
    """Seal the events that no seal holds, up to id `up_to` and older than a minute; returns how many."""
    statements.one_at_a_time(session, "audit")
    sealed = 0
    while True:
        last, previous = newest(session)
        events = _ripe(_events(session, last, up_to, RANGE), now - AGE)
        if not events:
            return sealed
        made = _digest(vault.current().suite, _canonical(previous, events))
        session.add(
            AuditSeal(
                first_event_id=events[0].id,
                last_event_id=events[-1].id,
                events=len(events),
                previous=previous,
                hash=made,
                sealed_at=now,
            )
        )
        session.flush()
        sealed += len(events)


def verify(session: Session) -> Broken | None:
    """Recompute every seal; the first that does not hold, None when all do."""
    at = Position()
    while True:
        found = step(session, at)
        if found == at or isinstance(found, Broken):
            return found if isinstance(found, Broken) else None
        at = found


def step(session: Session, at: Position) -> Position | Broken:
    """Recompute the seals that follow, twenty thousand events at most; the same position where none is left.

    Steps may be read one by one: what is sealed is never sealed anew, so none of them needs to see what another saw.
    """
    following = select(AuditSeal).where(AuditSeal.id > at.seal_id).order_by(AuditSeal.id).limit(STEP)
    for row in session.execute(following).scalars():
        why = _wrong(session, row, at)
        if why is not None:
            return Broken(row.id, row.first_event_id, row.last_event_id, why)
        at = Position(row.id, row.last_event_id, row.hash, at.events + row.events)
    return at


def total(session: Session) -> int:
    """How many events are sealed."""
    return int(session.execute(select(func.coalesce(func.sum(AuditSeal.events), 0))).scalar_one())


def _wrong(session: Session, row: AuditSeal, at: Position) -> str | None:
    if row.previous != at.hash or row.first_event_id <= at.last_event_id:
        return "seal does not follow the one before it"
    events = _events(session, at.last_event_id, row.last_event_id, row.events + 1)
    if len(events) != row.events:
        return "events were added or removed"
    told = _canonical(at.hash, events)
    if not any(row.hash == _digest(suite, told) for suite in vault.SUITES):
        return "events were changed"
    return None


def newest(session: Session) -> tuple[int, str]:
    """The last sealed event's id and the chain's newest hash."""
    row = session.execute(select(AuditSeal.last_event_id, AuditSeal.hash).order_by(AuditSeal.id.desc()).limit(1)).first()
    return (row.last_event_id, row.hash) if row is not None else (0, FIRST)


def _events(session: Session, after: int, up_to: int, limit: int) -> Sequence[Any]:
    return session.execute(select(*COLUMNS).where(Event.id > after, Event.id <= up_to).order_by(Event.id).limit(limit)).all()


def _ripe(events: Sequence[Any], before: datetime) -> Sequence[Any]:
    """The events up to the first that is too young."""
    for index, event in enumerate(events):
        if event.at > before:
            return events[:index]
    return events


def _canonical(previous: str, events: Sequence[Any]) -> bytes:
    """The seal before, and the rows as canonical JSON, a line each."""
    rows = [ENCODE([*event[:-1], event.at.isoformat(timespec="microseconds")]) + "\n" for event in events]
    return bytes.fromhex(previous) + "".join(rows).encode()


def _digest(suite: vault.Suite, told: bytes) -> str:
    """SHA-256 (suite aes) or SM3 (suite sm) of it, in hex."""
    digest = hashes.Hash(hashes.SHA256() if suite == "aes" else hashes.SM3())
    digest.update(told)
    return digest.finalize().hex()
