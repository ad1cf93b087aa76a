"""The edge of the console: who gets in, what a forged, late or doubled form does, and that nothing typed is lost."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select

from server.console import DESKS, visitors
from server.db.base import transaction
from server.db.models.people import LoginSession
from server.domain.permissions import SYSTEM, Role
from server.services import staff
from tests.conftest import Time
from tests.console.conftest import Seat, seat_of, sit_down
from tests.factories.people import Tree, a_person, with_role
from tests.factories.staff import without_second_factor

PASSWORD = "Shili-2026-ok"
SPOTS = [spot for desk in DESKS for spot in desk.spots]


def test_without_a_session_one_is_asked_to_sign_in_and_comes_back(app: Flask) -> None:
    answer = app.test_client().get("/console?x=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/console/sign-in?back=/console%3Fx%3D1"


def test_every_page_asks_for_a_session(app: Flask) -> None:
    calls = [("/console" + re.sub(r"<[^>]+>", "x", spot.rule), method) for spot in SPOTS for method in spot.methods]
    let_in = [
        (path, method)
        for path, method in calls
        if app.test_client().open(path, method=method).status_code != (303 if method == "GET" else 401)
    ]
    assert calls
    assert let_in == []


def test_who_holds_no_role_is_not_staff(app: Flask, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        seat = sit_down(app, session, a_person(session, now), now)
    seat.get("/console")
    assert seat.status == 403


def test_a_phone_s_token_does_not_open_the_console(app: Flask, tree: Tree, now: datetime) -> None:
    from tests.factories.people import token_of

    client = app.test_client()
    with transaction() as session:
        client.set_cookie(visitors.COOKIE, token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now), path="/console")
    assert client.get("/console").status_code == 303


def test_name_and_password_open_it(app: Flask, tree: Tree, now: datetime) -> None:
    with transaction() as session:
        without_second_factor(session, now)
        person = with_role(session, now, Role.SECRETARY, tree.community)
        staff.create(session, person=person, login="lishuji", password=PASSWORD, actor=SYSTEM, now=now)
    seat = Seat(app.test_client(), person)
    seat.get("/console")
    assert "登录" in seat.said
    seat.post("/console/sign-in", login="lishuji", password="wrong-Password-1", back="/console")
    assert seat.status == 401
    assert "登录名或密码不对" in seat.said
    seat.post("/console/sign-in", login="lishuji", password=PASSWORD, back="/console")
    assert (seat.status, "李书记" in seat.said) == (200, True)
    cookie = seat.client.get_cookie(visitors.COOKIE, path="/console")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_signing_out_ends_the_session(app: Flask, secretary: Seat) -> None:
    secretary.post("/console/sign-out")
    with transaction() as session:
        assert session.execute(select(LoginSession.revoked_at)).scalar_one() is not None
    secretary.get("/console")
    assert "登录" in secretary.said


def test_a_form_of_another_site_signs_nobody_out(secretary: Seat) -> None:
    secretary.post("/console/sign-out", token=False)
    secretary.get("/console")
    assert "李书记" in secretary.said


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/console//evil.example", "/console\\@evil", "javascript:alert(1)"]
)
def test_no_page_sends_people_to_another_site(secretary: Seat, back: str) -> None:
    answer = secretary.post("/console/look", follow=False, theme="dark", back=back)
    assert answer.headers["Location"] == "/console"


def test_the_look_is_kept(secretary: Seat) -> None:
    secretary.post("/console/look", theme="dark", print="large", back="/console")
    assert 'data-theme="dark" data-print="large"' in secretary.html


def test_a_page_that_is_not_there_says_so_in_words(secretary: Seat) -> None:
    secretary.get("/console/no/such/page")
    assert (secretary.status, "没有找到" in secretary.said) == (404, True)


def test_a_page_allows_no_script_of_others(secretary: Seat) -> None:
    policy = secretary.get("/console").headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in secretary.html
    assert not re.search(r"\son\w+=|\sstyle=", secretary.html)


def test_a_session_that_has_ended_leads_to_sign_in(app: Flask, tree: Tree, now: datetime, time: Time) -> None:
    seat = seat_of(app, now, Role.SECRETARY, tree.community)
    time.advance(hours=9)
    assert seat.client.get("/console").status_code == 303
