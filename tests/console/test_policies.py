"""规则与限额 at the console: what holds, the history with who, when and why, and the county's working days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from server.db.base import reading
from server.domain.permissions import Role
from server.services import policies, workdays
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree, today

KEY = "checkin.before_minutes"
AT = f"/console/policies/{KEY}"


@pytest.fixture
def county(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.COUNTY, tree.county, "县干部")


def test_a_rule_is_changed_with_a_reason_and_tells_who_did_it(county: Seat, tree: Tree, now: datetime) -> None:
    county.get("/console/policies")
    assert "活动开始前多少分钟可以扫码" in county.said
    assert statements(lambda: county.get("/console/policies")) <= 12
    county.get(AT)
    later = today(now) + timedelta(days=3)
    county.post(AT, value="45", node="", valid_from=later.isoformat(), why="三月例会定的")
    assert [word for word in ("45", "县干部", "三月例会定的", "还没生效") if word not in county.said] == []
    assert statements(lambda: county.get(AT)) <= 12
    with reading() as session:
        assert policies.value(session, KEY, today=today(now)) == 30
        assert policies.value(session, KEY, today=later) == 45


def test_a_community_may_have_its_own(county: Seat, tree: Tree, now: datetime) -> None:
    county.get(AT)
    county.post(AT, value="15", node=tree.community.public_id, valid_from=today(now).isoformat(), why="试点")
    assert "示例社区" in county.said
    with reading() as session:
        assert policies.value(session, KEY, today=today(now), node_id=tree.community.id) == 15
        assert policies.value(session, KEY, today=today(now), node_id=tree.neighbour.id) == 30


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("value", "9999", "之间的数"),
        ("value", "三十", "请填"),
        ("why", "  ", "请填写这一项"),
        ("valid_from", "2020-01-01", "生效日期不能早于今天"),
        ("node", "0000000000000", "请从列出的里面选"),
    ],
)
def test_a_refused_change_keeps_what_was_typed(county: Seat, now: datetime, field: str, value: str, says: str) -> None:
    typed: dict[str, Any] = {"value": "45", "node": "", "valid_from": today(now).isoformat(), "why": "例会定的"}
    county.get(AT)
    county.post(AT, **{**typed, field: value})
    assert (county.status, says in county.said) == (422, True)
    assert field == "why" or "例会定的" in county.html


@pytest.mark.parametrize("why", HOSTILE)
def test_a_hostile_reason_is_text(county: Seat, now: datetime, why: str) -> None:
    county.get(AT)
    county.post(AT, value="45", node="", valid_from=today(now).isoformat(), why=why)
    assert "<script>alert" not in county.html
    assert "<b onmouseover" not in county.html


def test_a_day_is_worked_or_free_as_the_county_says(county: Seat, now: datetime) -> None:
    county.get("/console/workdays?year=2026")
    assert ("国家公布的 2026 年" in county.said, "本县没有另外定的日子" in county.said) == (True, True)
    county.post("/console/workdays?year=2026", day="2026-03-07", working="1", why="调休通知")
    assert [word for word in ("2026-03-07 改为上班", "调休通知", "县干部") if word not in county.said] == []
    with reading() as session:
        assert workdays.overrides(session, since=today(now)) == {datetime(2026, 3, 7).date(): True}  # noqa: DTZ001 - a date
    county.post("/console/workdays?year=2026", day="", working="1", why="调休通知")
    assert (county.status, 'value="调休通知"' in county.html) == (422, True)
    county.get("/console/workdays?year=2099")
    assert "系统还不知道" in county.said
    county.get("/console/workdays?year=abc")
    assert county.status == 200


def test_only_the_county_sets_rules(secretary: Seat) -> None:
    for path in ("/console/policies", AT, "/console/workdays"):
        secretary.get(path)
        assert secretary.status == 403
        secretary.get("/console")
        secretary.post(path, value="1", why="x")
        assert secretary.status in (403, 404)


def test_an_unknown_rule_is_not_there(county: Seat) -> None:
    county.get("/console/policies/none.such")
    assert county.status == 404
