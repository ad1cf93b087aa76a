"""Who one is: tokens, passwords, idempotency keys, and how often one may ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from server import limits
from server.db.base import reading, transaction
from server.db.models.people import LoginSession, Person
from server.db.models.platform import IdempotencyKey
from server.services import people, sessions
from tests.conftest import Time
from tests.hostile.test_bodies import shape
from tests.hostile.world import PASSWORD, World

ME = "/api/v1/me"


def asked(client: FlaskClient, authorization: str | None, path: str = ME) -> int:
    return client.get(path, headers={} if authorization is None else {"Authorization": authorization}).status_code


def test_only_a_bearer_token_in_the_header_counts(client: FlaskClient, world: World) -> None:
    token = world.tokens["member"]
    assert asked(client, f"Bearer {token}") == 200
    forged = (
        f"Bearer {token}x", f"Bearer {token[:-1]}", f"bearer {token}", f"Basic {token}", token, f"Bearer  {token}", "Bearer", "Bearer ", "",
        f"Bearer {token},{token}", f"Bearer {token} {token}", "Bearer " + "x" * 5000, "Bearer \u00ff\u00fe", "Bearer null",
        f"Token {token}", f"Bearer {token.swapcase()}",
    )  # fmt: skip
    assert {said: asked(client, said) for said in forged if asked(client, said) != 401} == {}
    assert asked(client, None, f"{ME}?token={token}&access_token={token}") == 401
    client.set_cookie("token", token)
    client.set_cookie("Authorization", f"Bearer {token}")
    assert asked(client, None) == 401
    answer = client.get(ME, headers={"Authorization": "Bearer x"})
    assert answer.json["error"]["code"] == "UNAUTHENTICATED"
    assert token not in answer.text


def test_a_stored_hash_is_no_token(client: FlaskClient, world: World) -> None:
    with reading() as session:
        hashes = session.execute(select(LoginSession.token_hash)).scalars().all()
    assert all(asked(client, f"Bearer {one}") == 401 for one in hashes)


def test_an_expired_or_revoked_token_and_that_of_somebody_gone(client: FlaskClient, world: World, time: Time, now: datetime) -> None:
    said = f"Bearer {world.tokens['member']}"
    with transaction() as session:
        person = people.by_public_id(session, world.ids["members"])
        again = sessions.start(session, person_id=person.id, channel="app", now=now, lifetime=_lifetime(days=90))
    assert client.delete("/api/v1/sessions/current", headers={"Authorization": said}).status_code == 200
    assert asked(client, said) == 401
    assert asked(client, f"Bearer {again}") == 200
    time.advance(days=31)
    assert asked(client, f"Bearer {world.tokens['mate']}") == 401
    with transaction() as session:
        sessions.revoke_all(session, person_id=person.id, now=now)
    assert asked(client, f"Bearer {again}") == 401


def _lifetime(**by: int) -> Any:
    from datetime import timedelta

    return timedelta(**by)


def test_a_screen_token_opens_nothing_else(client: FlaskClient, world: World) -> None:
    said = f"Bearer {world.tokens['screen']}"
    assert asked(client, said, "/api/v1/screens/slots") == 200
    assert asked(client, said) == 401
    assert asked(client, f"Bearer {world.tokens['secretary']}", "/api/v1/screens/slots") in (401, 403, 404, 422)


def test_guessing_a_password_is_locked_for_the_login_and_told_alike(client: FlaskClient, world: World, time: Time) -> None:
    def guess(login: str, password: str) -> tuple[int, str]:
        answer = client.post("/api/v1/staff-sessions", json={"login": login, "password": password})
        return answer.status_code, "" if answer.status_code == 201 else answer.json["error"]["message"]

    known, unknown = guess("county-01", "x"), guess("nobody-01", "x")
    assert known == unknown
    said = [guess("county-01", f"guess-{number}")[0] for number in range(6)]
    assert said == [401, 401, 401, 429, 429, 429]
    assert guess("county-01", PASSWORD)[0] == 429
    assert guess("COUNTY-01 ", PASSWORD)[0] == 429, "another spelling is the same login"
    time.advance(minutes=15)
    assert guess("county-01", PASSWORD)[0] == 201


def test_guesses_sent_at_once_are_counted_too(app: Flask, world: World) -> None:
    def guess(number: int) -> int:
        return app.test_client().post("/api/v1/staff-sessions", json={"login": "county-01", "password": f"x{number}"}).status_code

    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(guess, range(18)))
    assert said.count(401) <= 4, said
    assert set(said) <= {401, 429}


def put(client: FlaskClient, world: World, who: str, key: str, **body: Any) -> Any:
    return client.put(ME, json=body, headers={"Authorization": f"Bearer {world.tokens[who]}", "Idempotency-Key": key})


def test_a_key_belongs_to_one_person_and_one_request(client: FlaskClient, world: World) -> None:
    first = put(client, world, "member", "k1", elder=True)
    assert first.status_code == 200
    again = put(client, world, "member", "k1", elder=True)
    assert (again.data, again.headers.get("Idempotent-Replay")) == (first.data, "true")
    other = put(client, world, "member", "k1", elder=False)
    assert (other.status_code, other.json["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    elsewhere = client.post(f"{ME}/consents", json={"elder": True}, headers={
        "Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": "k1"})  # fmt: skip
    assert elsewhere.json["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    mate = put(client, world, "mate", "k1", elder=True)
    assert mate.status_code == 200
    assert "Idempotent-Replay" not in mate.headers
    assert mate.json["id" if "id" in mate.json else "person_id"] != first.json.get("id", first.json.get("person_id"))


@pytest.mark.parametrize("key", ["", "x" * 65, "键", "a\tb", "a\x7fb", "\u00e9", " " * 65])
def test_keys_that_are_none(client: FlaskClient, world: World, key: str) -> None:
    answer = put(client, world, "member", key, elder=True)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    shape(answer, key)


def test_a_replay_after_sign_out_tells_nothing(client: FlaskClient, world: World) -> None:
    put(client, world, "member", "k1", elder=True)
    client.delete("/api/v1/sessions/current", headers={"Authorization": f"Bearer {world.tokens['member']}"})
    assert put(client, world, "member", "k1", elder=True).status_code == 401


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_the_same_key_at_the_same_time_works_once(app: Flask, world: World) -> None:
    body = {"community": world.ids["communities"], "name": "并发队", "category": "environment", "leader": world.ids["mate"]}
    said = {"Authorization": f"Bearer {world.tokens['secretary']}", "Idempotency-Key": "at once"}

    def ask(_number: int) -> Any:
        return app.test_client().post("/api/v1/teams", json=body, headers=said)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(12)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json["id"] for answer in answers}) == 1
    with reading() as session:
        assert session.execute(select(func.count()).select_from(IdempotencyKey).where(IdempotencyKey.key == "at once")).scalar_one() == 1


def test_an_account_is_limited_and_the_family_behind_its_router_is_not(client: FlaskClient, world: World) -> None:
    said = [asked(client, f"Bearer {world.tokens['member']}") for _ in range(limits.PER_ACCOUNT + 3)]
    assert said[: limits.PER_ACCOUNT] == [200] * limits.PER_ACCOUNT
    assert set(said[limits.PER_ACCOUNT :]) == {429}
    assert asked(client, f"Bearer {world.tokens['mate']}") == 200
    refused = client.get(ME, headers={"Authorization": f"Bearer {world.tokens['member']}"})
    assert (refused.json["error"]["code"], refused.headers["Retry-After"]) == ("TOO_MANY_REQUESTS", "60")
    shape(refused, "limit")


def test_made_up_tokens_are_limited_by_address(client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PER_ADDRESS", 20)
    said = [asked(client, f"Bearer made-up-{number}") for number in range(30)]
    assert 429 in said, "a fresh token for each request must not be a way around the limit"
    assert asked(client, f"Bearer {world.tokens['mate']}") == 200, "who is signed in is not punished for his neighbour"


def test_forged_codes_are_throttled_per_account(client: FlaskClient, world: World, now: datetime) -> None:
    tok = world.codes["tok"]

    def scan(who: str, number: int) -> Any:
        said = {"Authorization": f"Bearer {world.tokens[who]}", "Idempotency-Key": f"6f1c1d0e-4b7a-4a5e-9a55-{number:012x}"}
        forged = tok[:20] + f"{number:012d}"
        return client.post(
            "/api/v1/checkins", json={"tok": forged, "dir": "in", "cap": int(now.timestamp() * 1000), "anc": None}, headers=said
        )

    answers = [scan("stranger", number) for number in range(25)]
    codes = [answer.json["error"]["code"] for answer in answers]
    assert set(codes[:20]) <= {"QR_FORGED", "QR_FORMAT", "QR_VERSION", "QR_UNKNOWN"}, codes
    assert codes[20:] == ["QR_THROTTLED"] * 5
    assert answers[-1].status_code == 429
    assert scan("mate", 99).json["error"]["code"] != "QR_THROTTLED"


def test_nobody_can_sign_in_as_a_person_without_an_account(client: FlaskClient) -> None:
    def persons() -> int:
        with reading() as session:
            return session.execute(select(func.count()).select_from(Person)).scalar_one()

    before = persons()
    for code in ("", "0", "x" * 300, "\u0000", "../..", "{}"):
        answer = client.post("/api/v1/sessions", json={"code": code})
        assert 400 <= answer.status_code < 500, answer.text
        shape(answer, code)
    assert persons() == before
