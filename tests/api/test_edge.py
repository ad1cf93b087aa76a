"""The edge itself: who is let in, one error shape, the document."""

from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from server.db.base import transaction
from server.services import sessions
from tests.factories.people import a_person, headers, token_of


def test_a_stranger_is_asked_to_sign_in(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/sessions/current")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-Id"]


def test_signing_out_ends_the_token(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
        token = token_of(session, a_person(session, now), now)
    assert client.delete("/api/v1/sessions/current", headers=headers(token)).status_code == 200
    assert client.delete("/api/v1/sessions/current", headers=headers(token)).status_code == 401


def test_the_document_is_served(client: FlaskClient) -> None:
    assert client.get("/openapi.json").json["openapi"] == "3.1.0"


def test_an_unknown_path_is_a_404_in_the_one_shape(client: FlaskClient) -> None:
    answer = client.get("/api/v1/none")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")


def test_an_old_phone_is_told_to_update(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/sessions/current", headers={"X-Client-Version": "0.0.9"})
    assert (answer.status_code, answer.json["error"]["code"]) == (426, "CLIENT_TOO_OLD")


def test_healthy_and_ready(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"ok": True}
    ready = client.get("/readyz").json
    assert ready["ok"]
    assert ready["redis"]["queues"] == {"quick": 0, "slow": 0}


def test_a_database_that_is_down_is_a_503_that_says_so(client: FlaskClient, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as session:
        token = token_of(session, a_person(session, now), now)

    def down(*_args: object, **_more: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(sessions, "find", down)
    answer = client.delete("/api/v1/sessions/current", headers=headers(token))
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "UNAVAILABLE")
