"""The job catalogue by name, and deferred work that leaves after commit (house law 1).

`defer` writes an outbox row in the transaction of its caller: the row is the truth, Redis only carries its id, a sweep sends again what
Redis lost. `wake` is for drain jobs whose work already stands in a table (waiting contributions, due notices): no row, and many wakes
become one run. While a decision can still be undone (`held`), nothing of its transaction leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.db import redis_client
from server.db.base import after_commit
from server.db.models.platform import Outbox

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """Where a job's function is, which queue carries it, its time limit (s) and how often it is tried."""

    path: str
    queue: str = "quick"
    timeout: int = 60
    tries: int = 5


JOBS: Mapping[str, Job] = {
    "audit.seal": Job("jobs.audit.seal"),
    "audit.verify": Job("jobs.operations.verify", queue="slow", timeout=1800, tries=3),
    "ballots.open": Job("jobs.ballots.open_due", queue="slow", timeout=300),
    "care.miss": Job("jobs.requests.miss_care"),
    "claims.remind": Job("jobs.sweeps.remind"),
    "contents.lapse": Job("jobs.contents.lapse"),
    "documents.render": Job("jobs.documents.render", queue="slow", timeout=120),
    "exports.forget": Job("jobs.exports.forget", queue="slow", timeout=300),
    "exports.make": Job("jobs.exports.make", queue="slow", timeout=900, tries=3),
    "figures.count": Job("jobs.figures.count", queue="slow", timeout=600),
    "house.prune": Job("jobs.sweeps.prune", queue="slow", timeout=300),
    "keys.reseal": Job("jobs.operations.reseal", queue="slow", timeout=3600),
    "media.check": Job("jobs.contents.check_picture"),
    "media.forget": Job("jobs.sweeps.forget_media", queue="slow", timeout=300),
    "media.reencode": Job("jobs.media.reencode", queue="slow", timeout=120),
    "notices.push": Job("jobs.notices.push"),
    "outbox.resend": Job("jobs.sweeps.resend"),
    "posters.print": Job("jobs.posters.print_community", queue="slow", timeout=900, tries=3),
    "requests.escalate": Job("jobs.requests.escalate"),
    "rosters.forget": Job("jobs.rosters.forget", queue="slow", timeout=300),
    "rosters.import": Job("jobs.rosters.import_draft", queue="slow", timeout=600, tries=3),
    "tallies.drain": Job("jobs.tallies.drain"),
    "tasks.end": Job("jobs.sweeps.end_tasks"),
    "transfers.release": Job("jobs.sweeps.release"),
    "wechat.work": Job("jobs.wechat.work"),
    "wishes.release": Job("jobs.sweeps.release_wishes"),
}
QUEUES = ("quick", "slow")
RUNS = "gongjian:runs"
SCHEDULER = "scheduler"
WAKE_TTL = 30  # s: a wake that was lost with its worker blocks the next one no longer than this


@dataclass
class Hold:
    """What a transaction wants to tell and may not before `until`: notices as (public id of their subject, dedupe)."""

    since: datetime
    until: datetime
    notices: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def held(session: Session, *, since: datetime, until: datetime) -> Iterator[Hold]:
    """Deferred work, wakes and notices of this session wait until `until` (server/services/undos.py)."""
    hold = session.info["hold"] = Hold(since, until)
    try:
        yield hold
    finally:
        del session.info["hold"]


def hold_of(session: Session) -> Hold | None:
    """The hold this session is under."""
    found: Hold | None = session.info.get("hold")
    return found


def defer(session: Session, name: str, *, now: datetime, not_before: datetime | None = None, **args: Any) -> int:
    """Ask for job `name` with these arguments (ids and ISO dates only). Returns the outbox id; sent once the transaction has committed."""
    job = JOBS[name]
    hold, due = hold_of(session), not_before or now
    if hold is not None:
        due = max(due, hold.until)
    values = {"job": name, "args": args, "created_at": now, "not_before": due, "tries": 0}
    outbox_id = int(session.execute(insert(Outbox).values(**values).returning(Outbox.id)).scalar_one())
    if due <= now:
        after_commit(session, lambda: _quietly(lambda redis: send(redis, job, outbox_id)))
    return outbox_id


def wake(session: Session, name: str) -> None:
    """Let the drain job `name` run soon after this transaction has committed; asked twice in one transaction, it is roused once.

    Under a hold it becomes an outbox row that waits.
    """
    woken: set[str] = session.info.setdefault("woken", set())
    if name not in woken:
        woken.add(name)
        hold = hold_of(session)
        if hold is not None:
            defer(session, name, now=hold.since)
            return
        after_commit(session, lambda: _quietly(lambda redis: rouse(redis, name)))


def send(redis: Redis, job: Job, outbox_id: int) -> None:
    """Carry one outbox id to a worker."""
    _queue(redis, job).enqueue(
        "jobs.entry.run_outbox", outbox_id, job_timeout=job.timeout, result_ttl=0, failure_ttl=3600, description=f"outbox {outbox_id}"
    )


def rouse(redis: Redis, name: str) -> None:
    """Enqueue the drain job unless one is already on its way; it clears the mark before it looks for work."""
    if redis.set(wake_key(name), 1, nx=True, ex=WAKE_TTL):
        job = JOBS[name]
        _queue(redis, job).enqueue("jobs.entry.run_wake", name, job_timeout=job.timeout, result_ttl=0, failure_ttl=3600, description=name)


def note_run(name: str, *, now: datetime, error: str | None = None) -> None:
    """When a drain job (or the scheduler itself) last ran and how it ended, for who looks after the machine. Redis may forget it."""
    _quietly(lambda redis: redis.hset(RUNS, name, json.dumps({"at": now.isoformat(), "error": error})))


def last_runs() -> dict[str, tuple[datetime, str | None]] | None:
    """By name; None while Redis is down."""
    try:
        found: Any = redis_client.client().hgetall(RUNS)
    except RedisError:
        return None
    said = {(name.decode() if isinstance(name, bytes) else name): json.loads(text) for name, text in found.items()}
    return {name: (datetime.fromisoformat(one["at"]), one["error"]) for name, one in said.items()}


def queued() -> dict[str, int] | None:
    """How many messages lie in each queue; None while Redis is down."""
    try:
        return {name: int(redis_client.client().llen(f"rq:queue:{name}")) for name in QUEUES}
    except RedisError:
        return None


def wake_key(name: str) -> str:
    """The Redis key that says a run of this drain job is on its way."""
    return f"gongjian:wake:{name}"


def _queue(redis: Redis, job: Job) -> Any:
    from rq import Queue
    from rq.serializers import JSONSerializer

    return Queue(job.queue, connection=redis, serializer=JSONSerializer)


def _quietly(act: Any) -> None:
    """Redis may be down: the row stays, the sweep sends it."""
    try:
        act(redis_client.client())
    except RedisError as error:
        log.warning("deferred work waits for the sweep", error=type(error).__name__)
