"""Nobody reaches another community's rows (docs/rules.md R7): every route with an id in it, every outsider, 403 or 404, never data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from miniprogram_api.edge import Route
from server.dev.documents.states import MACHINES
from server.domain.states import Rule
from tests.hostile import calls
from tests.hostile.test_bodies import stored
from tests.hostile.world import NAME, PHONE, World

OUTSIDERS = ("neighbour_secretary", "neighbour_clerk", "neighbour_worker", "neighbour_liaison", "stranger")
INSIDERS = ("member", "mate", "mover", "newcomer", "organiser", "secretary", "clerk", "liaison", "county", "security", "street")
ANYBODY = {
    "read_org": "the org tree is public",
    "show_task": "a published task is for everybody, so that one may help next door",
    "claim_task": "anybody may claim a published task",
    "join_team": "a volunteer may join any team",
    "roster_template": "an empty template",
    "withdraw_consent": "one's own consent",
    "mute_subscription": "one's own setting",
    "read_policy": "rules are no secret",
    "list_open_requests": "what is open for claim is for everybody; no words, no place",
    "claim_request": "anybody may offer himself for an open request",
    "claim_wish": "anybody may claim a published wish",
    "wish_shelf": "published wishes are for everybody, under an alias",
    "wish": "a published wish is for everybody, under an alias",
    "list_stations": "which desks there are is no secret",
    "volunteer_for_review": "anybody may sign up for a panel; who sits on it is drawn or chosen",
}
each = pytest.mark.parametrize("route", calls.WITH_ID, ids=lambda route: route.name)
pytestmark = pytest.mark.usefixtures("unlimited")


@each
def test_an_outsider_gets_nothing_and_somebody_rightful_gets_through(route: Route, client: FlaskClient, world: World) -> None:
    if route.permission is not None:
        answer = calls.send(client, route, world, None)
        assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    for who in () if route.name in ANYBODY else OUTSIDERS:
        answer = calls.send(client, route, world, who)
        assert answer.status_code in (403, 404), (who, answer.status_code, answer.text)
        assert answer.json["error"]["code"] in ("FORBIDDEN", "NOT_FOUND"), (who, answer.text)
        assert NAME not in answer.text
        assert PHONE not in answer.text
    said = {who: calls.send(client, route, world, who).status_code for who in INSIDERS}
    assert any(status not in (401, 403, 404, 500) for status in said.values()), said
    assert 500 not in said.values(), said


FOREIGN = ("claims", "records", "final", "draft", "members", "mate", "waiting", "role-grants", "binding-requests", "prints", "screens",
           "unit-registrations", "documents", "media", "entry", "requests", "request-drafts", "request_submitted", "request_called",
           "offers", "request_claim", "mediations", "care-plans", "feedbacks", "feedback_noted", "wish_collected", "items", "voter1",
           "ballot-comments")  # fmt: skip


@pytest.mark.parametrize("route", [route for route in calls.ROUTES if "<" not in route.rule], ids=lambda route: route.name)
def test_ids_in_a_body_or_query_reach_no_further_than_ids_in_a_path(
    route: Route, client: FlaskClient, world: World, database: Engine
) -> None:
    """Whoever names rows of another community gets none of them, and changes nothing there."""
    before = stored(database)
    for who in OUTSIDERS:
        for query in ({}, {"task": world.ids["tasks"]}, {"community": world.ids["communities"]}, {"person": world.ids["members"]}):
            fitting = route.query is not None and set(query) <= set(route.query.model_fields)
            if query and not fitting:
                continue
            answer = calls.send(client, route, world, who, query={**calls.query_of(route, world), **query})
            assert answer.status_code < 500, answer.text
            leaked = [kind for kind in FOREIGN if answer.status_code < 400 and world.ids[kind].encode() in answer.data]
            named = {one["id"] for one in answer.json.get("failed", ())} if answer.is_json else set()
            assert not [kind for kind in leaked if world.ids[kind] not in named], (who, query, answer.data[:300])
            assert NAME.encode() not in answer.data
    touched = {name for name, rows in stored(database).items() if rows != before[name]}
    assert touched <= OWN.get(route.name, set()), touched


# What an outsider may write with ids of 示例社区 in his hands: about himself.
OWN: dict[str, set[str]] = {
    "sign_out": {"login_session"},
    "staff_sign_in": {"event", "sign_in_counter"},  # a wrong password is counted and stands in the history
    "read_all_notices": {"notice"},
    "report_subscriptions": {"subscription"},
    "my_codes": {"code", "code_epoch"},
    "submit_request": {"request", "serial_counter", "event", "notice", "person", "consent"},  # whoever comes by may say what is wrong there
    "post_ballot": {"ballot_envelope"},  # whoever holds the token
    "post_votes": {"ballot_envelope"},
    "check_in": {"scan", "service_record", "event"},  # the running activity needs no claim: anybody may come
}


def test_the_exceptions_are_routes_that_exist() -> None:
    assert set(ANYBODY) <= {route.name for route in calls.WITH_ID}


@pytest.mark.parametrize("table", [machine.table for machine in MACHINES], ids=[machine.title for machine in MACHINES])
def test_an_action_needs_the_same_permission_in_every_state(table: Mapping[tuple[Any, Any], Rule[Any]]) -> None:
    """It is asked before the state is looked at, so that the state of a foreign row is not told (409) to who may not see it (404)."""
    needed: dict[Any, set[Any]] = {}
    for (_, action), rule in table.items():
        needed.setdefault(action, set()).add(rule.permission)
    assert all(len(permissions) == 1 for permissions in needed.values()), needed
