"""Signing in at a desk without eyes: by code and phone, by password with an authenticator; what each step refuses (docs/rules.md §6)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from server import clock, limits
from server.console import visitors
from server.db.base import transaction
from server.db.models.people import LoginSession, Person, StaffLogin
from server.domain.permissions import SYSTEM, Role
from server.services import desk_sign_ins, staff
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, headers, token_of, with_role
from tests.factories.staff import an_authenticator, code_of, without_second_factor

PASSWORD = "Shili-2026-ok"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0"


@pytest.fixture
def person(tree: Tree, now: datetime) -> Person:
    """李书记 with a login of her own password."""
    with transaction() as session:
        made = with_role(session, now, Role.SECRETARY, tree.community)
        staff.create(session, person=made, login="lishuji", password=PASSWORD, actor=SYSTEM, now=now)
    return made


@pytest.fixture
def desk(app: Flask, person: Person) -> Seat:
    """A browser at the sign-in page."""
    seat = Seat(app.test_client(), person)
    seat.client.environ_base["HTTP_USER_AGENT"] = EDGE
    seat.get("/console/sign-in")
    return seat


def hidden(seat: Seat, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', seat.html)
    assert found is not None, seat.said
    return found.group(1)


def by_password(seat: Seat, password: str = PASSWORD, **more: Any) -> None:
    seat.post("/console/sign-in", login="lishuji", password=password, **more)


def step(seat: Seat, name: str, **fields: Any) -> None:
    """Send the form of this step with what it carries."""
    carried = {key: hidden(seat, key) for key in ("step", "sealed", "draft") if f'name="{key}"' in seat.html}
    seat.post(f"/console/sign-in/{name}", **{**carried, **fields})


def inside(seat: Seat) -> bool:
    return "退出登录" in seat.html


# --- by code and phone


def shows_code(seat: Seat, **options: Any) -> tuple[str, int]:
    """Ask for a code as the page's script does: (the token in the picture, the number)."""
    csrf = hidden(seat, "csrf")
    answer = seat.client.post("/console/sign-in/code", headers={"HX-Request": "true", "X-CSRF": csrf}, **options)
    html = answer.get_data(as_text=True)
    number = re.search(r'class="match">(\d\d)<', html)
    assert number is not None, html
    with transaction() as session:
        wish = desk_sign_ins.of_browser(session, browser=cookie(seat), now=clock.now())
    assert wish is not None
    return wish.token, int(number.group(1))


def cookie(seat: Seat) -> str:
    found = seat.client.get_cookie(visitors.BROWSER, path="/console")
    assert found is not None
    return found.value


@pytest.fixture
def phone(client: FlaskClient, person: Person, now: datetime) -> FlaskClient:
    """Her phone, signed in."""
    with transaction() as session:
        client.environ_base["HTTP_AUTHORIZATION"] = headers(token_of(session, person, now))["Authorization"]
    return client


def scan(phone: FlaskClient, token: str, number: int | None = None) -> int:
    """Read the code and pick the number; the status of the last answer."""
    read = phone.post("/api/v1/desk-sign-ins", json={"tok": token}, headers={"Idempotency-Key": token})
    if number is None or read.status_code != 200:
        return int(read.status_code)
    seen: Any = read.json
    assert number in seen["numbers"]
    assert (seen["browser"], seen["network"]) == ("Windows · Edge", "本机")
    return int(phone.post("/api/v1/desk-sign-ins/agree", json={"tok": token, "number": number}).status_code)


def polled(seat: Seat, was: str = "") -> tuple[int, str]:
    answer = seat.client.get(f"/console/sign-in/code?shown={was}&times=0", headers={"HX-Request": "true"})
    return answer.status_code, answer.get_data(as_text=True)


def test_a_phone_signs_the_browser_in(desk: Seat, phone: FlaskClient, now: datetime) -> None:
    token, number = shows_code(desk)
    status, html = polled(desk)
    shown = re.search(r"shown=([\w.]+)&", html)
    assert (status, shown is not None) == (200, True)
    assert shown is not None
    assert polled(desk, shown.group(1))[0] == 204
    scan(phone, token)
    assert "已扫码" in polled(desk, shown.group(1))[1]
    assert scan(phone, token, number) == 200
    assert "data-go" in polled(desk)[1]
    desk.post("/console/sign-in/scanned", back="/console?from=there")
    assert inside(desk)
    with transaction() as session:
        row = session.execute(select(LoginSession).where(LoginSession.channel == "staff")).scalar_one()
    assert row.browser == "Windows · Edge"


def test_it_works_without_a_script(desk: Seat, phone: FlaskClient) -> None:
    desk.post("/console/sign-in/code")
    assert "<html" in desk.html
    number = re.search(r'class="match">(\d\d)<', desk.html)
    assert number is not None
    desk.post("/console/sign-in/scanned")
    assert (desk.status, "手机上还没有确认" in desk.said) == (409, True)
    with transaction() as session:
        wish = desk_sign_ins.of_browser(session, browser=cookie(desk), now=clock.now())
    assert wish is not None
    assert scan(phone, wish.token, int(number.group(1))) == 200
    desk.post("/console/sign-in/scanned")
    assert inside(desk)


def test_the_code_of_one_browser_lets_no_other_in(app: Flask, desk: Seat, phone: FlaskClient, person: Person) -> None:
    """Phishing: a stranger's page shows the code that the secretary's phone agreed to."""
    stranger = Seat(app.test_client(), person)
    stranger.get("/console/sign-in")
    shows_code(stranger)
    token, number = shows_code(desk)
    assert scan(phone, token, number) == 200
    stranger.post("/console/sign-in/scanned")
    assert (stranger.status, inside(stranger)) == (409, False)
    nobody = Seat(app.test_client(), person)
    nobody.get("/console/sign-in")
    nobody.post("/console/sign-in/scanned")
    assert (nobody.status, inside(nobody)) == (422, False)
    desk.post("/console/sign-in/scanned")
    assert inside(desk)


def test_a_wrong_number_kills_the_code(desk: Seat, phone: FlaskClient) -> None:
    token, number = shows_code(desk)
    scan(phone, token)
    with transaction() as session:
        wish = desk_sign_ins.of_browser(session, browser=cookie(desk), now=clock.now())
    assert wish is not None
    other = next(one for one in wish.row.numbers if one != number)
    assert phone.post("/api/v1/desk-sign-ins/agree", json={"tok": token, "number": other}).status_code == 422
    assert "没有同意" in polled(desk)[1]
    desk.post("/console/sign-in/scanned")
    assert (desk.status, inside(desk)) == (409, False)


def test_an_open_page_asks_anew_five_times_and_then_waits_for_somebody(desk: Seat, time: Time) -> None:
    times = "0"
    for _ in range(5):
        shows_code(desk, query_string={"times": times})
        time.advance(seconds=121)
        answer = desk.client.get(f"/console/sign-in/code?times={times}", headers={"HX-Request": "true"}).get_data(as_text=True)
        found = re.search(r'hx-post="/console/sign-in/code\?times=(\d+)"', answer)
        times = found.group(1) if found else ""
    assert times == "5"
    shows_code(desk, query_string={"times": times})
    time.advance(seconds=121)
    last = desk.client.get(f"/console/sign-in/code?times={times}", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "hx-" not in last
    assert "换一个码" in last


def test_a_page_of_another_site_asks_for_no_code(app: Flask, person: Person) -> None:
    seat = Seat(app.test_client(), person)
    seat.get("/console/sign-in")
    seat.post("/console/sign-in/code", token=False)
    assert (seat.status, "match" in seat.html) == (409, False)
    seat.get("/console/sign-in")
    seat.post("/console/sign-in/scanned", token=False)
    assert (seat.status, inside(seat)) == (409, False)


# --- by password


def test_the_authenticator_s_code_after_the_password(desk: Seat, now: datetime) -> None:
    with transaction() as session:
        secret, codes = an_authenticator(session, now, "lishuji")
    by_password(desk)
    assert (desk.status, inside(desk), "六位数字" in desk.said) == (200, False, True)
    assert desk.client.get("/console").status_code == 303, "nobody is signed in by a password alone"
    step(desk, "second", code="000000")
    assert (desk.status, "验证码不对" in desk.said) == (401, True)
    step(desk, "second", code=code_of(secret, now))
    assert inside(desk)
    desk.post("/console/sign-out")
    by_password(desk)
    step(desk, "second", code=code_of(secret, now))
    assert (desk.status, inside(desk)) == (401, False), "a code is accepted once"
    step(desk, "second", code=codes[0])
    assert inside(desk)


def test_codes_are_guessed_five_times_at_most(desk: Seat, now: datetime) -> None:
    with transaction() as session:
        an_authenticator(session, now, "lishuji")
    by_password(desk)
    for _ in range(4):
        step(desk, "second", code="000000")
        assert desk.status == 401
        by_password(desk)  # a right password forgets nothing
    step(desk, "second", code="000000")
    assert (desk.status, "十五分钟后再试" in desk.said) == (429, True)
    by_password(desk)
    assert desk.status == 429


def test_he_who_has_no_authenticator_is_led_to_one(desk: Seat, now: datetime) -> None:
    by_password(desk)
    assert "绑定验证器" in desk.said
    assert desk.client.get("/console/members").status_code == 303
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', desk.html)
    assert secret is not None
    plain = secret.group(1).replace(" ", "")
    step(desk, "enrol", code="000000")
    assert (desk.status, secret.group(1) in desk.html) == (401, True), "the same secret again"
    step(desk, "enrol", code=pyotp.TOTP(plain).at(now))
    codes = re.findall(r"<li>([0-9A-Z-]{19})</li>", desk.html)
    assert len(codes) == 10
    desk.get("/console")
    assert inside(desk)
    desk.post("/console/sign-out")
    by_password(desk)
    step(desk, "second", code=codes[9])
    assert inside(desk)


def test_of_two_who_enrol_at_once_the_first_has_the_authenticator(desk: Seat, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who know the password are at this step; the slower one does not replace what the quicker one just made."""
    by_password(desk)
    secret = re.search(r'class="secret">([A-Z2-7 ]+)<', desk.html)
    assert secret is not None
    still = staff.still

    def meanwhile(session: Session, found: StaffLogin) -> StaffLogin:
        an_authenticator(session, now, "lishuji")
        return still(session, found)

    monkeypatch.setattr(staff, "still", meanwhile)
    step(desk, "enrol", code=pyotp.TOTP(secret.group(1).replace(" ", "")).at(now))
    assert (desk.status, re.findall(r"<li>([0-9A-Z-]{19})</li>", desk.html)) == (409, [])
    monkeypatch.undo()
    assert not inside(desk)


def test_a_password_from_somebody_else_is_replaced_first(desk: Seat, now: datetime, person: Person) -> None:
    with transaction() as session:
        without_second_factor(session, now)
        found = staff.find(session, "lishuji")
        assert found is not None
        given = staff.reset(session, found=found, actor=SYSTEM, now=now)
    by_password(desk, given)
    assert "设置自己的密码" in desk.said
    for new, again, said in ((given, given, "最近用过"), (PASSWORD, PASSWORD, "最近用过"), ("short", "short", "至少 10 位"),
                             ("Xiangjian-2027", "Xiangjian-2028", "不一样")):  # fmt: skip
        step(desk, "renew", new=new, again=again)
        assert (desk.status, said in desk.said) == (422, True), said
    step(desk, "renew", new="Xiangjian-2027", again="Xiangjian-2027")
    assert inside(desk)


def test_after_ninety_days_too(app: Flask, person: Person, now: datetime, time: Time) -> None:
    with transaction() as session:
        without_second_factor(session, now)
    time.advance(days=90)
    seat = Seat(app.test_client(), person)
    seat.get("/console/sign-in")
    by_password(seat)
    assert "九十天" in seat.said


def test_no_step_is_jumped_over(desk: Seat, app: Flask, now: datetime, person: Person) -> None:
    """The code comes before a new password; another browser, ten minutes, a changed password make the step void."""
    with transaction() as session:
        an_authenticator(session, now, "lishuji")
    by_password(desk)
    held = hidden(desk, "step")
    tries: list[tuple[str, dict[str, Any]]] = [
        ("renew", {"new": "Xiangjian-2027", "again": "Xiangjian-2027"}),
        ("enrol", {"code": "000000"}),
    ]
    for name, fields in tries:
        desk.post(f"/console/sign-in/{name}", step=held, **fields)
        assert (desk.status, "停留太久" in desk.said) == (409, True)
    thief = Seat(app.test_client(), person)
    thief.get("/console/sign-in")
    thief.post("/console/sign-in/second", step=held, code="000000")
    assert thief.status == 409
    with transaction() as session:
        found = staff.find(session, "lishuji")
        assert found is not None
        staff.reset(session, found=found, actor=SYSTEM, now=now)
    desk.post("/console/sign-in/second", step=held, code="000000")
    assert desk.status == 409


@pytest.mark.parametrize("hostile", ['"><script>alert(1)</script>', "\u202eevil", "x" * 300, "=cmd()"])
def test_hostile_logins_stay_text(desk: Seat, hostile: str) -> None:
    desk.post("/console/sign-in", login=hostile, password=hostile)
    assert desk.status == 401
    assert "<script>alert" not in desk.html


def tries(seat: Seat, login: str, times: int) -> list[tuple[int, str]]:
    """What is answered to wrong passwords: status, and the page without what differs at every opening."""
    told = []
    for _ in range(times):
        seat.post("/console/sign-in", login=login, password="Wrong-2026-pw")
        told.append((seat.status, re.sub(login, "LOGIN", re.sub(r'value="[^"]*"', "", seat.html))))
    return told


def test_the_page_does_not_tell_which_logins_exist(desk: Seat) -> None:
    known, unknown = tries(desk, "lishuji", 7), tries(desk, "wushuji", 7)
    assert known == unknown
    assert [status for status, _ in known] == [401] * 4 + [429] * 3


def test_strangers_lock_nobody_out_of_her_own_browser(app: Flask, desk: Seat, person: Person, now: datetime) -> None:
    with transaction() as session:
        without_second_factor(session, now)
    by_password(desk)
    assert inside(desk)
    kept = desk.client.get_cookie(visitors.KNOWN, path="/console")
    assert kept is not None
    assert (kept.http_only, kept.max_age, kept.same_site) == (True, 180 * 86400, "Lax")
    desk.post("/console/sign-out")
    anybody = Seat(app.test_client(), person)
    anybody.get("/console/sign-in")
    assert tries(anybody, "lishuji", 5)[-1][0] == 429
    by_password(anybody)
    assert (anybody.status, "请用微信扫码登录" in anybody.said) == (429, True)
    assert anybody.client.get_cookie(visitors.KNOWN, path="/console") is None
    by_password(desk)
    assert inside(desk)
    again = desk.client.get_cookie(visitors.KNOWN, path="/console")
    assert again is not None
    assert again.value == kept.value, "the other logins of this browser stay known, too"


def test_a_password_without_its_code_makes_no_browser_known(desk: Seat, now: datetime) -> None:
    """Else who knows the password guesses codes in one new browser after the other."""
    with transaction() as session:
        secret, _ = an_authenticator(session, now, "lishuji")
    by_password(desk)
    assert desk.client.get_cookie(visitors.KNOWN, path="/console") is None
    step(desk, "second", code=code_of(secret, now))
    assert desk.client.get_cookie(visitors.KNOWN, path="/console") is not None


def test_the_phone_opens_the_desk_of_a_locked_login(desk: Seat, phone: FlaskClient) -> None:
    tries(desk, "lishuji", 5)
    token, number = shows_code(desk)
    assert scan(phone, token, number) == 200
    desk.post("/console/sign-in/scanned")
    assert inside(desk)


# --- what was typed when the session had ended


def test_what_was_typed_survives_the_steps(app: Flask, desk: Seat, now: datetime, time: Time, tree: Tree) -> None:
    seat = seat_of(app, now, Role.SECRETARY, tree.community, "王书记")
    with transaction() as session:
        staff.create(session, person=seat.person, login="wangshuji", password=PASSWORD, actor=SYSTEM, now=now)
        secret, _ = an_authenticator(session, now, "wangshuji")
    time.advance(minutes=16)
    seat.post("/console/account/authenticator", code="123456", password="Secret-of-hers-1")
    assert (seat.status, "还在" in seat.said) == (401, True)
    seat.post("/console/sign-in", login="wangshuji", password=PASSWORD, draft=hidden(seat, "draft"))
    step(seat, "second", code=code_of(secret, time.now))
    assert "您填写的内容还在" in seat.said
    assert 'name="code" value="123456"' in seat.html
    assert "Secret-of-hers" not in seat.html, "a password is not kept"


def test_nobody_else_is_offered_it(app: Flask, desk: Seat, now: datetime, time: Time, tree: Tree) -> None:
    with transaction() as session:
        without_second_factor(session, now)
    seat = seat_of(app, now, Role.SECRETARY, tree.community, "王书记")
    time.advance(minutes=16)
    seat.post("/console/account/sessions/end-others", note="秘密")
    draft = hidden(seat, "draft")
    assert draft
    desk.post("/console/sign-in", login="lishuji", password=PASSWORD, draft=draft)
    assert inside(desk)
    assert "秘密" not in desk.html


def test_a_piece_of_a_page_leads_to_the_sign_in_page_and_back_to_the_page(app: Flask, now: datetime, time: Time, tree: Tree) -> None:
    seat = seat_of(app, now, Role.SECRETARY, tree.community)
    time.advance(minutes=16)
    script = {"HX-Request": "true", "HX-Current-URL": "http://localhost/console/members?after=7"}
    asked = seat.client.get("/console", headers=script)
    assert (asked.status_code, asked.headers["HX-Redirect"]) == (204, "/console/sign-in?back=/console/members%3Fafter%3D7")
    evil = seat.client.get("/console", headers={**script, "HX-Current-URL": "http://evil.example//x"})
    assert evil.headers["HX-Redirect"] == "/console/sign-in?back=/console"
    sent = seat.client.post("/console/account/sessions/end-others", data={"note": "x"}, headers=script)
    assert (sent.status_code, sent.headers["HX-Retarget"]) == (200, "body")
    assert "您刚才填写的内容还在" in sent.get_data(as_text=True)


def test_passwords_are_not_tried_without_end_from_one_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_counts", {})
    monkeypatch.setattr(limits, "SIGN_INS_PER_ADDRESS", 2)
    client = app.test_client()
    assert [client.post("/console/sign-in", data={"login": "x", "password": "y"}).status_code for _ in range(3)][-1] == 429


def test_what_one_person_was_told_is_not_told_to_the_next(secretary: Seat) -> None:
    with secretary.client.session_transaction() as kept:
        kept["_flashes"] = [("done", "张三已加入")]
    secretary.post("/console/sign-out")
    assert "张三已加入" not in secretary.said
