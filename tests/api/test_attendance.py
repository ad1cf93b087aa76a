"""到场登记 through HTTP: the personal code, the tick, the paper list, the end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.db.base import reading, transaction
from server.db.models.checkins import RefusedScan, ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Role
from server.services import checkins, codes
from tests.conftest import Time
from tests.factories.checkins import a_mid, message, open_task
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.registrations import registered


@dataclass
class Scene:
    """A task, its organiser, a clerk of the community, one of the next, an elder without a phone, a member."""

    client: FlaskClient
    task: Task
    people: dict[str, Person]
    tokens: dict[str, str]

    def post(self, path: str, body: dict[str, Any], who: str = "organiser") -> TestResponse:
        """POST below /tasks/<id>/attendance."""
        url = f"/api/v1/tasks/{self.task.public_id}/attendance{path}"
        return self.client.post(url, json=body, headers=headers(self.tokens[who], a_mid()))

    def ids(self, *names: str) -> list[str]:
        return [self.people[name].public_id for name in names]

    def personal(self, name: str, now: datetime, *, card: bool = False) -> str:
        with transaction() as session:
            code = codes.of_person(session, person_id=self.people[name].id, now=now)
            return codes.card_of(code) if card else codes.token_of(code, now=now)

    def record(self, name: str) -> ServiceRecord:
        with reading() as session:
            return session.execute(select(ServiceRecord).where(ServiceRecord.person_id == self.people[name].id)).scalar_one()

    def scans(self, name: str, at: datetime, direction: str = "in") -> None:
        with transaction() as session:
            checkins.take(session, message(session, self.task, at, direction), actor=Actor(self.people[name].id), now=at)


@pytest.fixture
def scene(client: FlaskClient, now: datetime) -> Scene:
    with transaction() as session:
        tree = a_tree(session, now)
        people = {
            "organiser": a_person(session, now, "王五"),
            "clerk": with_role(session, now, Role.CLERK, tree.community, "赵干事"),
            "stranger": with_role(session, now, Role.CLERK, tree.neighbour, "邻社区干部"),
            "elder": a_person(session, now, "刘奶奶", phone=None),
            "member": a_person(session, now),
        }
        for name in ("organiser", "elder", "member"):
            registered(session, now, people[name], tree.community)
        task = open_task(session, now, tree, people["organiser"], rotating=True)
        return Scene(client, task, people, {name: token_of(session, person, now) for name, person in people.items()})


def tick(scene: Scene, now: datetime, *names: str, who: str = "organiser", **over: Any) -> TestResponse:
    return scene.post("", {"people": scene.ids(*names), "started_at": now.isoformat(), **over}, who)


@pytest.mark.parametrize("card", [False, True])
def test_the_organiser_scans_a_personal_code(scene: Scene, now: datetime, time: Time, card: bool) -> None:
    answer = scene.post("/scan", {"tok": scene.personal("member", now, card=card)})
    assert (answer.status_code, answer.json["grade"], answer.json["state_text"]) == (201, "B", "已证")
    later = time.advance(minutes=45)
    left = scene.post("/scan", {"tok": scene.personal("member", later, card=card), "dir": "out"})
    assert (left.json["record"], left.json["minutes"], left.json["state"]) == (answer.json["record"], 45, "ended")


def test_an_elder_without_a_phone_is_as_present_as_anybody(scene: Scene, now: datetime, time: Time) -> None:
    time.advance(hours=2)
    end = (now + timedelta(minutes=50)).isoformat()
    answer = tick(scene, now, "elder", "member", method="paper", ended_at=end)
    assert [(one["grade"], one["minutes"], one["state"]) for one in answer.json["done"]] == [("B", 50, "ended")] * 2
    assert scene.record("elder").recorder_id == scene.people["organiser"].id


def test_a_tick_and_a_scan_are_one_record_in_either_order(scene: Scene, now: datetime, time: Time) -> None:
    tick(scene, now, "elder")
    scene.scans("elder", now)
    scene.scans("member", now)
    tick(scene, now, "member")
    one, other = scene.record("elder"), scene.record("member")
    same = ("state", "grade", "method", "minutes", "started_at", "token_axis", "duration_axis", "flags", "recorder_id", "ordinal")
    assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same]
    assert (one.grade, len(one.mids), len(other.mids)) == ("B", 1, 1)


def test_the_organisers_end_fills_in_and_a_scanned_end_stays(scene: Scene, now: datetime, time: Time) -> None:
    scene.scans("member", now)
    scene.scans("elder", now)
    scene.scans("elder", now + timedelta(minutes=20), "out")
    time.advance(minutes=60)
    answer = scene.post("/end", {"people": scene.ids("member", "elder"), "ended_at": (now + timedelta(minutes=55)).isoformat()})
    assert [(one["minutes"], one["grade"]) for one in answer.json["done"]] == [(55, "B"), (20, "B")]
    assert (scene.record("member").duration_axis, scene.record("elder").duration_axis) == (1, 2)


def test_each_failure_is_named_and_the_rest_stands(scene: Scene, now: datetime) -> None:
    answer = tick(scene, now, "organiser", "member")
    assert [one["person"] for one in answer.json["done"]] == scene.ids("member")
    assert [(one["id"], one["code"]) for one in answer.json["failed"]] == [(scene.ids("organiser")[0], "CHECKIN_SELF")]
    gone = scene.post("/end", {"people": [*scene.ids("elder"), "0123456789ABC"], "ended_at": now.isoformat()})
    assert [one["code"] for one in gone.json["failed"]] == ["CHECKIN_NO_ENTRY", "NOT_FOUND"]


def test_an_id_of_somebody_who_is_not_from_here_names_nobody(scene: Scene, now: datetime) -> None:
    """By id only who is registered here, has claimed or has come: else a list would tell the name behind any id."""
    for path, more in (("", {"started_at": now.isoformat()}), ("/end", {"ended_at": now.isoformat()})):
        answer = scene.post(path, {"people": scene.ids("stranger"), **more}).json
        assert (answer["done"], [one["code"] for one in answer["failed"]]) == ([], ["NOT_FOUND"])


def test_ticking_twice_changes_nothing(scene: Scene, now: datetime) -> None:
    first, second = tick(scene, now, "member"), tick(scene, now, "member", who="clerk")
    assert first.json["done"][0]["record"] == second.json["done"][0]["record"]
    assert scene.record("member").grade == "A"  # two people who are not each other's session


def test_who_may_record(scene: Scene, now: datetime) -> None:
    assert tick(scene, now, "member", who="clerk").status_code == 201
    for who in ("stranger", "member"):
        assert tick(scene, now, "elder", who=who).status_code == 404
    url = f"/api/v1/tasks/{scene.task.public_id}/attendance"
    assert scene.client.post(url, json={}).status_code == 401


def test_wrong_times_are_named(scene: Scene, now: datetime) -> None:
    later, earlier = (now + timedelta(minutes=1)).isoformat(), (now - timedelta(minutes=1)).isoformat()
    assert tick(scene, now + timedelta(minutes=1), "member").status_code == 422
    assert tick(scene, now, "member", ended_at=earlier).json["error"]["fields"] == {"ended_at": "时间要在现在之前，离开要晚于到场"}
    assert scene.post("/end", {"people": scene.ids("member"), "ended_at": later}).status_code == 422
    assert tick(scene, now - timedelta(hours=1), "member").json["error"]["code"] == "CHECKIN_EARLY"


def test_codes_that_are_no_personal_code_go_to_the_ledger(scene: Scene, now: datetime, time: Time) -> None:
    with reading() as session:
        place = message(session, scene.task, now).text
    old = scene.personal("member", now)
    mine = scene.personal("organiser", now)
    time.advance(minutes=11)
    got = [scene.post("/scan", {"tok": text}).json["error"]["code"] for text in (place, old, scene.personal("organiser", time.now), "扫我")]
    assert got == ["QR_WINDOW_PAST", "QR_WINDOW_PAST", "CHECKIN_SELF", "QR_FORMAT"]
    assert mine != scene.personal("organiser", time.now)
    with reading() as session:
        rows = session.execute(select(RefusedScan.code, RefusedScan.person_id, RefusedScan.task_id).order_by(RefusedScan.id)).all()
    assert rows == [(code, scene.people["organiser"].id, scene.task.id) for code in got]


def test_the_same_key_gets_the_same_answer(scene: Scene, now: datetime) -> None:
    body = {"people": scene.ids("member"), "started_at": now.isoformat()}
    url, key = f"/api/v1/tasks/{scene.task.public_id}/attendance", a_mid()
    first, second = (scene.client.post(url, json=body, headers=headers(scene.tokens["organiser"], key)) for _ in range(2))
    assert (first.data, second.headers["Idempotent-Replay"]) == (second.data, "true")
