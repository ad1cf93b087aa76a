"""Recurring care, mediation, stations and the funnel through HTTP."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import requests as job
from server.db.base import transaction
from server.db.models.notices import Notice
from server.domain.permissions import SYSTEM, Role
from server.domain.request_triage import RejectChannel
from server.domain.requests import RequestState
from server.services import requests, triage
from tests.conftest import Time
from tests.factories.handling import handled
from tests.factories.people import a_person, a_tree, headers, token_of, with_role
from tests.factories.requests import a_request, a_requester

keys = (f"key-{number}" for number in count())


class Town:
    """示例社区: a secretary, her neighbour's, an elder who agreed to be served, two who may care for her."""

    def __init__(self, client: FlaskClient, now: datetime) -> None:
        self.client, self.now = client, now
        with transaction() as session:
            self.tree = a_tree(session, now)
            people = {
                "secretary": with_role(session, now, Role.SECRETARY, self.tree.community),
                "stranger": with_role(session, now, Role.SECRETARY, self.tree.neighbour),
                "street": with_role(session, now, Role.STREET, self.tree.street),
                "elder": a_requester(session, now, "陈奶奶"),
                "carer": a_person(session, now, "赵师傅"),
                "other": a_person(session, now, "钱医生"),
            }
            self.ids = {name: person.public_id for name, person in people.items()}
            self.tokens = {name: token_of(session, person, now) for name, person in people.items()}
            request, _ = handled(session, now, self.tree, handler=people["carer"])
            self.request = request.public_id
        self.here = f"/communities/{self.tree.community.public_id}"

    def post(self, who: str, path: str, body: dict[str, Any] | None = None) -> Any:
        sent = headers(self.tokens[who], next(keys))
        return self.client.post(f"/api/v1{path}", headers=sent, **({"json": body} if body is not None else {}))

    def get(self, who: str, path: str) -> Any:
        return self.client.get(f"/api/v1{path}", headers=headers(self.tokens[who]))

    def plan(self, **over: Any) -> Any:
        body = {"person": self.ids["elder"], "carer": self.ids["carer"], "what": "量血压", "every_days": 7, "first_on": "2026-03-06"}
        return self.post("secretary", f"{self.here}/care-plans", {**body, **over})


@pytest.fixture
def town(client: FlaskClient, now: datetime) -> Town:
    return Town(client, now)


def test_a_plan_begins_with_a_yes_and_keeps_its_rhythm(town: Town, time: Time) -> None:
    plan = town.plan().json
    path = f"/care-plans/{plan['id']}"
    assert plan["state"] == "asked"
    assert town.post("other", f"{path}/accept").status_code == 404
    assert town.post("carer", f"{path}/accept").json["state"] == "active"
    time.advance(days=1)
    assert town.post("carer", f"{path}/visits", {"note": "血压正常"}).json["next_on"] == "2026-03-13"
    assert town.post("carer", f"{path}/visits", {}).status_code == 409  # once a day
    shown = town.get("elder", path).json
    assert (shown["what"], [(day["day"], day["state"], day["note"]) for day in shown["visits"]]) == (
        "量血压",
        [("2026-03-06", "done", "血压正常")],
    )
    assert [line["id"] for line in town.get("carer", "/me/care-plans").json["items"]] == [plan["id"]]
    assert [line["id"] for line in town.get("secretary", f"{town.here}/care-plans").json["items"]] == [plan["id"]]


def test_three_missed_visits_alarm_and_show_whom(town: Town, time: Time) -> None:
    path = f"/care-plans/{town.plan(every_days=2).json['id']}"
    town.post("carer", f"{path}/accept")
    for _ in range(3):
        for _twice in range(2):
            job.miss_care(time.now)
        time.advance(days=2)
    for _twice in range(2):
        job.miss_care(time.now)
    shown = town.get("secretary", path).json
    assert [day["state"] for day in shown["visits"]] == ["missed"] * 3
    assert (shown["missed"], {alarm["name"] for alarm in shown["alarms"]}) == (3, {"李书记", "赵师傅"})
    inbox = town.get("secretary", "/notices").json["items"]
    assert [notice["kind"] for notice in inbox].count("care_alarm") == 1


def test_handing_over_needs_the_next_ones_yes(town: Town) -> None:
    path = f"/care-plans/{town.plan().json['id']}"
    town.post("carer", f"{path}/accept")
    assert town.post("carer", f"{path}/hand-over", {"carer": town.ids["elder"]}).json["error"]["code"] == "CARER_SELF"
    assert town.post("carer", f"{path}/hand-over", {"carer": town.ids["other"]}).json["state"] == "asked"
    assert town.post("carer", f"{path}/visits", {}).status_code == 404
    assert town.post("other", f"{path}/visits", {}).json["error"]["code"] == "ILLEGAL_MOVE"
    assert town.post("other", f"{path}/accept").json["state"] == "active"
    assert town.post("stranger", f"{path}/end", {"reason": "结束"}).status_code == 404
    assert town.post("secretary", f"{path}/end", {"reason": "老人搬走"}).json["state"] == "ended"


def test_care_refusals(town: Town) -> None:
    assert town.client.post(f"/api/v1{town.here}/care-plans", json={}).status_code == 401
    assert town.post("carer", f"{town.here}/care-plans", {}).status_code == 403
    assert (
        town.post("stranger", f"{town.here}/care-plans", {**PLAN, "person": town.ids["elder"], "carer": town.ids["carer"]}).status_code
        == 404
    )
    assert town.plan(every_days=0).status_code == 422
    assert town.plan(first_on="2026-03-01").json["error"]["code"] == "INVALID"
    assert town.plan(person=town.ids["other"]).json["error"]["code"] == "CONSENT_REQUIRED"


PLAN = {"what": "量血压", "every_days": 7, "first_on": "2026-03-06"}


def test_a_mediation_has_parties_and_a_result(town: Town) -> None:
    parties = {"parties": ["301户", "401户"]}
    assert town.post("other", f"/requests/{town.request}/mediation", parties).status_code == 404
    assert town.post("carer", f"/requests/{town.request}/mediation", {"parties": ["301户"]}).status_code == 422
    case = town.post("carer", f"/requests/{town.request}/mediation", parties).json
    assert town.post("carer", f"/requests/{town.request}/mediation", parties).json["error"]["code"] == "MEDIATION_EXISTS"
    path = f"/mediations/{case['id']}"
    assert (town.get("other", path).status_code, town.get("secretary", path).json["parties"]) == (404, ["301户", "401户"])
    result = {"action": "agree", "result": "十点后不用洗衣机"}
    assert town.post("secretary", f"{path}/close", result).status_code == 404
    assert town.post("carer", f"{path}/close", result).json["state"] == "agreed"
    assert town.post("carer", f"{path}/close", result).status_code == 409


def test_a_station_is_a_queue(town: Town) -> None:
    body = {"kind": "repairs", "keeper": town.ids["other"]}
    station = town.post("secretary", f"{town.here}/stations", body).json
    assert station["name"] == "便民维修站"
    assert town.post("secretary", f"{town.here}/stations", body).json["error"]["code"] == "STATION_EXISTS"
    assert town.post("stranger", f"{town.here}/stations", body).status_code == 404
    assert [one["id"] for one in town.get("carer", f"{town.here}/stations").json["items"]] == [station["id"]]
    assert town.post("secretary", f"/requests/{town.request}/station", {"station": station["id"]}).status_code == 200
    queue = f"/stations/{station['id']}/queue"
    assert [line["id"] for line in town.get("other", queue).json["items"]] == [town.request]
    assert town.get("carer", queue).status_code == 404
    assert town.post("secretary", f"/requests/{town.request}/station", {}).status_code == 200
    assert town.get("other", queue).json["items"] == []


def test_a_closed_station_sends_its_queue_on(town: Town) -> None:
    """To its successor, or back to the community; whoever asked is told where, and a new one of the kind may open."""
    repairs = town.post("secretary", f"{town.here}/stations", {"kind": "repairs", "keeper": town.ids["other"]}).json["id"]
    care = town.post("secretary", f"{town.here}/stations", {"kind": "care", "keeper": town.ids["carer"]}).json["id"]
    put = {"station": repairs}
    assert town.post("secretary", f"/requests/{town.request}/station", put).status_code == 200
    path = f"/stations/{repairs}/close"
    assert town.post("stranger", path, {"reason": "并站"}).status_code == 404
    assert town.post("carer", path, {"reason": "并站"}).status_code == 403
    assert town.post("secretary", path, {"reason": ""}).status_code == 422
    assert town.post("secretary", path, {"reason": "并站", "successor": repairs}).json["error"]["code"] == "INVALID"
    closed = town.post("secretary", path, {"reason": "并站", "successor": care}).json
    assert (closed["state"], closed["moved"]) == ("closed", 1)
    assert town.get("secretary", f"/stations/{repairs}/queue").json["items"] == []
    assert [line["id"] for line in town.get("carer", f"/stations/{care}/queue").json["items"]] == [town.request]
    assert [one["id"] for one in town.get("carer", f"{town.here}/stations").json["items"]] == [care]
    assert told_of_stations(town) == ["助老帮困站"]
    assert town.post("secretary", path, {"reason": "再关"}).json["error"]["code"] == "ILLEGAL_MOVE"
    assert town.post("secretary", f"/requests/{town.request}/station", put).json["error"]["code"] == "STATION_CLOSED"
    assert town.post("secretary", f"{town.here}/stations", {"kind": "repairs"}).status_code == 201
    assert town.post("secretary", f"/stations/{care}/close", {"reason": "人手不够"}).json["moved"] == 1
    assert told_of_stations(town) == ["助老帮困站", "社区"]
    queue = town.get("secretary", f"{town.here}/requests").json["items"]
    assert [line["id"] for line in queue] == [town.request]


def told_of_stations(town: Town) -> list[str]:
    """Where the requester was told to go, in order."""
    with transaction() as session:
        request = requests.by_public_id(session, town.request)
        told = select(Notice.facts).where(Notice.person_id == request.asked_for_id).order_by(Notice.id)
        return [facts["place"] for facts in session.execute(told).scalars() if facts.get("outcome") == "station"]


def test_the_funnel_adds_up_and_drills_down(town: Town, now: datetime) -> None:
    with transaction() as session:
        for number in range(3):
            made = a_request(session, now, town.tree, content=f"第{number}件")
            triage.reject(session, made, channel=RejectChannel.HOTLINE, reason="市政热线办理", actor=SYSTEM, now=now)
        a_request(session, now, town.tree, state=RequestState.DRAFT, content="草稿")
        a_request(session, now, town.tree, content="邻居", community=town.tree.neighbour)
    period = "from=2026-03-01&to=2026-04-01"
    here = f"/orgs/{town.tree.community.public_id}/funnel"
    found = town.get("secretary", f"{here}?{period}").json
    buckets = {line["bucket"]: line["count"] for line in found["buckets"]}
    assert (found["total"], found["carried_on"], buckets["rejected"], buckets["in_work"]) == (4, 1, 3, 1)
    assert sum(buckets.values()) == found["total"]
    assert found["channels"] == [{"channel": "12345", "count": 3}]
    page = town.get("secretary", f"{here}/rejected?{period}&limit=2").json
    rest = town.get("secretary", f"{here}/rejected?{period}&limit=2&after={page['next']}").json
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert town.get("street", f"/orgs/{town.tree.street.public_id}/funnel?{period}").json["total"] == 5
    assert town.get("stranger", f"{here}?{period}").status_code == 404
    assert town.get("other", f"{here}?{period}").status_code == 403
    assert town.get("secretary", f"{here}/nothing?{period}").status_code == 404
    assert town.get("secretary", f"{here}?from=2026-04-01&to=2026-03-01").status_code == 422
    assert town.get("secretary", f"{here}?from=2026-03-06&to=2026-04-01").json["total"] == 0
