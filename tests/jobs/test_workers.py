"""The worker as it is deployed: a process of its own, every job of the catalogue imported."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select, update

from jobs import audit as audit_job
from jobs import entry, schedule
from server import defer
from server.db.base import reading, transaction
from server.db.models.platform import Event
from server.db.models.tallies import Tally
from server.services import tallies
from tests.factories.people import a_person, a_tree
from tests.factories.records import a_record
from tests.jobs.support import beside, end, gongjian
from tests.processes import alive, children, eventually


def test_every_job_of_the_catalogue_is_there() -> None:
    for name in defer.JOBS:
        assert callable(entry.function_of(name)), name
    assert set(schedule.EVERY_S) <= set(defer.JOBS)


@pytest.mark.usefixtures("database", "vaulted")
def test_a_real_worker_drains_what_waits(redis: Redis, redis_url: str, now: datetime, tmp_path: Path) -> None:
    """End to end: confirmed here, folded by `gongjian worker` in a process of its own, verified by `gongjian tally verify`."""
    with transaction() as session:
        a_record(session, now, a_tree(session, now), a_person(session, now))
    assert redis.llen("rq:queue:quick") == 1
    worked = gongjian("worker", "--burst", data=tmp_path, redis_url=redis_url)
    assert (worked.returncode, '"event": "job"' in worked.stderr) == (0, True), worked.stderr
    with reading() as session:
        assert session.execute(select(Tally.visits).where(Tally.scope == "person", Tally.period == "year")).scalar() == 1
    verified = gongjian("tally", "verify", "--json", data=tmp_path, redis_url=redis_url)
    assert (verified.returncode, verified.stdout) == (0, '{"equal": true, "differences": []}\n'), verified.stderr


@pytest.mark.usefixtures("database", "vaulted", "redis")
def test_verify_says_no_and_rebuild_mends(redis_url: str, now: datetime, tmp_path: Path) -> None:
    with transaction() as session:
        a_record(session, now, a_tree(session, now), a_person(session, now))
        tallies.drain(session, now=now)
        session.execute(update(Tally).where(Tally.period == "year").values(minutes=Tally.minutes + 1))
    refused = gongjian("tally", "verify", "--json", data=tmp_path, redis_url=redis_url)
    said = json.loads(refused.stdout)
    assert (refused.returncode, said["equal"], {one["figure"] for one in said["differences"]}) == (1, False, {"minutes"})
    rebuilt = gongjian("tally", "rebuild", "--json", data=tmp_path, redis_url=redis_url)
    assert (rebuilt.returncode, json.loads(rebuilt.stdout)) == (0, {"records": 1}), rebuilt.stderr
    verified = gongjian("tally", "verify", data=tmp_path, redis_url=redis_url)
    assert (verified.returncode, "完全相同" in verified.stdout) == (0, True), verified.stderr


@pytest.mark.usefixtures("database", "vaulted", "redis")
def test_the_audit_chain_by_command(redis_url: str, now: datetime, tmp_path: Path) -> None:
    with transaction() as session:
        a_tree(session, now)
    audit_job.seal(now + timedelta(minutes=2))
    held = gongjian("audit", "verify", "--json", data=tmp_path, redis_url=redis_url)
    assert (held.returncode, json.loads(held.stdout)["last_event"]) == (0, 7), held.stderr
    with transaction() as session:
        session.execute(update(Event).where(Event.id == 2).values(action="forged"))
    broken = gongjian("audit", "verify", data=tmp_path, redis_url=redis_url)
    assert (broken.returncode, "断开" in broken.stdout) == (1, True), broken.stderr


@pytest.mark.usefixtures("database", "vaulted")
def test_the_deployed_processes_find_what_waits_and_end_when_asked(redis: Redis, redis_url: str, now: datetime, tmp_path: Path) -> None:
    """No wake is sent at all: the scheduler rouses the drain, the worker's child for the quick queue does it."""
    with transaction() as session:
        a_record(session, now, a_tree(session, now), a_person(session, now))
    redis.flushdb()
    running = [beside(name, data=tmp_path, redis_url=redis_url) for name in ("worker", "scheduler")]
    try:
        assert eventually(folded, 30)
        families = [children(process.pid) for process in running]
        assert len(families[0]) == len(defer.QUEUES)
    finally:
        codes = [end(process) for process in running]
    assert codes == [0, 0]
    assert not any(alive(pid) for family in families for pid in family)


def folded() -> bool:
    with reading() as session:
        return session.execute(select(Tally.id).limit(1)).first() is not None
