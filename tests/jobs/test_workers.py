"""The worker as it is deployed: a process of its own, every job of the catalogue imported."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from jobs import entry, schedule
from server import defer
from server.db.base import reading, transaction
from server.db.models.tallies import Tally
from tests.factories.people import a_person, a_tree
from tests.factories.records import a_record
from tests.jobs.support import gongjian


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
