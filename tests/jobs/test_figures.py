"""Counting figures and making files: twice, killed half-way, asked for again; what was counted is what the records say."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from jobs import exports as making
from jobs import figures as job
from jobs import tallies as draining
from server import files
from server.db.base import reading, transaction
from server.db.models.exports import Export
from server.db.models.figures import FigureEdition, FigureRow
from server.domain.exports import ExportKind, ExportState
from server.domain.permissions import Role
from server.services import exports, figure_sheets
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.jobs import support


@pytest.fixture
def tree(database: Engine, redis: Any, vaulted: None, now: datetime) -> Tree:
    """示例社区 with one service of an hour."""
    with transaction() as session:
        tree = a_tree(session, now)
        a_record(session, now, tree, a_person(session, now))
    draining.drain(now)
    return tree


def held() -> dict[tuple[str, date, str, int], Any]:
    """Every row of every edition."""
    with reading() as session:
        rows = session.execute(select(FigureEdition, FigureRow).join(FigureRow, FigureRow.edition_id == FigureEdition.id)).all()
    return {(edition.period, edition.starts_on, row.scope, row.scope_id): row.counts for edition, row in rows}


def visits(tree: Tree, period: str = "quarter") -> int:
    return int(held()[period, date(2026, 1, 1), "node", tree.community.id]["service_visits"][0])


def test_the_standing_periods_are_counted(tree: Tree, now: datetime) -> None:
    job.count(now)
    periods = {(period, first) for period, first, _, _ in held()}
    assert periods == {
        ("month", date(2026, 3, 1)), ("month", date(2026, 2, 1)), ("quarter", date(2026, 1, 1)), ("quarter", date(2025, 10, 1)),
        ("year", date(2026, 1, 1)), ("year", date(2025, 1, 1)),
    }  # fmt: skip
    assert visits(tree) == 1


def test_counting_again_changes_nothing_and_counts_nothing_that_is_fresh(tree: Tree, now: datetime) -> None:
    job.count(now)
    first = held()
    job.count(now)
    assert held() == first
    with transaction() as session:
        a_record(session, now, tree, a_person(session, now))
    draining.drain(now)
    job.count(now + timedelta(minutes=5))
    assert visits(tree) == 1
    job.count(now + timedelta(minutes=11))
    assert visits(tree) == 2


def test_killed_half_way_it_is_as_if_it_had_not_begun(tree: Tree, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    job.count(now)
    with transaction() as session:
        a_record(session, now, tree, a_person(session, now))
        figure_sheets.ask(session, "quarter", date(2026, 1, 1), now=now + timedelta(seconds=1))
    draining.drain(now)
    before = held()
    with monkeypatch.context() as patched:
        patched.setattr(figure_sheets.statements, "one_at_a_time", support.suicide)
        support.dies(lambda: job.count(now + timedelta(seconds=2)))
    assert held() == before
    job.count(now + timedelta(seconds=2))
    assert visits(tree) == 2


def test_what_was_asked_for_is_counted_and_the_period_before_it(tree: Tree, now: datetime) -> None:
    job.count(now)
    with transaction() as session:
        figure_sheets.ask(session, "month", date(2025, 3, 1), now=now)
    job.count(now)
    assert {first for period, first, _, _ in held() if period == "month"} >= {date(2025, 3, 1), date(2025, 2, 1)}


def test_editions_by_older_rules_are_counted_anew(tree: Tree, now: datetime) -> None:
    job.count(now)
    with transaction() as session:
        for edition in session.execute(select(FigureEdition)).scalars():
            edition.rule_version = "2025-0"
    with reading() as session:
        assert len(figure_sheets.due(session, now=now)) == 6


@pytest.fixture
def asked(tree: Tree, now: datetime) -> int:
    """The summary, asked for before anything was counted."""
    with transaction() as session:
        who = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
        quarter = {"period": "quarter", "starts_on": "2026-01-01"}
        return exports.ask(session, kind=ExportKind.SUMMARY, node=tree.community, asked=quarter, reason="", actor=who, now=now).id


def stored(export_id: int) -> Export:
    with reading() as session:
        return session.get_one(Export, export_id)


def test_a_file_that_was_killed_half_way_is_made_by_the_next_run(asked: int, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(exports, "finish", support.suicide)
        support.dies(lambda: making.make(now, export_id=asked))
    assert stored(asked).state is ExportState.WAITING
    making.make(now, export_id=asked)
    row = stored(asked)
    assert row.state is ExportState.DONE
    assert row.done == row.total > 0
    making.make(now, export_id=asked)
    assert stored(asked).sha256 == row.sha256


def test_forgetting_that_was_killed_half_way_is_finished_by_the_next_run(
    asked: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.make(now, export_id=asked)
    row, later = stored(asked), now + timedelta(days=8)
    with monkeypatch.context() as patched:
        patched.setattr(making, "transaction", support.suicide)
        support.dies(lambda: making.forget(later))
    making.forget(later)
    with reading() as session:
        assert session.get(Export, asked) is None
    with pytest.raises(FileNotFoundError):
        files.get(exports.area(row.public_id), row.sha256 or "")
