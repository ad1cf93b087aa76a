"""我的登录: one's own sessions, password and authenticator; and that three offices are three people (docs/rules.md §6)."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from server.console import DESKS
from server.db.base import transaction
from server.domain.permissions import BASE, GRANTS, SYSTEM, Role, may
from server.domain.problems import Problem
from server.services import roles, sessions, staff
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.factories.people import Tree, token_of
from tests.factories.staff import an_authenticator, code_of, without_second_factor

PASSWORD = "Shili-2026-ok"
OFFICES = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR)


@pytest.fixture
def desk(secretary: Seat, now: datetime) -> Seat:
    """李书记 with a login, at her own page."""
    with transaction() as session:
        staff.create(session, person=secretary.person, login="lishuji", password=PASSWORD, actor=SYSTEM, now=now)
    secretary.get("/console/account")
    return secretary


def test_one_sees_where_one_is_signed_in_and_ends_it(app: Flask, desk: Seat, now: datetime, time: Time) -> None:
    with transaction() as session:
        phone = token_of(session, desk.person, now)
        elsewhere = sit_down(app, session, desk.person, now)
    desk.get("/console/account")
    assert desk.said.count("手机小程序") >= 1
    ends = re.findall(r"/console/account/sessions/\w+/end(?=\")", desk.html)
    assert len(ends) == 2
    desk.post(ends[0])
    assert "已退出那一处" in desk.said
    desk.post("/console/account/sessions/end-others")
    assert elsewhere.client.get("/console").status_code == 303
    with transaction() as session, pytest.raises(Problem, match="UNAUTHENTICATED"):
        sessions.find(session, token=phone, now=now)
    desk.get("/console/account")
    assert (desk.status, "退出其他" in desk.said) == (200, False)


def test_nobody_ends_another_s_session(desk: Seat, stranger: Seat, now: datetime) -> None:
    with transaction() as session:
        (theirs,) = sessions.open_of(session, person_id=desk.person.id, now=now)
    stranger.post(f"/console/account/sessions/{theirs.public_id}/end")
    assert stranger.status == 404
    desk.get("/console/account")
    assert desk.status == 200


def test_a_new_password(app: Flask, desk: Seat, now: datetime) -> None:
    with transaction() as session:
        elsewhere = sit_down(app, session, desk.person, now)

    def change(old: str, new: str, again: str) -> None:
        desk.get("/console/account/password")
        desk.post("/console/account/password", password=old, new_password=new, again_password=again)

    for typed, said in (
        (("wrong", "Xiangjian-2027", "Xiangjian-2027"), "现在的密码不对"),
        ((PASSWORD, "Xiangjian-2027", "Xiangjian-2028"), "不一样"),
        ((PASSWORD, "short", "short"), "至少 10 位"),
        ((PASSWORD, PASSWORD, PASSWORD), "最近用过"),
        (("", "", ""), "请填写这一项"),
    ):
        change(*typed)
        assert (desk.status, said in desk.said) == (422, True), said
        assert "Xiangjian" not in desk.html, "a password is not sent back"
    change(PASSWORD, "Xiangjian-2027", "Xiangjian-2027")
    assert (desk.status, "密码已修改" in desk.said) == (200, True)
    assert elsewhere.client.get("/console").status_code == 303


def test_guessing_the_password_here_locks_it_too(desk: Seat) -> None:
    for _ in range(5):
        desk.get("/console/account/password")
        desk.post("/console/account/password", password="wrong", new_password="Xiangjian-2027", again_password="Xiangjian-2027")
    assert "十五分钟后再试" in desk.said


def test_an_authenticator_needs_the_password_and_a_code(desk: Seat, now: datetime) -> None:
    desk.get("/console/account/authenticator")
    sealed = re.search(r'name="sealed" value="([^"]+)"', desk.html)
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', desk.html)
    assert sealed is not None
    assert secret is not None
    code = code_of(secret.group(1).replace(" ", ""), now)
    for password, typed, said in (("wrong", code, "现在的密码不对"), (PASSWORD, "000000", "验证码不对")):
        desk.post("/console/account/authenticator", sealed=sealed.group(1), password=password, code=typed)
        assert said in desk.said, said
        assert secret.group(1) in desk.html
    desk.post("/console/account/authenticator", sealed=sealed.group(1), password=PASSWORD, code=code)
    codes = re.findall(r"<li>([0-9A-Z-]{19})</li>", desk.html)
    assert len(codes) == 10
    desk.get("/console/account/recovery-codes")
    desk.post("/console/account/recovery-codes", password=PASSWORD)
    fresh = re.findall(r"<li>([0-9A-Z-]{19})</li>", desk.html)
    assert len(set(fresh) - set(codes)) == 10


def test_who_has_no_login_has_neither_password_nor_authenticator(secretary: Seat) -> None:
    secretary.get("/console/account")
    assert "微信扫码登录" in secretary.said
    for page in ("password", "authenticator", "recovery-codes"):
        secretary.get(f"/console/account/{page}")
        assert secretary.status == 404


def test_no_recovery_codes_without_an_authenticator(desk: Seat) -> None:
    desk.get("/console/account/recovery-codes")
    assert desk.status == 404


def test_working_keeps_one_signed_in_and_eight_hours_end_it(desk: Seat, time: Time) -> None:
    for _ in range(34):
        time.advance(minutes=14)
        assert desk.client.get("/console/account").status_code == 200
    time.advance(minutes=4)
    assert desk.client.get("/console/account").status_code == 303


def test_fifteen_idle_minutes_end_it(desk: Seat, time: Time) -> None:
    time.advance(minutes=15)
    assert desk.client.get("/console/account").status_code == 303


def test_being_there_is_written_once_a_minute(desk: Seat, time: Time, database: Engine) -> None:
    said: list[str] = []
    event.listen(database, "before_cursor_execute", lambda _c, _k, text, *_: said.append(text))
    for seconds in (0, 59, 1, 30, 31):
        time.advance(seconds=seconds)
        desk.get("/console/account")
    assert len([text for text in said if text.startswith("UPDATE login_session")]) == 2


# --- three offices, three people


def test_three_offices_are_three_people_and_share_no_power() -> None:
    held = [GRANTS[role] - BASE for role in OFFICES]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]


@pytest.mark.parametrize("role", OFFICES)
def test_an_office_opens_its_own_pages_and_no_other(app: Flask, tree: Tree, now: datetime, role: Role) -> None:
    seat = seat_of(app, now, role, tree.county, "张三")
    with transaction() as session:
        actor = sessions.find(session, token=seat.client.get_cookie("gj_desk", path="/console").value, now=now)  # type: ignore[union-attr]
    assert seat.status == 200
    for spot in (spot for one in DESKS for spot in one.spots if spot.kind == "page" and "<" not in spot.rule):
        answer = seat.client.get(f"/console{spot.rule}")
        assert (answer.status_code == 403) is not may(actor, spot.permission), spot.rule


@pytest.mark.parametrize("first", OFFICES)
@pytest.mark.parametrize("second", OFFICES)
def test_one_person_never_holds_two_of_them(tree: Tree, now: datetime, first: Role, second: Role) -> None:
    from tests.factories.people import with_role

    with transaction() as session:
        person = with_role(session, now, first, tree.county)
    if first is second:
        return
    with pytest.raises(Problem, match="ROLE_SPLIT"), transaction() as session:
        roles.grant(session, person=person, role=second, node=tree.county, actor=SYSTEM, now=now)


def test_signing_in_with_an_authenticator_shows_on_the_page(desk: Seat, now: datetime) -> None:
    with transaction() as session:
        without_second_factor(session, now)
        an_authenticator(session, now, "lishuji")
    desk.get("/console/account")
    assert "还有 10 个没用" in desk.said
