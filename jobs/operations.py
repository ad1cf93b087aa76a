"""The long work of administrators, told step by step to who watches (server/services/operations.py)."""

from __future__ import annotations

from datetime import datetime

from server import clock
from server.db.base import reading, transaction
from server.services import audit, operations, reseals


def reseal(now: datetime, *, operation_id: int) -> None:
    """Job keys.reseal: what is left is a question to the database, so one that was killed goes on where it stopped."""
    with reading() as session:
        total = reseals.waiting(session)
    done = 0
    while True:
        with transaction() as session:
            step = reseals.some(session, now=now)
            done += step
            operations.progress(session, operation_id, done=done, total=max(total, done))
        if not step:
            break
    with transaction() as session:
        operations.finish(session, operation_id, now=clock.now(), values=done)


def verify(now: datetime, *, operation_id: int) -> None:
    """Job audit.verify: the chain step by step, each read by itself; `last_event` and `hash` tell how far it holds."""
    at = audit.Position()
    while True:
        with reading() as session:
            found, total = audit.step(session, at), audit.total(session)
        if isinstance(found, audit.Broken) or found == at:
            break
        at = found
        with transaction() as session:
            operations.progress(session, operation_id, done=at.events, total=total)
    where = {"first": found.first_event_id, "last": found.last_event_id, "why": found.why} if isinstance(found, audit.Broken) else {}
    with transaction() as session:
        operations.finish(session, operation_id, now=clock.now(), holds=not where, last_event=at.last_event_id, hash=at.hash, **where)
