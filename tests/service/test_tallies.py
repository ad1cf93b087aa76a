"""Figures: folded once, equal to what the records say, whatever the order and however often."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db.base import engine, reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.tallies import Contribution, Tally, TallyHead
from server.domain.records import RecordState
from server.domain.tallies import Key
from server.services import tallies, tally_checks
from tests.factories.people import Tree, a_person, a_tree
from tests.factories.records import a_record, void
from tests.factories.units import a_unit

DAY = date(2026, 3, 5)


def held(session: Session) -> dict[Key, tuple[int, int, int]]:
    """The tally as a mapping, rows of zeros left out."""
    rows = session.execute(select(*Tally.__table__.c)).all()
    return {Key(r.scope, r.scope_id, r.period, r.starts_on): (r.visits, r.minutes, r.heads) for r in rows if r.visits or r.minutes}


def drain_all(now: datetime) -> int:
    total = 0
    while True:
        with transaction() as session:
            done = tallies.drain(session, now=now)
        if not done:
            return total
        total += done


def test_a_confirmed_record_is_in_every_figure_it_belongs_to(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    person = a_person(session, now, unit_id=unit.id)
    a_record(session, now, tree, person, minutes=90, grid=True)
    assert tallies.drain(session, now=now) == 1
    figures = held(session)
    for node in (tree.county, tree.street, tree.community, tree.estate, tree.grid):
        assert figures[Key("node", node.id, "month", date(2026, 3, 1))] == (1, 90, 1)
    assert figures[Key("unit", unit.id, "quarter", date(2026, 1, 1))] == (1, 90, 1)
    assert figures[Key("person", person.id, "year", date(2026, 1, 1))] == (1, 90, 1)
    assert len(figures) == 7 * 3
    assert not any(key.scope_id == tree.neighbour.id for key in figures if key.scope == "node")


def test_draining_again_changes_nothing(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_record(session, now, tree, a_person(session, now))
    tallies.drain(session, now=now)
    before = held(session)
    assert tallies.drain(session, now=now) == 0
    assert held(session) == before


def test_the_same_decision_cannot_count_twice(session: Session, now: datetime) -> None:
    record = a_record(session, now, a_tree(session, now), a_person(session, now))
    with pytest.raises(IntegrityError), session.begin_nested():
        tallies.contribute(session, record, now=now)


def test_a_voided_record_leaves_every_figure(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    record = a_record(session, now, tree, a_person(session, now))
    tallies.drain(session, now=now)
    void(session, record, now)
    tallies.drain(session, now=now)
    assert held(session) == {}


def test_a_head_is_counted_once_and_leaves_with_the_last_visit(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    twice, once = a_person(session, now), a_person(session, now, "李四")
    records = [a_record(session, now, tree, person) for person in (twice, twice, once)]
    tallies.drain(session, now=now)
    key = Key("node", tree.community.id, "month", date(2026, 3, 1))
    assert held(session)[key] == (3, 180, 2)
    for record, heads in ((records[0], 2), (records[1], 1)):
        void(session, record, now)
        tallies.drain(session, now=now)
        assert held(session)[key][2] == heads


def test_a_batch_takes_a_handful_of_statements(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    people = [a_person(session, now) for _ in range(20)]
    for number in range(tallies.BATCH):
        a_record(session, now, tree, people[number % 20], day=DAY - timedelta(days=number % 300), grid=number % 2 == 0)
    session.flush()
    said: list[str] = []
    event.listen(engine(), "before_cursor_execute", lambda *args: said.append(args[2]))
    assert tallies.drain(session, now=now) == tallies.BATCH
    assert len(said) <= 20, len(said)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["confirm", "confirm", "void", "drain", "drain_some", "rebuild"]),
        st.integers(0, 3),  # who
        st.integers(0, 2),  # where
        st.sampled_from([date(2025, 12, 31), date(2026, 1, 1), date(2026, 3, 5), date(2026, 4, 1)]),
        st.integers(0, 240),
    ),
    max_size=25,
)


@pytest.fixture
def town(database: Any, redis: Any, vaulted: None, now: datetime) -> tuple[Tree, list[Any]]:
    """A tree and four persons, two of one unit."""
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree)
        return tree, [a_person(session, now, unit_id=unit.id if number < 2 else None) for number in range(4)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_sequence_equals_the_rebuild_and_a_plain_count(town: tuple[Tree, list[Any]], now: datetime, steps: list[Any]) -> None:
    tree, people = town
    with transaction() as session:
        for model in (TallyHead, Tally, Contribution, ServiceRecord):
            session.execute(delete(model))
    standing: list[ServiceRecord] = []
    for action, who, where, day, minutes in steps:
        with transaction() as session:
            if action == "confirm":
                made = a_record(session, now, tree, people[who], minutes=minutes, day=day, grid=where == 1, neighbour=where == 2)
                standing.append(made)
            elif action == "void" and standing:
                void(session, session.merge(standing.pop(who % len(standing))), now)
            elif action == "rebuild":
                tally_checks.rebuild(session, now=now)
            else:
                tallies.drain(session, now=now, limit=2 if action == "drain_some" else tallies.BATCH)
        with reading() as session:
            assert tally_checks.verify(session) == []
    drain_all(now)
    with transaction() as session:
        incremental = held(session)
        tally_checks.rebuild(session, now=now)
        assert held(session) == incremental == plain(tree, standing)


def plain(tree: Tree, records: list[ServiceRecord]) -> dict[Key, tuple[int, int, int]]:
    """The figures counted the long way."""
    visits: Counter[Key] = Counter()
    minutes: Counter[Key] = Counter()
    heads: dict[Key, set[int]] = {}
    for record in records:
        above = [tree.county, tree.street, tree.neighbour if record.community_id == tree.neighbour.id else tree.community]
        nodes = [*above, *([tree.estate, tree.grid] if record.grid_id else [])]
        scopes = [("person", record.person_id), *(("node", node.id) for node in nodes)]
        scopes += [("unit", record.unit_id)] if record.unit_id else []
        month, year = record.day.replace(day=1), record.day.replace(month=1, day=1)
        quarter = date(year.year, {1: 1, 3: 1, 4: 4, 12: 10}[record.day.month], 1)
        for scope, scope_id in scopes:
            for period, starts_on in (("month", month), ("quarter", quarter), ("year", year)):
                key = Key(scope, scope_id, period, starts_on)
                visits[key] += 1
                minutes[key] += record.minutes
                heads.setdefault(key, set()).add(record.person_id)
    return {key: (visits[key], minutes[key], len(heads[key])) for key in visits}


@pytest.mark.parametrize(
    ("spoil", "figure"),
    [
        (update(Tally).where(Tally.scope == "node", Tally.period == "month").values(minutes=Tally.minutes + 1), "minutes"),
        (update(Tally).where(Tally.scope == "node", Tally.period == "month").values(heads=Tally.heads + 1), "heads"),
        (update(TallyHead).where(TallyHead.scope == "node").values(visits=TallyHead.visits + 1), "head"),
        (update(TallyHead).where(TallyHead.scope == "node").values(minutes=TallyHead.minutes + 1), "head_minutes"),
        (delete(Tally).where(Tally.scope == "person"), "visits"),
        (update(ServiceRecord).values(minutes=ServiceRecord.minutes + 5), "minutes"),
        (update(ServiceRecord).values(state=RecordState.VOID), "visits"),
    ],
)
def test_verify_names_what_was_changed_by_hand(town: tuple[Tree, list[Any]], now: datetime, spoil: Any, figure: str) -> None:
    tree, people = town
    with transaction() as session:
        a_record(session, now, tree, people[0])
        tallies.drain(session, now=now)
        session.execute(spoil.execution_options(synchronize_session=False))
    with reading() as session:
        assert figure in {difference.figure for difference in tally_checks.verify(session)}


def test_rebuild_mends_and_reports_progress(town: tuple[Tree, list[Any]], now: datetime) -> None:
    tree, people = town
    with transaction() as session:
        a_record(session, now, tree, people[0], day=date(2025, 5, 1))
        a_record(session, now, tree, people[1])
        tallies.drain(session, now=now, limit=1)
        session.execute(update(Tally).values(minutes=7))
    seen: list[tuple[int, int]] = []
    with transaction() as session:
        assert tally_checks.rebuild(session, now=now, progress=lambda done, years: seen.append((done, years))) == 2
    assert seen == [(1, 2), (2, 2)]
    assert drain_all(now) == 0
    with reading() as session:
        assert tally_checks.verify(session) == []
