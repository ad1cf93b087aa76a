"""Rules and limits over HTTP."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role

KEY = "/api/v1/policies/checkin.before_minutes"


def tokens(now: datetime) -> tuple[Tree, str, str]:
    """The tree, a token of the county and one of somebody without a role."""
    with transaction() as session:
        tree = a_tree(session, now)
        county = token_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
        return tree, county, token_of(session, a_person(session, now), now)


def test_everybody_reads_and_the_county_sets(client: FlaskClient, now: datetime) -> None:
    tree, county, member = tokens(now)
    listed = client.get("/api/v1/policies", headers=headers(member))
    values = {row["key"]: row["value"] for row in listed.json["items"]}
    assert values["checkin.before_minutes"] == 30
    body = {"value": 45, "why": "冬季试行", "node": tree.community.public_id}
    assert client.put(KEY, json=body, headers=headers(county, "a")).json["items"][0]["node_name"] == "示例社区"
    near = client.get("/api/v1/policies", query_string={"node": tree.grid.public_id}, headers=headers(member)).json["items"]
    assert {row["key"]: row["value"] for row in near}["checkin.before_minutes"] == 45
    assert client.get("/api/v1/policies", headers={**headers(member), "If-None-Match": listed.headers["ETag"]}).status_code == 304
    client.put(KEY, json={"value": 20, "why": "春季"}, headers=headers(county, "b"))
    assert [row["why"] for row in client.get(KEY, headers=headers(county)).json["items"]] == ["春季", "冬季试行"]


def test_who_may_not(client: FlaskClient, now: datetime) -> None:
    tree, county, member = tokens(now)
    body = {"value": 45, "why": "试行"}
    assert client.put(KEY, json=body, headers={"Idempotency-Key": "k"}).status_code == 401
    assert client.put(KEY, json=body, headers=headers(member, "a")).status_code == 403
    assert client.put(KEY, json={**body, "value": 999}, headers=headers(county, "a")).json["error"]["fields"].keys() == {"value"}
    assert client.put("/api/v1/policies/none", json=body, headers=headers(county, "b")).status_code == 404
    with transaction() as session:
        part = token_of(session, with_role(session, now, Role.COUNTY, tree.neighbour), now)
    assert client.put(KEY, json={**body, "node": tree.community.public_id}, headers=headers(part, "c")).status_code == 404
    assert client.put(KEY, json=body, headers=headers(part, "d")).status_code == 404
