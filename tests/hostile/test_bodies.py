"""Whatever is sent, the answer is a 4xx in the one shape with one Chinese sentence, and nothing is stored (docs/api.md)."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from miniprogram_api.edge import Resource, Route
from server.db import base
from tests.hostile import calls
from tests.hostile.world import World

pytestmark = pytest.mark.usefixtures("unlimited")
WRITING = [resource for resource in calls.RESOURCES if any(route.body is not None for route in resource.routes)]
by_resource = pytest.mark.parametrize("resource", WRITING, ids=lambda resource: resource.name)
# Written on a refusal, by design: the answer that is given again, the ledger of refused scans, the count of wrong passwords.
LEDGERS = {"idempotency_key", "refused_scan", "sign_in_counter"}
# Any character may stand in a password, it is hashed at once, and in padding, which is thrown away; of a batch of scans each is refused by
# itself.
SECRET = {"password", "old", "new", "messages", "pad"}
HUGE = "名" * 350_000  # 1 MB
# Sent as bytes in place of the body.
NO_BODIES = {
    "empty": b"",
    "cut": b'{"a":',
    "text": "你好".encode(),
    "array": b"[]",
    "string": b'"x"',
    "null": b"null",
    "nan": b"NaN",
    "invalid utf-8": b'{"a": "\xff\xfe"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "gzip": gzip.compress(b" " * 10_000_000),
    "deep array": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "form": b"a=1&b=2",
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "lone surrogate": b'{"a": "\\ud800"}',
    "huge number": b'{"a": ' + b"9" * 5000 + b"}",
}
# Never right, in any field.
WRONG = {"object": {"x": 1}, "nested": [[[]]], "huge": HUGE, "fraction": 1.5, "2^63": 2**63, "-2^63": -(2**63)}
BAD_TEXT = {
    "nul": "\0",
    "control": "a\x1bb",
    "rtl override": "a\u202eb",
    "isolate": "\u2067a",
    "invisible": "\u200b\u200b",
}
# Right for some fields: never a 500, and one sentence where it is refused.
ODD = (
    "１３８００１３８０００", "😀", "é" * 300, "2026-02-30", "2026-03-05T09:00:00", "9999-12-31T23:59:59-14:00", "9999-12-31",
    "0001-01-01T00:00:00+14:00", "0001-01-01", "' OR 1=1 --", -1, True,
)  # fmt: skip


def refused(answer: TestResponse, said: object) -> None:
    """A 4xx, in the one shape, whose sentence is Chinese and whose text is not an echo."""
    assert 400 <= answer.status_code < 500, (said, answer.status_code, answer.text[:300])
    shape(answer, said)


def shape(answer: TestResponse, said: object) -> None:
    """The one error shape."""
    error = answer.json["error"]
    assert set(error) <= {"code", "message", "fields", "data", "request_id"}, said
    assert error["code"].isupper(), said
    assert any("\u4e00" <= char <= "\u9fff" for char in error["message"]), said
    assert len(answer.data) < 20_000, (said, "an error must not echo what was sent")


def stored(database: Engine) -> dict[str, str]:
    """Table → a hash of all its rows, without the ledgers."""
    with database.connect() as connection:
        return {
            table.name: hashlib.sha256(repr(connection.execute(select(table)).all()).encode()).hexdigest()
            for table in base.Base.metadata.sorted_tables
            if table.name not in LEDGERS
        }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields of an example, outermost first."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the body with another value there."""
    made = copy.deepcopy(body)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def never_right(route: Route, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Bodies that must be refused."""
    if not route.upload:
        yield from NO_BODIES.items()
        assert route.body is not None
        for name in route.body.model_json_schema().get("required", []):
            yield f"without {name}", {key: value for key, value in body.items() if key != name}
            yield f"null {name}", {**body, name: None}
    yield "unknown field", {**body, "admin": True}
    yield "huge unknown field", {**body, HUGE[: 100_000 if route.upload else None]: 1}
    if not route.upload:
        yield "many unknown fields", {**body, **{f"x{number}": 1 for number in range(5_000)}}
    for path in leaves(body):
        wrong = dict(WRONG) if not route.upload else {"huge": HUGE[:100_000]}
        if isinstance(_at(body, path), str) and not SECRET & set(path):
            wrong |= BAD_TEXT
        if (route.name, path[0]) == ("set_policy", "value") or (route.upload and path[0] == "file"):
            continue  # each policy has its own type, the service refuses; files have tests of their own
        for name, value in wrong.items():
            yield f"{name} in {path}", changed(body, path, value)


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        body = body[key]
    return body


@by_resource
def test_a_body_that_is_wrong_is_refused_and_nothing_is_stored(
    resource: Resource, client: FlaskClient, world: World, database: Engine
) -> None:
    before = stored(database)
    for route in (route for route in resource.routes if route.body is not None):
        body = calls.body_of(route, world)
        for said, wrong in never_right(route, body):
            refused(calls.send(client, route, world, calls.who(route), body=wrong), (route.name, said))
    assert {name for name, rows in stored(database).items() if rows != before[name]} == set()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)  # the stricter one
@by_resource
def test_a_body_that_is_odd_never_breaks_the_server(resource: Resource, client: FlaskClient, world: World) -> None:
    for route in (route for route in resource.routes if route.body is not None):
        body = calls.body_of(route, world)
        for path in leaves(body):
            for odd in ODD:
                answer = calls.send(client, route, world, calls.who(route), body=changed(body, path, odd))
                assert answer.status_code < 500, (route.name, path, odd, answer.text)
                if answer.status_code >= 400:
                    shape(answer, (route.name, path, odd))


def test_duplicate_keys_count_once(client: FlaskClient, world: World) -> None:
    answer = client.put(
        "/api/v1/me",
        data=b'{"elder": true, "elder": "x"}',
        headers={"Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": "k"},
    )
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "INVALID")


def test_json_is_json_whatever_it_is_called(client: FlaskClient, world: World) -> None:
    said = {"Authorization": f"Bearer {world.tokens['member']}"}
    for number, kind in enumerate(("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", "")):
        answer = client.put("/api/v1/me", data=b"elder=true", content_type=kind, headers=said | {"Idempotency-Key": f"k{number}"})
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "BAD_JSON")


def test_a_body_over_the_limit_is_a_413(client: FlaskClient, world: World) -> None:
    huge = json.dumps({"name": "x" * 13_000_000}).encode()
    said = {"Authorization": f"Bearer {world.tokens['member']}", "Idempotency-Key": "k"}
    for path in ("/api/v1/me", "/api/v1/sessions"):
        answer = client.open(path, method="PUT" if path.endswith("me") else "POST", data=huge, headers=said)
        assert (answer.status_code, answer.json["error"]["code"]) == (413, "TOO_LARGE")
