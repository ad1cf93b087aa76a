"""The county's own working days through HTTP."""

from datetime import datetime

from flask.testing import FlaskClient

from server.db.base import transaction
from server.domain.permissions import Role
from tests.factories.people import a_tree, headers, token_of, with_role


def test_the_county_sets_a_day_and_others_do_not(client: FlaskClient, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        county, secretary = (
            token_of(session, with_role(session, now, role, node), now)
            for role, node in ((Role.COUNTY, tree.county), (Role.SECRETARY, tree.community))
        )
    body = {"working": True, "why": "调休"}
    made = client.put("/api/v1/workdays/2026-03-07", json=body, headers=headers(county, "a"))
    assert made.json == {"day": "2026-03-07", "working": True, "why": "调休"}
    client.put("/api/v1/workdays/2026-03-07", json={"working": False, "why": "取消调休"}, headers=headers(county, "b"))
    listed = client.get("/api/v1/workdays?year=2026", headers=headers(county)).json["items"]
    assert listed == [{"day": "2026-03-07", "working": False, "why": "取消调休"}]
    assert client.get("/api/v1/workdays?year=2027", headers=headers(county)).json["items"] == []
    assert client.put("/api/v1/workdays/2026-02-30", json=body, headers=headers(county, "c")).status_code == 404
    assert client.put("/api/v1/workdays/2026-03-08", json={"working": 1}, headers=headers(county, "d")).status_code == 422
    assert client.put("/api/v1/workdays/2026-03-08", json=body, headers=headers(secretary, "e")).status_code == 403
    assert client.get("/api/v1/workdays?year=2026").status_code == 401
