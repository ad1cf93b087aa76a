"""Granting roles over HTTP."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from server.services import people
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.units import a_unit


def secretary_of(now: datetime) -> tuple[Tree, str, dict[str, str]]:
    """The tree, the secretary's token, and the ids of a person, his phone and a unit."""
    with transaction() as session:
        tree = a_tree(session, now)
        person, unit = a_person(session, now, "王文员"), a_unit(session, now, tree)
        token = token_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
        return tree, token, {"person": person.public_id, "phone": people.phone_of(person), "unit": unit.public_id}


def test_a_role_from_grant_to_end(client: FlaskClient, now: datetime) -> None:
    tree, token, ids = secretary_of(now)
    body = {"person": ids["person"], "role": "clerk", "node": tree.community.public_id}
    made = client.post("/api/v1/role-grants", json=body, headers=headers(token, "a"))
    assert (made.status_code, made.json["person_name"], made.json["place"]) == (201, "王文员", "示例社区")
    assert client.post("/api/v1/role-grants", json=body, headers=headers(token, "b")).json["error"]["code"] == "ROLE_HELD"
    listed = client.get("/api/v1/role-grants", query_string={"person": ids["person"]}, headers=headers(token)).json
    assert [row["id"] for row in listed["items"]] == [made.json["id"]]
    for key in ("c", "d"):
        assert client.post(f"/api/v1/role-grants/{made.json['id']}/end", headers=headers(token, key)).json == {"ok": True}
    assert len(client.get("/api/v1/role-grants", headers=headers(token)).json["items"]) == 1  # her own is left


def test_a_liaison_by_phone(client: FlaskClient, now: datetime) -> None:
    _, token, ids = secretary_of(now)
    body = {"phone": ids["phone"], "role": "unit_liaison", "unit": ids["unit"], "valid_to": "2027-01-01"}
    made = client.post("/api/v1/role-grants", json=body, headers=headers(token, "a")).json
    assert (made["unit"], made["node"], made["place"], made["valid_to"]) == (ids["unit"], None, "示例水务局", "2027-01-01")
    unknown = client.post("/api/v1/role-grants", json={**body, "phone": "13000000000"}, headers=headers(token, "b"))
    assert unknown.status_code == 404


def test_who_may_not(client: FlaskClient, now: datetime) -> None:
    tree, token, ids = secretary_of(now)
    body = {"person": ids["person"], "role": "clerk", "node": tree.community.public_id}
    with transaction() as session:
        clerk = token_of(session, with_role(session, now, Role.CLERK, tree.community), now)
        other = token_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    assert client.post("/api/v1/role-grants", json=body, headers={"Idempotency-Key": "k"}).status_code == 401
    assert client.post("/api/v1/role-grants", json=body, headers=headers(clerk, "a")).status_code == 403
    assert client.post("/api/v1/role-grants", json=body, headers=headers(other, "a")).status_code == 404
    above = client.post("/api/v1/role-grants", json={**body, "role": "secretary"}, headers=headers(token, "a"))
    assert above.json["error"]["code"] == "FORBIDDEN"
    for number, wrong in enumerate(({**body, "phone": ids["phone"]}, {**body, "role": "king"}, {"role": "clerk"})):
        assert client.post("/api/v1/role-grants", json=wrong, headers=headers(token, f"w{number}")).json["error"]["code"] == "INVALID"
    nowhere = client.post("/api/v1/role-grants", json={**body, "node": None}, headers=headers(token, "z"))
    assert nowhere.json["error"]["code"] == "ROLE_PLACE"
