"""Staff signing in over HTTP."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import SYSTEM, Role
from server.services import staff
from tests.conftest import Time
from tests.factories.people import a_tree, headers, token_of, with_role

GOOD = "Minsheng-2026"


def county_login(now: datetime) -> None:
    """county-01 with the password GOOD."""
    with transaction() as session:
        person = with_role(session, now, Role.COUNTY, a_tree(session, now).county)
        staff.create(session, person=person, login="county-01", password=GOOD, actor=SYSTEM, now=now)


def sign_in(client: FlaskClient, password: str, login: str = "county-01") -> tuple[int, dict[str, str]]:
    answer = client.post("/api/v1/staff-sessions", json={"login": login, "password": password})
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


def test_a_secretary_opens_a_login_for_her_clerk(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
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
    assert sign_in(client, made.json["password"], "clerk-01")[0] == 201
    again = client.post("/api/v1/staff-logins/reset", json={"login": "clerk-01"}, headers=headers(token, "d")).json
    assert sign_in(client, made.json["password"], "clerk-01")[0] == 401
    assert sign_in(client, again["password"], "clerk-01")[0] == 201


def test_changing_one_s_own_password(client: FlaskClient, now: datetime) -> None:
    county_login(now)
    token = sign_in(client, GOOD)[1]["token"]

    def change(old: str, new: str) -> int:
        return client.put("/api/v1/staff-logins/password", json={"old": old, "new": new}, headers=headers(token)).status_code

    assert change("wrong", "Xiangjian-2027") == 401
    assert change(GOOD, "short") == 422
    assert change(GOOD, "Xiangjian-2027") == 200
    assert (sign_in(client, GOOD)[0], sign_in(client, "Xiangjian-2027")[0]) == (401, 201)
    assert client.get("/api/v1/role-grants", headers=headers(token)).status_code == 200
