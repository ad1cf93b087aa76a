"""我的登录: one's own sessions, password and authenticator; and that three offices are three people (docs/rules.md §6)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from server.console import DESKS
from server.db.base import transaction
from server.db.models.people import StaffLogin
from server.domain.permissions import BASE, GRANTS, SYSTEM, Role, may
from server.domain.problems import Problem
from server.services import roles, second_factors, sessions, staff
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.factories.people import Tree, token_of
from tests.factories.staff import an_authenticator, code_of, its_own_account, without_second_factor

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


# --- a login of one's own making


@pytest.fixture
def by_phone(secretary: Seat, now: datetime) -> Seat:
    """李书记 with a WeChat account, who has just signed in."""
    with transaction() as session:
        its_own_account(session, now, secretary.person)
    secretary.get("/console/account")
    return secretary


def own(seat: Seat, new: str = PASSWORD, again: str = "", **fields: str) -> None:
    seat.get("/console/account/login")
    seat.post("/console/account/login", new_password=new, again_password=again or new, **fields)


def settled(login: str, password: str, now: datetime) -> str | None:
    with transaction() as session:
        found = staff.find(session, login)
        return staff.settle(session, login=login, found=found, matched=staff.matches(found, password), now=now)


def test_who_signs_in_by_phone_makes_a_login_of_his_own(app: Flask, by_phone: Seat, now: datetime) -> None:
    with transaction() as session:
        elsewhere = sit_down(app, session, by_phone.person, now)
    assert "开一个登录名" in by_phone.said
    for fields, said in (
        ({"login": "不行"}, "登录名请用"),
        ({"login": "lishuji", "new": "short"}, "至少 10 位"),
        ({"login": "lishuji", "again": "Shili-2026-no"}, "不一样"),
        ({"login": ""}, "请填写这一项"),
    ):
        own(by_phone, **fields)
        assert (by_phone.status, said in by_phone.said) == (422, True), said
        assert PASSWORD not in by_phone.html
    own(by_phone, login="Lishuji")
    assert "已设好" in by_phone.said
    assert settled("lishuji", PASSWORD, now) is None
    assert elsewhere.client.get("/console").status_code == 303
    by_phone.get("/console/account")
    assert ("lishuji" in by_phone.said, by_phone.status) == (True, 200)


def test_who_forgot_his_password_sets_another_and_is_let_in_again(by_phone: Seat, now: datetime) -> None:
    own(by_phone, login="lishuji")
    with transaction() as session:
        an_authenticator(session, now, "lishuji")
    for _ in range(5):
        settled("lishuji", "wrong", now)
    by_phone.get("/console/account")
    assert "忘记了密码" in by_phone.said
    own(by_phone)
    assert "最近用过" in by_phone.said
    own(by_phone, "Xiangjian-2027")
    assert settled("lishuji", "Xiangjian-2027", now) is None, "the lock is lifted"
    with transaction() as session:
        found = staff.find(session, "lishuji")
        assert found is not None
        assert (found.totp_secret, found.password_set_at) == (None, now)


def test_a_desk_that_its_owner_left_makes_no_login(by_phone: Seat, time: Time) -> None:
    by_phone.get("/console/account/login")
    time.advance(minutes=10)
    by_phone.post("/console/account/login", login="lishuji", new_password=PASSWORD, again_password=PASSWORD)
    assert (by_phone.status, "重新扫码登录" in by_phone.said) == (422, True)
    by_phone.get("/console/account/login")
    assert ("请退出后用微信重新扫码" in by_phone.said, "new_password" in by_phone.html) == (True, False)
    assert settled("lishuji", PASSWORD, time.now) == "LOGIN_FAILED"
    by_phone.post("/console/sign-out")
    assert by_phone.client.get("/console").status_code == 303


def test_another_s_name_is_not_taken(by_phone: Seat, stranger: Seat, now: datetime) -> None:
    with transaction() as session:
        staff.create(session, person=stranger.person, login="lishuji", password="Linju-2026-ok", actor=SYSTEM, now=now)
    own(by_phone, login="lishuji")
    assert (by_phone.status, "已被使用" in by_phone.said) == (409, True)
    assert settled("lishuji", "Linju-2026-ok", now) is None


def test_without_a_phone_of_one_s_own_whoever_appoints_makes_it(desk: Seat) -> None:
    desk.get("/console/account/login")
    assert desk.status == 404
    desk.get("/console/account")
    desk.post("/console/account/login", new_password="Xiangjian-2027", again_password="Xiangjian-2027")
    assert desk.status == 404


def test_who_has_no_login_has_neither_password_nor_authenticator(secretary: Seat) -> None:
    secretary.get("/console/account")
    assert "微信扫码登录" in secretary.said
    for page in ("password", "authenticator", "recovery-codes"):
        secretary.get(f"/console/account/{page}")
        assert secretary.status == 404


@pytest.mark.parametrize("page", ["authenticator", "recovery-codes"])
def test_a_login_that_was_reset_meanwhile_gets_nothing_of_who_was_on_the_page(
    desk: Seat, now: datetime, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sat there with the old password would have the new one's authenticator."""
    with transaction() as session:
        an_authenticator(session, now, "lishuji")
    desk.get(f"/console/account/{page}")
    sealed = re.search(r'name="sealed" value="([^"]+)"', desk.html)
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', desk.html)
    typed = {"sealed": sealed.group(1), "code": code_of(secret.group(1).replace(" ", ""), now)} if sealed and secret else {}
    settle = staff.settle

    def meanwhile(session: Session, **said: Any) -> str | None:
        refused = settle(session, **said)
        staff.reset(session, found=of_hers(session), actor=SYSTEM, now=now)
        return refused

    monkeypatch.setattr(staff, "settle", meanwhile)
    desk.post(f"/console/account/{page}", password=PASSWORD, **typed)
    assert not re.findall(r"<li>([0-9A-Z-]{19})</li>", desk.html)
    with transaction() as session:
        assert (of_hers(session).totp_since, second_factors.codes_left(session, of_hers(session))) == (None, 0)


def of_hers(session: Session) -> StaffLogin:
    found = staff.find(session, "lishuji")
    assert found is not None
    return found


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
