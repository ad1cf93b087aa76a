"""双报告: one record, two views, and what each may not see."""

from dataclasses import dataclass
from datetime import date, datetime

import pytest
from flask.testing import FlaskClient

from server.db.base import transaction
from server.db.models.people import Person
from server.domain.people import Purpose
from server.domain.permissions import Role
from server.domain.records import RecordState
from server.services import consents
from tests.factories.people import a_tree, actor_of, headers, token_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_unit, an_entry, of_unit


@dataclass
class Scene:
    """张三 agreed to report to his unit, 李四 did not; both served; 王五 is on the roster only."""

    community: str
    neighbour: str
    unit: str
    member: str
    quiet: str
    member_row: int
    secretary: str
    foreign: str
    branch: str
    other_branch: str
    token: str


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        unit = a_unit(session, now, tree, "示例县第一小学")
        member = a_member(session, now, tree, "张三", Purpose.SHARE_UNIT, unit=unit)
        quiet = a_member(session, now, tree, "李四", unit=unit)
        an_entry(session, now, unit, "王五", "")
        a_record(session, now, tree, member, minutes=60)
        a_record(session, now, tree, member, minutes=30, neighbour=True)
        a_record(session, now, tree, member, minutes=45, neighbour=True, day=date(2026, 3, 4))
        a_record(session, now, tree, member, minutes=90, state=RecordState.REPORTED)
        a_record(session, now, tree, quiet, minutes=20)
        people = (
            with_role(session, now, Role.SECRETARY, tree.community),
            with_role(session, now, Role.SECRETARY, tree.neighbour),
            of_unit(session, now, Role.UNIT_BRANCH, unit),
            of_unit(session, now, Role.UNIT_BRANCH, a_unit(session, now, tree)),
            member,
        )
        ids = (tree.community.public_id, tree.neighbour.public_id, unit.public_id, member.public_id, quiet.public_id, member.id)
        return Scene(*ids, *(token_of(session, person, now) for person in people))


def get(client: FlaskClient, token: str, path: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    answer = client.get(f"/api/v1{path}", headers=headers(token))
    return answer.status_code, answer.json


def test_the_community_sees_what_its_member_did_here_and_elsewhere_since_he_came(client: FlaskClient, scene: Scene) -> None:
    status, body = get(client, scene.secretary, f"/communities/{scene.community}/members/{scene.member}/records")
    assert status == 200
    assert [(one["community"], one["minutes"], one["day"]) for one in body["items"]] == [
        ("邻近社区", 30, "2026-03-05"),
        ("示例社区", 60, "2026-03-05"),
    ]
    assert all(one["place"] for one in body["items"])
    assert "手机号" in body["never_shown"]


def test_pages_of_one(client: FlaskClient, scene: Scene) -> None:
    path = f"/communities/{scene.community}/members/{scene.member}/records?limit=1"
    _, first = get(client, scene.secretary, path)
    _, second = get(client, scene.secretary, f"{path}&after={first['next']}")
    assert ([one["minutes"] for one in first["items"] + second["items"]], second["next"]) == ([30, 60], None)


def test_another_community_sees_nothing(client: FlaskClient, scene: Scene) -> None:
    for community in (scene.community, scene.neighbour):
        assert get(client, scene.foreign, f"/communities/{community}/members/{scene.member}/records")[0] == 404
    assert get(client, scene.branch, f"/communities/{scene.community}/members/{scene.member}/records")[0] == 403


def test_the_branch_sees_its_roster_and_what_was_agreed_to(client: FlaskClient, scene: Scene) -> None:
    status, body = get(client, scene.branch, f"/units/{scene.unit}/members")
    assert status == 200
    assert [(one["name"], one["registered"], one["shared"], one["community"], one["visits"], one["minutes"]) for one in body["items"]] == [
        ("张三", "registered", True, "示例社区", 3, 135),
        ("李四", "registered", False, None, None, None),
        ("王五", "none", False, None, None, None),
    ]
    assert {"phone", "address"}.isdisjoint(body["items"][0])
    assert get(client, scene.other_branch, f"/units/{scene.unit}/members")[0] == 404
    assert get(client, scene.token, f"/units/{scene.unit}/members")[0] == 403
    assert client.get(f"/api/v1/units/{scene.unit}/members").status_code == 401


def test_the_branch_reads_records_only_with_consent(client: FlaskClient, scene: Scene, now: datetime) -> None:
    path = f"/units/{scene.unit}/members/{scene.member}/records"
    status, body = get(client, scene.branch, path)
    assert (status, [one["minutes"] for one in body["items"]]) == (200, [45, 30, 60])
    assert [one["place"] for one in body["items"]] == [None] * 3
    refused, answer = get(client, scene.branch, f"/units/{scene.unit}/members/{scene.quiet}/records")
    assert (refused, answer["error"]["code"]) == (403, "SHARE_NOT_AGREED")
    assert get(client, scene.other_branch, path)[0] == 404
    with transaction() as session:
        person = session.get_one(Person, scene.member_row)
        consents.withdraw(session, person=person, purpose=Purpose.SHARE_UNIT, actor=actor_of(session, person, now), now=now)
    assert get(client, scene.branch, path)[0] == 403
    assert get(client, scene.branch, f"/units/{scene.unit}/members")[1]["items"][0]["minutes"] is None
