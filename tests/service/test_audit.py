"""The audit chain: sealed once, in order, and broken by any change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update

from jobs import audit as job
from server.db import base, vault
from server.db.base import engine, reading, transaction
from server.db.models.platform import AuditSeal, Event
from server.services import audit
from tests.conftest import Time
from tests.factories.people import a_tree


@pytest.fixture
def sealed(database: Engine, vaulted: None, redis: Any, now: datetime, time: Time) -> None:
    """Seven events of a tree, sealed a minute later."""
    with transaction() as session:
        a_tree(session, now)
    job.seal(time.advance(minutes=2))


def seals() -> list[AuditSeal]:
    with reading() as session:
        return list(session.execute(select(AuditSeal).order_by(AuditSeal.id)).scalars())


def an_event(now: datetime) -> None:
    with transaction() as session:
        session.execute(insert(Event).values(subject_kind="org_node", subject_id=1, action="rename", at=now))


def test_events_are_sealed_once_and_hold(sealed: None, time: Time) -> None:
    job.seal(time.now)
    assert [(seal.events, seal.first_event_id, seal.previous) for seal in seals()] == [(7, 1, audit.FIRST)]
    with reading() as session:
        assert audit.verify(session) is None


def test_each_seal_follows_the_one_before(sealed: None, time: Time) -> None:
    an_event(time.now)
    job.seal(time.now)
    assert len(seals()) == 1  # younger than a minute
    job.seal(time.advance(minutes=2))
    first, second = seals()
    assert (second.previous, second.first_event_id) == (first.hash, first.last_event_id + 1)
    with reading() as session:
        assert audit.verify(session) is None


def test_a_long_chain_is_verified_step_by_step(sealed: None, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "RANGE", 2)
    monkeypatch.setattr(audit, "STEP", 2)
    for _ in range(7):
        an_event(time.now)
    job.seal(time.advance(minutes=2))
    at, ends = audit.Position(), []
    for _ in range(4):
        with reading() as session:
            found = audit.step(session, at)
        assert isinstance(found, audit.Position)
        at = found
        ends.append((at.last_event_id, at.events))
    assert ends == [(9, 9), (13, 13), (14, 14), (14, 14)]
    with transaction() as session:
        assert (audit.total(session), audit.newest(session)) == (14, (14, at.hash))
        session.execute(update(Event).where(Event.id == 12).values(action="other"))
    with reading() as session:
        broken = audit.verify(session)
    assert broken is not None
    assert (broken.first_event_id, broken.last_event_id) == (12, 13)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (update(Event).where(Event.id == 3).values(action="other"), "events were changed"),
        (update(Event).where(Event.id == 3).values(at=datetime.fromisoformat("2026-03-05T01:00:00.000001+00:00")), "events were changed"),
        (delete(Event).where(Event.id == 3), "events were added or removed"),
        (update(AuditSeal).values(hash="f" * 64), "events were changed"),
        (update(AuditSeal).values(previous="f" * 64), "seal does not follow the one before it"),
    ],
)
def test_any_change_breaks_the_chain(sealed: None, spoil: Any, why: str) -> None:
    with transaction() as session:
        session.execute(spoil)
    with reading() as session:
        broken = audit.verify(session)
    assert broken is not None
    assert (broken.seal_id, broken.last_event_id, broken.why) == (1, 7, why)


def test_an_event_slipped_in_is_noticed(sealed: None, now: datetime) -> None:
    with transaction() as session:
        session.execute(delete(Event).where(Event.id == 7))
        session.execute(insert(Event).values(id=7, subject_kind="org_node", subject_id=7, action="forged", at=now))
    with reading() as session:
        assert audit.verify(session) is not None


def test_the_chain_holds_across_a_change_of_suite(sealed: None, time: Time) -> None:
    vault.configure(vault.current().rings, "sm")
    an_event(time.now)
    job.seal(time.advance(minutes=2))
    assert len(seals()) == 2
    with reading() as session:
        assert audit.verify(session) is None


def test_it_waits_for_who_is_still_writing(sealed: None, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """An id given out earlier may be committed later: nothing is sealed past it."""
    if engine().dialect.name != "postgresql":
        with base.reading() as session:
            assert audit.settled(session, audit.horizon(session))
        return
    monkeypatch.setattr(job, "LOOKS", 1)
    monkeypatch.setattr(job, "PAUSE_S", 0)
    early = time.now - timedelta(minutes=5)
    late = insert(Event).values(subject_kind="org_node", subject_id=1, action="late", at=early)
    with engine().connect() as slow:
        slow.execute(late)
        with transaction() as session:
            session.execute(text("SELECT 1"))
            session.execute(late.values(action="quick"))
        job.seal(time.now)
        assert len(seals()) == 1
        slow.commit()
    job.seal(time.now)
    assert seals()[1].events == 2
    with reading() as session:
        assert audit.verify(session) is None
