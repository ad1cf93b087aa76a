"""Every declared route as a request that is right: the path with ids of the world, the documented example as its body."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from functools import cache
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import miniprogram_api
from miniprogram_api.edge import Route
from server.console.api_reader import ID, Reader
from server.domain.permissions import BASE, GRANTS, Role
from tests.hostile.world import World, picture

RESOURCES = miniprogram_api.RESOURCES
SIGNED = frozenset({"show_linked_picture"})  # the signature in the address is the right to it; tests/jobs/test_contents.py breaks it
ROUTES = [route for resource in RESOURCES for route in resource.routes if route.name not in SIGNED]
BODIED = [route for route in ROUTES if route.body is not None]
WITH_ID = [route for route in ROUTES if "<" in route.rule]
# Path parameters that name no row.
WORDS = {
    "policies": "registrations.auto_accept",
    "roster-templates": "members",
    "subscriptions": "reminder",
    "consents": "share_unit",
    "workdays": "2026-05-01",
    "funnel": "in_work",
}
# Which object of the world the first id of a path means, where it is not the one named after the segment before it: the one in the right
# state, so that what is sent comes as far as the rules of the service.
AT: Mapping[str, str] = {
    **dict.fromkeys(("withdraw_request", "supplement_request", "triage_hints_of", "triage_request", "merge_request"), "request_submitted"),
    **dict.fromkeys(("reject_request", "split_request", "type_out_request"), "request_submitted"),
    **dict.fromkeys(("publish_request", "dispatch_request", "whistle_request", "escalate_request", "suggest_receivers"), "request_triaged"),
    **dict.fromkeys(("sign_off", "list_sign_offs", "fetch_ballot_token"), "request_finished"),
    **dict.fromkeys(("read_callback_number", "record_callback"), "request_called"),
    **dict.fromkeys(("hand_down_request", "take_up_request", "explain_request"), "request_escalated"),
    "decide_explanation": "request_hopeless",
    "claim_request": "request_open",
    "start_request": "request_accepted",
    "open_mediation": "request_accepted",
    "redo_request": "request_again",
    "resume_request": "request_paused",
    "decide_extension": "request_late",
    "arrive_at_request": "offer_whistled",
    "take_back_claim": "request_claim",
    "accept_care_plan": "care_asked",
    "ask_feedback_again": "feedback_answered",
    "feedback_told": "feedback_noted",
    "verify_wish": "wish_collected",
    "publish_wish": "wish_verified",
    **dict.fromkeys(("read_wish_contact", "wish_contacted", "release_wish"), "wish_claimed"),
    "fulfil_wish": "wish_contacted",
    "confirm_wish": "wish_fulfilled",
    **dict.fromkeys(("fetch_vote_token", "count_review_votes"), "review_voting"),
    **dict.fromkeys(("print_review_slips", "list_review_slips", "sign_for_review_slip", "give_back_review_slip"), "review_voting"),
    "enter_review_slips": "review_voting",
    **dict.fromkeys(("list_review_items", "reopen_review_item", "close_review"), "review_counted"),
}
# Which object of the world a field of a body or query means; the rest is the example's own.
FIELDS = {
    "community": "communities", "node": "communities", "parent": "communities", "unit": "units", "team": "teams", "shift": "shift",
    "person": "mate", "leader": "members", "organiser": "members", "grid": "grid", "entry": "entry", "task": "tasks", "sub": "members",
    "code": "rotating_code", "into": "requests", "carer": "mate", "station": "stations", "keeper": "mate", "successor": "station_next",
    "request": "requests",
    "cell": "cells",
}  # fmt: skip
LISTS = {"members": "members", "people": "mate", "media": "media"}
OTHER = {"name": "王奶奶", "phone": "13800001234", "consent": "spoken"}
# Where the rightful body needs more than its example.
BODIES: Mapping[str, Mapping[str, Any]] = {
    "register": {"token": None},
    "register_for": {"entry": None},
    "request_transfer": {"token": None, "community": "neighbour"},
    "decide_transfer": {"action": "release"},
    "decide_binding_request": {"entry": "entry"},
    "claim_task": {"shift": None},
    "claim_task_for_team": {"shift": None},
    "decide_claims": {"ids": ["claims"], "approve": True},
    "confirm_records": {"ids": ["records"]},
    "decide_registrations": {"ids": ["waiting"]},
    "grant_role": {"phone": None, "unit": None, "valid_to": None, "role": "grid_worker", "person": "members"},
    "create_org": {"parent": "county", "level": "street", "name": "另一街道", "code": None},
    "set_policy": {"value": False, "node": None, "valid_from": None},
    "create_team": {"unit": None},
    "create_task": {"unit": None, "mode": "menu", "category": "environment", "five_help": None},
    "change_unit": {"uscc": None},
    "create_staff_login": {"person": "members"},
    "submit_request": {"media": None, "for_other": OTHER | {"relation": "child"}},
    "save_request_draft": {"media": ["request_media"]},
    "rewrite_request_draft": {"media": None, "version": 0},
    "supplement_request": {"media": None},
    "enter_request": {"media": None, "person": OTHER},
    "enter_round": {"entries": [{"category": "repairs", "content": "楼道灯不亮", "person": OTHER}]},
    "triage_request": {"category": "repairs"},
    "triage_requests": {"category": "repairs", "ids": ["request_submitted"]},
    "enter_ballot_slips": {"slips": [{"contacted": True, "solved": True, "satisfaction": "very", "comment": "谢谢"}] * 5},
    "post_ballot": {"token": "ballot"},
    "post_votes": {"token": "vote", "cell": "panel_cell", "votes": {"vote_item": "solved"}},
    "create_review": {"day": "2026-09-30"},
    "select_review_members": {"chosen": [{"person": f"voter{number}", "reason": "了解情况"} for number in range(5)]},
    "sign_for_review_slip": {"person": "voter2"},
    "enter_feedback": {"request": None, "person": OTHER},
    "create_care_plan": {"person": "members"},
    "hand_over_care_plan": {"carer": "mover"},
    "collect_wish": {"consent": "spoken", "guardian": None},
    "claim_wish": {"unit": None},
    "confirm_wish": {"via": "callback"},
    "dispatch_request": {"unit": None, "team": None},
    "hand_down_request": {"unit": None, "team": None},
    "whistle_request": {"to": [{"person": "mate"}, {"unit": "units"}]},
    "claim_request": {"unit": None, "team": None},
    "decide_request_claims": {"ids": ["request_claim"]},
    "ask_extension": {"until": "2026-03-12T16:00:00Z"},
    "finish_request": {"pictures": None},
}
SHEETS = {"import_requests": "姓名,手机号,类别,诉求内容\n王奶奶,13800001234,噪音扰民,楼上半夜装修\n"}
# What a list must be asked for beside its place.
QUERIES = {"category": "repairs", "state": "in_progress", "day": "2026-03-05", "from": "2026-01-01", "to": "2026-04-01"}
# Who may do it to this very row, where the permission alone does not say so: whoever has it in hand, who stands above, who answers.
HANDLER = (
    "list_my_offers", "answer_offer", "arrive_at_request", "take_back_claim", "list_in_hand", "show_in_hand",
    "contact_requester", "start_request", "redo_request", "pause_request", "resume_request", "visit_for_request", "ask_extension",
    "finish_request", "accept_care_plan", "visit_care_plan", "hand_over_care_plan", "open_mediation", "show_mediation", "close_mediation",
    "list_station_queue", "claim_wish", "read_wish_contact", "wish_contacted", "release_wish", "fulfil_wish",
)  # fmt: skip
WHO: Mapping[str, str] = {
    **dict.fromkeys(HANDLER, "mate"),
    **dict.fromkeys(("hand_down_request", "take_up_request", "explain_request"), "street"),
    "decide_explanation": "county",
    "claim_request": "organiser",
    **dict.fromkeys(("admit_to_team", "list_team_asking"), "mate"),
    "feedback_told": "clerk",
    "my_feedback_entries": "clerk",
    "confirm_wish": "secretary",
    **dict.fromkeys(("list_team_asking", "admit_to_team"), "mate"),
    "withdraw_wish": "secretary",
}
STAFF = {"secretary": Role.SECRETARY, "county": Role.COUNTY, "security": Role.SECURITY_ADMIN, "liaison": Role.UNIT_LIAISON}
_keys = count(1)


def kinds(rule: str) -> list[tuple[str, str]]:
    """(parameter, the path segment before it) of a rule: /tasks/<id>/x → [("id", "tasks")]."""
    return [(name, segment) for segment, name in re.findall(r"([\w-]+)/<(?:\w+:)?(\w+)>", rule)]


def path_of(route: Route, world: World, **other: str) -> str:
    """The route's path with the world's ids; `other` replaces an id by the name of its parameter."""
    path = route.rule
    for place, (name, segment) in enumerate(kinds(route.rule)):
        at = world.ids[AT[route.name]] if place == 0 and route.name in AT else None
        value = other.get(name) or at or WORDS.get(segment) or world.ids.get(segment)
        assert value, f"tests/hostile/world.py has no object for /{segment}/<…>: add one, so that {route.rule} is attacked too"
        path = re.sub(rf"<(?:\w+:)?{name}>", value, path)
    return f"/api/v1{path}"


def body_of(route: Route, world: World) -> dict[str, Any]:
    """The documented example with ids of the world instead of the sample id."""
    example = json.loads(_examples()[route.name] or "{}")
    said = BODIES.get(route.name, {})
    seen = {"version": said["version"]} if "version" in said else {}
    return _named({**example, **said}, world) | seen


def send(client: FlaskClient, route: Route, world: World, who: str | None, **options: Any) -> TestResponse:
    """Ask `route` as a token's owner (None: nobody); `path`, `body` (bytes or JSON), `headers` replace what is right."""
    said: dict[str, str] = {"Idempotency-Key": f"hostile-{next(_keys)}"} if route.keyed else {}
    if route.name == "check_in":
        said["Idempotency-Key"] = f"6f1c1d0e-4b7a-4a5e-9a55-{next(_keys):012x}"
    if who is not None:
        said["Authorization"] = f"Bearer {world.tokens[who]}"
    said |= options.get("headers", {})
    path = options.get("path") or path_of(route, world)
    return client.open(path, method=route.method, headers=said, **_payload(route, world, options))


def _payload(route: Route, world: World, options: Mapping[str, Any]) -> dict[str, Any]:
    if route.body is None and "body" not in options:
        return {"query_string": options.get("query") or query_of(route, world)}
    body = options.get("body", None if route.body is None else body_of(route, world))
    if isinstance(body, bytes):
        return {"data": body, "content_type": options.get("content_type", "application/json")}
    if route.upload:
        return {
            "data": {**_form(body), "file": options.get("file") or (_file(route), "a.bin" if route.rule == "/media" else "a.csv")},
            "content_type": "multipart/form-data",
        }
    return {"json": body}


def _form(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items() if name != "file" and value is not None
    }


def _file(route: Route) -> Any:
    return io.BytesIO(picture() if route.rule == "/media" else SHEETS.get(route.name, "姓名,手机号,工作单位\n").encode())


def query_of(route: Route, world: World) -> dict[str, str]:
    """The required parameters of a list, and what narrows it to the world's objects."""
    if route.query is None:
        return {}
    wanted = route.query.model_json_schema()
    made = {name: world.ids[FIELDS.get(name, "communities")] for name in wanted.get("required", []) if name in ("id", *FIELDS)}
    return made | {name: {"scope": "node", **QUERIES}[name] for name in wanted.get("required", []) if name in ("scope", *QUERIES)}


def _named(values: Mapping[str, Any], world: World) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, str) and value in world.ids:
            named[name] = world.ids[value]
        elif isinstance(value, list) and value and isinstance(value[0], str) and (value[0] == ID or value[0] in world.ids):
            named[name] = [world.ids[LISTS.get(name, value[0])] if value[0] == ID else world.ids[value[0]]]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            named[name] = [_named(one, world) for one in value]
        elif isinstance(value, dict):
            named[name] = _named({world.ids.get(key, key): one for key, one in value.items()}, world)
        elif value == ID:
            named[name] = world.ids[FIELDS[name]]
        elif name in ("tok", "token"):
            named[name] = world.codes[value if value in world.codes else "tok"]
        elif name != "version":
            named[name] = value
    return named


@cache
def _examples() -> dict[str, str]:
    tags = Reader(miniprogram_api.document(), base="").tags()
    return {operation.id: operation.body_example for tag in tags for operation in tag.operations}


def multipart(form: dict[str, str], data: bytes, name: str) -> dict[str, Any]:
    """A form as bytes; the test client's own would leave a temporary file open, and would clean the name."""
    said = "".join(f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in form.items())
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return {"data": (said + head).encode() + data + b"\r\n--x--\r\n", "content_type": "multipart/form-data; boundary=x"}


def who(route: Route) -> str | None:
    """Somebody of 示例社区 who may use the route at all; None for a public one."""
    if route.permission is None or route.name in WHO:
        return WHO.get(route.name)
    if route.permission in BASE:
        return "member"
    return next(name for name, role in STAFF.items() if route.permission in GRANTS[role])
