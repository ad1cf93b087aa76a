"""Periodic sweeps: sending again what Redis lost, deadlines, and forgetting what has served its time (docs/rules.md R7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from jobs.entry import GRACE
from server import defer, files
from server.db import redis_client
from server.db.base import after_commit, reading, transaction
from server.db.models.checkins import Scan, ServiceRecord
from server.db.models.media import Media
from server.db.models.platform import Outbox, Undo, WechatPush
from server.domain.days import local_day
from server.domain.media import MediaState
from server.services import claim_decisions, desk_sign_ins, idempotency, media, requests, sign_in_counters, tasks, transfers, wish_claims

UNSENT = timedelta(seconds=60)  # a row this old should have been worked on: its message was lost
AGAIN = timedelta(seconds=120)  # and so was this one's, or the queue is long: the claim sorts that out
RESEND = 500
FORGOTTEN = 1000  # pictures a run
OUTBOX_KEPT = timedelta(days=7)
UNDOS_KEPT = timedelta(days=1)
PUSHES_KEPT = timedelta(days=30)
PLACES_KEPT = timedelta(days=30)


def resend(now: datetime) -> None:
    """Send the outbox rows that are due and that no worker has: delayed ones, failed ones, and those Redis lost."""
    with transaction() as session:
        rows = session.execute(_lost(now).limit(RESEND)).all()
        session.execute(update(Outbox).where(Outbox.id.in_([row.id for row in rows])).values(sent_at=now))
        for row in rows:
            after_commit(session, partial(defer.send, redis_client.client(), defer.JOBS[row.job], row.id))


def _lost(now: datetime) -> Any:
    delayed = and_(Outbox.not_before > Outbox.created_at, Outbox.not_before <= now)
    unsent = and_(Outbox.sent_at.is_(None), or_(delayed, Outbox.not_before <= now - UNSENT))
    limits = [
        and_(
            Outbox.job == name,
            Outbox.tries < job.tries,
            or_(Outbox.started_at.is_(None), Outbox.started_at < now - timedelta(seconds=job.timeout) - GRACE),
        )
        for name, job in defer.JOBS.items()
    ]
    due = [Outbox.done_at.is_(None), Outbox.not_before <= now, or_(unsent, Outbox.sent_at <= now - AGAIN), or_(*limits)]
    return select(Outbox.id, Outbox.job).where(*due).order_by(Outbox.not_before)


def remind(now: datetime) -> None:
    """Remind of what begins soon, once per activity and person (docs/rules.md R1)."""
    with transaction() as session:
        claim_decisions.remind_due(session, now=now)


def release(now: datetime) -> None:
    """Release transfers that the old community left undecided past the deadline."""
    with transaction() as session:
        transfers.release_due(session, now=now)


def release_wishes(now: datetime) -> None:
    """Put back the micro-wishes whose claimants did not get in touch in time."""
    with transaction() as session:
        wish_claims.release_due(session, now=now)


def end_tasks(now: datetime) -> None:
    """End tasks whose time is over, with the claims nobody decided on."""
    with transaction() as session:
        tasks.end_due(session, now)


def prune(now: datetime) -> None:
    """Forget what has served its time.

    Failed sign-ins after an hour, undos after a day, idempotency keys and done outbox rows after 7, WeChat's pushes and places of scans
    after 30.
    """
    with transaction() as session:
        idempotency.prune(session, now=now)
        session.execute(delete(Outbox).where(Outbox.done_at < now - OUTBOX_KEPT))
        session.execute(delete(Undo).where(Undo.until < now - UNDOS_KEPT))
        session.execute(delete(WechatPush).where(WechatPush.done_at < now - PUSHES_KEPT))
        requests.forget_words(session, now=now)
        desk_sign_ins.prune(session, now=now)
        sign_in_counters.prune(session, now=now)
    with transaction() as session:
        _forget_places(session, now - PLACES_KEPT)


def forget_media(now: datetime) -> None:
    """Delete pictures past their day, the file before the row says so: killed in between, the next run finishes."""
    old = select(Media.id, Media.public_id, Media.original, Media.sha256).where(
        Media.delete_after <= local_day(now), Media.state != MediaState.DELETED
    )
    with reading() as session:
        rows = session.execute(old.order_by(Media.id).limit(FORGOTTEN)).all()
    for row in rows:
        files.delete(media.upload_area(row.public_id), row.original)
        with transaction() as session:
            shared = select(Media.id).where(Media.sha256 == row.sha256, Media.id != row.id, Media.state != MediaState.DELETED)
            if row.sha256 is not None and session.execute(shared.limit(1)).first() is None:
                files.delete(media.AREA, row.sha256)
            session.execute(update(Media).where(Media.id == row.id).values(state=MediaState.DELETED))


def _forget_places(session: Session, before: datetime) -> None:
    """In or out of range was of use while a record could be questioned."""
    for model, day in ((Scan, Scan.day), (ServiceRecord, ServiceRecord.day)):
        old = update(model).where(model.place_in.is_not(None), day < local_day(before)).values(place_in=None)
        session.execute(old.execution_options(synchronize_session=False))
