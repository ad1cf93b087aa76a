"""From dispatch to report through HTTP: one request's way, and what each route refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from server.db import base
from server.db.base import transaction
from server.domain.permissions import Role
from server.domain.requests import RequestState
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, a_tree, headers, token_of, with_role
from tests.factories.requests import a_request, a_requester

keys = (f"key-{number}" for number in count())


class Town:
    """示例社区 with a secretary, a neighbour's secretary, the street, a requester, a helper; a call is `town.post(who, path, body)`."""

    def __init__(self, client: FlaskClient, now: datetime) -> None:
        self.client = client
        with transaction() as session:
            self.tree: Tree = a_tree(session, now)
            self.requester = a_requester(session, now)
            self.helper = a_person(session, now, "赵师傅")
            people = {
                "secretary": with_role(session, now, Role.SECRETARY, self.tree.community),
                "stranger": with_role(session, now, Role.SECRETARY, self.tree.neighbour),
                "street": with_role(session, now, Role.STREET, self.tree.street),
                "street2": with_role(session, now, Role.STREET, self.tree.street),
                "requester": self.requester,
                "helper": self.helper,
                "other": a_person(session, now, "路人"),
            }
            self.ids = {name: person.public_id for name, person in people.items()}
            self.tokens = {name: token_of(session, person, now) for name, person in people.items()}
            self.request = a_request(session, now, self.tree, self.requester, RequestState.TRIAGED).public_id

    def post(self, who: str, path: str, body: dict[str, Any] | None = None) -> Any:
        sent = headers(self.tokens[who], next(keys))
        return self.client.post(f"/api/v1{path}", headers=sent, **({"json": body} if body is not None else {}))

    def get(self, who: str, path: str) -> Any:
        return self.client.get(f"/api/v1{path}", headers=headers(self.tokens[who]))


@pytest.fixture
def town(client: FlaskClient, now: datetime) -> Town:
    return Town(client, now)


def statements(act: Callable[[], object]) -> int:
    """How many statements this takes."""
    said: list[str] = []

    def note(*args: Any) -> None:
        said.append(args[2])

    event.listen(base.engine(), "before_cursor_execute", note)
    act()
    event.remove(base.engine(), "before_cursor_execute", note)
    return len(said)


def offered(town: Town) -> str:
    answer = town.post("secretary", f"/requests/{town.request}/offers", {"person": town.ids["helper"]})
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def test_from_dispatch_to_report(town: Town) -> None:
    offer = offered(town)
    assert [item["id"] for item in town.get("helper", "/me/offers").json["items"]] == [offer]
    assert town.get("helper", f"/me/handling/{town.request}").status_code == 404  # not before he says yes
    assert town.post("helper", f"/offers/{offer}/answer", {"accept": True}).json["lead"] is True
    shown = town.get("helper", f"/me/handling/{town.request}").json
    assert (shown["content"], shown["phone"][3:7], shown["again"]) == ("3号楼楼道灯不亮", "****", None)
    assert not {"author", "asked_for", "requester", "name"} & shown.keys()
    assert [item["id"] for item in town.get("helper", "/me/handling").json["items"]] == [town.request]
    phone = town.post("helper", f"/requests/{town.request}/contact").json["phone"]
    assert len(phone) == 11
    assert [line["reader"] for line in town.get("secretary", f"/requests/{town.request}/readings").json["items"]] == ["赵师傅"]
    assert town.post("helper", f"/requests/{town.request}/start").json["state"] == "in_progress"
    assert town.post("helper", f"/requests/{town.request}/visits", {"note": "看过了"}).status_code == 201
    assert town.post("helper", f"/requests/{town.request}/pause", {"reason": "等居民回来"}).json["due_at"] == "2026-03-12T01:00:00Z"
    assert town.post("requester", f"/requests/{town.request}/resume").json["state"] == "in_progress"
    asked = {"until": "2026-03-13T08:00:00Z", "reason": "等配件"}
    assert town.post("helper", f"/requests/{town.request}/extension", asked).json["state"] == "asked"
    decided = town.post("secretary", f"/requests/{town.request}/extension/decide", {"approve": True, "note": "同意"})
    assert (decided.status_code, decided.json["state"]) == (200, "approved")
    done = town.post("helper", f"/requests/{town.request}/finish", {"result": "换了灯管"})
    assert (done.status_code, done.json["state"]) == (200, "finished")
    assert town.post("helper", f"/requests/{town.request}/contact").json["error"]["code"] == "CONTACT_CLOSED"


def test_open_claimed_and_approved(town: Town) -> None:
    assert town.post("secretary", f"/requests/{town.request}/publish", {}).json["state"] == "open"
    listed = town.get("helper", f"/communities/{town.tree.community.public_id}/open-requests").json["items"]
    assert [line["id"] for line in listed] == [town.request]
    assert "content" not in listed[0]
    claim = town.post("helper", f"/requests/{town.request}/claims", {}).json["id"]
    assert town.post("helper", f"/requests/{town.request}/claims", {}).status_code == 409
    assert town.post("requester", f"/requests/{town.request}/claims", {}).json["error"]["code"] == "REQUEST_OWN"
    assert [line["id"] for line in town.get("secretary", "/request-claims").json["items"]] == [claim]
    assert town.get("stranger", "/request-claims").json["items"] == []
    outcome = town.post("secretary", "/request-claims/decide", {"ids": [claim], "approve": True}).json
    assert (outcome["done"], outcome["failed"]) == ([claim], [])


def test_whistle_and_suggestions(town: Town) -> None:
    found = town.get("secretary", f"/requests/{town.request}/suggestions").json["items"]
    assert all(one["reasons"] for one in found)
    body = {"to": [{"person": town.ids["helper"]}, {"person": town.ids["other"]}], "reason": "水管爆裂，请到场"}
    called = town.post("secretary", f"/requests/{town.request}/whistle", body)
    assert (called.status_code, len(called.json["items"])) == (201, 2)
    first = called.json["items"][1]["id"]
    assert town.post("other", f"/offers/{first}/answer", {"accept": True}).json["lead"] is True
    assert town.post("other", f"/offers/{first}/arrive").json["arrived_at"] is not None
    lines = town.get("secretary", f"/requests/{town.request}/offers").json["items"]
    assert [line["arrived_at"] is not None for line in lines] == [False, True]


def test_up_to_the_street_and_explained_by_two(town: Town) -> None:
    path = f"/requests/{town.request}"
    assert town.post("secretary", f"{path}/escalate", {"reason": "社区无权处理"}).json["level"] == "street"
    assert town.post("secretary", f"{path}/take-up").json["error"]["code"] == "REQUEST_LEVEL"
    assert town.post("street", f"{path}/explain", {"reason": "产权不在政府"}).json["state"] == "explaining"
    verdict = {"approve": True, "reason": "情况属实"}
    assert town.post("street", f"{path}/explanation/decide", verdict).json["error"]["code"] == "EXPLAIN_SELF"
    assert town.post("street2", f"{path}/explanation/decide", verdict).json["state"] == "closed_explained"


def test_the_street_hands_down(town: Town) -> None:
    path = f"/requests/{town.request}"
    town.post("secretary", f"{path}/escalate", {"reason": "社区无权处理"})
    assert town.post("street", f"{path}/hand-down", {"person": town.ids["helper"]}).status_code == 201


def test_refusals(town: Town) -> None:
    path = f"/requests/{town.request}"
    assert town.client.post(f"/api/v1{path}/offers", json={}).status_code == 401
    assert town.post("other", f"{path}/offers", {"person": town.ids["helper"]}).status_code == 403
    assert town.post("stranger", f"{path}/offers", {"person": town.ids["helper"]}).status_code == 404
    assert town.post("secretary", f"{path}/offers", {}).status_code == 422
    assert town.post("secretary", f"{path}/offers", {"person": "x"}).status_code == 422
    assert town.post("secretary", f"{path}/publish", {"version": 99}).json["error"]["code"] == "STALE"
    offer = offered(town)
    assert town.post("other", f"/offers/{offer}/answer", {"accept": True}).status_code == 404
    assert town.post("helper", f"/offers/{offer}/answer", {"accept": False}).json["error"]["code"] == "NOTE_REQUIRED"
    for step in ("contact", "start", "redo"):
        assert town.post("helper", f"{path}/{step}").status_code == 404
    assert town.post("secretary", f"{path}/offers", {"person": town.ids["other"]}).status_code == 409


def test_a_list_costs_the_same_for_one_and_for_ten(town: Town, now: datetime) -> None:
    with transaction() as session:
        handled(session, now, town.tree, handler=town.helper)
    one = statements(lambda: town.get("helper", "/me/handling"))
    with transaction() as session:
        for number in range(9):
            handled(session, now, town.tree, handler=town.helper, content=f"第{number}件")
    assert statements(lambda: town.get("helper", "/me/handling")) == one
    assert len(town.get("helper", "/me/handling").json["items"]) == 10
