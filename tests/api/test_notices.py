"""The inbox and the courtesy messages a person allows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.notices import NoticeKind
from server.services import notices
from tests.factories.people import a_person, headers, token_of


@pytest.fixture
def mine(client: FlaskClient, now: datetime) -> str:
    """The token of somebody who has three notices; a neighbour has one."""
    with transaction() as session:
        person, neighbour = a_person(session, now), a_person(session, now, "李四")
        for number, owner in enumerate((person, person, person, neighbour)):
            notices.tell(
                session,
                person_id=owner.id,
                kind=NoticeKind.CLAIM_DECIDED,
                subject_kind="claim",
                subject_public_id="C",
                facts={"title": f"第{number}次整理楼道", "outcome": "approved", "starts_at": "2026-03-07T01:00:00+00:00"},
                dedupe=str(number),
                now=now,
            )
        return token_of(session, person, now)


def get(client: FlaskClient, token: str, path: str = "/api/v1/notices", **query: Any) -> Any:
    return client.get(path, query_string=query, headers=headers(token))


def test_newest_first_page_by_page(client: FlaskClient, mine: str) -> None:
    first = get(client, mine, limit=2).json
    assert [item["text"] for item in first["items"]] == [
        "您报名的“第2次整理楼道”已通过，请于3月7日 09:00参加",
        "您报名的“第1次整理楼道”已通过，请于3月7日 09:00参加",
    ]
    second = get(client, mine, limit=2, after=first["next"]).json
    assert (len(second["items"]), second["next"], second["unread"]) == (1, None, 3)


def test_reading_one_and_all(client: FlaskClient, mine: str) -> None:
    listed = get(client, mine)
    notice = listed.json["items"][0]["id"]
    assert get_again(client, mine, listed.headers["ETag"]).status_code == 304
    for _ in range(2):
        assert client.post(f"/api/v1/notices/{notice}/read", headers=headers(mine)).status_code == 200
    changed = get_again(client, mine, listed.headers["ETag"])
    assert (changed.status_code, changed.json["unread"]) == (200, 2)
    assert client.post("/api/v1/notices/read-all", headers=headers(mine)).status_code == 200
    assert get(client, mine).json["unread"] == 0


def get_again(client: FlaskClient, token: str, etag: str) -> Any:
    return client.get("/api/v1/notices", headers={**headers(token), "If-None-Match": etag})


def test_anothers_notice_is_not_there(client: FlaskClient, mine: str, now: datetime) -> None:
    notice = get(client, mine).json["items"][0]["id"]
    with transaction() as session:
        other = token_of(session, a_person(session, now, "王五"), now)
    assert client.post(f"/api/v1/notices/{notice}/read", headers=headers(other)).status_code == 404
    assert get(client, other).json == {"items": [], "next": None, "unread": 0}


def test_a_stranger_and_a_wrong_page(client: FlaskClient, mine: str) -> None:
    assert client.get("/api/v1/notices").status_code == 401
    assert get(client, mine, limit=0).status_code == 422
    assert get(client, mine, after="nowhere").status_code == 422


def allow(client: FlaskClient, token: str, key: str, **results: str) -> Any:
    return client.post("/api/v1/me/subscriptions", json={"results": results}, headers=headers(token, key))


def left(answer: Any) -> dict[str, int]:
    return {item["kind"]: item["left"] for item in answer.json["items"] if item["left"]}


def test_each_yes_allows_one_more_and_a_no_none(client: FlaskClient, mine: str) -> None:
    assert left(allow(client, mine, "1", reminder="accept", claim_decided="accept")) == {"reminder": 1, "claim_decided": 1}
    assert left(allow(client, mine, "2", reminder="accept")) == {"reminder": 2, "claim_decided": 1}
    assert left(allow(client, mine, "2", reminder="accept")) == {"reminder": 2, "claim_decided": 1}  # the same request again
    assert left(allow(client, mine, "3", reminder="reject")) == {"claim_decided": 1}
    assert left(get(client, mine, "/api/v1/me/subscriptions")) == {"claim_decided": 1}


def test_nobody_is_owed_endlessly(client: FlaskClient, mine: str) -> None:
    for number in range(notices.MOST_LEFT + 2):
        answer = allow(client, mine, str(number), reminder="accept")
    assert left(answer) == {"reminder": notices.MOST_LEFT}


def test_muting_one_kind(client: FlaskClient, mine: str) -> None:
    answer = client.put("/api/v1/me/subscriptions/reminder", json={"muted": True}, headers=headers(mine))
    assert {item["kind"]: item["muted"] for item in answer.json["items"]}["reminder"] is True
    assert client.put("/api/v1/me/subscriptions/nothing", json={"muted": True}, headers=headers(mine)).status_code == 404


@pytest.mark.parametrize("results", [{}, {"reminder": "maybe"}, {"nothing": "accept"}, None])
def test_odd_answers_are_refused(client: FlaskClient, mine: str, results: Any) -> None:
    answer = client.post("/api/v1/me/subscriptions", json={"results": results}, headers=headers(mine, "1"))
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID")
