"""组织 at the console: the tree on a day, adding, renaming, ending; only for who keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask

from server.db.base import reading
from server.domain.permissions import Role
from server.services import orgs
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree, today


@pytest.fixture
def county(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.COUNTY, tree.county, "县干部")


def at(tree: Tree, node: str = "street", act: str = "") -> str:
    return f"/console/orgs/{getattr(tree, node).public_id}{act}"


def test_the_tree_is_shown_as_it_stands_on_a_day(county: Seat, tree: Tree) -> None:
    county.get("/console/orgs")
    assert [name for name in ("示例县", "示例街道", "示例社区", "邻近社区") if name not in county.said] == []
    assert county.said.index("示例街道") < county.said.index("示例社区")
    assert "示例小区" not in county.said
    assert statements(lambda: county.get("/console/orgs")) <= 12
    county.get("/console/orgs?on=2025-12-31")
    assert "这一天还没有组织" in county.said


def test_a_community_is_added_renamed_and_ended(county: Seat, tree: Tree, now: datetime) -> None:
    day = today(now)
    county.get(at(tree, act="/new"))
    county.post(
        at(tree, act="/new"), level="community", name="新建社区", code="XJ1", contact_post="社区党委书记", valid_from=day.isoformat()
    )
    assert ("新建社区已建立" in county.said, "社区党委书记" in county.said) == (True, True)
    with reading() as session:
        made = orgs.by_code_or_id(session, "XJ1")
    address = f"/console/orgs/{made.public_id}"
    county.post(f"{address}/change", name="改名社区", contact_post="")
    assert "原名“ 新建社区 ”" in county.said
    county.post(f"{address}/end", on=(day + timedelta(days=30)).isoformat())
    assert ("已撤销，连同下级共 1 个" in county.said, "将撤销" in county.said) == (True, True)
    county.get(f"/console/orgs?on={(day + timedelta(days=31)).isoformat()}")
    assert "改名社区" not in county.said
    county.get("/console/orgs")
    assert "改名社区" in county.said


def test_a_refused_form_keeps_what_was_typed(county: Seat, tree: Tree, now: datetime) -> None:
    county.get(at(tree, act="/new"))
    county.post(at(tree, act="/new"), level="community", name="示例社区", code="SL9", valid_from=today(now).isoformat())
    assert (county.status, "同一上级下已有同名的组织" in county.said, 'value="SL9"' in county.html) == (409, True, True)
    county.post(at(tree, act="/new"), level="building", name="一幢", valid_from=today(now).isoformat())
    assert (county.status, "请从列出的里面选" in county.said) == (422, True)
    county.post(at(tree, act="/end"), on="2025-01-01")
    assert (county.status, "撤销日期不能早于设立日期" in county.said) == (422, True)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(county: Seat, tree: Tree, now: datetime, name: str) -> None:
    county.get(at(tree, act="/new"))
    county.post(at(tree, act="/new"), level="community", name=name, valid_from=today(now).isoformat())
    assert "<script>alert" not in county.html
    assert "<b onmouseover" not in county.html
    assert county.status == (422 if len(name) > 100 else 200)


def test_the_system_administrator_keeps_it_and_a_secretary_does_not(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> None:
    for path in ("/console/orgs", at(tree, "community"), at(tree, "community", "/new")):
        secretary.get(path)
        assert secretary.status == 403
    keeper = seat_of(app, now, Role.SYSTEM_ADMIN, tree.street, "陈系统")
    keeper.get("/console/orgs")
    assert ("示例社区" in keeper.said, tree.county.public_id in keeper.html) == (True, False)
    keeper.get(at(tree, "county"))
    assert keeper.status == 404
    keeper.post(at(tree, "county", "/end"), on="2026-12-01")
    assert keeper.status == 404
