"""Two records of the same hours: what the later confirmation left out because of the earlier one is never lost by an undo (R8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from server.db.models.checkins import ServiceRecord
from server.domain.duties import DutyKind
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.services import confirmations, decisions, undos
from server.services.decisions import Pick, Word
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record

LATER = timedelta(seconds=3)
Scene = tuple[Actor, ServiceRecord, ServiceRecord]


@pytest.fixture
def scene(session: Session, now: datetime) -> Scene:
    """The secretary; nine to ten and half past nine to half past ten of one person."""
    tree = a_tree(session, now)
    person = a_person(session, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    early, late = (reported(session, now, tree, person, after) for after in (0, 30))
    return secretary, early, late


def reported(session: Session, now: datetime, tree: Tree, person: Any, after: int) -> ServiceRecord:
    record = a_record(session, now - timedelta(days=1), tree, person, state=RecordState.REPORTED)
    record.started_at += timedelta(minutes=after)
    record.ended_at = record.started_at + timedelta(minutes=60)
    session.flush()
    return record


def decide(session: Session, now: datetime, actor: Actor, *rows: ServiceRecord) -> Any:
    picks = [Pick(DutyKind.RECORD, row.public_id, row.version) for row in rows]
    act = decisions.decide(session, picks, Word(True, "看过两张签到表", actor, now))
    refresh(session, *rows)
    return act


def confirm(session: Session, now: datetime, actor: Actor, row: ServiceRecord) -> None:
    confirmations.confirm(session, row, actor=actor, now=now, despite_hold=True, note="看过两张签到表")
    refresh(session, row)


def refresh(session: Session, *rows: ServiceRecord) -> None:
    for row in rows:
        session.refresh(row)


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


@pytest.mark.parametrize("first", [1, 2], ids=["the earlier hour", "the later hour"])
def test_a_record_that_another_was_reckoned_by_is_not_undone_before_that(session: Session, now: datetime, scene: Scene, first: int) -> None:
    secretary, early, late = scene
    one, other = (early, late) if first == 1 else (late, early)
    act = confirmed(session, now, secretary, one)
    confirm(session, now + LATER, secretary, other)
    assert (one.minutes, other.minutes) == (60, 30)
    assert code_of(lambda: undos.undo(session, act, actor=secretary, now=now + 2 * LATER)) == "UNDO_RECKONED"
    refresh(session, one)
    assert (one.state, one.minutes) == (RecordState.FINAL, 60)


def confirmed(session: Session, now: datetime, actor: Actor, row: ServiceRecord) -> str:
    """Confirm an hour that nothing overlaps yet; the undo's id."""
    return str(decide(session, now, actor, row).public_id)


def test_the_later_one_first_and_then_both_are_undone(session: Session, now: datetime, scene: Scene) -> None:
    secretary, one, other = scene
    first = confirmed(session, now, secretary, one)
    with undos.begin(session, actor=secretary, now=now + LATER) as act:
        act.watch("record", other)
        confirm(session, now + LATER, secretary, other)
        second = act.keep("approve", []).public_id
    for each in (second, first):
        undos.undo(session, each, actor=secretary, now=now + 2 * LATER)
    refresh(session, one, other)
    assert (one.state, one.minutes, other.state, other.minutes) == (RecordState.REPORTED, 60, RecordState.REPORTED, 60)


@pytest.mark.parametrize("turned", [False, True])
def test_of_one_act_both_go_back_in_whatever_order_they_were_picked(session: Session, now: datetime, scene: Scene, turned: bool) -> None:
    secretary, one, other = scene
    act = together(session, now, scene, turned)
    undone = undos.undo(session, act, actor=secretary, now=now + LATER)
    assert (len(undone.done), undone.failed) == (2, [])
    refresh(session, one, other)
    assert (one.state, one.minutes, other.state, other.minutes) == (RecordState.REPORTED, 60, RecordState.REPORTED, 60)


def together(session: Session, now: datetime, scene: Scene, turned: bool) -> str:
    """Both hours in one act; the undo's id."""
    secretary, one, other = scene
    with undos.begin(session, actor=secretary, now=now) as act:
        for row in (other, one) if turned else (one, other):
            act.watch("record", row)
        ids = [one.public_id, other.public_id]
        outcome = confirmations.confirm_many(session, ids, actor=secretary, now=now, despite_hold=True, note="看过两张签到表")
        assert (one.minutes, other.minutes, outcome.failed) == (60, 30, [])
        return act.keep("approve", []).public_id


@pytest.mark.parametrize("turned", [False, True])
def test_of_one_act_the_first_stays_where_the_second_does(session: Session, now: datetime, scene: Scene, turned: bool) -> None:
    secretary, one, other = scene
    act = together(session, now, scene, turned)
    other.version += 1  # somebody touched it since
    session.flush()
    assert code_of(lambda: undos.undo(session, act, actor=secretary, now=now + LATER)) in ("UNDO_MOVED", "UNDO_RECKONED")
    refresh(session, one, other)
    assert (one.state, one.minutes, other.state, other.minutes) == (RecordState.FINAL, 60, RecordState.FINAL, 30)


def test_hours_that_only_touch_hinder_nothing(session: Session, now: datetime, scene: Scene) -> None:
    secretary, one, other = scene
    other.started_at += timedelta(minutes=30)
    other.ended_at = other.started_at + timedelta(minutes=60)
    session.flush()
    act = confirmed(session, now, secretary, one)
    confirm(session, now + LATER, secretary, other)
    assert undos.undo(session, act, actor=secretary, now=now + 2 * LATER).done == [one.public_id]
