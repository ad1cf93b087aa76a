"""The queue of a desk: oldest first, page by page, what the counts say, and nobody's but his own."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from server.db.base import engine
from server.db.models.people import Person
from server.domain.duties import DutyKind, call_from, due
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.tasks import ClaimState
from server.services import duties
from server.services.duties import Duty
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_registration, agree
from tests.factories.tasks import a_claim, a_task

ALL = list(DutyKind)


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


@pytest.fixture
def secretary(session: Session, now: datetime, tree: Tree) -> Person:
    return with_role(session, now, Role.SECRETARY, tree.community)


def fill(session: Session, now: datetime, tree: Tree, secretary: Person, each: int = 3) -> None:
    """Claims, registrations and reported records in turns, a minute between them."""
    task = a_task(session, now, tree, secretary, capacity=100)
    for number in range(each):
        at = now + timedelta(minutes=number)
        a_claim(session, at, task, a_person(session, now, f"报名{number}"), ClaimState.PENDING)
        a_registration(session, at, agree(session, now, a_person(session, now, f"报到{number}")), tree.community)
        record = a_record(session, now, tree, a_person(session, now, f"服务{number}"), state=RecordState.REPORTED)
        record.reported_at = at
    session.flush()


def all_pages(session: Session, person: Person, now: datetime, limit: int, kinds: list[DutyKind] = ALL) -> list[Duty]:
    actor, after, found = actor_of(session, person, now), None, []
    while True:
        lines, after = duties.queue(session, actor=actor, now=now, kinds=kinds, after=after, limit=limit)
        found += lines
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 4, 50])
def test_the_oldest_comes_first_and_no_page_loses_or_repeats_one(
    session: Session, now: datetime, tree: Tree, secretary: Person, limit: int
) -> None:
    fill(session, now, tree, secretary)
    lines = all_pages(session, secretary, now, limit)
    assert [line.since for line in lines] == sorted(line.since for line in lines)
    assert len({line.id for line in lines}) == len(lines) == 9
    assert {line.who for line in lines} == {f"{what}{n}" for what in ("报名", "报到", "服务") for n in range(3)}


def test_the_counts_are_those_of_the_queue_and_of_its_kinds(session: Session, now: datetime, tree: Tree, secretary: Person) -> None:
    fill(session, now, tree, secretary)
    counted = duties.counts(session, actor=actor_of(session, secretary, now), now=now)
    for kind in DutyKind:
        assert counted[kind] == len(all_pages(session, secretary, now, 50, [kind])), kind
    assert sum(counted.values()) == 9


def test_what_waits_for_a_community_waits_for_no_other(session: Session, now: datetime, tree: Tree, secretary: Person) -> None:
    fill(session, now, tree, secretary)
    for role in (Role.SECRETARY, Role.CLERK, Role.ORGANISER):
        assert all_pages(session, with_role(session, now, role, tree.neighbour), now, 50) == []


@pytest.mark.parametrize("role", [Role.CLERK, Role.ORGANISER, Role.STREET, Role.COUNTY, Role.GRID_WORKER, Role.AUDITOR])
def test_only_what_a_role_may_decide_is_shown(session: Session, now: datetime, tree: Tree, secretary: Person, role: Role) -> None:
    fill(session, now, tree, secretary)
    place = {Role.STREET: tree.street, Role.COUNTY: tree.county}.get(role, tree.community)
    shown = {line.kind for line in all_pages(session, with_role(session, now, role, place), now, 50)}
    expected = {Role.CLERK: {DutyKind.RECORD, DutyKind.REGISTRATION}, Role.ORGANISER: {DutyKind.RECORD}}
    assert shown == expected.get(role, set())


def test_nobody_is_asked_to_confirm_his_own_record_or_what_he_wrote_down(
    session: Session, now: datetime, tree: Tree, secretary: Person
) -> None:
    a_record(session, now, tree, secretary, state=RecordState.REPORTED)
    written = a_record(session, now, tree, a_person(session, now), state=RecordState.ENDED)
    written.recorder_id = secretary.id
    session.flush()
    assert all_pages(session, secretary, now, 50) == []


def test_presence_of_today_is_still_going_on(session: Session, now: datetime, tree: Tree, secretary: Person) -> None:
    today = a_record(session, now, tree, a_person(session, now), state=RecordState.PRESENT)
    yesterday = a_record(session, now, tree, a_person(session, now), state=RecordState.PRESENT, day=today.day - timedelta(days=1))
    assert [line.id for line in all_pages(session, secretary, now, 50)] == [yesterday.public_id]


def test_a_cursor_that_is_none_is_refused(session: Session, now: datetime, tree: Tree, secretary: Person) -> None:
    actor = actor_of(session, secretary, now)
    for after in ("x", "claim.", "claim.NOPE", "nothing.AAAA"):
        with pytest.raises(Problem, match="INVALID"):
            duties.queue(session, actor=actor, now=now, kinds=ALL, after=after, limit=5)


def test_a_page_costs_two_statements_and_the_counts_one(session: Session, now: datetime, tree: Tree, secretary: Person) -> None:
    fill(session, now, tree, secretary, 20)
    actor, seen = actor_of(session, secretary, now), []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    duties.queue(session, actor=actor, now=now, kinds=ALL, after=None, limit=50)
    duties.counts(session, actor=actor, now=now)
    event.remove(engine(), "before_cursor_execute", note)
    assert len(seen) == 3


def test_a_registration_is_due_after_three_working_days(now: datetime) -> None:
    assert due(DutyKind.REGISTRATION, now, None) == datetime.fromisoformat("2026-03-11T00:00:00+08:00")  # from Thursday over a weekend
    assert due(DutyKind.CLAIM, now, None) is None


def test_calls_are_made_on_the_next_working_day() -> None:
    sunday = datetime.fromisoformat("2026-03-08T12:00:00+08:00").date()
    assert call_from(sunday) == datetime.fromisoformat("2026-03-06T00:00:00+08:00")
