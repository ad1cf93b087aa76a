"""Staff signing in over HTTP."""

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from server import limits
from server.db.base import transaction
from server.domain.permissions import SYSTEM, Role
from server.services import sessions, staff
from tests.conftest import Time
from tests.factories.people import a_tree, headers, token_of, with_role
from tests.factories.staff import an_authenticator, code_of, without_second_factor

GOOD = "Minsheng-2026"


def county_login(now: datetime, *, second: bool = False) -> None:
    """county-01 with the password GOOD; the second factor is off unless asked for."""
    with transaction() as session:
        if not second:
            without_second_factor(session, now)
        person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
        staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)


def sign_in(client: FlaskClient, password: str, login: str = "county-01", **more: str) -> tuple[int, dict[str, str]]:
    answer = client.post("/api/v1/staff-sessions", json={"login": login, "password": password, **more})
    return answer.status_code, answer.json if answer.status_code == 201 else answer.json["error"]


def test_a_token_for_eight_hours(client: FlaskClient, now: datetime) -> None:
    county_login(now)
    status, made = sign_in(client, GOOD)
    assert (status, made["expires_at"]) == (201, "2026-03-05T09:00:00Z")
    assert client.get("/api/v1/role-grants", headers=headers(made["token"])).status_code == 200


def test_failures_are_counted_although_they_are_refused(client: FlaskClient, now: datetime, time: Time) -> None:
    county_login(now)
    told = [sign_in(client, "wrong")[1]["code"] for _ in range(5)]
    assert told == ["LOGIN_FAILED"] * 4 + ["LOGIN_LOCKED"]
    assert sign_in(client, GOOD)[0] == 429
    time.advance(minutes=15)
    assert sign_in(client, GOOD)[0] == 201
    assert sign_in(client, GOOD, "nobody")[1]["code"] == "LOGIN_FAILED"


def test_the_answers_do_not_tell_which_logins_exist(client: FlaskClient, now: datetime) -> None:
    county_login(now)
    told = [[sign_in(client, "wrong", login) for _ in range(7)] for login in ("county-01", "county-02")]
    for answers in told:
        for _, error in answers:
            error.pop("request_id", None)
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == [401] * 4 + [429] * 3


def test_passwords_are_not_tried_without_end_from_one_address(client: FlaskClient, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it sprays one password over many names, and fills the table of what was tried."""
    monkeypatch.setattr(limits, "SIGN_INS_PER_ADDRESS", 2)
    told = [sign_in(client, "wrong", f"nobody-{number}")[1]["code"] for number in range(3)]
    assert told == ["LOGIN_FAILED", "LOGIN_FAILED", "TOO_MANY_REQUESTS"]


def test_a_secretary_opens_a_login_for_her_clerk(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
        without_second_factor(session, now)
        tree = a_tree(session, now)
        clerk = with_role(session, now, Role.CLERK, tree.community, "王文员")
        above = with_role(session, now, Role.COUNTY, tree.county, "县干部")
        token = token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
        plain = token_of(session, clerk, now)
    body = {"person": clerk.public_id, "login": "Clerk-01"}
    assert client.post("/api/v1/staff-logins", json=body, headers={"Idempotency-Key": "k"}).status_code == 401
    assert client.post("/api/v1/staff-logins", json=body, headers=headers(plain, "a")).status_code == 403
    made = client.post("/api/v1/staff-logins", json=body, headers=headers(token, "a"))
    assert (made.status_code, made.json["login"]) == (201, "clerk-01")
    assert client.post("/api/v1/staff-logins", json=body, headers=headers(token, "a")).json == made.json
    assert client.post("/api/v1/staff-logins", json=body, headers=headers(token, "b")).json["error"]["code"] == "LOGIN_TAKEN"
    reach = client.post("/api/v1/staff-logins", json={"person": above.public_id, "login": "grab"}, headers=headers(token, "c"))
    assert reach.status_code == 404
    status, refused = sign_in(client, made.json["password"], "clerk-01")
    assert (status, refused["code"]) == (403, "PASSWORD_OLD")
    assert sign_in(client, made.json["password"], "clerk-01", new="weak")[1]["code"] == "PASSWORD_WEAK"
    assert sign_in(client, made.json["password"], "clerk-01", new=made.json["password"])[1]["code"] == "PASSWORD_USED"
    assert sign_in(client, made.json["password"], "clerk-01", new=GOOD)[0] == 201
    assert sign_in(client, GOOD, "clerk-01")[0] == 201
    again = client.post("/api/v1/staff-logins/reset", json={"login": "clerk-01"}, headers=headers(token, "d")).json
    assert sign_in(client, GOOD, "clerk-01")[0] == 401
    assert sign_in(client, again["password"], "clerk-01", new="Wenyuan-2026")[0] == 201


def test_changing_one_s_own_password(client: FlaskClient, now: datetime) -> None:
    county_login(now)
    token = sign_in(client, GOOD)[1]["token"]

    def change(old: str, new: str) -> int:
        return client.put("/api/v1/staff-logins/password", json={"old": old, "new": new}, headers=headers(token)).status_code

    assert change("wrong", "Xiangjian-2027") == 401
    assert change(GOOD, "short") == 422
    assert change(GOOD, GOOD) == 422
    assert change(GOOD, "Xiangjian-2027") == 200
    assert (sign_in(client, GOOD)[0], sign_in(client, "Xiangjian-2027")[0]) == (401, 201)
    assert client.get("/api/v1/role-grants", headers=headers(token)).status_code == 200


def test_a_password_alone_is_not_enough_where_two_factors_are_asked_for(client: FlaskClient, now: datetime) -> None:
    county_login(now, second=True)
    assert sign_in(client, GOOD)[1]["code"] == "SECOND_FACTOR_MISSING"
    with transaction() as session:
        secret, codes = an_authenticator(session, now, "county-01")
    assert sign_in(client, GOOD)[1]["code"] == "CODE_REQUIRED"
    assert sign_in(client, GOOD, new="Xiangjian-2027")[1]["code"] == "CODE_REQUIRED"
    assert sign_in(client, GOOD, code="000000")[1]["code"] == "CODE_WRONG"
    assert sign_in(client, "wrong", code=code_of(secret, now))[1]["code"] == "LOGIN_FAILED"
    assert sign_in(client, GOOD, code=code_of(secret, now))[0] == 201
    assert sign_in(client, GOOD, code=code_of(secret, now))[1]["code"] == "CODE_WRONG"
    assert sign_in(client, GOOD, code=codes[3])[0] == 201
    assert sign_in(client, GOOD, code=codes[3])[1]["code"] == "CODE_WRONG"


def test_staff_who_work_stay_and_idle_ones_do_not(client: FlaskClient, now: datetime, time: Time) -> None:
    county_login(now)
    said = headers(sign_in(client, GOOD)[1]["token"])
    for _ in range(3):
        time.advance(minutes=14)
        assert client.get("/api/v1/role-grants", headers=said).status_code == 200
    time.advance(minutes=15)
    assert client.get("/api/v1/role-grants", headers=said).status_code == 401


def test_a_member_s_request_costs_no_statement_for_it(client: FlaskClient, now: datetime, time: Time, database: Engine) -> None:
    with transaction() as session:
        person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
        member = token_of(session, person, now)
        desk = sessions.start(session, person_id=person.id, channel="staff", now=now, lifetime=staff.LIFETIME)

    def statements(token: str) -> list[str]:
        said: list[str] = []
        event.listen(database, "before_cursor_execute", listener := lambda _c, _k, text, *_: said.append(text))
        assert client.get("/api/v1/me", headers=headers(token)).status_code == 200
        event.remove(database, "before_cursor_execute", listener)
        return [text for text in said if "login_session" in text]

    time.advance(minutes=14)
    assert not [text for text in statements(member) if text.startswith("UPDATE")]
    assert len([text for text in statements(desk) if text.startswith("UPDATE")]) == 1
    assert not [text for text in statements(desk) if text.startswith("UPDATE")], "once a minute at most"
