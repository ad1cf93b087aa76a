"""微心愿 at the desk: from the door to the confirmation, and what is refused keeps what was typed."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.base import transaction
from server.db.models.wishes import Wish
from server.domain.permissions import Role
from server.domain.wishes import WishState
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree
from tests.factories.wishes import a_wish

NOTED = {
    "alias": "银杏奶奶", "content": "一台按键大的收音机", "value": "120", "name": "王秀英", "phone": "", "group": "living_alone",
    "guardian_name": "", "guardian_phone": "", "consent": "spoken", "grid": "",
}  # fmt: skip


def only() -> Wish:
    with transaction() as session:
        return session.execute(select(Wish)).scalar_one()


def test_from_the_door_to_the_shelf(secretary: Seat) -> None:
    secretary.get("/console/wishes/new")
    secretary.post("/console/wishes/new", **NOTED)
    assert "已记下，编号" in secretary.said
    to = f"/console/wishes/{only().public_id}"
    secretary.get(f"{to}/verify")
    secretary.post(f"{to}/verify", visited_on="2026-03-05", note="收音机确已损坏")
    assert "收音机确已损坏" in secretary.said
    secretary.get(f"{to}/publish")
    secretary.post(f"{to}/publish", alias="银杏奶奶", content="给现金也行", value="120")
    assert (secretary.status, "微心愿不收现金" in secretary.said, "给现金也行" in secretary.html) == (422, True, True)
    secretary.post(f"{to}/publish", alias="银杏奶奶", content="一台按键大的收音机", value="120")
    assert "待认领" in secretary.said
    secretary.get("/console/wishes")
    assert "2026 年公布的 1 个里，已认领 0 个" in secretary.said
    secretary.post("/console/wishes/round")
    assert "1 个没人认领的排在前面" in secretary.said
    secretary.get(f"{to}/withdraw")
    secretary.post(f"{to}/withdraw", reason="已由家人买好")
    assert only().state is WishState.WITHDRAWN


def test_what_is_wrong_is_said_at_its_field(secretary: Seat) -> None:
    secretary.get("/console/wishes/new")
    secretary.post("/console/wishes/new", **{**NOTED, "group": "child", "content": "<script>x</script>"})
    assert (secretary.status, "孩子的心愿要填监护人" in secretary.said) == (422, True)
    assert "<script>x" not in secretary.html
    secretary.post("/console/wishes/new", **{**NOTED, "value": "9000"})
    assert (secretary.status, "上限是 300 元" in secretary.said, "银杏奶奶" in secretary.html) == (422, True, True)


def test_staff_follow_a_claimed_one_to_its_end(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        wish = a_wish(session, now, tree, WishState.CLAIMED)
    to = f"/console/wishes/{wish.public_id}"
    secretary.get(to)
    secretary.post(f"{to}/contacted")
    secretary.post(f"{to}/fulfilled")
    secretary.get(f"{to}/confirm")
    secretary.post(f"{to}/confirm", via="slip")
    assert "本人签字单" in secretary.said
    assert only().state is WishState.CONFIRMED


@pytest.mark.parametrize("step", ["", "verify", "publish", "confirm", "withdraw"])
def test_a_stranger_finds_nothing(stranger: Seat, tree: Tree, now: datetime, step: str) -> None:
    with transaction() as session:
        wish = a_wish(session, now, tree)
    stranger.get(f"/console/wishes/{wish.public_id}" + (f"/{step}" if step else ""))
    assert stranger.status == 404
    stranger.get("/console")
    stranger.post(f"/console/wishes/{wish.public_id}/release")
    assert stranger.status == 404
    assert only().state is WishState.PUBLISHED


def test_a_grid_worker_collects_in_his_grid(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "吴网格")
    worker.get("/console/wishes/new")
    worker.post("/console/wishes/new", **{**NOTED, "grid": tree.grid.public_id})
    assert only().grid_id == tree.grid.id


def test_the_price_keeps_its_fen(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/wishes/new")
    secretary.post("/console/wishes/new", **{**NOTED, "value": "99.999"})
    assert (secretary.status, "最多两位小数" in secretary.said, 'value="99.999"' in secretary.html) == (422, True, True)
    secretary.post("/console/wishes/new", **{**NOTED, "value": "99.5"})
    to = f"/console/wishes/{only().public_id}"
    secretary.get(f"{to}/verify")
    secretary.post(f"{to}/verify", visited_on="2026-03-05", note="收音机确已损坏")
    assert "99.50 元" in secretary.said
    secretary.get(f"{to}/publish")
    (shown,) = re.findall(r'name="value"[^>]* value="([^"]*)"|value="([^"]*)"[^>]* name="value"', secretary.html) or [("", "")]
    assert "99.50" in shown
    secretary.post(f"{to}/publish", alias="银杏奶奶", content="一台按键大的收音机", value="99.50")
    assert only().value_fen == 9950
