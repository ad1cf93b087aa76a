"""The outbox: claimed once, tried again, found again when Redis lost it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine, select, update

from jobs import entry, schedule, sweeps
from server import defer
from server.db import redis_client
from server.db.base import reading, transaction
from server.db.models.platform import Outbox
from server.domain.problems import Problem
from tests.conftest import Time
from tests.jobs.support import dies, suicide

runs: list[dict[str, Any]] = []


def note(now: datetime, **args: Any) -> None:
    runs.append(args)


def fail(now: datetime, **args: Any) -> None:
    runs.append(args)
    raise Problem("UNAVAILABLE")


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    runs.clear()
    here = {name: defer.Job(f"{__name__}.{name}", tries=3) for name in ("note", "fail", "suicide")}
    monkeypatch.setattr(defer, "JOBS", {**defer.JOBS, **here})
    functions = {"note": note, "fail": fail, "suicide": suicide}
    real = entry.function_of
    monkeypatch.setattr(entry, "function_of", lambda name: functions.get(name) or real(name))


def put(job: str, now: datetime, **args: Any) -> int:
    with transaction() as session:
        return defer.defer(session, job, now=now, **args)


def row(outbox_id: int) -> Outbox:
    with reading() as session:
        return session.get_one(Outbox, outbox_id)


def queued(redis: Redis) -> int:
    return int(redis.llen("rq:queue:quick"))


def test_a_row_is_worked_on_once_however_often_it_is_delivered(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    made = put("note", now, task_id=7)
    assert queued(redis) == 1
    entry.run_outbox(made)
    entry.run_outbox(made)
    assert runs == [{"task_id": 7}]
    assert (row(made).done_at, row(made).tries) == (now, 1)


def test_a_rolled_back_wish_is_no_wish(database: Engine, redis: Redis, now: datetime) -> None:
    def changes_his_mind() -> None:
        with transaction() as session:
            defer.defer(session, "note", now=now)
            raise Problem("STALE")

    with pytest.raises(Problem):
        changes_his_mind()
    assert queued(redis) == 0
    with reading() as session:
        assert session.execute(select(Outbox)).all() == []


def test_a_failed_row_waits_longer_each_time_and_then_stays(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    made = put("fail", now)
    for tries, pause in ((1, 10), (2, 60), (3, 300)):
        entry.run_outbox(made)
        assert (row(made).tries, row(made).error) == (tries, "UNAVAILABLE")
        assert row(made).not_before == time.now + timedelta(seconds=pause)
        entry.run_outbox(made)
        assert len(runs) == tries  # too early
        redis.flushdb()
        time.advance(seconds=pause)
        sweeps.resend(time.now)
        assert queued(redis) == (1 if tries < 3 else 0)
    entry.run_outbox(made)
    assert len(runs) == 3


def test_two_workers_with_one_message(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    made = put("note", now)
    with transaction() as session:
        session.execute(update(Outbox).values(started_at=now, tries=1))
    entry.run_outbox(made)
    assert runs == []
    time.advance(minutes=3)  # the other one is dead: past its limit and the grace
    entry.run_outbox(made)
    assert runs == [{}]


def test_killed_half_way_it_is_found_and_done(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    made = put("suicide", now)
    dies(lambda: entry.run_outbox(made))
    assert (row(made).started_at, row(made).done_at) == (now, None)
    redis.flushdb()
    sweeps.resend(time.advance(seconds=61))
    assert queued(redis) == 0  # it may still be running
    sweeps.resend(time.advance(seconds=61))
    assert queued(redis) == 1


def test_redis_down_loses_nothing(database: Engine, redis: Redis, redis_url: str, now: datetime, time: Time) -> None:
    redis_client.connect("redis://127.0.0.1:1/0")
    made = put("note", now, task_id=9)
    with pytest.raises(RedisError):
        sweeps.resend(time.advance(seconds=61))
    redis_client.connect(redis_url)
    sweeps.resend(time.advance(seconds=121))
    assert queued(redis) == 1
    entry.run_outbox(made)
    assert runs == [{"task_id": 9}]


def test_a_delayed_row_is_sent_when_it_is_due(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    with transaction() as session:
        defer.defer(session, "note", now=now, not_before=now + timedelta(hours=2))
    assert queued(redis) == 0
    sweeps.resend(time.advance(hours=1))
    assert queued(redis) == 0
    sweeps.resend(time.advance(hours=1))
    sweeps.resend(time.now)
    assert queued(redis) == 1


def test_many_wakes_are_one_run(database: Engine, redis: Redis) -> None:
    for _ in range(3):
        with transaction() as session:
            defer.wake(session, "note")
            defer.wake(session, "note")
    assert queued(redis) == 1
    entry.run_wake("note")
    assert runs == [{}]
    with transaction() as session:
        defer.wake(session, "note")
    assert queued(redis) == 2


def test_a_failing_drain_ends_quietly(database: Engine, redis: Redis) -> None:
    entry.run_wake("fail")
    assert runs == [{}]


def test_the_schedule_rouses_by_real_seconds_and_when_the_present_is_moved(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    offset = timedelta()
    monkeypatch.setattr(schedule.clock, "offset", lambda: offset)
    made = schedule.Schedule()
    assert set(made.tick(redis, steady=100)) == set(schedule.EVERY_S)
    assert made.tick(redis, steady=101) == []
    assert "tallies.drain" in made.tick(redis, steady=115)
    offset = timedelta(days=1)
    assert set(made.tick(redis, steady=116)) == set(schedule.EVERY_S)


def test_the_scheduler_outlives_redis(redis: Redis, redis_url: str, time: Time) -> None:
    waits = iter([False, True])
    schedule.run(Redis.from_url("redis://127.0.0.1:1/0"), stopped=lambda _seconds: next(waits))
    assert queued(redis) == 0
    schedule.run(redis, stopped=lambda _seconds: True)
    assert queued(redis) > 0
