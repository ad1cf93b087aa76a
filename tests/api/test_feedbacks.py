"""投诉建议 through HTTP."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import a_person, a_tree, headers, token_of, with_role


@dataclass
class Scene:
    community: str
    county: str
    resident: str
    other: str
    secretary: str
    foreign: str
    official: str
    clerk: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        people = (
            a_person(session, now),
            a_person(session, now),
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            with_role(session, now, Role.COUNTY, tree.county),
            with_role(session, now, Role.CLERK, tree.community),
        )
        return Scene(tree.community.public_id, tree.county.public_id, *(token_of(session, person, now) for person in people))


def post(client: FlaskClient, token: str, path: str, key: str = "", /, **body: Any) -> TestResponse:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key or f"{path[-30:]}{token[:8]}"))


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def write(client: FlaskClient, scene: Scene, about: str = "service", **over: Any) -> TestResponse:
    body = {"kind": "suggestion", "about": about, "text": "请提前三天通知", "community": scene.community, **over}
    return post(client, scene.resident, "/feedbacks", f"write {about} {over}", **body)


def queue(client: FlaskClient, token: str, node: str) -> TestResponse:
    return client.get(f"/api/v1/orgs/{node}/feedbacks", headers=headers(token))


def test_written_answered_asked_again(client: FlaskClient, scene: Scene) -> None:
    made = write(client, scene)
    assert (made.status_code, made.json["audience"], made.json["reply_due_at"]) == (201, "community", "2026-03-12T16:00:00Z")
    path = f"/feedbacks/{made.json['id']}"
    seen = queue(client, scene.secretary, scene.community).json["items"]
    assert [(row["text"], row["mine"], row["overdue"]) for row in seen] == [("请提前三天通知", False, False)]
    assert post(client, scene.secretary, f"{path}/answer", text="好的").json["reply"] == "好的"
    assert post(client, scene.resident, f"{path}/ask-again", text="还是没有").json["audience"] == "county"
    assert code(post(client, scene.secretary, f"{path}/answer", "second", text="好的")) == (404, "NOT_FOUND")
    assert post(client, scene.official, f"{path}/answer", text="已督促").json["state"] == "answered"
    mine = client.get("/api/v1/me/feedbacks", headers=headers(scene.resident)).json["items"]
    assert [(row["state"], row["mine"]) for row in mine] == [("answered", True)]


def test_a_complaint_about_staff_is_not_shown_to_them(client: FlaskClient, scene: Scene) -> None:
    path = f"/feedbacks/{write(client, scene, 'staff', kind='complaint').json['id']}"
    assert queue(client, scene.secretary, scene.community).json["items"] == []
    assert client.get(f"/api/v1{path}", headers=headers(scene.secretary)).status_code == 404
    assert len(queue(client, scene.official, scene.county).json["items"]) == 1
    assert client.get(f"/api/v1{path}", headers=headers(scene.official)).json["audience"] == "county"


def test_others_see_and_do_nothing(client: FlaskClient, scene: Scene) -> None:
    path = f"/feedbacks/{write(client, scene).json['id']}"
    assert client.get(f"/api/v1{path}").status_code == 401
    assert client.get(f"/api/v1{path}", headers=headers(scene.other)).status_code == 404
    assert queue(client, scene.other, scene.community).status_code == 403
    assert queue(client, scene.foreign, scene.community).status_code == 404
    assert code(post(client, scene.foreign, f"{path}/answer", text="好")) == (404, "NOT_FOUND")
    assert code(post(client, scene.resident, f"{path}/answer", text="好")) == (403, "FORBIDDEN")
    assert code(post(client, scene.other, f"{path}/withdraw")) == (404, "NOT_FOUND")


def test_what_is_refused(client: FlaskClient, scene: Scene) -> None:
    assert code(write(client, scene, text="")) == (422, "INVALID")
    assert code(write(client, scene, about="weather")) == (422, "INVALID")
    path = f"/feedbacks/{write(client, scene).json['id']}"
    assert post(client, scene.secretary, f"{path}/hand-up").json["audience"] == "county"
    assert post(client, scene.resident, f"{path}/withdraw").json["state"] == "withdrawn"
    assert code(post(client, scene.resident, f"{path}/ask-again", text="再问")) == (409, "ILLEGAL_MOVE")


def enter(client: FlaskClient, scene: Scene, token: str, **over: Any) -> TestResponse:
    who = {"name": "王奶奶", "consent": "spoken"}
    body = {"person": who, "kind": "complaint", "about": "service", "text": "楼道的灯坏了", "community": scene.community, **over}
    return post(client, token, "/feedback-entries", f"enter {over}", **body)


def test_a_clerk_writes_it_down_and_reads_the_reply_out(client: FlaskClient, scene: Scene) -> None:
    made = enter(client, scene, scene.clerk)
    assert (made.status_code, made.json["mine"], made.json["reply_due_at"]) == (201, False, "2026-03-12T16:00:00Z")
    path = f"/feedbacks/{made.json['id']}"
    assert code(post(client, scene.clerk, f"{path}/told", "early")) == (409, "ILLEGAL_MOVE")
    assert post(client, scene.secretary, f"{path}/answer", text="今天换").status_code == 200
    waiting = client.get("/api/v1/me/feedback-entries?to_tell=true", headers=headers(scene.clerk)).json["items"]
    assert [(row["name"], row["phone"], row["reply"]) for row in waiting] == [("王奶奶", None, "今天换")]
    assert post(client, scene.clerk, f"{path}/told", "told").json["told_at"]
    assert client.get("/api/v1/me/feedback-entries?to_tell=true", headers=headers(scene.clerk)).json["items"] == []


def test_who_may_not_enter(client: FlaskClient, scene: Scene) -> None:
    assert client.post("/api/v1/feedback-entries", json={}).status_code == 401
    assert code(enter(client, scene, scene.resident)) == (403, "FORBIDDEN")
    assert code(enter(client, scene, scene.foreign)) == (404, "NOT_FOUND")
    assert code(enter(client, scene, scene.clerk, text="")) == (422, "INVALID")
    path = f"/feedbacks/{enter(client, scene, scene.clerk).json['id']}"
    assert code(post(client, scene.resident, f"{path}/told")) == (403, "FORBIDDEN")
    assert code(post(client, scene.secretary, f"{path}/told")) == (404, "NOT_FOUND")
