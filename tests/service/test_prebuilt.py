"""Statements handed to the driver as they are answer what Core answers, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.platform import Outbox
from server.db.prebuilt import Prebuilt
from server.domain.people import MemberType, PersonState
from tests.factories.people import a_person

person, outbox = cast(Table, Person.__table__), cast(Table, Outbox.__table__)
WHO = select(person.c.id, person.c.state, person.c.created_at, person.c.elder).where(
    person.c.id == bindparam("person_id"), person.c.created_at <= bindparam("now"), person.c.state == PersonState.ACTIVE
)


def test_rows_are_what_core_gives(session: Session, now: datetime) -> None:
    one = a_person(session, now)
    given = {"person_id": one.id, "now": now}
    (row,) = Prebuilt(WHO).rows(session, given)
    assert tuple(row) == tuple(session.connection().execute(WHO, given).one())
    assert (row.id, row.state, row.created_at, row.elder) == (one.id, PersonState.ACTIVE, now, False)
    assert row.created_at.tzinfo is UTC


def test_the_same_statement_may_run_again_and_find_nothing(session: Session, now: datetime) -> None:
    statement = Prebuilt(WHO)
    one = a_person(session, now)
    assert [row.id for row in statement.rows(session, {"person_id": one.id, "now": now})] == [one.id]
    assert not statement.rows(session, {"person_id": one.id + 1, "now": now})


def test_json_and_times_go_both_ways(session: Session, now: datetime) -> None:
    values = {name: bindparam(f"new_{name}") for name in ("job", "args", "created_at", "not_before", "tries")}
    write = Prebuilt(insert(outbox).values(values).returning(outbox.c.args, outbox.c.not_before))
    given = {"new_job": "x", "new_args": {"名": [1, None]}, "new_created_at": now, "new_not_before": now, "new_tries": 0}
    (row,) = write.rows(session, given)
    assert (row.args, row.not_before) == ({"名": [1, None]}, now)


def test_a_naive_time_is_refused(session: Session, now: datetime) -> None:
    with pytest.raises(Exception, match="naive"):
        Prebuilt(WHO).rows(session, {"person_id": 1, "now": now.replace(tzinfo=None)})


def test_a_broken_constraint_is_the_error_core_raises(session: Session, now: datetime) -> None:
    one = a_person(session, now)
    names = ("public_id", "member_type", "created_via", "created_at", "state", "elder", "has_grants")
    twice = Prebuilt(insert(person).values({name: bindparam(f"new_{name}") for name in names}).returning(person.c.id))
    given = {"public_id": one.public_id, "member_type": MemberType.RETIRED, "created_via": "test", "created_at": now,
             "state": PersonState.ACTIVE, "elder": False, "has_grants": False}  # fmt: skip
    with pytest.raises(IntegrityError), session.begin_nested():
        twice.rows(session, {f"new_{name}": value for name, value in given.items()})
