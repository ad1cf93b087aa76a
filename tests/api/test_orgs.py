"""The org tree over HTTP: public names, upkeep by the county."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role


def county_and_stranger(now: datetime) -> tuple[Tree, str, str]:
    """The tree, a token of the county and one of somebody without a role."""
    with transaction() as session:
        tree = a_tree(session, now)
        county = token_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
        return tree, county, token_of(session, a_person(session, now), now)


def test_anybody_may_choose_a_community(client: FlaskClient, now: datetime) -> None:
    tree, *_ = county_and_stranger(now)
    answer = client.get("/api/v1/orgs")
    assert [(row["level"], row["name"]) for row in answer.json["items"]] == [
        ("county", "示例县"), ("street", "示例街道"), ("community", "示例社区"), ("community", "邻近社区"),
    ]  # fmt: skip
    assert answer.json["items"][2]["parent"] == tree.street.public_id
    assert set(answer.json["items"][0]) == {"id", "parent", "level", "name"}
    again = client.get("/api/v1/orgs", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_below_one_node_down_to_the_building(client: FlaskClient, now: datetime) -> None:
    tree, *_ = county_and_stranger(now)
    answer = client.get("/api/v1/orgs", query_string={"under": tree.community.public_id, "deepest": "building"})
    assert [row["name"] for row in answer.json["items"]] == ["示例社区", "示例小区", "第一网格", "1幢"]
    assert client.get("/api/v1/orgs?deepest=planet").json["error"]["fields"] == {"deepest": "请从列出的选项里选一个"}
    assert client.get("/api/v1/orgs?under=0000000000000").status_code == 404


def test_the_responsibility_chain_is_public(client: FlaskClient, now: datetime) -> None:
    tree, *_ = county_and_stranger(now)
    answer = client.get(f"/api/v1/orgs/{tree.grid.public_id}").json
    assert [link["level_name"] for link in answer["chain"]] == ["区县", "街道（镇）", "社区", "小区", "网格"]


def test_the_county_makes_changes_and_ends(client: FlaskClient, now: datetime) -> None:
    tree, county, _ = county_and_stranger(now)
    body = {"parent": tree.street.public_id, "level": "community", "name": "新社区", "code": "SL9", "contact_post": "社区书记"}
    made = client.post("/api/v1/orgs", json=body, headers=headers(county, "a"))
    assert (made.status_code, made.json["chain"][-1]["contact_post"]) == (201, "社区书记")
    assert client.post("/api/v1/orgs", json=body, headers=headers(county, "a")).json == made.json
    assert client.post("/api/v1/orgs", json=body, headers=headers(county, "b")).json["error"]["code"] == "ORG_EXISTS"
    place = f"/api/v1/orgs/{made.json['id']}"
    assert client.put(place, json={"name": "更新社区"}, headers=headers(county, "c")).json["name"] == "更新社区"
    ended = client.post(f"{place}/end", json={"on": "2026-07-01"}, headers=headers(county, "d"))
    assert ended.json == {"ended": 1}
    assert client.post(f"{place}/end", json={"on": "2026-07-01"}, headers=headers(county, "e")).status_code == 409
    assert client.get(place).json["valid_to"] == "2026-07-01"


def test_who_may_not(client: FlaskClient, now: datetime) -> None:
    tree, county, stranger = county_and_stranger(now)
    body = {"parent": tree.street.public_id, "level": "community", "name": "新社区"}
    assert client.post("/api/v1/orgs", json=body, headers={"Idempotency-Key": "k"}).status_code == 401
    assert client.post("/api/v1/orgs", json=body, headers=headers(stranger, "a")).json["error"]["code"] == "FORBIDDEN"
    with transaction() as session:
        part = token_of(session, with_role(session, now, Role.COUNTY, tree.neighbour), now)
    assert client.post("/api/v1/orgs", json=body, headers=headers(part, "a")).json["error"]["code"] == "NOT_FOUND"
    wrong = client.post("/api/v1/orgs", json={**body, "level": "building", "colour": "red"}, headers=headers(county, "a"))
    assert (wrong.status_code, wrong.json["error"]["fields"]) == (422, {"colour": "不认识这一项，请更新小程序"})
    misplaced = client.post("/api/v1/orgs", json={**body, "level": "building"}, headers=headers(county, "b"))
    assert misplaced.json["error"]["code"] == "ORG_LEVEL"
