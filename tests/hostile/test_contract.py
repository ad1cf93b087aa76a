"""The API keeps the word of its document: documented statuses and bodies only, whoever asks (schemathesis, bounded, one seed)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.domain.permissions import BASE, GRANTS, Role
from tests.hostile import calls
from tests.hostile.world import World

pytestmark = pytest.mark.usefixtures("unlimited")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 3
STAFF = GRANTS[Role.SECRETARY]
_keys = count(1)


def operations(app: Flask) -> Iterator[Any]:
    for result in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations():
        yield result.ok()


def asks(operation: Any) -> str | None:
    """Who is let in, so that examples are not spent on 401 and 403; the refusals are compared with the document below."""
    permission = operation.definition.raw.get("x-permission")
    return None if permission is None else "member" if permission in BASE else "secretary" if permission in STAFF else "county"


def headers(world: World, who: str | None) -> dict[str, str]:
    key = {"Idempotency-Key": f"6f1c1d0e-4b7a-4a5e-9a55-{next(_keys):012x}"}
    return key if who is None else key | {"Authorization": f"Bearer {world.tokens[who]}"}


@pytest.mark.parametrize("who", [None, "member", "secretary", "county"])
def test_every_operation_answers_as_documented(app: Flask, world: World, who: str | None) -> None:
    broken: list[str] = []
    for operation in (one for one in operations(app) if asks(one) == who):

        @seed(20260305)
        @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(headers=headers(world, who), checks=CHECKS)

        try:
            ask()
        except Exception as failure:
            broken.append(f"{operation.label}: {str(failure)[:400]}")
    assert broken == []


@pytest.mark.parametrize("who", [None, "member", "secretary", "county"])
def test_right_requests_are_answered_as_documented(app: Flask, world: World, who: str | None) -> None:
    """With ids that exist, so that the successes are compared with their schemas as well."""
    client = app.test_client()
    named = {f"{operation.method.upper()} {operation.path}": operation.definition.raw["responses"] for operation in operations(app)}
    broken = []
    for route in (route for route in calls.ROUTES if route.name != "sign_out"):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)
        declared = named[f"{route.method} /api/v1{path}"]
        answer = calls.send(client, route, world, who)
        code = answer.json["error"]["code"] if answer.status_code >= 400 else ""
        told = declared.get(str(answer.status_code), {}).get("description")
        if told is None or (code not in told and not code.startswith("WECHAT_")):
            broken.append((route.name, answer.status_code, code, told))
    assert broken == []
