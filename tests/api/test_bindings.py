"""Binding requests: asked by the person, decided by the secretary of his community."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.db.base import transaction
from server.domain.people import MemberType
from server.domain.permissions import SYSTEM, Role
from server.services import bindings
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import a_unit, agree, an_entry


@dataclass
class Scene:
    """张三 (no phone), the secretary of his community and one next door, and 张三 on a roster."""

    community: str
    entry: str
    person: str
    secretary: str
    foreign: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        entry = an_entry(session, now, a_unit(session, now, tree, "示例县第一小学"), "张三", "")
        person = agree(session, now, a_person(session, now, name="", phone=None, member_type=MemberType.NON_PARTY))
        tokens = [token_of(session, one, now) for one in (
            person,
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
        )]  # fmt: skip
        return Scene(tree.community.public_id, entry.public_id, *tokens)


def ask(client: FlaskClient, scene: Scene, key: str = "ask", **over: Any) -> TestResponse:
    body = {"community": scene.community, "name": "张三", "unit_name": "第一小学", "note": "换过号码", **over}
    return client.post("/api/v1/binding-requests", json=body, headers=headers(scene.person, key))


def decide(client: FlaskClient, token: str, request: str, key: str = "decide", **body: Any) -> TestResponse:
    return client.post(f"/api/v1/binding-requests/{request}/decision", json=body, headers=headers(token, key))


def test_the_secretary_finds_and_binds_him(client: FlaskClient, scene: Scene) -> None:
    made = ask(client, scene)
    assert (made.status_code, made.json["state"], made.json["community"]) == (201, "submitted", "示例社区")
    queue = client.get(f"/api/v1/communities/{scene.community}/binding-requests", headers=headers(scene.secretary)).json
    assert queue == {"items": [made.json], "next": None}
    assert (made.json["name"], made.json["unit_name"], made.json["note"]) == ("张三", "第一小学", "换过号码")
    found = client.get(f"/api/v1/binding-requests/{made.json['id']}/candidates", headers=headers(scene.secretary)).json["items"]
    assert [(one["id"], one["unit"], one["branch"], one["reasons"]) for one in found] == [
        (scene.entry, "示例县第一小学", "第一支部", ["same_name", "same_unit"])
    ]
    assert decide(client, scene.secretary, made.json["id"], action="accept", entry=scene.entry).json["state"] == "accepted"
    me = client.get("/api/v1/me", headers=headers(scene.person)).json
    assert (me["bound"], me["name"], me["unit"], me["member_type"]) == (True, "张三", "示例县第一小学", "in_service")
    assert ask(client, scene, "again").json["error"]["code"] == "ALREADY_BOUND"


def test_a_request_comes_back_with_a_reason(client: FlaskClient, scene: Scene) -> None:
    made = ask(client, scene).json
    bare = decide(client, scene.secretary, made["id"], "a", action="return")
    assert (bare.status_code, bare.json["error"]["code"]) == (422, "NOTE_REQUIRED")
    assert decide(client, scene.secretary, made["id"], "b", action="return", reason="名册里没有").json["state"] == "returned"
    assert client.get("/api/v1/me/binding-requests", headers=headers(scene.person)).json["items"][0]["reason"] == "名册里没有"
    late = decide(client, scene.secretary, made["id"], "c", action="accept", entry=scene.entry)
    assert (late.status_code, late.json["error"]["code"]) == (409, "ILLEGAL_MOVE")
    assert ask(client, scene, "again").status_code == 201


def test_one_open_request_a_person(client: FlaskClient, scene: Scene) -> None:
    made = ask(client, scene).json
    assert (ask(client, scene, "b").status_code, ask(client, scene, "c").json["error"]["code"]) == (409, "BINDING_OPEN")
    taken_back = client.post(f"/api/v1/binding-requests/{made['id']}/withdraw", headers=headers(scene.person, "w"))
    assert taken_back.json["state"] == "withdrawn"
    assert ask(client, scene, "d").status_code == 201


def test_other_communities_see_nothing(client: FlaskClient, scene: Scene) -> None:
    made = ask(client, scene).json
    assert client.get(f"/api/v1/communities/{scene.community}/binding-requests", headers=headers(scene.foreign)).status_code == 404
    assert client.get(f"/api/v1/binding-requests/{made['id']}/candidates", headers=headers(scene.foreign)).status_code == 404
    assert decide(client, scene.foreign, made["id"], action="accept", entry=scene.entry).status_code == 404
    assert client.post(f"/api/v1/binding-requests/{made['id']}/withdraw", headers=headers(scene.foreign, "w")).status_code == 404
    assert decide(client, scene.person, made["id"], action="accept", entry=scene.entry).status_code == 403


@pytest.mark.parametrize(
    ("over", "status", "code"),
    [
        ({"name": ""}, 422, "INVALID"),
        ({"name": "张\u0000三"}, 422, "INVALID"),
        ({"community": "0000000000000"}, 404, "NOT_FOUND"),
        ({"room": "1201"}, 422, "INVALID"),
    ],
)
def test_a_bad_request_is_refused(client: FlaskClient, scene: Scene, over: dict[str, Any], status: int, code: str) -> None:
    answer = ask(client, scene, **over)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


def test_an_entry_binds_one_person_only(client: FlaskClient, scene: Scene, now: datetime) -> None:
    with transaction() as session:
        other = token_of(session, agree(session, now, a_person(session, now, "张三")), now)
    first = ask(client, scene).json
    second = client.post(
        "/api/v1/binding-requests", json={"community": scene.community, "name": "张三"}, headers=headers(other, "other")
    ).json
    assert decide(client, scene.secretary, first["id"], "a", action="accept", entry=scene.entry).status_code == 200
    refused = decide(client, scene.secretary, second["id"], "b", action="accept", entry=scene.entry)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "ROSTER_ENTRY_TAKEN")


def test_a_merge_can_be_undone_by_the_secretary(client: FlaskClient, scene: Scene, now: datetime) -> None:
    """A clerk had entered 张三 before; his account became him by mistake. Undone, the request can be made again."""
    with transaction() as session:
        entry = bindings.entry(session, scene.entry)
        known = a_person(session, now, "张三", phone=None)
        bindings.bind(session, person=known, entry=entry, actor=SYSTEM, now=now)
        known_id = known.public_id
    made = ask(client, scene).json["id"]
    assert decide(client, scene.secretary, made, action="accept", entry=scene.entry).status_code == 200
    assert client.get("/api/v1/me", headers=headers(scene.person)).json["id"] == known_id
    path = f"/api/v1/communities/{scene.community}/merges"
    listed = client.get(path, headers=headers(scene.secretary)).json["items"]
    assert [(one["person"], one["name"], one["undone_at"]) for one in listed] == [(known_id, "张三", None)]
    assert client.get(path, headers=headers(scene.foreign)).status_code == 404

    def undo(token: str | None, key: str, **body: Any) -> TestResponse:
        said = headers(token, key) if token else {}
        return client.post(f"/api/v1/merges/{listed[0]['id']}/undo", json=body, headers=said)

    assert undo(None, "a", reason="同名").status_code == 401
    assert undo(scene.person, "b", reason="同名").status_code == 403
    assert undo(scene.foreign, "c", reason="同名").status_code == 404
    assert undo(scene.secretary, "d", reason="").status_code == 422
    assert undo(scene.secretary, "e", reason="同名的两个人").json["undone_at"]
    assert undo(scene.secretary, "f", reason="同名的两个人").status_code == 409
    assert client.get("/api/v1/me", headers=headers(scene.person)).status_code == 401  # he signs in again, as himself
