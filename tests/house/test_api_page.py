"""The readable API page: everything is on it, its examples are accepted by the server's own models, and it loads nothing from elsewhere."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

import miniprogram_api
from miniprogram_api.edge import Route
from server.console.api_reader import Operation, Reader, Tag
from server.console.views import api_docs
from tests.house.sources import application

ROUTES = {route.name: route for resource in miniprogram_api.RESOURCES for route in resource.routes}
WITH_BODY = [route for route in ROUTES.values() if route.body is not None]
# A little document with what ours may hold: references, null, lists, enums, examples, a file.
LITTLE: dict[str, Any] = {
    "tags": [{"name": "tasks", "description": "任务"}, {"name": "empty"}],
    "paths": {
        "/t/{id}": {
            "post": {
                "operationId": "change",
                "tags": ["tasks"],
                "summary": "改任务：只改标题.",
                "security": [{"token": []}],
                "x-permission": "tasks:manage",
                "parameters": [{"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskIn"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskIn"}}}},
                    "409": {"content": {"application/json": {"examples": {"STALE": {"value": {"error": {"message": "请刷新"}}}}}}},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "TaskIn": {
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "maxLength": 9, "description": "标题", "examples": ["清扫"]},
                    "kind": {"enum": ["post", "task"], "type": "string"},
                    "grid_id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "shifts": {"type": "array", "items": {"$ref": "#/components/schemas/Shift"}},
                },
            },
            "Shift": {"type": "object", "properties": {"starts_at": {"type": "string", "format": "date-time"}}},
        }
    },
}


@cache
def tags() -> list[Tag]:
    return Reader(miniprogram_api.document(), base=api_docs.BASE).tags()


@cache
def page() -> str:
    return application().test_client().get("/docs").get_data(as_text=True)


def little() -> Operation:
    return Reader(LITTLE, base="http://x").tags()[0].operations[0]


def test_a_schema_becomes_rows_with_nested_fields_after_their_parent() -> None:
    rows = [(field.path, field.kind, field.required) for field in little().body]
    assert rows == [
        ("title", "文字", True),
        ("kind", "文字", False),
        ("grid_id", "文字或空", False),
        ("shifts", "对象的列表", False),
        ("shifts[].starts_at", "时间", False),
    ]
    assert little().body[0].meaning == "标题；最多字数 9"
    assert little().body[1].meaning == "post · task"


def test_an_example_uses_what_was_declared_and_else_fits_the_type() -> None:
    shown = json.loads(little().body_example)
    assert shown == {"title": "清扫", "kind": "post", "grid_id": "7ZX4K2M9QWERT", "shifts": [{"starts_at": "2026-03-05T09:00:00+08:00"}]}


def test_a_curl_line_carries_what_the_operation_needs() -> None:
    assert little().curl.startswith(
        'curl -s -X POST \'http://x/t/7ZX4K2M9QWERT\' \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H "Idempotency'
    )
    assert (little().title, little().summary) == ("改任务", "改任务：只改标题")
    assert [(no.status, no.code, no.message) for no in little().refusals] == [("409", "STALE", "请刷新")]


def test_every_operation_is_on_the_page() -> None:
    listed = [operation.id for tag in tags() for operation in tag.operations]
    assert sorted(listed) == sorted(ROUTES)
    assert [name for name in ROUTES if f'id="{name}"' not in page()] == []


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)
def test_the_example_of_a_body_is_accepted(route: Route) -> None:
    """A client developer copies it; where this fails, give the field an example."""
    assert route.body is not None
    operation = next(one for tag in tags() for one in tag.operations if one.id == route.name)
    if route.upload:
        assert "-F file=" in operation.curl
    else:
        assert route.body.model_validate_json(operation.body_example)


@pytest.mark.parametrize("step", api_docs.STEPS, ids=lambda step: step.title)
def test_every_step_of_the_quick_start_has_its_operation(step: api_docs.Step) -> None:
    assert api_docs.operation_of(step, tags()) is not None


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    assert "<script" not in page()
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*", page()) == []
    assert re.findall(r"@import|url\((?!data:)", page()) == []


def test_what_a_developer_wrote_is_escaped() -> None:
    assert api_docs.marked("<b> `x<y`") == "&lt;b&gt; <code>x&lt;y</code>"
