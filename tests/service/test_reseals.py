"""Rotation of the field keys: everything is sealed anew, a killed run goes on, nothing is lost."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, LargeBinary, select, true
from sqlalchemy.orm import Session

from server.db import keys, redis_client, vault
from server.db.base import Base, reading, transaction
from server.db.models.ballots import Cell
from server.db.models.feedbacks import Feedback
from server.db.models.people import Person
from server.db.models.requests import Request
from server.services import ballot_pools, ballots, feedbacks, people, requests, reseals
from tests.factories.people import a_person, a_tree
from tests.factories.ratings import a_finished, a_stocked_cell, ballot, cast_ballots, rater
from tests.factories.sealed import everything

Opened = dict[tuple[str, str], str]


def rotate() -> None:
    rings = keys.promote(keys.add(vault.current().rings, "fields"), "fields", 2)
    vault.configure(rings, "aes")


def forget_the_old_key() -> None:
    """Retired, and gone from the file."""
    retired = keys.retire(vault.current().rings, "fields", 1)
    vault.configure({**retired, "fields": tuple(key for key in retired["fields"] if key.kid == 2)}, "aes")


def opened(session: Session) -> Opened:
    """(column, name under the seal) → text, of everything that is sealed in the database."""
    return {
        (column.where, name): vault.open_sealed(salt, column.where, name, box)
        for column in reseals.COLUMNS
        for name, box, salt, *_key in session.execute(reseals._values(column, lambda _box: true()))
    }


def in_redis() -> list[bytes]:
    redis: Any = redis_client.client()
    pools = [box for key in redis.keys(f"{ballot_pools.POOLS}*") for box in redis.lrange(key, 0, -1)]
    return [*pools, *(redis.get(key) for key in redis.keys(f"{ballot_pools.KEPT}*"))]


def test_every_value_is_sealed_anew_and_reads_as_before(session: Session, now: datetime) -> None:
    everything(session, now)
    for number in range(150):
        a_person(session, now, f"党员{number}")
    erased = a_person(session, now, "已删除")
    erased.salt = None
    session.flush()
    before, tokens = opened(session), len(in_redis())
    assert {where for where, _ in before} == {column.where for column in reseals.COLUMNS}
    assert reseals.waiting(session) == 0
    rotate()
    total = reseals.waiting(session)
    assert total == len(before) + tokens
    steps = []
    while step := reseals.some(session, now=now):
        steps.append(step)
        assert reseals.waiting(session) == total - sum(steps)  # a run that stops here goes on here
    assert (sum(steps), reseals.sealed_with(session, 1)) == (total, 0)
    forget_the_old_key()
    session.expire_all()
    assert opened(session) == before
    assert people.name_of(erased) == ""
    mended, told = session.execute(select(Request)).scalars().first(), session.execute(select(Feedback)).scalar_one()
    assert mended is not None
    assert (requests.words(mended), requests.place(mended)) == ("3号楼楼道灯不亮", "3号楼")
    assert feedbacks.text_of(session.get_one(Person, told.author_id), told) == "字太小"


def test_a_token_drawn_before_the_rotation_still_rates(session: Session, now: datetime) -> None:
    """The one kept for a lost answer is the same token afterwards, and the pool goes on."""
    tree = a_tree(session, now)
    first, second = a_finished(session, now, tree), a_finished(session, now, tree)
    cell = a_stocked_cell(session, first)
    token = ballots.issue(session, first, actor=rater(first), now=now).token
    left = ballot_pools.BATCH - 1
    rotate()
    while reseals.some(session, now=now):
        pass
    forget_the_old_key()
    session.expire_all()
    redis: Any = redis_client.client()
    assert 0 < redis.ttl(redis.keys(f"{ballot_pools.KEPT}*")[0]) <= ballot_pools.KEPT_S
    assert redis.llen(ballot_pools.pool_key(cell)) == left
    assert ballots.issue(session, first, actor=rater(first), now=now).token == token
    assert ballots.issue(session, second, actor=rater(second), now=now).token != token


def test_killed_half_way_nothing_is_lost_and_the_next_run_goes_on(
    database: Engine, redis: Any, vaulted: None, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction() as session:
        request = a_finished(session, now, a_tree(session, now))
        for number in range(30):
            a_person(session, now, f"居民{number}")
        cast_ballots(session, request, [ballot()] * 7)
    with reading() as session:
        before = opened(session)
    rotate()
    with reading() as session:
        total = reseals.waiting(session)
        in_database = total - ballot_pools.sealed(lambda kid: kid == b"\x01")
    for dies_at in (20, in_database + 10):  # among the first rows; in Redis, where the list is replaced whole or not at all
        with monkeypatch.context() as killing:
            killing.setattr(vault, "seal", dying(dies_at))
            with pytest.raises(KeyboardInterrupt):
                run(now)
    done = run(now)
    assert done == total - in_database == ballot_pools.BATCH - 7
    assert run(now) == 0
    with reading() as session:
        assert reseals.sealed_with(session, 1) == 0
        assert session.execute(select(Cell)).scalar_one().opened_on is None
    forget_the_old_key()
    with reading() as session:
        assert opened(session) == before
    assert len(in_redis()) == ballot_pools.BATCH - 7


def dying(at: int) -> Any:
    """vault.seal of a process that is killed at the so-manieth value."""
    seal, calls = vault.seal, count(1)

    def sealing(*arguments: Any) -> bytes:
        if next(calls) == at:
            raise KeyboardInterrupt
        return seal(*arguments)

    return sealing


def run(now: datetime) -> int:
    """`gongjian keys reseal`: a transaction a step."""
    done = 0
    while True:
        with transaction() as session:
            step = reseals.some(session, now=now)
        if not step:
            return done
        done += step


def test_what_is_written_meanwhile_stays(session: Session, now: datetime) -> None:
    person = a_person(session, now, "旧名")
    session.flush()
    rotate()
    column = next(one for one in reseals.COLUMNS if one.where == "person.name")
    read = session.execute(reseals._values(column, lambda _box: true())).one()
    people.set_name(person, "新名")
    session.flush()
    reseals._reseal(session, column, read, now=now)
    session.expire_all()
    assert people.name_of(person) == "新名"


def test_no_sealed_column_was_forgotten() -> None:
    """Bytes that are not a salt are sealed values, and each is in the table."""
    binary = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name != "salt"
    }
    assert binary == {(column.model.__tablename__, column.name) for column in reseals.COLUMNS}
