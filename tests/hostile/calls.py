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

# The residents' loop has no objects in the world yet: these resources are attacked only by test_contract's drawn values and by their own
# tests. Each name that gets its objects in world.py leaves this list.
TO_COME = frozenset({
    "requests", "intakes", "triage", "sign_offs", "ballots", "ballot_entries", "callbacks", "reviews", "wishes", "feedbacks", "dispatch",
    "handling", "care_plans", "mediations", "stations", "funnels",
})  # fmt: skip
RESOURCES = [resource for resource in miniprogram_api.RESOURCES if resource.name not in TO_COME]
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
}
# Which object of the world a field of a body or query means; the rest is the example's own.
FIELDS = {
    "community": "communities", "node": "communities", "parent": "communities", "unit": "units", "team": "teams", "shift": "shift",
    "person": "mate", "leader": "members", "organiser": "members", "grid": "grid", "entry": "entry", "task": "tasks", "sub": "members",
    "code": "rotating_code",
}  # fmt: skip
LISTS = {"members": "members", "people": "mate", "media": "media"}
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
}
STAFF = {"secretary": Role.SECRETARY, "county": Role.COUNTY, "security": Role.SECURITY_ADMIN, "liaison": Role.UNIT_LIAISON}
_keys = count(1)


def kinds(rule: str) -> list[tuple[str, str]]:
    """(parameter, the path segment before it) of a rule: /tasks/<id>/x → [("id", "tasks")]."""
    return [(name, segment) for segment, name in re.findall(r"([\w-]+)/<(?:\w+:)?(\w+)>", rule)]


def path_of(route: Route, world: World, **other: str) -> str:
    """The route's path with the world's ids; `other` replaces an id by the name of its parameter."""
    path = route.rule
    for name, segment in kinds(route.rule):
        value = other.get(name) or WORDS.get(segment) or world.ids.get(segment)
        assert value, f"tests/hostile/world.py has no object for /{segment}/<…>: add one, so that {route.rule} is attacked too"
        path = re.sub(rf"<(?:\w+:)?{name}>", value, path)
    return f"/api/v1{path}"


def body_of(route: Route, world: World) -> dict[str, Any]:
    """The documented example with ids of the world instead of the sample id."""
    example = json.loads(_examples()[route.name] or "{}")
    return _named({**example, **BODIES.get(route.name, {})}, world)


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
        return {"data": {**_form(body), "file": options.get("file") or (_file(route), "a.bin")}, "content_type": "multipart/form-data"}
    return {"json": body}


def _form(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items() if name != "file" and value is not None
    }


def _file(route: Route) -> Any:
    return io.BytesIO(picture() if route.rule == "/media" else "姓名,手机号,工作单位\n".encode())


def query_of(route: Route, world: World) -> dict[str, str]:
    """The required parameters of a list, and what narrows it to the world's objects."""
    if route.query is None:
        return {}
    wanted = route.query.model_json_schema()
    made = {name: world.ids[FIELDS.get(name, "communities")] for name in wanted.get("required", []) if name in ("id", *FIELDS)}
    return made | {name: "node" for name in wanted.get("required", []) if name == "scope"}


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
            named[name] = [_named(value[0], world)]
        elif value == ID:
            named[name] = world.ids[FIELDS[name]]
        elif name in ("tok", "token"):
            named[name] = world.codes["tok"]
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
    if route.permission is None:
        return None
    if route.permission in BASE:
        return "member"
    return next(name for name, role in STAFF.items() if route.permission in GRANTS[role])
