"""Deferred work whose tries are used up: what it is, and trying it again once the cause is mended (docs/operations.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, update
from sqlalchemy.orm import Session

from server import defer
from server.db.models.platform import Outbox

GRACE = timedelta(seconds=60)  # as in jobs/entry.py: later than this a job's process is dead


@dataclass(frozen=True)
class State:
    """Deferred work that will be done by itself: how much of each job, and for how long the oldest that is due has waited."""

    waiting: Mapping[str, int]
    age: timedelta | None


def given_up(session: Session, *, now: datetime, job: str | None = None) -> Sequence[Outbox]:
    """The rows nothing will try again by itself, oldest first; of one job where it is named."""
    found = select(Outbox).where(_used_up(now), Outbox.job == job if job is not None else Outbox.id.is_not(None))
    return session.execute(found.order_by(Outbox.id)).scalars().all()


def state(session: Session, *, now: datetime) -> State:
    """What waits, by job, and since when; two statements over the index of what is not done."""
    waits = (Outbox.done_at.is_(None), not_(_used_up(now)))
    jobs = session.execute(select(Outbox.job, func.count()).where(*waits).group_by(Outbox.job).order_by(Outbox.job)).all()
    oldest = session.execute(select(func.min(Outbox.not_before)).where(*waits, Outbox.not_before <= now)).scalar()
    return State({row[0]: row[1] for row in jobs}, max(timedelta(0), now - oldest) if oldest is not None else None)


def retry(session: Session, *, now: datetime, ids: Sequence[int] | None = None, job: str | None = None) -> list[int]:
    """Give these rows (None: all that gave up) all their tries again; the sweep sends them within a minute. Returns the ids.

    Asked twice it does nothing more, and a row that was done, is being worked on or has tries left stays as it is.
    """
    wanted = [row.id for row in given_up(session, now=now, job=job) if ids is None or row.id in ids]
    fresh = update(Outbox).where(Outbox.id.in_(wanted), _used_up(now))
    values = {"tries": 0, "started_at": None, "sent_at": None, "not_before": now}
    done = session.execute(fresh.values(**values).returning(Outbox.id).execution_options(synchronize_session=False))
    return sorted(done.scalars())


def _used_up(now: datetime) -> ColumnElement[bool]:
    """Not done, not at work, as often tried as its job may be. A job that is not in the catalogue any more is tried by nobody."""
    limits = [
        and_(
            Outbox.job == name,
            Outbox.tries >= job.tries,
            or_(Outbox.started_at.is_(None), Outbox.started_at < now - timedelta(seconds=job.timeout) - GRACE),
        )
        for name, job in defer.JOBS.items()
    ]
    return and_(Outbox.done_at.is_(None), or_(false(), *limits))
