"""The clock presses the request: dunning, then level by level, by the real scheduler and a real worker, against the clock port."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, select

from jobs import requests as job
from jobs.schedule import EVERY_S, Schedule
from server.db.base import reading, transaction
from server.db.models.notices import Notice
from server.db.models.platform import Event
from server.db.models.requests import Request
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Role
from server.domain.requests import RequestLevel, RequestState
from server.services import escalations, handling, policies
from tests.conftest import Time
from tests.factories.handling import handled
from tests.factories.people import Tree, a_tree, with_role
from tests.jobs.support import dies, suicide


@pytest.fixture
def tree(database: Engine, redis: Redis, vaulted: None, now: datetime) -> Tree:
    with transaction() as session:
        return a_tree(session, now)


def a_slow_one(now: datetime, tree: Tree) -> tuple[int, dict[RequestLevel, int]]:
    """A request in work at the grid, and who is responsible at each level above."""
    with transaction() as session:
        request, _ = handled(session, now, tree)
        request.level = RequestLevel.GRID
        staff = {
            RequestLevel.COMMUNITY: with_role(session, now, Role.SECRETARY, tree.community).id,
            RequestLevel.STREET: with_role(session, now, Role.STREET, tree.street).id,
            RequestLevel.COUNTY: with_role(session, now, Role.COUNTY, tree.county).id,
        }
    return request.id, staff


def found(request_id: int) -> Request:
    with reading() as session:
        return session.get_one(Request, request_id)


def tick(redis: Redis, schedule: Schedule, steady: float) -> None:
    """One tick of the real scheduler, and a worker of RQ that empties the queues it filled."""
    assert "requests.escalate" in schedule.tick(redis, steady=steady)
    queues = [Queue(name, connection=redis, serializer=JSONSerializer) for name in ("quick", "slow")]
    SimpleWorker(queues, connection=redis, serializer=JSONSerializer).work(burst=True, logging_level="WARNING")


def test_the_scheduler_takes_it_up_level_by_level(tree: Tree, redis: Redis, now: datetime, time: Time) -> None:
    request_id, staff = a_slow_one(now, tree)
    schedule, steady = Schedule(), 0.0
    assert found(request_id).due_at == datetime(2026, 3, 10, 16, tzinfo=UTC)  # Thursday + 3 working days: the end of Tuesday the 10th
    seen = []
    for _ in range(20):
        steady += EVERY_S["requests.escalate"]
        tick(redis, schedule, steady)
        request = found(request_id)
        if not seen or seen[-1][1] != request.level:
            seen.append((time.now, request.level, request.state))
        time.advance(days=1)
    assert [(at.day, level, state) for at, level, state in seen] == [
        (5, RequestLevel.GRID, RequestState.IN_PROGRESS),
        (12, RequestLevel.COMMUNITY, RequestState.ESCALATED),  # due on the 10th, one working day of grace
        (17, RequestLevel.STREET, RequestState.ESCALATED),  # due at the end of Friday the 13th; Monday is the day of grace
        (20, RequestLevel.COUNTY, RequestState.ESCALATED),
    ]
    with reading() as session:
        moved = select(Event.actor_id, Event.note).where(Event.subject_kind == "request", Event.action == "escalate").order_by(Event.id)
        assert [(actor, bool(note)) for actor, note in session.execute(moved)] == [(None, True)] * 3
        for person_id in staff.values():
            told = select(Notice.kind).where(Notice.person_id == person_id, Notice.kind == NoticeKind.REQUEST_ESCALATED)
            assert len(session.execute(told).all()) == 1
        about = select(Event.id).where(Event.subject_kind == "person", Event.at > now)
        assert session.execute(about).first() is None  # nothing is ever written about whoever was slow


def test_it_is_dunned_once_and_twice_the_job_changes_nothing_more(tree: Tree, now: datetime, time: Time) -> None:
    request_id, _ = a_slow_one(now, tree)
    late = time.advance(days=6)
    for _ in range(2):
        job.escalate(late)
    with reading() as session:
        handler = found(request_id).handler_person_id
        dunned = select(Notice.id).where(Notice.person_id == handler, Notice.kind == NoticeKind.REQUEST_DUE)
        assert len(session.execute(dunned).all()) == 1
    later = time.advance(days=2)
    for _ in range(2):
        job.escalate(later)
    assert found(request_id).level is RequestLevel.COMMUNITY


def test_killed_half_way_the_next_run_finishes(tree: Tree, now: datetime, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id, _ = a_slow_one(now, tree)
    late = time.advance(days=8)
    with monkeypatch.context() as patched:
        patched.setattr(escalations.receivers, "staff_on", suicide)
        dies(lambda: job.escalate(late))
    assert found(request_id).level is RequestLevel.GRID
    job.escalate(late)
    assert found(request_id).level is RequestLevel.COMMUNITY


def a_waiting_one(now: datetime, tree: Tree) -> tuple[int, int, datetime]:
    """A request that waits for the resident, its handler, and when its work was due."""
    with transaction() as session:
        request, me = handled(session, now, tree)
        due = request.finish_due_at
        handling.pause(session, request, reason="等居民在家", actor=me, now=now)
    assert due is not None
    return request.id, me.id, due


def notices_of(person_id: int, kind: NoticeKind) -> list[str]:
    with reading() as session:
        told = select(Notice.facts).where(Notice.person_id == person_id, Notice.kind == kind).order_by(Notice.id)
        return [facts["outcome"] for facts in session.execute(told).scalars()]


def test_what_waits_for_the_resident_goes_on_after_the_policys_days(tree: Tree, now: datetime, time: Time) -> None:
    """Seven days; the work then has the time it had left, the event says why, and both sides are told once however often it runs."""
    request_id, handler, due = a_waiting_one(now, tree)
    job.escalate(time.advance(days=6, hours=23))
    assert found(request_id).state is RequestState.WAITING
    late = time.advance(hours=1)
    for _ in range(2):
        job.escalate(late)
    request = found(request_id)
    assert (request.state, request.finish_due_at, request.paused_at) == (RequestState.IN_PROGRESS, due + (late - now), None)
    assert notices_of(handler, NoticeKind.REQUEST_DUE) == ["resumed"]
    assert notices_of(request.asked_for_id, NoticeKind.REQUEST_PROGRESS)[-2:] == ["paused", "resumed"]
    with reading() as session:
        moved = select(Event.actor_id, Event.note).where(Event.subject_kind == "request", Event.action == "resume")
        assert [tuple(row) for row in session.execute(moved)] == [(None, escalations.WAITED)]


def test_killed_while_it_goes_on_the_next_run_finishes(tree: Tree, now: datetime, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id, handler, _ = a_waiting_one(now, tree)
    late = time.advance(days=8)
    with monkeypatch.context() as patched:
        patched.setattr(escalations.requests, "tell", suicide)
        dies(lambda: job.escalate(late))
    assert found(request_id).state is RequestState.WAITING
    job.escalate(late)
    assert found(request_id).state is RequestState.IN_PROGRESS
    assert notices_of(handler, NoticeKind.REQUEST_DUE) == ["resumed"]


def test_the_county_sets_how_long_it_waits(tree: Tree, now: datetime, time: Time) -> None:
    with transaction() as session:
        policies.put(session, key="requests.waiting_days", value=2, why="试行", valid_from=local_day(now), actor=SYSTEM, now=now)
    request_id, _, _ = a_waiting_one(now, tree)
    job.escalate(time.advance(days=2))
    assert found(request_id).state is RequestState.IN_PROGRESS
