"""The long work of administrators, told step by step to who watches (server/services/operations.py)."""

from __future__ import annotations

from datetime import datetime

from server import clock
from server.db.base import reading, transaction
from server.services import audit, operations, reseals

EVERY = 20_000  # events between two lines of progress


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
    """Job audit.verify: the whole chain in one read; what it says of progress is written beside it."""

    def tell(done: int, total: int) -> None:
        with transaction() as session:
            operations.progress(session, operation_id, done=done, total=total)

    with reading() as session:
        broken = audit.verify(session, tell=tell, every=EVERY)
        last, digest = audit.newest(session)
    found = {} if broken is None else {"first": broken.first_event_id, "last": broken.last_event_id, "why": broken.why}
    with transaction() as session:
        operations.finish(session, operation_id, now=clock.now(), holds=broken is None, last_event=last, hash=digest, **found)
