"""组织 at the console: the tree on a day, adding, renaming, ending; only for who keeps it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from server.db.base import reading, transaction
from server.domain.orgs import Level
from server.domain.permissions import SYSTEM, Role
from server.services import orgs
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree, today

FIRST = date(2026, 1, 1)


@pytest.fixture
def county(app: Flask, tree: Tree, now: datetime) -> Seat:
    return seat_of(app, now, Role.COUNTY, tree.county, "县干部")


def by(now: datetime) -> dict[str, Any]:
    return {"actor": SYSTEM, "now": now}


def at(tree: Tree, node: str = "street", act: str = "") -> str:
    return f"/console/orgs/{getattr(tree, node).public_id}{act}"


def test_the_tree_is_shown_as_it_stands_on_a_day(county: Seat, tree: Tree) -> None:
    county.get("/console/orgs")
    assert ("示例街道" in county.said, "示例社区" in county.said, f"?at={tree.street.public_id}&amp;on=" in county.html) == (
        True,
        False,
        True,
    )
    county.get(f"/console/orgs?at={tree.street.public_id}")
    assert [name for name in ("示例县", "示例街道", "示例社区", "邻近社区") if name not in county.said] == []
    assert "示例县 › 示例街道" in county.said
    assert "示例小区" not in county.said
    county.get("/console/orgs?on=2025-12-31")
    assert "这一天还没有组织" in county.said
    county.get(f"/console/orgs?at={tree.street.public_id}&on=2025-12-31")
    assert "这一天它下面没有组织" in county.said


def test_a_place_with_thousands_below_is_shown_one_page_at_a_time(county: Seat, tree: Tree, now: datetime) -> None:
    """A street of two hundred and fifty communities with a grid each: some statements, some bytes, every community once."""
    with transaction() as session:
        for number in range(250):
            made = orgs.create(session, parent=tree.street, level=Level.COMMUNITY, name=f"第{number:03d}社区", valid_from=FIRST, **by(now))
            orgs.create(session, parent=made, level=Level.GRID, name=f"第{number:03d}网格", valid_from=FIRST, **by(now))
    seen: list[str] = []
    path = f"/console/orgs?at={tree.street.public_id}"
    while path:
        assert statements(partial(county.get, path)) <= 12
        assert ("第007网格" in county.html, len(county.html.encode()) < 150_000) == (False, True)
        seen += re.findall("第\\d{3}社区</bdi>", county.html)
        path = (
            county.html.split('rel="next"')[0].rpartition('href="')[2].split('"')[0].replace("&amp;", "&")
            if 'rel="next"' in county.html
            else ""
        )
    assert seen == [f"第{number:03d}社区</bdi>" for number in range(250)]
    county.get(at(tree))
    assert ("前 100 个" in county.said, len(county.html.encode()) < 150_000) == (True, True)
    county.get(at(tree) + "?after=nonsense")
    assert county.status == 200
    county.get(f"/console/orgs?at={tree.street.public_id}&after=nonsense")
    assert county.status == 422


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
    county.get(f"/console/orgs?at={tree.street.public_id}&on={(day + timedelta(days=31)).isoformat()}")
    assert "改名社区" not in county.said
    county.get(f"/console/orgs?at={tree.street.public_id}")
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
    for path in (at(tree, "county"), f"/console/orgs?at={tree.county.public_id}", "/console/orgs?at=nobody"):
        keeper.get(path)
        assert keeper.status == 404
    keeper.post(at(tree, "county", "/end"), on="2026-12-01")
    assert keeper.status == 404
