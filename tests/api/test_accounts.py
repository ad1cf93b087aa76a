"""Signing in through the (simulated) WeChat, the phone and the rosters, one's own profile, consents."""

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from server.db.base import reading, transaction
from server.db.models.people import LoginSession, Person, WechatAccount
from server.domain.people import PersonState
from server.domain.permissions import Role
from server.services import people
from tests.conftest import Time
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import a_unit, an_entry
from tests.simulator import Simulator

PHONE = "13800138000"


def sign_in(client: FlaskClient, simulator: Simulator, user: str = "张三", phone: str = PHONE) -> dict[str, Any]:
    """The answer to a sign-in of a simulated phone."""
    simulator.user(user, phone=phone)
    answer = client.post("/api/v1/sessions", json={"code": simulator.login_code(user)})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def agree(client: FlaskClient, token: str, purpose: str = "service") -> None:
    body = {"purpose": purpose, "version": "2026-01"}
    assert client.post("/api/v1/me/consents", json=body, headers=headers(token, f"agree-{purpose}")).status_code == 201


def give_phone(client: FlaskClient, simulator: Simulator, token: str, user: str = "张三") -> Any:
    return client.post("/api/v1/me/phone", json={"code": simulator.phone_code(user)}, headers=headers(token))


def test_a_first_sign_in_makes_a_person_without_a_name(client: FlaskClient, simulator: Simulator) -> None:
    made = sign_in(client, simulator)
    assert made["expires_at"] == "2026-04-04T01:00:00Z"
    me = client.get("/api/v1/me", headers=headers(made["token"])).json
    assert me == made["person"]
    assert (me["name"], me["member_type"], me["bound"], me["consents"]) == (None, "non_party", False, [])


def test_signing_in_again_is_the_same_person_with_another_token(client: FlaskClient, simulator: Simulator) -> None:
    first, second = sign_in(client, simulator), sign_in(client, simulator)
    assert first["person"]["id"] == second["person"]["id"]
    assert first["token"] != second["token"]


def test_a_code_sent_twice_signs_one_account_in(client: FlaskClient, simulator: Simulator) -> None:
    simulator.user("张三", phone=PHONE)
    code = simulator.login_code("张三")
    answers = [client.post("/api/v1/sessions", json={"code": code}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json["person"]["id"] == answers[1].json["person"]["id"]


def test_a_token_ends_after_thirty_days(client: FlaskClient, simulator: Simulator, time: Time) -> None:
    token = sign_in(client, simulator)["token"]
    time.advance(days=29, hours=23)
    assert client.get("/api/v1/me", headers=headers(token)).status_code == 200
    time.advance(hours=1)
    assert client.get("/api/v1/me", headers=headers(token)).json["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("code", ["nonsense", "0" * 32])
def test_a_wrong_code_is_refused_in_chinese(client: FlaskClient, simulator: Simulator, code: str) -> None:
    answer = client.post("/api/v1/sessions", json={"code": code})
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "WECHAT_CODE_INVALID")
    assert "重新登录" in answer.json["error"]["message"]


def test_a_silent_wechat_is_a_503(client: FlaskClient, simulator: Simulator) -> None:
    simulator.user("张三", phone=PHONE)
    code = simulator.login_code("张三")
    simulator.fault("/sns/jscode2session", "lost")
    assert client.post("/api/v1/sessions", json={"code": code}).status_code == 503


def test_the_body_of_a_sign_in_is_checked(client: FlaskClient) -> None:
    answer = client.post("/api/v1/sessions", json={"code": "", "more": 1})
    assert (answer.status_code, set(answer.json["error"]["fields"])) == (422, {"code", "more"})


def test_the_phone_binds_to_the_roster(client: FlaskClient, simulator: Simulator, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree, "示例县第一小学")
        an_entry(session, now, unit, "张三", PHONE)
    token = sign_in(client, simulator)["token"]
    agree(client, token)
    answer = give_phone(client, simulator, token).json
    assert (answer["bound"], answer["name"], answer["next"]) == (True, "张三", None)
    me = client.get("/api/v1/me", headers=headers(token)).json
    assert (me["bound"], me["name"], me["member_type"], me["unit"]) == (True, "张三", "in_service", "示例县第一小学")
    assert (me["phone"], me["branch"]) == ("138****8000", None)
    agree(client, token, "party_data")
    assert client.get("/api/v1/me", headers=headers(token)).json["branch"] == "第一支部"
    client.delete("/api/v1/me/consents/party_data", headers=headers(token, "no"))
    assert client.get("/api/v1/me", headers=headers(token)).json["branch"] is None


def test_a_resident_keeps_his_phone_without_a_roster(client: FlaskClient, simulator: Simulator) -> None:
    token = sign_in(client, simulator)["token"]
    agree(client, token)
    answer = give_phone(client, simulator, token).json
    assert (answer["bound"], answer["next"], answer["reason"]) == (False, "binding_request", "ROSTER_NO_MATCH")
    assert client.get("/api/v1/me", headers=headers(token)).json["phone"] == "138****8000"


def test_a_phone_of_two_roster_entries_needs_the_secretary(client: FlaskClient, simulator: Simulator, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        for _ in range(2):
            an_entry(session, now, a_unit(session, now, tree), "张三", PHONE)
    token = sign_in(client, simulator)["token"]
    agree(client, token)
    answer = give_phone(client, simulator, token).json
    assert (answer["bound"], answer["reason"]) == (False, "ROSTER_AMBIGUOUS")


def test_no_phone_before_consent(client: FlaskClient, simulator: Simulator) -> None:
    token = sign_in(client, simulator)["token"]
    answer = give_phone(client, simulator, token)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "CONSENT_REQUIRED")
    assert simulator.requests("/wxa/business/getuserphonenumber") == []


def test_a_login_code_is_no_phone_code(client: FlaskClient, simulator: Simulator) -> None:
    token = sign_in(client, simulator)["token"]
    agree(client, token)
    answer = client.post("/api/v1/me/phone", json={"code": simulator.login_code("张三")}, headers=headers(token))
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "WECHAT_PHONE_CODE_INVALID")


def test_somebody_the_clerk_entered_before_is_found_by_his_phone(client: FlaskClient, simulator: Simulator, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        known = with_role(session, now, Role.SECRETARY, tree.community, "李书记")
        phone, known_id = people.phone_of(known), known.public_id
    made = sign_in(client, simulator, "李书记", phone)
    agree(client, made["token"])
    answer = give_phone(client, simulator, made["token"], "李书记").json
    assert answer["person_id"] == known_id != made["person"]["id"]
    me = client.get("/api/v1/me", headers=headers(made["token"])).json
    assert (me["id"], me["name"], me["roles"][0]["role"], me["consents"]) == (known_id, "李书记", "secretary", ["service"])
    assert me["roles"][0] | {"place_id": ""} == {"role": "secretary", "kind": "community", "place_id": "", "place": "示例社区"}
    assert sign_in(client, simulator, "李书记", phone)["person"]["id"] == known_id
    with reading() as session:
        left = session.execute(select(Person).where(Person.public_id == made["person"]["id"])).scalar_one()
        assert left.state is PersonState.MERGED
        assert session.execute(select(func.count()).where(WechatAccount.person_id == left.id)).scalar_one() == 0
        assert session.execute(select(func.count()).where(LoginSession.person_id == left.id)).scalar_one() == 0


def test_a_phone_of_somebody_who_signs_in_himself_is_taken(client: FlaskClient, simulator: Simulator) -> None:
    first, second = sign_in(client, simulator, "张三")["token"], sign_in(client, simulator, "李四")["token"]
    for token, user, status in ((first, "张三", 200), (second, "李四", 409)):
        agree(client, token)
        assert give_phone(client, simulator, token, user).status_code == status


def test_name_and_elder_mode(client: FlaskClient, simulator: Simulator, now: datetime) -> None:
    token = sign_in(client, simulator)["token"]
    refused = client.put("/api/v1/me", json={"name": "张三"}, headers=headers(token, "a"))
    assert (refused.status_code, refused.json["error"]["code"]) == (422, "CONSENT_REQUIRED")
    assert client.put("/api/v1/me", json={"elder": True}, headers=headers(token, "b")).json["elder"] is True
    agree(client, token)
    assert client.put("/api/v1/me", json={"name": "张三"}, headers=headers(token, "c")).json["name"] == "张三"
    with transaction() as session:
        an_entry(session, now, a_unit(session, now, a_tree(session, now)), "张三", PHONE)
    assert give_phone(client, simulator, token).json["bound"] is True
    refused = client.put("/api/v1/me", json={"name": "张四"}, headers=headers(token, "d"))
    assert (refused.status_code, refused.json["error"]["code"]) == (422, "NAME_ON_ROSTER")


def test_consent_texts_are_public_and_whole(client: FlaskClient) -> None:
    items = client.get("/api/v1/consent-texts").json["items"]
    assert [item["purpose"] for item in items] == ["service", "party_data", "share_unit", "honour", "wishes"]
    assert all(item[part] for item in items for part in ("version", "title", "why", "data", "retention", "rights"))


def test_giving_and_withdrawing_consent(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
        token = token_of(session, a_person(session, now), now)
    outdated = client.post("/api/v1/me/consents", json={"purpose": "service", "version": "2025-01"}, headers=headers(token, "old"))
    assert (outdated.status_code, outdated.json["error"]["data"]) == (422, {"version": "2026-01"})
    agree(client, token)
    agree(client, token)
    assert [item["purpose"] for item in client.get("/api/v1/me/consents", headers=headers(token)).json["items"]] == ["service"]
    assert client.delete("/api/v1/me/consents/service", headers=headers(token, "x")).status_code == 200
    assert client.get("/api/v1/me/consents", headers=headers(token)).json["items"] == []
    assert client.delete("/api/v1/me/consents/service", headers=headers(token, "y")).status_code == 404
    assert client.delete("/api/v1/me/consents/none", headers=headers(token, "z")).status_code == 404


def test_strangers_have_no_profile(client: FlaskClient) -> None:
    for method, path in (("GET", "/me"), ("PUT", "/me"), ("POST", "/me/phone"), ("GET", "/me/consents")):
        assert client.open(f"/api/v1{path}", method=method, json={"code": "x"}, headers={"Idempotency-Key": "k"}).status_code == 401
