"""Units over HTTP."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role

BUREAU = {"name": "示例水务局", "category": "agency", "contact_name": "赵联络", "contact_phone": "１３９ ０００００００１"}


def tokens(now: datetime) -> tuple[Tree, str, str, str]:
    """The tree, tokens of its clerk, of the neighbour's clerk, of nobody in particular."""
    with transaction() as session:
        tree = a_tree(session, now)
        own = token_of(session, with_role(session, now, Role.CLERK, tree.community), now)
        other = token_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
        return tree, own, other, token_of(session, a_person(session, now), now)


def test_a_unit_from_entry_to_archive(client: FlaskClient, now: datetime) -> None:
    tree, own, *_ = tokens(now)
    body = {**BUREAU, "community": tree.community.public_id}
    made = client.post("/api/v1/units", json=body, headers=headers(own, "a"))
    assert (made.status_code, made.json["contact_phone"]) == (201, "139****0001")
    place = f"/api/v1/units/{made.json['id']}"
    assert client.post(f"{place}/branches", json={"name": "第一支部"}, headers=headers(own, "b")).status_code == 201
    assert client.post(f"{place}/branches", json={"name": "第一支部"}, headers=headers(own, "c")).json["error"]["code"] == "BRANCH_EXISTS"
    changed = client.put(place, json={"superior": "县直机关工委"}, headers=headers(own, "d")).json
    assert (changed["name"], changed["superior"], changed["branches"][0]["name"]) == ("示例水务局", "县直机关工委", "第一支部")
    assert client.post(f"{place}/contact-views", headers=headers(own, "e")).json == {"name": "赵联络", "phone": "13900000001"}
    listed = client.get("/api/v1/units", query_string={"community": tree.community.public_id}, headers=headers(own)).json
    assert [row["id"] for row in listed["items"]] == [made.json["id"]]
    assert client.delete(place, headers=headers(own, "f")).json == {"ok": True}
    assert client.get("/api/v1/units", query_string={"community": tree.community.public_id}, headers=headers(own)).json["items"] == []


def test_the_same_unit_twice(client: FlaskClient, now: datetime) -> None:
    tree, own, *_ = tokens(now)
    body = {**BUREAU, "community": tree.community.public_id}
    client.post("/api/v1/units", json=body, headers=headers(own, "a"))
    again = client.post("/api/v1/units", json=body, headers=headers(own, "b"))
    assert (again.status_code, again.json["error"]["code"]) == (409, "UNIT_EXISTS")


def test_who_may_not(client: FlaskClient, now: datetime) -> None:
    tree, own, other, nobody = tokens(now)
    body = {**BUREAU, "community": tree.community.public_id}
    made = client.post("/api/v1/units", json=body, headers=headers(own, "a")).json
    assert client.post("/api/v1/units", json=body, headers={"Idempotency-Key": "k"}).status_code == 401
    assert client.post("/api/v1/units", json=body, headers=headers(nobody, "a")).status_code == 403
    assert client.post("/api/v1/units", json=body, headers=headers(other, "a")).status_code == 404
    assert client.get(f"/api/v1/units/{made['id']}", headers=headers(other)).status_code == 404
    assert client.post(f"/api/v1/units/{made['id']}/contact-views", headers=headers(other, "b")).status_code == 404


def test_a_wrong_credit_code_or_phone(client: FlaskClient, now: datetime) -> None:
    tree, own, *_ = tokens(now)
    body = {**BUREAU, "community": tree.community.public_id}
    for number, (field, value) in enumerate((("uscc", "91350100M000100Y44"), ("uscc", "123"), ("contact_phone", "139"), ("name", ""))):
        answer = client.post("/api/v1/units", json={**body, field: value}, headers=headers(own, f"w{number}"))
        assert (answer.status_code, list(answer.json["error"]["fields"])) == (422, [field])
