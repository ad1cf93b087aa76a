"""The phone's part of signing a browser in, over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from server.db.base import transaction
from server.db.models.checkins import RefusedScan
from server.domain.permissions import Role
from server.services import desk_sign_ins
from server.services.desk_sign_ins import Asked, Wish
from tests.conftest import Time
from tests.factories.desks import BROWSER, a_wish_to_sign_in, wrong
from tests.factories.people import a_person, a_tree, headers, token_of, with_role

PATH = "/api/v1/desk-sign-ins"


@pytest.fixture
def phone(client: FlaskClient, now: datetime) -> str:
    with transaction() as session:
        return token_of(session, with_role(session, now, Role.SECRETARY, a_tree(session, now).community), now)


@pytest.fixture
def wish(client: FlaskClient, now: datetime) -> Wish:
    with transaction() as session:
        return a_wish_to_sign_in(session, now)


def state(now: datetime) -> Asked:
    with transaction() as session:
        found = desk_sign_ins.of_browser(session, browser=BROWSER, now=now)
    assert found is not None
    return found.state


def test_the_phone_sees_who_asks_and_picks_the_number(client: FlaskClient, phone: str, wish: Wish, now: datetime) -> None:
    link = f"https://gongjian.example/q/{wish.token}"
    preview = client.get("/api/v1/codes/read", query_string={"tok": link}, headers=headers(phone)).json
    assert (preview["kind"], preview["kind_text"], preview["title"]) == (11, "电脑登录码", "登录管理后台")
    seen = client.post(PATH, json={"tok": link}, headers=headers(phone, "a"))
    assert seen.status_code == 200, seen.text
    assert seen.json == {
        "browser": "Windows · Edge",
        "network": "203.0.*.*",
        "asked_at": "2026-03-05T01:00:00Z",
        "expires_at": "2026-03-05T01:02:00Z",
        "numbers": wish.row.numbers,
    }
    for _ in range(2):
        assert client.post(f"{PATH}/agree", json={"tok": link, "number": wish.row.number}, headers=headers(phone)).status_code == 200
    assert state(now) is Asked.AGREED


def test_a_wrong_number_is_refused_and_stays_refused(client: FlaskClient, phone: str, wish: Wish, now: datetime) -> None:
    client.post(PATH, json={"tok": wish.token}, headers=headers(phone, "a"))
    said = client.post(f"{PATH}/agree", json={"tok": wish.token, "number": wrong(wish)}, headers=headers(phone))
    assert (said.status_code, said.json["error"]["code"]) == (422, "SIGN_IN_NUMBER")
    again = client.post(f"{PATH}/agree", json={"tok": wish.token, "number": wish.row.number}, headers=headers(phone))
    assert (again.status_code, again.json["error"]["code"]) == (409, "STALE")
    assert state(now) is Asked.REFUSED


def test_not_me(client: FlaskClient, phone: str, wish: Wish, now: datetime) -> None:
    client.post(PATH, json={"tok": wish.token}, headers=headers(phone, "a"))
    assert client.post(f"{PATH}/refuse", json={"tok": wish.token}, headers=headers(phone)).status_code == 200
    assert state(now) is Asked.REFUSED


def test_who_may_not(client: FlaskClient, phone: str, wish: Wish, now: datetime, time: Time) -> None:
    with transaction() as session:
        member = token_of(session, a_person(session, now), now)
    for path, body in ((PATH, {}), (f"{PATH}/agree", {"number": wish.row.number}), (f"{PATH}/refuse", {})):
        sent = {"tok": wish.token, **body}
        assert client.post(path, json=sent, headers={"Idempotency-Key": "k"}).status_code == 401
        assert client.post(path, json=sent, headers=headers(member, path)).status_code == 403
        assert client.post(path, json={**sent, "more": 1}, headers=headers(phone, f"{path}!")).status_code == 422
    time.advance(seconds=120)
    late = client.post(PATH, json={"tok": wish.token}, headers=headers(phone, "late"))
    assert (late.status_code, late.json["error"]["code"]) == (422, "QR_EXPIRED")


def test_forged_codes_are_in_the_ledger(client: FlaskClient, phone: str, wish: Wish) -> None:
    forged = wish.token[:-1] + ("0" if wish.token[-1] != "0" else "1")
    said = client.post(PATH, json={"tok": forged}, headers=headers(phone, "a"))
    assert said.json["error"]["code"] == "QR_FORGED"
    with transaction() as session:
        assert session.execute(select(RefusedScan.code, RefusedScan.reason)).one() == ("QR_FORGED", "mac")


def test_a_browser_that_is_not_wechat_is_told_what_it_is(client: FlaskClient, wish: Wish) -> None:
    page = client.get(f"/q/{wish.token}").get_data(as_text=True)
    assert "电脑登录码" in page
    assert "别人发来的登录码不要扫" in page
