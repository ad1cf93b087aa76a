"""后台任务 at the console: what waits, what gave up and is tried again, when the periodic work last ran."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import entry
from server import defer
from server.db import redis_client
from server.db.base import reading, transaction
from server.db.models.platform import Outbox
from server.domain.permissions import Role
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.console.support import statements
from tests.factories.people import Tree


@pytest.fixture
def keeper(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.SYSTEM_ADMIN, tree.county, "陈系统")


def given_up(now: datetime, count: int = 2) -> list[int]:
    """Pictures that could not be worked on five times."""
    with transaction() as session:
        ids = [defer.defer(session, "media.reencode", now=now, media_id=number) for number in range(count)]
        for one in ids:
            row = session.get_one(Outbox, one)
            row.tries, row.error = 5, "UnidentifiedImageError"
    return ids


def tries(outbox_id: int) -> int:
    with reading() as session:
        return session.execute(select(Outbox.tries).where(Outbox.id == outbox_id)).scalar_one()


def test_what_gave_up_is_tried_again(keeper: Seat, now: datetime) -> None:
    first, second = given_up(now)
    keeper.get("/console/jobs")
    assert [word for word in ("处理图片", "5 次", "UnidentifiedImageError", "（2）") if word not in keeper.said] == []
    assert statements(lambda: keeper.get("/console/jobs")) <= 12
    keeper.post("/console/jobs/retry", id=str(first))
    assert ("已安排重试 1 项" in keeper.said, tries(first), tries(second)) == (True, 0, 5)
    keeper.post("/console/jobs/retry", id=str(first))
    assert "没有要重试的" in keeper.said
    keeper.post("/console/jobs/retry")
    assert ("已安排重试 1 项" in keeper.said, tries(second)) == (True, 0)
    keeper.post("/console/jobs/retry", id="abc")
    assert "没有要重试的" in keeper.said
    keeper.get("/console/jobs")
    assert "没有放弃的任务" in keeper.said


def test_what_waits_and_for_how_long(keeper: Seat, now: datetime, time: Time) -> None:
    keeper.get("/console/jobs")
    assert "没有积压" in keeper.said
    with transaction() as session:
        defer.defer(session, "posters.print", now=now, print_id=1)
    time.advance(minutes=10)
    keeper.get("/console/jobs")
    assert ("正常" in keeper.said, "积压了" in keeper.said) == (True, False)
    time.advance(minutes=10)
    keeper.get("/console/jobs")
    assert ("印制海报：1" in keeper.said, "积压了" in keeper.said, "等了 1200 秒" in keeper.said) == (True, True, True)


def test_when_the_periodic_work_last_ran(keeper: Seat, now: datetime, time: Time) -> None:
    keeper.get("/console/jobs")
    assert "没有动静" in keeper.said
    defer.note_run(defer.SCHEDULER, now=now)
    entry.run_wake("tallies.drain")
    keeper.get("/console/jobs")
    assert ("在运行" in keeper.said, "汇总数字" in keeper.said, "做成了" in keeper.said) == (True, True, True)
    defer.note_run("audit.seal", now=now, error="OperationalError")
    time.advance(minutes=5)
    keeper.get("/console/jobs")
    assert ("没有动静" in keeper.said, "没做成：OperationalError" in keeper.said) == (True, True)


def test_the_page_comes_without_redis(keeper: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Gone

    def gone() -> None:
        raise Gone

    keeper.get("/console")
    monkeypatch.setattr(redis_client, "client", gone)
    keeper.get("/console/jobs")
    assert (keeper.status, "Redis 连不上" in keeper.said) == (200, True)


def test_only_the_system_administrator_looks_after_them(secretary: Seat) -> None:
    secretary.get("/console/jobs")
    assert secretary.status == 403
    secretary.get("/console")
    secretary.post("/console/jobs/retry")
    assert secretary.status == 403
