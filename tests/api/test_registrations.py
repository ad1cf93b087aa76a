"""党员报到 and 转接 through HTTP: scanned, typed, by proxy, in bulk, moved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from qr.tokens import Kind, Mode
from server import limits
from server.db.base import transaction
from server.db.models.orgs import OrgNode
from server.domain.permissions import Role
from server.services import codes
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import a_bound_person, a_unit, agree


@dataclass
class Scene:
    """Two communities with their secretaries; 张三 whom the roster knows, 李四 whom it does not; the printed code of the first."""

    community: str
    neighbour: str
    grid: str
    poster: str
    secretary: str
    foreign: str
    known: str
    stranger: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)

        def poster(node: OrgNode) -> str:
            code = codes.make(
                session, kind=Kind.COMMUNITY, subject_kind="community", subject_id=node.id, community_id=node.id, label=node.name,
                mode=Mode.STATIC, now=now,
            )  # fmt: skip
            return f"https://example.test/q/{codes.token_of(code, now=now)}"

        people = (
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            a_bound_person(session, now, a_unit(session, now, tree, "示例县第一小学")),
            agree(session, now, a_person(session, now, "李四")),
        )
        tokens = [token_of(session, person, now) for person in people]
        return Scene(tree.community.public_id, tree.neighbour.public_id, tree.grid.public_id, poster(tree.community), *tokens)


def post(client: FlaskClient, token: str, path: str, key: str | None = None, /, **body: Any) -> TestResponse:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key or path[-40:]))


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_scanning_the_community_is_enough(client: FlaskClient, scene: Scene) -> None:
    made = post(client, scene.known, "/registrations", token=scene.poster, skills=["急救"], grid=scene.grid, address="示例小区 3 幢")
    assert made.status_code == 201
    row = made.json
    assert (row["state"], row["source"], row["community"], row["unit"], row["grid_id"]) == (
        "active",
        "scan",
        "示例社区",
        "示例县第一小学",
        scene.grid,
    )
    assert (row["address"], row["skills"], row["branch"]) == ("示例小区 3 幢", ["急救"], None)
    assert row["receipt_no"] == f"DY-{scene.community}-2026-00001"
    again = post(client, scene.known, "/registrations", token=scene.poster, skills=["急救"], grid=scene.grid, address="示例小区 3 幢")
    assert (again.json, again.headers["Idempotent-Replay"]) == (row, "true")
    assert client.get("/api/v1/me/registrations", headers=headers(scene.known)).json["items"] == [row]
    assert client.get("/api/v1/me", headers=headers(scene.known)).json["registration"]["state"] == "active"


@pytest.mark.parametrize(
    ("body", "status", "refused"),
    [
        ({}, 422, "INVALID"),
        ({"token": "nonsense"}, 422, "QR_FORMAT"),
        ({"token": "0" * 32}, 422, "QR_VERSION"),
        ({"community": "0000000000000"}, 404, "NOT_FOUND"),
        ({"community": "short"}, 422, "INVALID"),
        ({"skills": ["x"] * 21}, 422, "INVALID"),
        ({"room": "1201"}, 422, "INVALID"),
    ],
)
def test_what_cannot_be_registered(client: FlaskClient, scene: Scene, body: dict[str, Any], status: int, refused: str) -> None:
    assert code(post(client, scene.known, "/registrations", **body)) == (status, refused)


def test_guessing_codes_is_slowed_down(client: FlaskClient, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BAD_CODES_PER_ACCOUNT", 2)
    forged = scene.poster[:-1] + ("0" if scene.poster[-1] != "0" else "1")
    answers = [code(post(client, scene.known, "/registrations", str(n), token=forged)) for n in range(3)]
    assert answers == [(422, "QR_FORGED"), (422, "QR_FORGED"), (429, "QR_THROTTLED")]


def test_another_s_code_is_no_community(client: FlaskClient, scene: Scene, now: datetime) -> None:
    with transaction() as session:
        person = a_person(session, now, "王五")
        card = codes.card_of(codes.of_person(session, person_id=person.id, now=now))
    assert code(post(client, scene.known, "/registrations", token=card)) == (422, "QR_NOT_COMMUNITY")


def test_correcting_the_form(client: FlaskClient, scene: Scene) -> None:
    row = post(client, scene.known, "/registrations", community=scene.community, skills=["急救"]).json
    path = f"/api/v1/registrations/{row['id']}"
    assert client.put(path, json={"skills": []}, headers=headers(scene.stranger, "a")).status_code == 404
    changed = client.put(path, json={"skills": ["书法"], "grid": scene.grid}, headers=headers(scene.known, "b")).json
    assert (changed["skills"], changed["grid_id"], changed["state"]) == (["书法"], scene.grid, "active")
    assert client.put(path, json={"grid": scene.neighbour}, headers=headers(scene.known, "c")).status_code == 404
    post(client, scene.known, f"/registrations/{row['id']}/withdraw")
    assert client.put(path, json={}, headers=headers(scene.known, "d")).status_code == 409


def test_a_street_is_no_community(client: FlaskClient, scene: Scene) -> None:
    assert code(post(client, scene.known, "/registrations", community=scene.grid)) == (422, "NOT_COMMUNITY")


def test_who_is_unknown_waits_and_is_decided(client: FlaskClient, scene: Scene) -> None:
    row = post(client, scene.stranger, "/registrations", community=scene.community).json
    assert (row["state"], row["source"]) == ("submitted", "web")
    path = f"/registrations/{row['id']}/decision"
    assert code(post(client, scene.stranger, path, action="accept")) == (403, "FORBIDDEN")
    assert code(post(client, scene.foreign, path, action="accept")) == (404, "NOT_FOUND")
    assert code(post(client, scene.secretary, path, "a", action="return")) == (422, "NOTE_REQUIRED")
    assert post(client, scene.secretary, path, "b", action="return", reason="住址不清").json["reason"] == "住址不清"
    assert code(post(client, scene.secretary, path, "c", action="accept")) == (409, "ILLEGAL_MOVE")
    resubmitted = post(client, scene.stranger, f"/registrations/{row['id']}/resubmit", address="示例小区 5 幢")
    assert (resubmitted.json["state"], resubmitted.json["address"]) == ("submitted", "示例小区 5 幢")
    assert post(client, scene.secretary, path, "d", action="accept").json["state"] == "active"
    for action, kind in (("retire", "retired"), ("float", "floating")):
        assert post(client, scene.secretary, path, action, action=action).json["member_type"] == kind
    assert post(client, scene.secretary, path, "e", action="end", reason="出国").json["state"] == "closed"


def test_only_one_s_own_can_be_withdrawn(client: FlaskClient, scene: Scene) -> None:
    row = post(client, scene.stranger, "/registrations", community=scene.community).json
    assert code(post(client, scene.known, f"/registrations/{row['id']}/withdraw")) == (404, "NOT_FOUND")
    assert post(client, scene.stranger, f"/registrations/{row['id']}/withdraw").json["state"] == "closed"
    assert client.post(f"/api/v1/registrations/{row['id']}/withdraw", headers={"Idempotency-Key": "k"}).status_code == 401


def test_many_at_once_failures_named(client: FlaskClient, scene: Scene, now: datetime) -> None:
    with transaction() as session:
        tokens = [token_of(session, agree(session, now, a_person(session, now, f"居民{n}")), now) for n in range(5)]
    ids = [post(client, token, "/registrations", community=scene.community).json["id"] for token in tokens]
    post(client, tokens[0], f"/registrations/{ids[0]}/withdraw")
    path = f"/communities/{scene.community}/registrations"
    assert code(post(client, scene.foreign, f"{path}/decisions", action="accept", ids=ids)) == (404, "NOT_FOUND")
    answer = post(client, scene.secretary, f"{path}/decisions", action="accept", ids=[*ids, "0" * 13]).json
    assert answer["done"] == ids[1:]
    assert [(one["id"], one["code"]) for one in answer["failed"]] == [(ids[0], "ILLEGAL_MOVE"), ("0" * 13, "NOT_FOUND")]
    first = client.get(f"/api/v1{path}?state=active&limit=3", headers=headers(scene.secretary))
    second = client.get(f"/api/v1{path}?state=active&limit=3&after={first.json['next']}", headers=headers(scene.secretary))
    assert [row["id"] for page in (first, second) for row in page.json["items"]] == ids[1:]
    assert second.json["next"] is None
    unchanged = {**headers(scene.secretary), "If-None-Match": first.headers["ETag"]}
    assert client.get(f"/api/v1{path}?state=active&limit=3", headers=unchanged).status_code == 304
    assert client.get(f"/api/v1{path}", headers=headers(scene.foreign)).status_code == 404
    assert client.get(f"/api/v1{path}", headers=headers(scene.known)).status_code == 403
    assert client.get(f"/api/v1{path}?after=nobody", headers=headers(scene.secretary)).status_code == 422


def test_paper_and_proxy_count_the_same(client: FlaskClient, scene: Scene) -> None:
    path = f"/communities/{scene.community}/registrations"
    paper = post(client, scene.secretary, path, "a", name="赵大爷", consent="paper", member_type="retired")
    assert (paper.status_code, paper.json["source"], paper.json["state"]) == (201, "paper", "submitted")
    assert post(client, scene.secretary, path, "b", name="钱阿姨", consent="spoken", phone="１３８ 0013 8000").json["source"] == "proxy"
    assert code(post(client, scene.secretary, path, "c", name="孙阿姨", consent="app")) == (422, "INVALID")
    assert code(post(client, scene.secretary, path, "d", name="孙阿姨", consent="paper", phone="13800138000")) == (409, "PHONE_TAKEN")
    assert code(post(client, scene.foreign, path, "e", name="孙阿姨", consent="paper")) == (404, "NOT_FOUND")
    assert code(post(client, scene.known, path, "f", name="孙阿姨", consent="paper")) == (403, "FORBIDDEN")


def test_moving_house(client: FlaskClient, scene: Scene) -> None:
    row = post(client, scene.known, "/registrations", community=scene.community).json
    path = f"/registrations/{row['id']}/transfers"
    body = {"community": scene.neighbour, "reason": "moved_house", "note": "搬到邻近社区"}
    assert code(post(client, scene.stranger, path, "s", **body)) == (404, "NOT_FOUND")
    assert code(post(client, scene.known, path, "t", community=scene.community, reason="other")) == (422, "TRANSFER_SAME")
    moving = post(client, scene.known, path, "u", **body)
    assert (moving.status_code, moving.json["state"], moving.json["release_due_at"]) == (201, "requested", "2026-03-10T16:00:00Z")
    decision = f"/transfers/{moving.json['id']}/decision"
    queue = client.get(f"/api/v1/communities/{scene.community}/transfers", headers=headers(scene.secretary)).json
    assert queue["items"] == [moving.json]
    assert code(post(client, scene.foreign, decision, "v", action="release")) == (404, "NOT_FOUND")
    assert post(client, scene.secretary, decision, "w", action="release").json["state"] == "released"
    assert code(post(client, scene.known, decision, "x", action="accept")) == (403, "FORBIDDEN")
    done = post(client, scene.foreign, decision, "y", action="accept").json
    assert (done["state"], done["to_community"]) == ("accepted", "邻近社区")
    items = client.get("/api/v1/me/registrations", headers=headers(scene.known)).json["items"]
    assert [(one["id"], one["state"], one["transferred_from"]) for one in items] == [
        (done["new_registration_id"], "active", row["id"]),
        (row["id"], "closed", None),
    ]
    assert client.get("/api/v1/me/transfers", headers=headers(scene.known)).json["items"] == [done]
    assert code(post(client, scene.known, f"/transfers/{done['id']}/cancel")) == (409, "ILLEGAL_MOVE")
