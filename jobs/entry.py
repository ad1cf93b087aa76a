"""What RQ calls in a worker's child: `run_outbox` for one outbox row, `run_wake` for a drain job.

A job may run twice and may be killed half-way: its row is claimed by a guarded UPDATE, what it does is a recomputation or a claim of its
own. A failed row waits longer each time and is sent again by the sweep (jobs/sweeps.py) until its tries are used up.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from server import clock, defer
from server.db import redis_client, vault
from server.db.base import transaction
from server.db.models.platform import Outbox
from server.domain.problems import Problem

log = structlog.get_logger()
GRACE = timedelta(seconds=60)  # past its time limit a job's process is dead: its row may be claimed again
PAUSES_S = (10, 60, 300, 900, 3600)


def run_outbox(outbox_id: int) -> None:
    """Claim the row, run its job, write down what became of it. A row that is done or being worked on is left alone."""
    vault.refresh()
    with transaction() as session:
        claimed = _claim(session, outbox_id, now=clock.now())
    if claimed is None:
        log.info("outbox row not free", outbox=outbox_id)
        return
    name, args = claimed
    error = _run(name, args, outbox=outbox_id)
    with transaction() as session:
        _settle(session, outbox_id, error=error, now=clock.now())


def run_wake(name: str) -> None:
    """Clear the mark, then drain: who writes after this finds no mark and sends the next wake."""
    redis_client.client().delete(defer.wake_key(name))
    vault.refresh()
    error = _run(name, {}, outbox=None)
    defer.note_run(name, now=clock.now(), error=error)


def function_of(name: str) -> Callable[..., None]:
    """The function of a job of defer.JOBS. Raises KeyError, ImportError, AttributeError for a job that is not there."""
    module, _, function = defer.JOBS[name].path.rpartition(".")
    found: Callable[..., None] = getattr(import_module(module), function)
    return found


def _claim(session: Session, outbox_id: int, *, now: datetime) -> tuple[str, dict[str, Any]] | None:
    row = session.execute(select(Outbox.job, Outbox.args).where(Outbox.id == outbox_id)).first()
    if row is None:
        return None
    limit = defer.JOBS[row.job] if row.job in defer.JOBS else defer.Job("")
    dead = now - timedelta(seconds=limit.timeout) - GRACE
    free = or_(Outbox.started_at.is_(None), Outbox.started_at < dead)
    mine = update(Outbox).where(
        Outbox.id == outbox_id, Outbox.done_at.is_(None), Outbox.not_before <= now, Outbox.tries < limit.tries, free
    )
    taken: Any = session.execute(mine.values(started_at=now, tries=Outbox.tries + 1).execution_options(synchronize_session=False))
    return (row.job, row.args) if taken.rowcount == 1 else None


def _run(name: str, args: dict[str, Any], *, outbox: int | None) -> str | None:
    """Run the job; returns the error's code, None when all went well. The log gets ids, codes and lines of code, never an error's text."""
    began = time.monotonic()
    try:
        function_of(name)(clock.now(), **args)
        error = None
    except Exception as failure:  # whatever it was, the row must say so and wait
        error = failure.code if isinstance(failure, Problem) else type(failure).__name__
        log.error("job failed", job=name, outbox=outbox, error=error, where="".join(traceback.format_tb(failure.__traceback__)[-4:]))
    log.info("job", job=name, outbox=outbox, ok=error is None, ms=round((time.monotonic() - began) * 1000, 1))
    return error


def _settle(session: Session, outbox_id: int, *, error: str | None, now: datetime) -> None:
    """Done, or waiting for the next try."""
    row = session.get_one(Outbox, outbox_id)
    row.error = error
    if error is None:
        row.done_at = now
    else:
        row.started_at, row.sent_at = None, None
        row.not_before = now + timedelta(seconds=PAUSES_S[min(row.tries, len(PAUSES_S)) - 1])
