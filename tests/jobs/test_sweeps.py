"""Sweeps: forgetting in time, deadlines; each twice."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select, update

from jobs import sweeps
from server import defer, files
from server.db.base import new_public_id, reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.media import Media
from server.db.models.platform import IdempotencyKey, Outbox, WechatPush
from server.domain.media import MediaPurpose, MediaState
from server.services import idempotency, media
from server.services.idempotency import Answer
from tests.conftest import Time
from tests.factories.people import a_person, a_tree
from tests.factories.records import a_record
from tests.jobs.support import dies, suicide


def count(model: type) -> int:
    with reading() as session:
        return session.execute(select(func.count()).select_from(model)).scalar_one()


def test_what_has_served_its_time_is_forgotten(database: Engine, redis: Redis, vaulted: None, now: datetime, time: Time) -> None:
    with transaction() as session:
        idempotency.remember(session, actor="person:1", key="k", asked="0" * 64, answer=Answer(200, b"{}"), now=now)
        done = defer.defer(session, "tallies.drain", now=now)
        defer.defer(session, "tallies.drain", now=now)
        session.execute(update(Outbox).where(Outbox.id == done).values(done_at=now))
        session.add(WechatPush(dedupe="1", event="x", payload="{}", received_at=now, done_at=now))
        session.add(WechatPush(dedupe="2", event="wxa_media_check", payload="{}", received_at=now))
        a_record(session, now, a_tree(session, now), a_person(session, now)).place_in = True
    sweeps.prune(time.advance(days=6))
    assert (count(IdempotencyKey), count(Outbox), count(WechatPush)) == (1, 2, 2)
    sweeps.prune(time.advance(days=2))
    assert (count(IdempotencyKey), count(Outbox), count(WechatPush)) == (0, 1, 2)
    with reading() as session:
        assert session.execute(select(ServiceRecord.place_in)).scalar() is True
    for _ in range(2):
        sweeps.prune(time.advance(days=23))
    assert count(WechatPush) == 1
    with reading() as session:
        assert session.execute(select(ServiceRecord.place_in)).scalar() is None


def a_picture(now: datetime, owner: int, *, keep: int) -> Media:
    with transaction() as session:
        public_id = new_public_id()
        made = Media(
            public_id=public_id,
            owner_id=owner,
            purpose=MediaPurpose.RECORD,
            state=MediaState.READY,
            original=files.put(media.upload_area(public_id), b"upload"),
            sha256=files.put(media.AREA, b"the same picture"),
            size=6,
            created_at=now,
            delete_after=(now + timedelta(days=keep)).date(),
        )
        session.add(made)
    return made


def kept() -> bytes:
    return files.get(media.AREA, hashlib.sha256(b"the same picture").hexdigest())


def test_a_picture_goes_with_its_day_and_its_last_owner(database: Engine, redis: Redis, vaulted: None, now: datetime, time: Time) -> None:
    with transaction() as session:
        owner = a_person(session, now).id
    a_picture(now, owner, keep=1)
    a_picture(now, owner, keep=3)
    sweeps.forget_media(now)
    sweeps.forget_media(time.advance(days=2))
    assert kept() == b"the same picture"  # the other row still shows it
    states = select(Media.state).order_by(Media.id)
    with reading() as session:
        assert list(session.execute(states).scalars()) == [MediaState.DELETED, MediaState.READY]
    for _ in range(2):
        sweeps.forget_media(time.advance(days=2))
    assert not files_hold_it()


def files_hold_it() -> bool:
    try:
        kept()
    except FileNotFoundError:
        return False
    return True


@pytest.mark.usefixtures("database")
def test_killed_on_the_way_the_next_run_finishes(
    vaulted: None, redis: Redis, now: datetime, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        owner = a_person(session, now).id
    a_picture(now, owner, keep=1)
    time.advance(days=2)
    real = files.delete
    with monkeypatch.context() as patched:
        patched.setattr(files, "delete", lambda area, digest: suicide() if area == media.AREA else real(area, digest))
        dies(lambda: sweeps.forget_media(time.now))
    assert files_hold_it()
    sweeps.forget_media(time.now)
    assert not files_hold_it()


def test_deadlines_find_nothing_to_do_on_an_empty_day(database: Engine, redis: Redis, now: datetime) -> None:
    sweeps.remind(now)
    sweeps.release(now)
    sweeps.end_tasks(now)
    assert count(Outbox) == 0
