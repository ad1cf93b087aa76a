"""单位报到 through HTTP: slip, opinion, receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import a_unit, of_unit


@dataclass
class Scene:
    """A unit in 示例社区, its liaison, the liaison of another unit, the secretaries of both communities, and a passer-by."""

    community: str
    unit: str
    liaison: str
    other: str
    secretary: str
    foreign: str
    nobody: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree, "示例县第一小学")
        people = (
            of_unit(session, now, Role.UNIT_LIAISON, unit),
            of_unit(session, now, Role.UNIT_LIAISON, a_unit(session, now, tree)),
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            a_person(session, now),
        )
        return Scene(tree.community.public_id, unit.public_id, *(token_of(session, person, now) for person in people))


def post(client: FlaskClient, token: str, path: str, key: str | None = None, /, **body: Any) -> TestResponse:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key or path[-40:]))


def submit(client: FlaskClient, scene: Scene, token: str = "", key: str = "submit") -> TestResponse:
    body = {"leader": "王校长", "liaison": "李老师", "offers": ["操场周末开放"]}
    return post(client, token or scene.liaison, f"/units/{scene.unit}/registrations", key, **body)


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def test_from_slip_to_receipt(client: FlaskClient, scene: Scene) -> None:
    made = submit(client, scene)
    assert made.status_code == 201
    assert (made.json["state"], made.json["slip_no"], made.json["leader"]) == ("submitted", f"BD-{scene.community}-2026-00001", "王校长")
    path = f"/unit-registrations/{made.json['id']}/decision"
    assert code(post(client, scene.secretary, path, "a", action="accept")) == (422, "NOTE_REQUIRED")
    assert code(post(client, scene.secretary, path, "b", action="send_receipt")) == (409, "ILLEGAL_MOVE")
    accepted = post(client, scene.secretary, path, "c", action="accept", text="同意接收")
    assert (accepted.json["state"], accepted.json["opinion"]) == ("accepted", "同意接收")
    sent = post(client, scene.secretary, path, "d", action="send_receipt").json
    assert (sent["state"], sent["receipt_no"], sent["receipt_sent_to"]) == (
        "receipt_sent",
        f"DW-{scene.community}-2026-00001",
        "示例街道工委",
    )
    assert client.get(f"/api/v1/unit-registrations/{sent['id']}", headers=headers(scene.liaison)).json == sent
    assert post(client, scene.secretary, path, "e", action="end", text="单位迁出").json["state"] == "ended"
    assert submit(client, scene, key="anew").json["slip_no"].endswith("00002")


def test_returned_and_brought_again(client: FlaskClient, scene: Scene) -> None:
    row = submit(client, scene).json
    path = f"/unit-registrations/{row['id']}"
    assert post(client, scene.secretary, f"{path}/decision", "a", action="return", text="缺联络员").json["state"] == "returned"
    again = post(client, scene.liaison, f"{path}/resubmit", "b", liaison="赵老师").json
    assert (again["state"], again["liaison"], again["opinion"], again["slip_no"]) == ("submitted", "赵老师", None, row["slip_no"])


def test_the_community_enters_it_for_the_unit(client: FlaskClient, scene: Scene) -> None:
    assert submit(client, scene, scene.secretary).status_code == 201
    queue = client.get(f"/api/v1/communities/{scene.community}/unit-registrations", headers=headers(scene.secretary)).json
    assert [row["unit"] for row in queue["items"]] == ["示例县第一小学"]
    assert code(submit(client, scene, scene.liaison)) == (409, "UNIT_REGISTERED")


def test_others_see_and_do_nothing(client: FlaskClient, scene: Scene) -> None:
    assert code(submit(client, scene, scene.nobody)) == (403, "FORBIDDEN")
    assert code(submit(client, scene, scene.other)) == (404, "NOT_FOUND")
    assert code(submit(client, scene, scene.foreign)) == (404, "NOT_FOUND")
    row = submit(client, scene).json
    path = f"/unit-registrations/{row['id']}"
    assert client.get(f"/api/v1{path}", headers=headers(scene.other)).status_code == 404
    assert code(post(client, scene.foreign, f"{path}/decision", action="accept", text="同意")) == (404, "NOT_FOUND")
    assert code(post(client, scene.liaison, f"{path}/decision", action="accept", text="同意")) == (403, "FORBIDDEN")
    assert client.get(f"/api/v1/communities/{scene.community}/unit-registrations", headers=headers(scene.foreign)).status_code == 404
    assert client.get(f"/api/v1{path}").status_code == 401


def test_a_bad_slip_is_refused(client: FlaskClient, scene: Scene) -> None:
    answer = post(client, scene.liaison, f"/units/{scene.unit}/registrations", offers=["x"] * 21, leader="", motto="")
    assert (answer.status_code, set(answer.json["error"]["fields"])) == (422, {"offers", "leader", "motto"})
