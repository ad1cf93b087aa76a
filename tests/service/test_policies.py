"""The county's rules and limits: nearest node, newest day, history (house decision "Settings")."""

from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from server.domain.permissions import SYSTEM, Role
from server.domain.problems import Problem
from server.services import policies
from tests.factories.people import a_tree, actor_of, with_role

KEY = "checkin.before_minutes"
TODAY = date(2026, 3, 5)


def put(session: Session, now: datetime, value: int, **over: object) -> None:
    values: dict[str, object] = {"why": "试行", "valid_from": TODAY, "actor": SYSTEM, **over}
    policies.put(session, key=KEY, value=value, now=now, **values)  # type: ignore[arg-type]


def test_the_nearest_node_then_the_newest_row_holds(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    for value, over in ((20, {}), (25, {}), (40, {"node_id": tree.street.id}), (50, {"node_id": tree.community.id})):
        put(session, now, value, **over)
    put(session, now, 60, node_id=tree.community.id, valid_from=date(2026, 4, 1))
    assert policies.value(session, KEY, today=TODAY) == 25
    assert policies.value(session, KEY, today=TODAY, node_id=tree.neighbour.id) == 40
    assert policies.value(session, KEY, today=TODAY, node_id=tree.grid.id) == 50
    assert policies.value(session, KEY, today=date(2026, 4, 1), node_id=tree.grid.id) == 60
    assert policies.table(session, today=TODAY, node_id=tree.grid.id)[KEY] == 50
    assert policies.table(session, today=TODAY)["sessions.days"] == 30


def test_history_is_the_table_itself(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    put(session, now, 20)
    put(session, now, 40, node_id=tree.street.id, why="街道要求")
    rows = policies.history(session, KEY)
    assert [(row[0].value, row[0].why, row[2]) for row in rows] == [(40, "街道要求", "示例街道"), (20, "试行", None)]
    with pytest.raises(Problem, match="NOT_FOUND"):
        policies.history(session, "no.such")


def test_the_county_sets_the_future_only_and_with_a_reason(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    put(session, now, 45, actor=county)
    with pytest.raises(Problem, match="INVALID") as refusal:
        put(session, now, 45, actor=county, valid_from=date(2026, 3, 4))
    assert "valid_from" in refusal.value.fields
    with pytest.raises(Problem, match="INVALID"):
        put(session, now, 241, actor=county)
    with pytest.raises(Problem, match="NOTE_REQUIRED"):
        put(session, now, 45, actor=county, why=" ")


def test_who_holds_a_part_does_not_rule_the_whole(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    part = actor_of(session, with_role(session, now, Role.COUNTY, tree.street), now)
    put(session, now, 45, actor=part, node_id=tree.community.id)
    with pytest.raises(Problem, match="NOT_FOUND"):
        put(session, now, 45, actor=part)
