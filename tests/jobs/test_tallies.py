"""The drain job under everything that happens to jobs: twice, at once, killed half-way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from redis import Redis
from sqlalchemy import func, select

from jobs import tallies as job
from server.db.base import reading, transaction
from server.db.models.tallies import Contribution, Tally
from server.services import tallies, tally_checks
from tests.factories.people import Tree, a_person, a_tree
from tests.factories.records import a_record
from tests.jobs.support import dies, suicide

WAITING = 60


@pytest.fixture
def busy(database: object, redis: Redis, vaulted: None, now: datetime) -> Tree:
    """Sixty confirmed records of six persons, none folded yet."""
    with transaction() as session:
        tree = a_tree(session, now)
        people = [a_person(session, now) for _ in range(6)]
        for number in range(WAITING):
            a_record(session, now, tree, people[number % 6], day=now.date() - timedelta(days=number), grid=number % 2 == 0)
    return tree


def visits(tree: Tree) -> int:
    with reading() as session:
        county = select(func.coalesce(func.sum(Tally.visits), 0)).where(Tally.scope == "node", Tally.scope_id == tree.county.id)
        return session.execute(county.where(Tally.period == "year")).scalar_one()


def waiting() -> int:
    with reading() as session:
        return session.execute(select(func.count()).where(Contribution.folded_at.is_(None))).scalar_one()


def agree() -> None:
    with reading() as session:
        assert tally_checks.verify(session) == []


def test_one_run_folds_all_batches(busy: Tree, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "BATCH", 7)
    monkeypatch.setattr(tallies.drain, "__kwdefaults__", {"limit": 7})
    job.drain(now)
    job.drain(now)
    assert (waiting(), visits(busy)) == (0, WAITING)
    agree()


def test_many_drains_and_confirmations_at_once(busy: Tree, now: datetime) -> None:
    """Four drainers and two confirmers together: each contribution counts once."""
    start = Barrier(6)

    def drain() -> None:
        start.wait(10)
        for _ in range(15):
            with transaction() as session:
                tallies.drain(session, now=now, limit=5)

    def confirm() -> None:
        start.wait(10)
        for _ in range(10):
            with transaction() as session:
                a_record(session, now, busy, a_person(session, now))

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(act) for act in (drain, drain, drain, drain, confirm, confirm)]:
            done.result(60)
    agree()
    job.drain(now)
    assert (waiting(), visits(busy)) == (0, WAITING + 20)
    agree()


def test_a_rebuild_beside_drains_and_confirmations(busy: Tree, now: datetime) -> None:
    start = Barrier(3)

    def rebuild() -> None:
        start.wait(10)
        for _ in range(3):
            with transaction() as session:
                tally_checks.rebuild(session, now=now)

    def drain() -> None:
        start.wait(10)
        for _ in range(10):
            job.drain(now)

    def confirm() -> None:
        start.wait(10)
        for _ in range(15):
            with transaction() as session:
                a_record(session, now, busy, a_person(session, now))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(act) for act in (rebuild, drain, confirm)]:
            done.result(60)
    job.drain(now)
    assert (waiting(), visits(busy)) == (0, WAITING + 15)
    agree()


@pytest.mark.parametrize("where", ["mark_folded", "add"])
def test_killed_half_way_nothing_has_happened(busy: Tree, now: datetime, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with the figures written and the contributions not yet marked, or before either."""
    with monkeypatch.context() as patched:
        patched.setattr(tallies, where, suicide)
        dies(lambda: job.drain(now))
    assert (waiting(), visits(busy)) == (WAITING, 0)
    job.drain(now)
    assert (waiting(), visits(busy)) == (0, WAITING)
    agree()


def test_killed_between_two_batches_the_next_run_goes_on(busy: Tree, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., int] = tallies.drain
    calls = iter(range(9))

    def two_batches(session: object, **named: object) -> int:
        if next(calls) == 2:
            suicide()
        real(session, **named, limit=20)
        return tallies.BATCH

    with monkeypatch.context() as patched:
        patched.setattr(tallies, "drain", two_batches)
        dies(lambda: job.drain(now))
    assert (waiting(), visits(busy)) == (20, 40)
    job.drain(now)
    assert (waiting(), visits(busy)) == (0, WAITING)
    agree()


def test_a_rebuild_killed_half_way_leaves_what_was(busy: Tree, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    job.drain(now)

    def rebuild() -> None:
        with transaction() as session:
            tally_checks.rebuild(session, now=now)

    with monkeypatch.context() as patched:
        patched.setattr(tally_checks, "_write", suicide)
        dies(rebuild)
    assert visits(busy) == WAITING
    agree()
