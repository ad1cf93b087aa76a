"""Work that gave up is shown, and tried again on request; what is done, at work or has tries left is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, select, update

from jobs import entry, sweeps
from server import defer
from server.db.base import reading, transaction
from server.db.models.platform import Outbox
from server.domain.problems import Problem
from server.services import outbox
from tests.conftest import Time
from tests.jobs.support import gongjian

runs: list[int] = []
mended: list[bool] = []


def flaky(_now: datetime, *, number: int) -> None:
    runs.append(number)
    if not mended:
        raise Problem("UNAVAILABLE")


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    runs.clear()
    mended.clear()
    monkeypatch.setattr(defer, "JOBS", {**defer.JOBS, "flaky": defer.Job("x.flaky", tries=2)})
    real = entry.function_of
    monkeypatch.setattr(entry, "function_of", lambda name: flaky if name == "flaky" else real(name))


def put(now: datetime, number: int) -> int:
    with transaction() as session:
        return defer.defer(session, "flaky", now=now, number=number)


def gave_up(now: datetime, number: int, time: Time) -> int:
    """A row that failed as often as it may."""
    made = put(now, number)
    for _ in range(2):
        entry.run_outbox(made)
        time.advance(minutes=10)
    return made


def retried(now: datetime, ids: list[int] | None = None, job: str | None = None) -> list[int]:
    with transaction() as session:
        return outbox.retry(session, now=now, ids=ids, job=job)


def row(outbox_id: int) -> Outbox:
    with reading() as session:
        return session.get_one(Outbox, outbox_id)


def test_what_gave_up_is_done_after_a_retry(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    first, second = gave_up(now, 1, time), gave_up(time.now, 2, time)
    entry.run_outbox(first)
    assert runs == [1, 1, 2, 2]  # nothing tries it by itself
    with reading() as session:
        assert [(one.id, one.error) for one in outbox.given_up(session, now=time.now)] == [(first, "UNAVAILABLE"), (second, "UNAVAILABLE")]
    mended.append(True)
    assert retried(time.now, [first]) == [first]
    redis.flushdb()
    sweeps.resend(time.now)
    assert redis.llen("rq:queue:quick") == 1
    entry.run_outbox(first)
    assert (row(first).done_at, row(second).tries) == (time.now, 2)
    assert retried(time.now) == [second]
    assert retried(time.now) == []  # it has tries again


def test_what_is_done_at_work_or_waiting_stays(database: Engine, redis: Redis, now: datetime, time: Time) -> None:
    done, working, waiting = put(now, 1), put(now, 2), put(now, 3)
    with transaction() as session:
        session.execute(update(Outbox).where(Outbox.id == done).values(tries=2, done_at=now))
        session.execute(update(Outbox).where(Outbox.id == working).values(tries=2, started_at=now))
        session.execute(update(Outbox).where(Outbox.id == waiting).values(tries=1))
    assert retried(now) == []
    assert retried(now, [done, working, waiting, 999]) == []
    dead = time.advance(minutes=5)  # its process died at the last try: past its limit and the grace
    assert retried(dead, job="tallies.drain") == []
    assert retried(dead, job="flaky") == [working]


@pytest.fixture
def three_pictures(database: Engine, now: datetime) -> list[int]:
    """Three rows of a real job that gave up."""
    with transaction() as session:
        made = [defer.defer(session, "media.reencode", now=now - timedelta(hours=1), media_id=number) for number in range(3)]
        session.execute(update(Outbox).values(tries=5, error="OSError"))
    return made


def test_the_command(three_pictures: list[int], redis: Redis, vaulted: None, tmp_path: Path, redis_url: str) -> None:
    def run(*words: str) -> tuple[int, str]:
        ended = gongjian("jobs", *words, data=tmp_path, redis_url=redis_url)
        return ended.returncode, ended.stdout + ended.stderr

    assert "retry" in run("--help")[1]
    assert "--all" in run("retry", "--help")[1]
    shown = run("list")[1]
    assert "共 3 项没做成" in shown
    assert shown.count("OSError") == 3
    assert run("retry")[0] == 2
    assert run("retry", str(three_pictures[0]), "99999")[0] == 1
    assert "已安排重试 2 项" in run("retry", "--all")[1]
    assert "没有放弃的任务" in run("list")[1]
    with reading() as session:
        assert set(session.execute(select(Outbox.tries)).scalars()) == {0}
