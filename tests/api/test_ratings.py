"""签收, 评分 and 回访 over HTTP."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from jobs import ballots as jobs
from server.db.base import reading, transaction
from server.db.models.ballots import Envelope
from server.db.models.orgs import OrgNode
from server.db.models.platform import IdempotencyKey, Outbox
from server.domain.ballots import PROMISE
from server.domain.permissions import Role
from tests.conftest import Time
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.ratings import a_finished
from tests.factories.requests import a_requester

DONE = {"done": True}
ANSWERS = {"contacted": True, "solved": True, "satisfaction": "very", "tags": ["prompt"], "comment": "谢谢"}


@dataclass(frozen=True)
class Scene:
    """A finished request, who asked for it, a stranger, a clerk here and one next door."""

    request: str
    requester: str
    stranger: str
    clerk: str
    neighbour: str
    community: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        person = a_requester(session, now)
        request = a_finished(session, now, tree, person)
        clerks = [with_role(session, now, Role.CLERK, node, "周文员") for node in (tree.community, tree.neighbour)]
        people = (person, a_person(session, now, "路人"), *clerks)
        return Scene(request.public_id, *(token_of(session, one, now) for one in people), tree.community.public_id)


def post(client: FlaskClient, path: str, token: str | None, body: dict[str, Any] | None = None, key: str = "k1") -> Any:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key) if token else {})


def codes(*answers: Any) -> list[Any]:
    return [(one.status_code, one.json["error"]["code"]) for one in answers]


def test_signing_over_http(client: FlaskClient, scene: Scene) -> None:
    path = f"/requests/{scene.request}/sign-off"
    assert codes(
        post(client, path, None, DONE),
        post(client, path, scene.stranger, DONE),
        post(client, path, scene.requester, {"done": False}),
        post(client, path, scene.requester, {"done": True, "reason": "other"}, "k2"),
    ) == [(401, "UNAUTHENTICATED"), (404, "NOT_FOUND"), (422, "NOTE_REQUIRED"), (422, "INVALID")]
    for _ in range(2):
        answer = post(client, path, scene.requester, {"done": False, "reason": "nobody_came"}, "k3")
        assert (answer.status_code, answer.json["state"], answer.json["round"]) == (200, "rework", 1)
    assert codes(post(client, path, scene.requester, DONE, "k4")) == [(409, "ILLEGAL_MOVE")]


def test_the_community_sees_the_answer_and_a_stranger_does_not(client: FlaskClient, scene: Scene) -> None:
    post(client, f"/requests/{scene.request}/sign-off", scene.requester, {"done": False, "reason": "unclear"})
    seen = client.get(f"/api/v1/requests/{scene.request}/sign-offs", headers=headers(scene.clerk)).json["items"]
    assert [(one["done"], one["reason"], one["source"]) for one in seen] == [(False, "unclear", "own")]
    assert client.get(f"/api/v1/requests/{scene.request}/sign-offs", headers=headers(scene.neighbour)).status_code == 404
    reasons = client.get("/api/v1/sign-off-reasons", headers=headers(scene.requester)).json["items"]
    assert "nobody_came" in {one["key"] for one in reasons}


def test_a_token_is_fetched_again_and_a_ballot_posted_twenty_times_is_one(client: FlaskClient, scene: Scene) -> None:
    path = f"/api/v1/requests/{scene.request}/ballot-token"
    assert client.post(path).status_code == 401
    assert client.post(path, headers=headers(scene.stranger)).status_code == 404
    tickets = [client.post(path, headers=headers(scene.requester)).json for _ in range(20)]
    assert len({one["token"] for one in tickets}) == 1
    assert tickets[0]["promise"] == PROMISE
    body = {"token": tickets[0]["token"], "cell": tickets[0]["cell"], "answers": ANSWERS, "pad": "0" * 900}
    answers = [client.post("/api/v1/b", json=body) for _ in range(20)]
    forged = client.post("/api/v1/b", json={**body, "token": "f" * 43})
    assert {(one.status_code, one.data) for one in [*answers, forged]} == {(200, answers[0].data)}
    with reading() as session:
        counts = [session.execute(select(func.count()).select_from(model)).scalar() for model in (Envelope, IdempotencyKey)]
        assert counts == [1, 0]
        assert not [row for row in session.execute(select(Outbox.job)).scalars() if "ballot" in row]


def test_a_ballot_leaves_no_request_id_and_no_cookie(client: FlaskClient, scene: Scene) -> None:
    answer = client.post("/api/v1/b", json={"token": "f" * 43, "cell": "0" * 13, "answers": ANSWERS})
    assert not {"X-Request-Id", "Set-Cookie"} & set(answer.headers.keys())


def test_a_ballot_has_a_fixed_shape(client: FlaskClient, scene: Scene) -> None:
    body = {"token": "f" * 43, "cell": "0" * 13}
    for wrong in ({}, {**ANSWERS, "satisfaction": "great"}, {**ANSWERS, "request": scene.request}, {**ANSWERS, "comment": "好" * 201}):
        assert codes(client.post("/api/v1/b", json={**body, "answers": wrong})) == [(422, "INVALID")]


def test_the_form_says_what_is_promised_and_what_is_not(client: FlaskClient) -> None:
    form = client.get("/api/v1/ballot-form").json
    assert form["promise"] == PROMISE
    assert "绝对" not in form["promise"]
    assert "技术上仍可能推测" in form["promise"]
    assert "不是匿名的" in form["callback_notice"]


def test_calling_back_over_http(client: FlaskClient, scene: Scene, time: Time, now: datetime) -> None:
    path, said = f"/requests/{scene.request}/callbacks", {"reached": True, "contacted": True, "solved": True, "satisfaction": "basic"}
    assert codes(
        post(client, path, None, said),
        post(client, path, scene.requester, said),
        post(client, path, scene.neighbour, said),
        post(client, path, scene.clerk, said),
        post(client, path, scene.clerk, {}, "k2"),
    ) == [(401, "UNAUTHENTICATED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (409, "CALLBACK_EARLY"), (422, "INVALID")]
    time.advance(days=8)
    due = client.get(f"/api/v1/callbacks?community={scene.community}", headers=headers(scene.clerk)).json["items"]
    assert [one["request"] for one in due] == [scene.request]
    assert "phone" not in due[0]
    assert len(post(client, f"{path}/number", scene.clerk, key="k5").json["phone"]) == 11
    assert post(client, path, scene.clerk, said, "k3").json["state"] == "closed"
    results = client.get(f"/api/v1/nodes/{scene.community}/ballot-results?day=2026-03-31", headers=headers(scene.clerk)).json
    assert (results["closed"], results["groups"], results["by_call"]["satisfaction"]["shown"]) == (False, [], "90.0")


def test_results_are_not_for_strangers(client: FlaskClient, scene: Scene) -> None:
    path = f"/api/v1/nodes/{scene.community}/ballot-results?day={date(2026, 3, 31)}"
    assert [client.get(path, headers=headers(token)).status_code for token in (scene.stranger, scene.neighbour)] == [403, 404]
    with reading() as session:
        assert session.execute(select(OrgNode.id).where(OrgNode.public_id == scene.community)).scalar()


def test_slips_are_entered_five_at_a_time_and_comments_are_read_first(client: FlaskClient, scene: Scene, now: datetime, time: Time) -> None:
    path = f"/nodes/{scene.community}/ballot-slips"
    slips = [{**ANSWERS, "satisfaction": kind, "solved": kind != "not"} for kind in ("very", "basic", "not", "very", "very")]
    assert post(client, f"/requests/{scene.request}/sign-off", scene.requester, DONE).status_code == 200
    body = {"day": "2026-03-31", "slips": slips}
    assert codes(
        post(client, path, None, body),
        post(client, path, scene.requester, body),
        post(client, path, scene.neighbour, body),
        post(client, path, scene.clerk, {**body, "slips": slips[:4]}),
        post(client, path, scene.clerk, body, "k2"),
    ) == [(401, "UNAUTHENTICATED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (422, "SLIPS_FEW"), (422, "SLIPS_MANY")]
    with transaction() as session:
        community = session.execute(select(OrgNode).where(OrgNode.public_id == scene.community)).scalar_one()
        place = Tree(**dict.fromkeys((field.name for field in fields(Tree)), community))
        for number in range(4):
            a_finished(session, now, place, a_requester(session, now, f"居民{number}"))
        secretary = token_of(session, with_role(session, now, Role.SECRETARY, community, "李书记"), now)
    assert post(client, path, scene.clerk, body, "k3").status_code == 201
    listed = client.get(f"/api/v1/nodes/{scene.community}/ballot-comments", headers=headers(secretary)).json["items"]
    assert [one["text"] for one in listed] == ["谢谢"] * 5
    decide = f"/ballot-comments/{listed[0]['key']}"
    assert codes(post(client, decide, scene.clerk, {"show": True})) == [(403, "FORBIDDEN")]
    assert post(client, decide, secretary, {"show": True}, "k4").status_code == 200
    assert codes(post(client, decide, secretary, {"show": False}, "k5")) == [(409, "STALE")]
    jobs.open_due(time.advance(days=60))
    with transaction() as session:
        secretary = token_of(session, with_role(session, time.now, Role.SECRETARY, session.merge(community), "李书记"), time.now)
    results = client.get(f"/api/v1/nodes/{scene.community}/ballot-results?day=2026-03-31", headers=headers(secretary)).json
    group = results["groups"][0]
    assert (group["ballots"], group["very"], group["basic"], group["contacted"], group["comments"]) == (5, 3, 1, None, ["谢谢"])
    assert (group["solved"], group["gauge"]) == (4, {"signed": 1, "signed_done": 1, "gap": "20.0"})
    assert (results["together"]["response"], results["together"]["satisfaction"]["shown"]) == (None, "78.0")
