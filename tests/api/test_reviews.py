"""评价例会 over HTTP, from sign-up to the minutes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from server.services import review_slips, sign_offs
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.ratings import a_finished, rater


@dataclass(frozen=True)
class Scene:
    """A community with one closed request, its secretary, the neighbour's, and people who may volunteer."""

    community: str
    secretary: str
    neighbour: str
    people: tuple[str, ...]


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        request = a_finished(session, now, tree)
        sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
        secretaries = [token_of(session, with_role(session, now, Role.SECRETARY, node), now) for node in (tree.community, tree.neighbour)]
        people = tuple(token_of(session, a_person(session, now, f"评议员{number}"), now) for number in range(5))
        return Scene(tree.community.public_id, *secretaries, people)


def post(client: FlaskClient, path: str, token: str | None, body: dict[str, Any] | None = None) -> Any:
    return client.post(
        f"/api/v1{path}",
        json=body,
        headers=headers(token, f"{path}{token}{body}"[-60:].encode("ascii", "ignore").decode()) if token else {},
    )


def test_a_panel_from_sign_up_to_minutes(client: FlaskClient, scene: Scene) -> None:
    made = post(client, "/reviews", scene.secretary, {"community": scene.community, "day": "2026-03-31", "seats": 5})
    assert (made.status_code, made.json["state"], made.json["seed"], len(made.json["seed_hash"])) == (201, "gathering", None, 64)
    base = f"/reviews/{made.json['id']}"
    assert {post(client, f"{base}/volunteers", person).status_code for person in scene.people} == {200}
    selected = post(client, f"{base}/select", scene.secretary, {}).json["items"]
    assert [one["selected"] for one in selected] == [True] * 5
    assert post(client, f"{base}/vote", scene.secretary).json["state"] == "voting"
    items = client.get(f"/api/v1{base}/items", headers=headers(scene.people[0])).json["items"]
    for person in scene.people:
        ticket = client.post(f"/api/v1{base}/token", headers=headers(person)).json
        votes = {"token": ticket["token"], "cell": ticket["cell"], "votes": {items[0]["id"]: "unsolved"}}
        answer = client.post("/api/v1/b/votes", json=votes)
        assert (answer.status_code, "X-Request-Id" in answer.headers) == (200, False)
    assert post(client, f"{base}/count", scene.secretary).json["state"] == "counted"
    found = client.get(f"/api/v1{base}/items", headers=headers(scene.secretary)).json["items"][0]
    assert set(found) == {"id", "kind", "text", "verdict", "reopened"}, "no votes, whoever asks"
    assert found["verdict"] == "unsolved"
    assert post(client, f"{base}/items/{found['id']}/reopen", scene.secretary).status_code == 201
    assert post(client, f"{base}/close", scene.secretary, {"minutes": "五人到会，一件回炉"}).json["state"] == "closed"
    assert client.get(f"/api/v1/reviews?community={scene.community}", headers=headers(scene.people[0])).json["items"][0]["seed"]


def test_who_may_not(client: FlaskClient, scene: Scene) -> None:
    body = {"community": scene.community, "day": "2026-03-31"}
    refused = [
        post(client, "/reviews", None, body),
        post(client, "/reviews", scene.people[0], body),
        post(client, "/reviews", scene.neighbour, body),
        post(client, "/reviews", scene.secretary, {**body, "seats": 4}),
    ]
    assert [one.status_code for one in refused] == [401, 403, 404, 422]
    made = post(client, "/reviews", scene.secretary, body).json["id"]
    assert post(client, "/reviews", scene.secretary, {**body, "seats": 7}).json["error"]["code"] == "REVIEW_EXISTS"
    assert client.get(f"/api/v1/reviews/{made}/items", headers=headers(scene.people[0])).status_code == 404
    assert client.post(f"/api/v1/reviews/{made}/token", headers=headers(scene.people[0])).status_code == 404
    assert post(client, f"/reviews/{made}/call-off", scene.secretary, {"reason": "改期"}).json["state"] == "void"


def test_a_clerk_signs_up_who_has_no_phone(client: FlaskClient, scene: Scene) -> None:
    panel = post(client, "/reviews", scene.secretary, {"community": scene.community, "day": "2026-03-31"}).json["id"]
    base = f"/reviews/{panel}/volunteer-entries"
    body = {"name": "王奶奶", "consent": "paper"}
    refused = [
        post(client, base, None, body),
        post(client, base, scene.people[0], body),
        post(client, base, scene.neighbour, body),
        post(client, base, scene.secretary, {"consent": "paper"}),
        post(client, base, scene.secretary, {**body, "consent": "app"}),
    ]
    assert [one.status_code for one in refused] == [401, 403, 404, 422, 422]
    made = post(client, base, scene.secretary, body)
    assert (made.status_code, made.json["person_name"], made.json["channel"]) == (201, "王奶奶", "paper")
    assert post(client, base, scene.secretary, {**body, "elder": True}).json["error"]["code"] == "REVIEW_NAMESAKE"
    assert client.get(f"/api/v1{base}", headers=headers(scene.secretary)).json["items"] == [made.json]
    back = f"{base}/{made.json['person']}/withdraw"
    assert [post(client, back, token).status_code for token in (scene.neighbour, scene.secretary)] == [404, 200]
    assert client.get(f"/api/v1{base}", headers=headers(scene.secretary)).json["items"] == []


def test_a_panel_votes_by_paper_slips(client: FlaskClient, scene: Scene) -> None:
    """Two at the device in the hall, five from the box would be too many: no more than drew one."""
    panel = post(client, "/reviews", scene.secretary, {"community": scene.community, "day": "2026-03-31", "seats": 5}).json["id"]
    base = f"/reviews/{panel}"
    for person in scene.people:
        post(client, f"{base}/volunteers", person)
    members = [one["person"] for one in post(client, f"{base}/select", scene.secretary, {}).json["items"]]
    said = headers(scene.secretary)
    assert client.post(f"/api/v1{base}/slips", headers=said).json["error"]["code"] == "ILLEGAL_MOVE"
    assert post(client, f"{base}/vote", scene.secretary).status_code == 200
    with pytest.MonkeyPatch.context() as patch:
        drawn: list[str] = []
        patch.setattr(review_slips, "drawn", lambda _session, _panel, codes, **_: lambda: drawn.extend(codes) or b"%PDF-")
        refused = [client.post(f"/api/v1{base}/slips", headers=headers(token)).status_code for token in (scene.people[0], scene.neighbour)]
        assert refused == [403, 404]
        assert client.post(f"/api/v1{base}/slips", headers=said).mimetype == "application/pdf"
    receipts = f"{base}/slip-receipts"
    assert [post(client, receipts, token, {"person": members[0]}).status_code for token in (None, scene.people[0], scene.neighbour)] == [
        401,
        403,
        404,
    ]
    assert {post(client, receipts, scene.secretary, {"person": one}).status_code for one in members} == {200}
    assert post(client, f"{receipts}/{members[4]}/withdraw", scene.secretary).status_code == 200
    assert post(client, receipts, scene.secretary, {"person": members[0], "x": 1}).status_code == 422
    listed = client.get(f"/api/v1{base}/slips", headers=said).json
    assert ([one["on_paper"] for one in listed["items"]], listed["handed_out"], listed["used"]) == ([True] * 4 + [False], 4, 0)
    opened = client.post("/api/v1/b/slips", json={"code": drawn[0].lower()})
    assert ("X-Request-Id" in opened.headers, len(opened.json["items"])) == (False, 1)
    vote = {"token": opened.json["token"], "cell": opened.json["cell"], "votes": {opened.json["items"][0]["id"]: "solved"}}
    assert client.post("/api/v1/b/votes", json=vote).status_code == 200
    again = [client.post("/api/v1/b/slips", json={"code": code}).json["error"]["code"] for code in (drawn[0], "0" * 13)]
    assert again == ["REVIEW_SLIP_USED", "REVIEW_SLIP_UNKNOWN"]
    entries = f"{base}/slip-entries"
    few = {"slips": [{"code": code, "votes": {}} for code in drawn[1:4]]}
    all_ = {"slips": [{"code": code, "votes": vote["votes"]} for code in drawn]}
    codes = [post(client, entries, scene.secretary, body).json["error"]["code"] for body in (few, all_)]
    assert codes == ["SLIPS_FEW", "REVIEW_SLIPS_OVER"]
    assert [post(client, entries, token, all_).status_code for token in (None, scene.people[0], scene.neighbour)] == [401, 403, 404]
