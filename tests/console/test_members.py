"""党员 at the desk: found by whole names and phones, everything about one, and what is done for who uses no phone (R6)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from qr.tokens import Kind
from server.db.base import reading, transaction
from server.db.models.checkins import ServiceRecord
from server.db.models.codes import Code
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.registrations import Document, MemberRegistration, Transfer
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import Role
from server.domain.records import Method
from server.domain.registrations import MemberState, Source
from server.services import people
from tests.console.conftest import Seat, seat_of
from tests.console.support import HOSTILE, statements
from tests.factories.people import Tree, a_person
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit, an_entry
from tests.factories.tasks import a_task

ADDRESSES = ("", "/reports", "/phone", "/transfer", "/end", "/certificate", "/attendance")
PAPER: dict[str, Any] = {"name": "赵大爷", "phone": "", "consent": "paper", "member_type": "resident_party", "grid": ""}


@pytest.fixture
def zhang(app: Flask, tree: Tree, now: datetime) -> Person:
    """张三 of 示例水务局, registered in 示例社区, with a counted service, who agrees that his unit sees it."""
    with transaction() as session:
        person = a_member(session, now, tree, "张三", Purpose.SHARE_UNIT, unit=a_unit(session, now, tree, "示例水务局"))
        a_record(session, now, tree, person)
        return person


def at(person: Person, page: str = "") -> str:
    return f"/console/members/{person.public_id}{page}"


def test_a_member_is_found_by_his_whole_name_or_phone_only(secretary: Seat, zhang: Person) -> None:
    phone = people.phone_of(zhang)
    for word in ("张三", phone, f" {phone} "):
        secretary.get("/console/members", query_string={"q": word})
        assert at(zhang) in secretary.html, word
    for word in ("张", phone[:8], "李四"):
        secretary.get("/console/members", query_string={"q": word})
        assert at(zhang) not in secretary.html, word
        assert "没有找到" in secretary.said
    assert phone not in secretary.html


def test_the_list_is_filtered(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    for query, found in (
        ("state=closed", False),
        ("state=live", True),
        (f"grid={tree.grid.public_id}", False),
        ("phoneless=1", False),
        ("state=nonsense", True),
    ):
        secretary.get(f"/console/members?{query}")
        assert (at(zhang) in secretary.html) is found, query


def test_the_list_costs_the_same_for_many_and_pages_on(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    one = statements(lambda: secretary.get("/console/members"))
    with transaction() as session:
        unit = a_unit(session, now, tree)
        for _ in range(51):
            a_member(session, now, tree, "李四", unit=unit)
    assert statements(lambda: secretary.get("/console/members")) == one <= 12
    assert len(secretary.html.encode()) < 150_000
    further = re.search(r'href="([^"]+)" rel="next"', secretary.html)
    assert further is not None
    secretary.get(further.group(1).replace("&amp;", "&"))
    assert secretary.html.count('data-label="类别"') == 2


def test_a_member_s_page_tells_all_but_the_phone(secretary: Seat, zhang: Person) -> None:
    assert statements(lambda: secretary.get(at(zhang))) <= 12
    for word in ("张三", "示例水务局", "在职党员", "扫码", "整理楼道", "已确认", "向单位党组织报告"):
        assert word in secretary.said, word
    assert people.phone_of(zhang) not in secretary.html


def test_reading_the_phone_is_written_down(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang, "/phone"))
    assert people.phone_of(zhang) not in secretary.html
    secretary.post(at(zhang, "/phone"))
    assert people.phone_of(zhang) in secretary.html
    with reading() as session:
        (read,) = session.execute(select(Event).where(Event.action == "read_phone")).scalars()
        assert (read.subject_id, read.actor_id) == (zhang.id, secretary.person.id)


def test_of_somebody_who_left_the_number_is_read_no_more(secretary: Seat, zhang: Person) -> None:
    secretary.post(at(zhang, "/end"), reason="迁往外县", seen="")
    secretary.get(at(zhang, "/phone"))
    secretary.post(at(zhang, "/phone"))
    assert (secretary.status, people.phone_of(zhang) in secretary.html) == (404, False)


def test_the_double_report_says_who_sees_what(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang, "/reports"))
    assert "示例水务局的支部看到日期、活动、社区和分钟" in secretary.said
    assert "1幢门口" in secretary.said


def test_somebody_without_a_phone_is_registered_from_his_paper_form(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/members/new")
    secretary.post("/console/members/new", **PAPER, skills="书法、修自行车", address="示例小区3幢", once="x")
    assert "赵大爷的报到已提交，等社区接收" in secretary.said
    assert "书法、修自行车" in secretary.said
    assert "没有手机" in secretary.said
    with reading() as session:
        row = session.execute(select(MemberRegistration)).scalar_one()
        assert (row.source, row.state, row.recorded_by) == (Source.PAPER, MemberState.SUBMITTED, secretary.person.id)


def test_a_namesake_on_the_roster_is_asked_about_before_anything_is_written(secretary: Seat, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        entry = an_entry(session, now, a_unit(session, now, tree, "示例中学"), "赵大爷", "")
    secretary.get("/console/members/new")
    secretary.post("/console/members/new", **PAPER, address="示例小区3幢")
    assert "名册里有同名的人" in secretary.said
    assert "赵大爷，示例中学，在职党员" in secretary.said
    assert 'value="示例小区3幢"' in secretary.html
    with reading() as session:
        assert session.execute(select(MemberRegistration.id)).first() is None
    secretary.post("/console/members/new", **PAPER, entry=entry.public_id)
    assert "赵大爷已报到" in secretary.said
    assert "示例中学" in secretary.said


def test_a_form_with_mistakes_comes_back_as_it_was_typed(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/members/new")
    secretary.post("/console/members/new", **{**PAPER, "phone": "12", "consent": ""}, address="示例小区3幢")
    assert secretary.status == 422
    for word in ("手机号应为 11 位", "请填写这一项"):
        assert word in secretary.said
    assert 'value="示例小区3幢"' in secretary.html


def test_a_phone_that_is_another_s_is_told_in_words(secretary: Seat, zhang: Person) -> None:
    secretary.get("/console/members/new")
    secretary.post("/console/members/new", **{**PAPER, "phone": people.phone_of(zhang)})
    assert secretary.status == 409
    assert 'value="赵大爷"' in secretary.html


def test_retiring_twice_from_an_old_page_is_refused(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang))
    secretary.post(at(zhang, "/type"), to="retire", seen="1", back=at(zhang))
    assert "已转为离退休" in secretary.said
    secretary.post(at(zhang, "/type"), to="float", seen="1", back=at(zhang))
    assert "请刷新" in secretary.said
    with reading() as session:
        assert session.get_one(Person, zhang.id).member_type is MemberType.RETIRED


def test_a_registration_ends_with_a_reason(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang, "/end"))
    secretary.post(at(zhang, "/end"), reason="")
    assert secretary.status == 422
    secretary.post(at(zhang, "/end"), reason="已搬离本社区")
    assert "已结束的原因：已搬离本社区" in secretary.said


def test_a_transfer_is_asked_for_him(secretary: Seat, zhang: Person, tree: Tree) -> None:
    secretary.get(at(zhang, "/transfer"))
    secretary.post(at(zhang, "/transfer"), to=tree.neighbour.public_id, reason="moved_house", once="x")
    assert "正在转到邻近社区：等待原社区转出" in secretary.said
    with reading() as session:
        assert session.execute(select(Transfer.to_community_id)).scalar_one() == tree.neighbour.id


def test_a_receipt_and_a_certificate_are_issued(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang))
    secretary.post(at(zhang, "/receipt"), once="r")
    secretary.get(at(zhang, "/certificate"))
    secretary.post(at(zhang, "/certificate"), first="2026-01-01", last="2026-03-05", once="c")
    secretary.get(at(zhang, "/certificate"))
    secretary.post(at(zhang, "/certificate"), first="2026-03-05", last="2026-01-01")
    assert "起止日期要先后有序" in secretary.said
    with reading() as session:
        assert len(session.execute(select(Document.id)).all()) == 2


def test_presence_from_a_paper_list(secretary: Seat, zhang: Person, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        begin = {"starts_at": now + timedelta(minutes=5), "ends_at": now + timedelta(hours=2)}
        task = a_task(session, now, tree, a_person(session, now, "王组织"), **begin)
    secretary.get(at(zhang, "/attendance"))
    secretary.post(at(zhang, "/attendance"), task=task.public_id, started_at="2026-03-05T09:00", once="x")
    assert "等别人确认后计入" in secretary.said
    with reading() as session:
        row = session.execute(select(ServiceRecord).where(ServiceRecord.task_id == task.id)).scalar_one()
        assert (row.person_id, row.method, row.recorder_id) == (zhang.id, Method.PAPER, secretary.person.id)


def test_another_community_finds_nobody(stranger: Seat, zhang: Person) -> None:
    for page in ADDRESSES:
        stranger.get(at(zhang, page))
        assert stranger.status == 404, page
    for page in (*ADDRESSES[2:], "/type", "/receipt", "/card"):
        stranger.get("/console")
        stranger.post(at(zhang, page), to="retire", reason="x", first="2026-01-01", last="2026-02-01")
        assert stranger.status == 404, page
    stranger.get("/console/members?q=张三")
    assert at(zhang) not in stranger.html


def test_another_community_s_address_is_no_choice(secretary: Seat, zhang: Person, tree: Tree) -> None:
    secretary.get(f"/console/members?at={tree.neighbour.public_id}")
    assert secretary.status == 404


@pytest.mark.parametrize("name", [name for name in HOSTILE if len(name) < 40])
def test_a_hostile_name_is_only_a_name(secretary: Seat, tree: Tree, now: datetime, name: str) -> None:
    with transaction() as session:
        person = a_member(session, now, tree, "李四")
        people.set_name(session.get_one(Person, person.id), name)
    for page in ADDRESSES:
        secretary.get(at(person, page))
        assert secretary.status == 200, page
        assert "<script>alert" not in secretary.html
        assert "<b onmouseover" not in secretary.html
    secretary.get("/console/members")
    assert "<script>alert" not in secretary.html


def test_a_name_of_three_hundred_characters_is_refused_and_kept_in_the_form(secretary: Seat, tree: Tree) -> None:
    secretary.get("/console/members/new")
    secretary.post("/console/members/new", **{**PAPER, "name": HOSTILE[-1]})
    assert secretary.status == 422
    assert HOSTILE[-1] in secretary.html


def test_a_grid_worker_registers_for_his_grid(app: Flask, tree: Tree, now: datetime) -> None:
    worker = seat_of(app, now, Role.GRID_WORKER, tree.grid, "孙网格")
    worker.get("/console/members")
    assert worker.status == 403
    worker.get("/console/members/new")
    worker.post("/console/members/new", **{**PAPER, "consent": ConsentChannel.SPOKEN.value, "grid": tree.grid.public_id})
    assert "赵大爷的报到已提交" in worker.said


def test_a_card_is_printed_for_who_has_no_phone(secretary: Seat, zhang: Person) -> None:
    secretary.get(at(zhang))
    assert "印个人卡" in secretary.html
    secretary.post(at(zhang, "/card"), once="k")
    assert "卡上不写姓名，印好请当面交给张三" in secretary.said
    assert "打印：个人码" in secretary.said
    with reading() as session:
        cards = select(Code.subject_id).where(Code.kind == int(Kind.PERSON), Code.subject_kind == "person")
        assert session.execute(cards).scalars().all() == [zhang.id]
