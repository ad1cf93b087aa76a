"""Figures over HTTP: one's own, those in scope, honest denominators, no ranking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from server.db.base import transaction
from server.db.models.orgs import Unit
from server.db.models.people import Person
from server.domain.people import MemberType
from server.domain.permissions import Role
from server.domain.registrations import UnitState
from server.services import tallies
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.records import a_record, void
from tests.factories.registrations import a_bound_person, a_registration, a_unit


@dataclass(frozen=True)
class Town:
    tree: Tree
    unit: Unit
    active: Person
    idle: Person
    token: str
    secretary: str


@pytest.fixture
def town(client: FlaskClient, now: datetime) -> Town:
    """Three in-service members of one unit living in 示例社区, two registered, one of whom served twice; a retired one served too."""
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree)
        active, idle, _ = (a_bound_person(session, now, unit, name, community="示例社区") for name in ("张三", "李四", "王五"))
        for person in (active, idle):
            a_registration(session, now, person, tree.community)
        retired = a_person(session, now, "赵六", member_type=MemberType.RETIRED)
        for person, minutes in ((active, 90), (active, 30), (retired, 60)):
            a_record(session, now, tree, person, minutes=minutes, grid=person is active)
        void(session, a_record(session, now, tree, idle), now)
        tallies.drain(session, now=now)
        secretary = with_role(session, now, Role.SECRETARY, tree.community)
        return Town(tree, unit, active, idle, token_of(session, active, now), token_of(session, secretary, now))


def ask(client: FlaskClient, token: str, **query: str) -> Any:
    return client.get("/api/v1/tallies", query_string=query, headers=headers(token))


def rate(item: dict[str, Any], name: str) -> tuple[int, int, str] | None:
    found = item[name]
    return (found["numerator"], found["denominator"], found["shown"]) if found else None


def test_i_see_my_own_hours(client: FlaskClient, town: Town) -> None:
    answer = client.get("/api/v1/me/tally", headers=headers(town.token))
    mine = {"service_visits": 2, "service_minutes": 120}
    assert {name: period.items() >= mine.items() for name, period in answer.json.items()} == dict.fromkeys(
        ("month", "quarter", "year"), True
    )
    assert answer.json["quarter"]["starts_on"] == "2026-01-01"
    again = client.get("/api/v1/me/tally", headers={**headers(town.token), "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_a_community_with_its_denominators(client: FlaskClient, town: Town) -> None:
    answer = ask(client, town.secretary, scope="node", id=town.tree.community.public_id)
    (item,) = answer.json["items"]
    assert (item["service_visits"], item["service_heads"], item["service_minutes"]) == (3, 2, 180)
    assert rate(item, "participation_rate") == (1, 2, "50.0")
    assert rate(item, "avg_times") == (2, 2, "1.0")
    assert rate(item, "member_reg_rate") == (2, 3, "66.7")
    assert rate(item, "unit_reg_rate") == (0, 1, "0.0")
    assert (item["starts_on"], item["ends_before"], item["as_of"]) == ("2026-03-01", "2026-04-01", "2026-03-05")


def test_a_unit_has_no_unit_rate(client: FlaskClient, town: Town) -> None:
    (item,) = ask(client, town.secretary, scope="unit", id=town.unit.public_id, period="year").json["items"]
    assert (item["service_visits"], item["unit_reg_rate"], rate(item, "participation_rate")) == (2, None, (1, 2, "50.0"))


def test_nothing_to_divide_by_is_null(client: FlaskClient, town: Town) -> None:
    (item,) = ask(client, town.secretary, scope="node", id=town.tree.grid.public_id).json["items"]
    assert item["service_visits"] == 2
    assert [item[name] for name in ("participation_rate", "avg_times", "member_reg_rate", "unit_reg_rate")] == [None] * 4


def test_an_accepted_unit_counts(client: FlaskClient, town: Town, now: datetime) -> None:
    from server.db.models.registrations import UnitRegistration

    values: dict[str, Any] = {"offers": [], "submitted_at": now, "decided_at": now, "state": UnitState.ACCEPTED, "slip_no": "1"}
    with transaction() as session:
        session.add(UnitRegistration(public_id="U" * 13, unit_id=town.unit.id, community_id=town.tree.community.id, **values))
    (item,) = ask(client, town.secretary, scope="node", id=town.tree.community.public_id).json["items"]
    assert rate(item, "unit_reg_rate") == (1, 1, "100.0")


def test_periods_are_told_in_the_order_of_time(client: FlaskClient, town: Town) -> None:
    query = {"scope": "node", "id": town.tree.community.public_id, "from": "2025-11-30", "to": "2026-12-31"}
    items = ask(client, town.secretary, **query).json["items"]
    assert [item["starts_on"] for item in items] == ["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"]
    assert [item["service_visits"] for item in items] == [0, 0, 0, 0, 3]
    assert rate(items[0], "member_reg_rate") == (0, 3, "0.0")
    assert items[0]["participation_rate"] is None


def test_more_periods_cost_no_more_statements(client: FlaskClient, town: Town) -> None:
    from sqlalchemy import event

    from server.db.base import engine

    said: list[str] = []
    event.listen(engine(), "before_cursor_execute", lambda *args: said.append(args[2]))
    counts = []
    for since in ("2026-03-01", "2024-06-01"):
        said.clear()
        query = {"scope": "node", "id": town.tree.community.public_id, "from": since}
        assert ask(client, town.secretary, **query).status_code == 200
        counts.append(len(said))
    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize("scope", ["node", "unit"])
def test_who_may_not(client: FlaskClient, town: Town, now: datetime, scope: str) -> None:
    place = town.tree.community.public_id if scope == "node" else town.unit.public_id
    assert client.get("/api/v1/tallies", query_string={"scope": scope, "id": place}).status_code == 401
    assert ask(client, town.token, scope=scope, id=place).status_code == 403
    with transaction() as session:
        stranger = token_of(session, with_role(session, now, Role.SECRETARY, town.tree.neighbour, "钱书记"), now)
    assert ask(client, stranger, scope=scope, id=place).status_code == 404
    assert ask(client, town.secretary, scope=scope, id="0" * 13).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [{"scope": "person"}, {"period": "week"}, {"from": "soon"}, {"order": "visits"}, {"from": "2020-01-01"}, {"from": "2027-01-01"}],
)
def test_odd_questions_are_refused(client: FlaskClient, town: Town, wrong: dict[str, str]) -> None:
    answer = ask(client, town.secretary, **{"scope": "node", "id": town.tree.community.public_id, **wrong})
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID")


def test_a_closed_registration_leaves_the_denominator_from_its_day(client: FlaskClient, town: Town, now: datetime) -> None:
    from sqlalchemy import update

    from server.db.models.registrations import MemberRegistration

    with transaction() as session:
        ended = update(MemberRegistration).where(MemberRegistration.person_id == town.idle.id)
        session.execute(ended.values(valid_from=date(2026, 1, 1), valid_to=date(2026, 3, 1)))
    query = {"scope": "node", "id": town.tree.community.public_id, "from": "2026-02-01"}
    items = ask(client, town.secretary, **query).json["items"]
    assert [rate(item, "participation_rate") for item in items] == [(0, 1, "0.0"), (1, 1, "100.0")]
