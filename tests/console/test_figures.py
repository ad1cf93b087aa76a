"""统计数据 at the desk: figures with their denominators, nobody ranked, names only with a reason, no page that counts records."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import figures as job
from jobs import tallies
from server.db.base import reading, transaction
from server.db.models.people import Person
from server.db.models.platform import Event
from server.domain.permissions import Role
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree
from tests.factories.records import a_record
from tests.factories.registrations import a_bound_person, a_member, a_registration, a_unit, an_entry
from tests.factories.requests import a_request

ALL = ("/console/figures", "/console/figures/units", "/console/figures/names?key=service_heads", "/console/figures/progress")


@pytest.fixture
def zhang(app: Flask, tree: Tree, now: datetime) -> Person:
    """张三 of 示例水务局 served 90 minutes; his colleague on the roster did not register. One request waits."""
    with transaction() as session:
        unit = a_unit(session, now, tree, "示例水务局")
        person = a_bound_person(session, now, unit, "张三", community="示例社区")
        a_registration(session, now, person, tree.community)
        an_entry(session, now, unit, "李四", community="示例社区")
        a_record(session, now, tree, person, minutes=90)
        a_request(session, now, tree)
    counted(now)
    return person


def counted(now: datetime) -> None:
    tallies.drain(now)
    job.count(now)


def row(seat: Seat, name: str) -> list[str]:
    """The cells of an indicator's line."""
    found = re.search(rf'<th scope="row">{name}.*?</tr>', seat.html, re.DOTALL)
    assert found, name
    cells = re.findall(r"<td[^>]*>(.*?)</td>", found.group(0), re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for cell in cells]


def test_every_rate_shows_what_was_divided_by_what(secretary: Seat, zhang: Person) -> None:
    secretary.get("/console/figures")
    assert secretary.status == 200
    assert row(secretary, "党员报到率")[:2] == ["50.0%", "1 ÷ 2 已报到的（不论线上线下） ÷ 名册上的在职党员（免报到的除外）"]
    assert row(secretary, "参与率")[1].startswith("1 ÷ 1 ")
    assert row(secretary, "人均时长")[0] == "1.5 小时"
    assert row(secretary, "服务时长")[0] == "1.5 小时"
    assert row(secretary, "单位报到率")[0] == "0.0%"
    assert row(secretary, "点单数")[0] == "1 件"


def test_nothing_to_divide_by_is_said_and_is_not_zero_per_cent(secretary: Seat, zhang: Person) -> None:
    secretary.get("/console/figures")
    assert row(secretary, "微心愿认领率") == ["—（分母为 0）", "0 ÷ 0 其中已认领的 ÷ 本期发布的微心愿", "—（分母为 0）", "—"]


def test_a_change_is_the_difference_of_what_is_shown(secretary: Seat, zhang: Person, tree: Tree, time: object) -> None:
    later = time.advance(days=40)  # type: ignore[attr-defined]
    with transaction() as session:
        for _ in range(3):
            a_record(session, later, tree, zhang)
    counted(later)
    seat = secretary
    seat.client.set_cookie("gj_look", "light.normal", path="/console")
    fresh = seat_of(seat.client.application, later, Role.SECRETARY, tree.community)
    fresh.get("/console/figures?period=quarter")
    assert row(fresh, "服务人次") == ["3 人次", "有效服务记录", "1", "+2"]
    assert row(fresh, "人均次数")[2:] == ["1.0", "+2.0"]


def test_a_street_is_the_sum_of_its_communities_in_the_order_of_the_register(app: Flask, tree: Tree, zhang: Person, now: datetime) -> None:
    with transaction() as session:
        for _ in range(5):  # the neighbour has done more, and still comes second
            a_record(session, now, tree, zhang, neighbour=True)
    counted_anew(now)
    county = seat_of(app, now, Role.COUNTY, tree.county)
    county.get(f"/console/figures?at={tree.street.public_id}")
    assert row(county, "服务人次")[0] == "6 人次"
    names = [name for name in re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', county.html) if "社区" in name]
    assert names == ["示例社区", "邻近社区"]
    assert "不排名次" in county.said


def counted_anew(now: datetime) -> None:
    """As after somebody pressed 重新统计."""
    from server.db.models.figures import FigureEdition

    with transaction() as session:
        for edition in session.execute(select(FigureEdition)).scalars():
            edition.made_at = None
    counted(now)


def test_the_page_costs_the_same_for_many_records(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    one = statements(lambda: secretary.get("/console/figures"))
    with transaction() as session:
        unit = a_unit(session, now, tree)
        for _ in range(12):
            a_record(session, now, tree, a_member(session, now, tree, "王五", unit=unit))
    counted_anew(now)
    assert statements(lambda: secretary.get("/console/figures")) == one <= 12
    assert len(secretary.html.encode()) < 150_000
    assert statements(lambda: secretary.get(f"/console/figures/units?at={tree.community.public_id}")) <= 12


def test_a_period_nobody_asked_for_is_counted_by_a_button(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    address = f"/console/figures?at={tree.community.public_id}&period=month&on=2025-03-09"
    secretary.get(address)
    assert "2025 年 3 月还没有统计过" in secretary.said
    secretary.post("/console/figures/recount", at=tree.community.public_id, period="month", on="2025-03-01")
    assert "正在统计2025 年 3 月" in secretary.said
    counted(now)
    secretary.get(address)
    assert row(secretary, "服务人次")[0] == "0 人次"


def test_names_need_a_reason_that_is_kept(secretary: Seat, zhang: Person, tree: Tree) -> None:
    address = f"/console/figures/names?key=service_heads&at={tree.community.public_id}"
    secretary.get(address)
    assert "张三" not in secretary.html
    secretary.post(address, reason="看")
    assert secretary.status == 422
    assert "张三" not in secretary.html
    secretary.post(address, reason="核对一季度服务记录")
    assert secretary.status == 200
    assert "张三" in secretary.said
    assert "示例水务局" in secretary.said
    with reading() as session:
        kept = session.execute(select(Event).where(Event.action == "read_names")).scalar_one()
    assert (kept.actor_id, kept.subject_kind, kept.subject_id) == (secretary.person.id, "org_node", tree.community.id)
    assert kept.note is not None
    assert "核对一季度服务记录" in kept.note


def test_there_is_no_list_of_who_did_not(secretary: Seat, zhang: Person, tree: Tree) -> None:
    secretary.get("/console/figures")
    for key in set(re.findall(r"names\?key=(\w+)", secretary.html)):
        secretary.get(f"/console/figures/names?key={key}&at={tree.community.public_id}")
        secretary.post(f"/console/figures/names?key={key}&at={tree.community.public_id}", reason="核对一季度服务记录")
        assert "李四" not in secretary.html, key


@pytest.mark.parametrize("key", ["unit_reg_rate", "nonsense", "finish_rate"])
def test_what_is_no_list_is_not_found(secretary: Seat, tree: Tree, key: str) -> None:
    assert secretary.get(f"/console/figures/names?key={key}&at={tree.community.public_id}").status_code == 404


def test_a_street_reads_figures_and_no_names(app: Flask, tree: Tree, zhang: Person, now: datetime) -> None:
    street = seat_of(app, now, Role.STREET, tree.street)
    assert street.get("/console/figures").status_code == 200
    assert "看名单" not in street.html
    assert street.get(f"/console/figures/names?key=service_heads&at={tree.street.public_id}").status_code == 403


@pytest.mark.parametrize("path", ALL[:3])
def test_another_community_is_not_found(stranger: Seat, tree: Tree, zhang: Person, path: str) -> None:
    joint = "&" if "?" in path else "?"
    assert stranger.get(f"{path}{joint}at={tree.community.public_id}").status_code == 404
    assert stranger.get(f"{path}{joint}at={tree.street.public_id}").status_code == 404


@pytest.mark.parametrize("query", ["period=week", "on=yesterday", "on=1066-10-14", "at=nowhere", "period=month&on=2026-13-01"])
def test_an_address_that_was_made_up_is_not_found(secretary: Seat, query: str) -> None:
    assert secretary.get(f"/console/figures?{query}").status_code == 404


def test_a_day_to_come_is_today(secretary: Seat, zhang: Person) -> None:
    assert secretary.get("/console/figures?on=2031-01-01").status_code == 200
    assert "2026 年第一季度" in secretary.said


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_reasons_are_shown_as_text(secretary: Seat, zhang: Person, tree: Tree, text: str) -> None:
    secretary.post(f"/console/figures/names?key=service_heads&at={tree.community.public_id}", reason=text)
    assert "<script>alert" not in secretary.html
    assert "<b onmouseover" not in secretary.html


def test_who_holds_no_such_role_is_refused(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid)
    for path in ALL:
        assert worker.get(path).status_code == 403, path
    assert "统计数据" not in worker.get("/console").get_data(as_text=True)
