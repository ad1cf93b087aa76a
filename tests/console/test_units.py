"""单位, 志愿队伍, 回执与证明 at the desk."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import documents as job
from server.db.base import reading, transaction
from server.db.models.orgs import Unit
from server.db.models.platform import Event
from server.db.models.registrations import Document, UnitRegistration
from server.db.models.tasks import VolunteerTeam
from server.domain.permissions import SYSTEM, Actor, Role
from server.services import people, teams, units
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit
from tests.factories.tasks import a_team

NEW: dict[str, Any] = {
    "name": "示例水务局",
    "category": "agency",
    "superior": "示例街道工委",
    "contact_name": "刘主任",
    "contact_phone": "0591-8765432",
}
PAGES = ("", "/edit", "/contact", "/slip")


@pytest.fixture
def unit(app: Flask, tree: Tree, now: datetime) -> Unit:
    with transaction() as session:
        made = a_unit(session, now, tree, "示例水务局")
        return units.change(session, unit=made, contact_name="刘主任", contact_phone="13912345678", actor=SYSTEM, now=now)


def at(unit: Unit, page: str = "") -> str:
    return f"/console/units/{unit.public_id}{page}"


def test_a_unit_is_registered_changed_found_and_archived(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/units/new")
    secretary.post("/console/units/new", **NEW, once="x")
    assert "示例水务局已登记" in secretary.said
    assert "05918765432" not in secretary.html
    with reading() as session:
        unit = session.execute(select(Unit)).scalar_one()
    secretary.get(at(unit, "/edit"))
    secretary.post(at(unit, "/edit"), name="示例水务局本部", category="agency", uscc="91350100M000100Y43", once="y")
    assert "91350100M000100Y43" in secretary.said
    for word, found in (("水务", True), ("91350100m000100y43", True), ("%", False), ("学校", False)):
        secretary.get("/console/units", query_string={"q": word})
        assert (at(unit) in secretary.html) is found, word
    secretary.post(at(unit, "/archive"), once="z")
    secretary.get("/console/units")
    assert at(unit) not in secretary.html
    secretary.get("/console/units?archived=1")
    assert at(unit) in secretary.html


def test_a_second_unit_of_that_name_is_refused_and_nothing_typed_is_lost(secretary: Seat, unit: Unit) -> None:
    secretary.get("/console/units/new")
    secretary.post("/console/units/new", **NEW, address="示例路1号")
    assert secretary.status == 409
    assert 'value="示例路1号"' in secretary.html
    secretary.post("/console/units/new", **{**NEW, "name": "新的单位", "uscc": "123", "contact_phone": "abc"})
    assert secretary.status == 422
    assert "18 位" in secretary.said


def test_the_contact_is_read_by_an_event_and_changed(secretary: Seat, unit: Unit) -> None:
    secretary.get(at(unit, "/contact"))
    assert "13912345678" not in secretary.html
    secretary.post(at(unit, "/contact"), do="read")
    assert "13912345678" in secretary.html
    with reading() as session:
        assert session.execute(select(Event.actor_id).where(Event.action == "read_contact")).scalar_one() == secretary.person.id
    secretary.post(at(unit, "/contact"), do="change", contact_name="陈主任", contact_phone="12", once="x")
    assert "座机" in secretary.said
    secretary.post(at(unit, "/contact"), do="change", contact_name="陈主任", contact_phone="13800000000", once="y")
    assert "陈主任" in secretary.said
    assert "138****0000" in secretary.said


def test_branches(secretary: Seat, unit: Unit) -> None:
    secretary.get(at(unit))
    secretary.post(at(unit, "/branches"), name="第一支部", back=at(unit), once="x")
    assert "第一支部已登记" in secretary.said
    secretary.post(at(unit, "/branches"), name="第一支部", back=at(unit), once="y")
    assert secretary.html.count("<bdi>第一支部</bdi>") == 1


def test_a_slip_goes_all_its_way_to_the_receipt(secretary: Seat, unit: Unit) -> None:
    secretary.get(at(unit, "/slip"))
    secretary.post(at(unit, "/slip"), leader="周局长", liaison="刘主任", offers="会议室、法律咨询", once="a")
    assert "会议室、法律咨询" in secretary.said
    (decide,) = re.findall(r"/console/unit-registrations/\w+", secretary.html)
    secretary.get(decide)
    secretary.post(decide, seen="0", opinion="同意接收", once="b")
    assert "撤销" in secretary.said
    secretary.get(decide)
    secretary.post(decide, seen="1", sent_to="示例街道工委", once="c")
    secretary.get(at(unit))
    assert "回执已发" in secretary.said
    assert "示例街道工委" in secretary.said
    secretary.post(at(unit, "/receipt"), once="d")
    assert "单位报到回执" in secretary.said
    secretary.get(f"{decide}/end")
    secretary.post(f"{decide}/end", reason="")
    assert secretary.status == 422
    secretary.post(f"{decide}/end", reason="单位迁走", once="e")
    assert "还没有报到" in secretary.said
    with reading() as session:
        assert session.execute(select(UnitRegistration.opinion)).scalar_one() == "单位迁走"


def test_a_unit_s_page_shows_who_of_it_is_registered_here(secretary: Seat, unit: Unit, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        person = a_member(session, now, tree, "张三", unit=session.get_one(Unit, unit.id))
        a_member(session, now, tree, "李四")
    assert statements(lambda: secretary.get(at(unit))) <= 12
    assert f"/console/members/{person.public_id}/reports" in secretary.html
    assert "李四" not in secretary.said
    assert statements(lambda: secretary.get("/console/units")) <= 12


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(secretary: Seat, tree: Tree, now: datetime, name: str) -> None:
    with transaction() as session:
        made = a_unit(session, now, tree, name[:200])
    for address in ("/console/units", *(at(made, page) for page in PAGES)):
        secretary.get(address)
        assert secretary.status == 200, address
        assert "<script>alert" not in secretary.html
        assert "<b onmouseover" not in secretary.html


def test_another_community_finds_no_unit(secretary: Seat, stranger: Seat, unit: Unit) -> None:
    secretary.get(at(unit, "/slip"))
    secretary.post(at(unit, "/slip"), leader="周局长", once="a")
    for page in PAGES:
        stranger.get(at(unit, page))
        assert stranger.status == 404, page
    for page in (*PAGES[1:], "/archive", "/branches", "/receipt"):
        stranger.get("/console")
        stranger.post(at(unit, page), name="x", category="agency", do="read")
        assert stranger.status == 404, page
    stranger.get("/console/units")
    assert at(unit) not in stranger.html


# Teams


def test_a_team_is_founded_and_joined_by_word_of_mouth(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        a_member(session, now, tree, "王队长")
        other = a_member(session, now, tree, "张三")
        a_member(session, now, tree, "张三")
    secretary.get("/console/teams/new")
    secretary.post("/console/teams/new", name="红马甲服务队", category="environment", leader="赵无人")
    assert "没有找到" in secretary.said
    assert 'value="红马甲服务队"' in secretary.html
    secretary.post("/console/teams/new", name="红马甲服务队", category="environment", leader="王队长", once="x")
    assert "红马甲服务队已成立" in secretary.said
    with reading() as session:
        team = session.execute(select(VolunteerTeam)).scalar_one()
    address = f"/console/teams/{team.public_id}"
    secretary.get(address)
    secretary.post(address, who="张三")
    assert "有同名的人" in secretary.said
    secretary.post(address, who=people.phone_of(other), once="y")
    assert "队员（2 人）" in secretary.said
    secretary.post(f"{address}/members/{other.public_id}/leave", back=address, once="z")
    assert "队员（1 人）" in secretary.said


def test_who_asks_to_join_is_let_in_by_the_community_alone(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        team = a_team(session, now, tree, a_member(session, now, tree, "王队长"))
        asking = a_member(session, now, tree, "张三")
        teams.join(session, team, person=asking, actor=Actor(asking.id), now=now)
    address = f"/console/teams/{team.public_id}"
    for act in ("admit", "leave", "decline"):
        stranger.get("/console")
        stranger.post(f"{address}/members/{asking.public_id}/{act}")
        assert stranger.status == 404
    stranger.get(address)
    assert stranger.status == 404
    secretary.get(address)
    assert "让张三加入" in secretary.said
    secretary.post(f"{address}/members/{asking.public_id}/admit", back=address, once="x")
    assert "队员（2 人）" in secretary.said
    secretary.get("/console/teams")
    assert re.search(r"红马甲服务队 环境美化 2", secretary.said)


def test_a_team_gets_a_new_leader_and_is_archived(secretary: Seat, stranger: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        other = a_member(session, now, tree, "张三")
        team = a_team(session, now, tree, a_member(session, now, tree, "王队长"), [other])
    address = f"/console/teams/{team.public_id}"
    for act in ("archive", f"members/{other.public_id}/lead"):
        stranger.get("/console")
        stranger.post(f"{address}/{act}")
        assert stranger.status == 404
    secretary.get(address)
    secretary.post(f"{address}/members/{other.public_id}/lead", back=address, once="x")
    assert "张三 ✓ 队长" in secretary.said
    assert "请王队长当队长" in secretary.said
    secretary.post(f"{address}/archive", back=address, once="y")
    assert "红马甲服务队已停用" in secretary.said
    assert address not in secretary.html
    secretary.get(address)
    assert "已停用" in secretary.said
    assert "添加队员" not in secretary.said


# Documents


@pytest.fixture
def certificate(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> Document:
    with transaction() as session:
        person = a_member(session, now, tree, "张三")
        a_record(session, now, tree, person)
    secretary.get(f"/console/members/{person.public_id}/certificate")
    secretary.post(f"/console/members/{person.public_id}/certificate", first="2026-01-01", last="2026-03-05", once="c")
    with reading() as session:
        return session.execute(select(Document)).scalar_one()


def test_a_certificate_is_printed_downloaded_and_revoked(secretary: Seat, certificate: Document, now: datetime) -> None:
    address = f"/console/documents/{certificate.public_id}"
    secretary.get(address)
    assert "正在排版" in secretary.said
    secretary.get(f"{address}/prints")
    assert "正在排版" in secretary.said
    job.render(now, document_id=certificate.id)
    assert secretary.client.get(f"{address}/prints", headers={"HX-Request": "true"}).headers["HX-Redirect"] == address
    assert secretary.client.get(f"{address}/pdf").data[:4] == b"%PDF"
    assert secretary.client.get(f"{address}/png").data[:4] == b"\x89PNG"
    assert secretary.client.get(f"{address}/exe").status_code == 404
    secretary.get("/console/documents")
    assert f"{certificate.serial} 志愿服务证明 张三" in secretary.said
    secretary.get(f"{address}/revoke")
    secretary.post(f"{address}/revoke", reason="")
    assert secretary.status == 422
    secretary.post(f"{address}/revoke", reason="姓名有误", once="r")
    assert "作废：姓名有误" in secretary.said
    secretary.post(f"{address}/revoke", reason="再来一次")
    assert secretary.status == 409


def test_documents_are_found_by_their_number_and_kind(secretary: Seat, certificate: Document) -> None:
    for query, found in (
        (f"q={certificate.serial}", True),
        ("q=ZM-1", False),
        ("kind=unit_receipt", False),
        ("kind=service_certificate", True),
    ):
        secretary.get(f"/console/documents?{query}")
        assert (certificate.public_id in secretary.html) is found, query
    assert statements(lambda: secretary.get("/console/documents")) <= 12


def test_another_community_finds_no_document(stranger: Seat, certificate: Document) -> None:
    address = f"/console/documents/{certificate.public_id}"
    for page in ("", "/prints", "/pdf", "/png", "/revoke"):
        stranger.get(address + page)
        assert stranger.status == 404, page
    stranger.get("/console")
    stranger.post(f"{address}/revoke", reason="x")
    assert stranger.status == 404


def test_one_s_own_document_is_no_way_around_the_role(app: Flask, tree: Tree, now: datetime, certificate: Document) -> None:
    street = seat_of(app, now, Role.STREET, tree.street)
    street.get(f"/console/documents/{certificate.public_id}")
    assert street.status == 403
