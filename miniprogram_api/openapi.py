"""OpenAPI 3.1 rendered from the declared routes; docs/openapi.json is compared with it in tests (house law 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from miniprogram_api.edge import Resource, Route
from server.domain.problems import PROBLEMS
from server.statuses import STATUS

REF = "#/components/schemas/{model}"
ALWAYS = ("INTERNAL", "TOO_MANY_REQUESTS", "CLIENT_TOO_OLD")
SIGNED_IN = ("UNAUTHENTICATED", "FORBIDDEN")
ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "stable; decide by this", "examples": ["INVALID"]},
                "message": {"type": "string", "description": "一句中文，可直接给用户看", "examples": ["填写的内容有误，请按提示改正"]},
                "fields": {"type": "object", "additionalProperties": {"type": "string"}, "description": "哪一项要怎样改"},
                "data": {"type": "object", "additionalProperties": True},
                "request_id": {"type": "string"},
            },
        }
    },
}


def document(resources: Iterable[Resource], *, version: str, base: str = "/api/v1") -> dict[str, Any]:
    """The whole document, keys in a stable order."""
    resources = list(resources)
    routes = [route for resource in resources for route in resource.routes]
    names, schemas = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(base + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule), {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "共建 phone API",
            "version": version,
            "description": "双报到、扫码签到、任务认领与回报。所有写操作带 Idempotency-Key，可以放心重发；"
            "错误统一为 {error:{code,message}}。",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": resource.name, "description": resource.title} for resource in resources],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR_SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: list[Route]) -> tuple[dict[Any, str], dict[str, Any]]:
    """Every model once, under its own name; queries too, so that their enums resolve."""
    wanted: list[tuple[type[BaseModel], Any]] = []
    for route in routes:
        wanted += [(model, "validation") for model in (route.body, route.query) if model is not None]
        wanted += [(model, "serialization") for model in (route.answer, route.later) if model is not None]
    unique = list(dict.fromkeys(wanted))
    mapping, whole = models_json_schema(unique, ref_template=REF)
    names = {key: str(value["$ref"]).rsplit("/", 1)[1] for key, value in mapping.items() if "$ref" in value}
    return names, dict(sorted(whole.get("$defs", {}).items()))


def _operation(route: Route, names: dict[Any, str]) -> dict[str, Any]:
    summary, _, detail = (route.view.__doc__ or "").strip().partition("\n")
    operation: dict[str, Any] = {"operationId": route.name, "tags": [route.tag], "summary": summary}
    if detail.strip():
        operation["description"] = " ".join(detail.split())
    operation["parameters"] = _path_parameters(route) + _headers(route) + _query_parameters(route)
    if route.body is not None:
        operation["requestBody"] = _body(route, names[route.body, "validation"])
    operation["responses"] = {str(route.status): _success(route, names), **_later(route, names), **_unchanged(route), **_refusals(route)}
    operation["security"] = [] if route.permission is None else [{"token": []}]
    if route.permission is not None:
        operation["x-permission"] = route.permission.value
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"<(?:\w+:)?(\w+)>", route.rule)
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "每次操作一个新的编号；重发时用原来的编号，得到原来的答复",
        "schema": {"type": "string", "maxLength": 64, "examples": ["6f1c1d0e-4b7a-4a5e-9a55-0d8f3a1b2c3d"]},
    }
    match = {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "上次答复的 ETag；没有变化时答 304，没有内容",
        "schema": {"type": "string"},
    }
    return [key] * route.keyed + [match] * route.etag


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=REF)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": rule} for name, rule in schema.get("properties", {}).items()
    ]


def _body(route: Route, name: str) -> dict[str, Any]:
    reference: dict[str, Any] = {"$ref": REF.format(model=name)}
    if not route.upload:
        return {"required": True, "content": {"application/json": {"schema": reference}}}
    return {"required": True, "content": {"multipart/form-data": {"schema": _form(route)}}}


def _form(route: Route) -> dict[str, Any]:
    """The model's fields and the file in one object: beside a model that forbids other fields the file could not stand."""
    model = cast(type[BaseModel], route.body).model_json_schema(ref_template=REF)
    model.pop("$defs", None)
    file = {"type": "string", "format": "binary", "description": "文件"}
    return {**model, "properties": {**model["properties"], "file": file}, "required": [*model.get("required", []), "file"]}


def _success(route: Route, names: dict[Any, str]) -> dict[str, Any]:
    if route.answer is None:
        return {"description": "ok", "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in route.media}}
    return _answer("ok", names[route.answer, "serialization"])


def _later(route: Route, names: dict[Any, str]) -> dict[str, Any]:
    """The 202 of a file that a worker still makes."""
    return (
        {} if route.later is None else {"202": _answer("not ready yet: ask again after Retry-After", names[route.later, "serialization"])}
    )


def _unchanged(route: Route) -> dict[str, Any]:
    """The 304 of a polled list, and the ETag that asks for it."""
    return {"304": {"description": "not changed since If-None-Match"}} if route.etag else {}


def _answer(description: str, name: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": {"$ref": REF.format(model=name)}}}}


def _refusals(route: Route) -> dict[str, Any]:
    """One response per status, with the codes that can occur and an example of each."""
    codes = list(ALWAYS) + list(route.problems)
    if route.permission is not None:
        codes += SIGNED_IN
    if route.body is not None or route.query is not None:
        codes += [model.problem for model in (route.body, route.query) if model is not None] + (["BAD_JSON"] if route.body else [])
    if route.body is not None:
        codes.append("TOO_LARGE")
    if route.keyed:
        codes += ["IDEMPOTENCY_KEY_MISSING", "STALE"] + ([] if route.own_answers else ["IDEMPOTENCY_KEY_REUSED"])
    if "<" in route.rule or (route.permission is not None and (route.body is not None or route.query is not None)):  # an id anywhere
        codes.append("NOT_FOUND")
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(STATUS[PROBLEMS[code][0]], []).append(code)
    return {str(status): _refusal(sorted(found)) for status, found in sorted(by_status.items())}


def _refusal(codes: list[str]) -> dict[str, Any]:
    examples = {code: {"value": {"error": {"code": code, "message": PROBLEMS[code][1], "request_id": "0a1b2c"}}} for code in codes}
    return {
        "description": " · ".join(codes),
        "content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}, "examples": examples}},
    }
