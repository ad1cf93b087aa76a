"""微心愿 through HTTP: who may do what, what each may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import a_unit
from tests.factories.units import with_unit_role

WORDS = {"alias": "银杏奶奶", "content": "想要一台收音机", "value_fen": 12000}
WISHER = {"name": "王秀英", "phone": "13600009999"}


@dataclass
class Scene:
    """示例社区 with its clerk, a grid worker, a member, a liaison; the secretary of 邻近社区; the county."""

    community: str
    county: str
    grid: str
    unit: str
    clerk: str
    worker: str
    member: str
    liaison: str
    foreign: str
    overseer: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree)
        people = (
            with_role(session, now, Role.CLERK, tree.community),
            with_role(session, now, Role.GRID_WORKER, tree.grid),
            a_person(session, now),
            with_unit_role(session, now, Role.UNIT_LIAISON, unit),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            with_role(session, now, Role.COUNTY, tree.county),
        )
        ids = (tree.community.public_id, tree.county.public_id, tree.grid.public_id, unit.public_id)
        return Scene(*ids, *(token_of(session, person, now) for person in people))


def post(client: FlaskClient, token: str, path: str, key: str = "", /, **body: Any) -> TestResponse:
    return client.post(f"/api/v1{path}", json=body, headers=headers(token, key or f"{path[-30:]}{token[:8]}"))


def get(client: FlaskClient, token: str, path: str) -> TestResponse:
    return client.get(f"/api/v1{path}", headers=headers(token))


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]["code"]


def collect(client: FlaskClient, scene: Scene, token: str = "", **over: Any) -> TestResponse:
    body = {**WORDS, "wisher": WISHER, "group": "living_alone", "consent": "spoken", **over}
    return post(client, token or scene.clerk, f"/communities/{scene.community}/wishes", f"{abs(hash(str(over)))}", **body)


def published(client: FlaskClient, scene: Scene, **over: Any) -> str:
    """A wish that waits to be claimed."""
    row = collect(client, scene, **over).json
    path = f"/wishes/{row['id']}"
    assert post(client, scene.clerk, f"{path}/verify", visited_on="2026-03-05", note="收音机已坏").status_code == 200
    assert post(client, scene.clerk, f"{path}/publish", **WORDS).json["state"] == "published"
    return path


def test_a_wish_comes_true(client: FlaskClient, scene: Scene) -> None:
    path = published(client, scene)
    shelf = get(client, scene.member, f"/communities/{scene.community}/wishes").json["items"]
    assert [(row["alias"], row["side"], row["group"], row["visited_on"]) for row in shelf] == [("银杏奶奶", "public", None, None)]
    claimed = post(client, scene.member, f"{path}/claim").json
    assert (claimed["state"], claimed["side"], claimed["contact_due_at"]) == ("claimed", "claimant", "2026-03-12T01:00:00Z")
    assert post(client, scene.member, f"{path}/contact-readings").json == {"name": "王秀英", "phone": "13600009999"}
    assert post(client, scene.member, f"{path}/contacted").json["state"] == "contacted"
    assert post(client, scene.member, f"{path}/fulfil").json["state"] == "fulfilled"
    done = post(client, scene.clerk, f"{path}/confirm", via="callback").json
    assert (done["state"], done["confirmed_via"], done["group"]) == ("confirmed", "callback", "living_alone")
    assert [row["id"] for row in get(client, scene.member, "/me/wishes?role=claimant").json["items"]] == [done["id"]]
    assert get(client, scene.clerk, path).json["visit_note"] == "收音机已坏"
    figures = get(client, scene.overseer, f"/orgs/{scene.county}/wish-figures?from=2026-03-01&to=2026-04-01").json
    assert (figures["published"], figures["wish_claim_rate"]["shown"], figures["wish_fulfil_rate"]["shown"]) == (1, "100.0", "100.0")


def test_a_grid_worker_collects_and_a_unit_claims(client: FlaskClient, scene: Scene) -> None:
    assert code(collect(client, scene, scene.worker)) == (404, "NOT_FOUND")
    row = collect(client, scene, scene.worker, grid=scene.grid)
    assert (row.status_code, row.json["state"]) == (201, "collected")
    path = published(client, scene, wisher={"name": "李大爷"})
    assert code(post(client, scene.member, f"{path}/claim", unit=scene.unit)) == (404, "NOT_FOUND")
    assert post(client, scene.liaison, f"{path}/claim", unit=scene.unit).json["side"] == "claimant"
    assert post(client, scene.liaison, f"{path}/release").json["round"] == 2


def test_rounds_and_lists(client: FlaskClient, scene: Scene) -> None:
    path = published(client, scene)
    assert post(client, scene.clerk, f"/communities/{scene.community}/wish-rounds").json == {"waiting": 1}
    listed = get(client, scene.clerk, f"/communities/{scene.community}/wish-list?state=published").json["items"]
    assert [(f"/wishes/{row['id']}", row["round"], row["side"]) for row in listed] == [(path, 2, "staff")]
    assert get(client, scene.clerk, f"/communities/{scene.community}/wish-list?state=claimed").json["items"] == []
    assert get(client, scene.member, "/me/wishes").json["items"] == []


def test_others_see_and_do_nothing(client: FlaskClient, scene: Scene) -> None:
    path = f"/wishes/{collect(client, scene).json['id']}"
    assert get(client, scene.member, path).status_code == 404
    assert code(post(client, scene.member, f"{path}/verify", visited_on="2026-03-05", note="看过")) == (403, "FORBIDDEN")
    assert code(post(client, scene.foreign, f"{path}/verify", visited_on="2026-03-05", note="看过")) == (404, "NOT_FOUND")
    assert code(post(client, scene.foreign, f"{path}/publish", **WORDS)) == (404, "NOT_FOUND")
    assert code(post(client, scene.member, f"{path}/claim")) == (404, "NOT_FOUND")
    assert code(post(client, scene.member, f"{path}/contact-readings")) == (404, "NOT_FOUND")
    assert code(post(client, scene.member, f"{path}/confirm")) == (404, "NOT_FOUND")
    assert code(post(client, scene.foreign, f"{path}/withdraw", reason="不要了")) == (404, "NOT_FOUND")
    assert get(client, scene.foreign, f"/communities/{scene.community}/wish-list").status_code == 404
    assert get(client, scene.foreign, f"/orgs/{scene.county}/wish-figures?from=2026-03-01&to=2026-04-01").status_code == 404
    assert client.get(f"/api/v1{path}").status_code == 401


def test_bad_words_are_refused(client: FlaskClient, scene: Scene) -> None:
    assert code(collect(client, scene, content="想要三百元现金")) == (422, "WISH_CASH")
    assert code(collect(client, scene, content="送到3幢502室")) == (422, "WISH_DETAILS")
    assert code(collect(client, scene, value_fen=30001)) == (422, "WISH_VALUE")
    assert code(collect(client, scene, group="child")) == (422, "INVALID")
    assert code(collect(client, scene, consent="app")) == (422, "CONSENT_REQUIRED")
    assert code(collect(client, scene, cash=1)) == (422, "INVALID")


def test_the_order_of_steps_is_kept(client: FlaskClient, scene: Scene) -> None:
    path = published(client, scene)
    assert code(post(client, scene.clerk, f"{path}/fulfil")) == (409, "ILLEGAL_MOVE")
    assert code(post(client, scene.clerk, f"{path}/publish", "again", **WORDS)) == (409, "ILLEGAL_MOVE")
    assert post(client, scene.clerk, f"{path}/withdraw", reason="已由家人买好").json["state"] == "withdrawn"
    assert code(post(client, scene.member, f"{path}/claim")) == (409, "ILLEGAL_MOVE")
