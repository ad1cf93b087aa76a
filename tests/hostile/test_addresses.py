"""Paths, queries and headers that no phone of ours sends: a refusal in the one shape, never a 500."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

import pytest
from flask.testing import FlaskClient

from miniprogram_api.edge import Resource
from tests.hostile import calls
from tests.hostile.test_bodies import shape
from tests.hostile.world import World

pytestmark = pytest.mark.usefixtures("unlimited")
RESOURCES = pytest.mark.parametrize("resource", calls.RESOURCES, ids=lambda resource: resource.name)
ON_POSTGRES = pytest.mark.parametrize("database", ["postgres"], indirect=True)  # it refuses what SQLite takes: NUL, large numbers
IDS = ("%00", "%27%20OR%201%3D1--", "😀", "A" * 2000, "..%2f..%2fetc", "%ED%A0%80", "%ff", "-1", "1", "%20", "'", "0" * 13, "%E2%80%AE")
VALUES = ("", "\0", "😀", "-1", "0", "101", str(2**63), "1e9", "NaN", "１０", "true", "null", "9" * 5000, "x" * 3000, "' OR 1=1 --",
          "9999-12-31", "0001-01-01", "2026-13-01", "0000000000000", "\ufffd")  # fmt: skip


@ON_POSTGRES
@RESOURCES
def test_ids_that_are_none(resource: Resource, client: FlaskClient, world: World) -> None:
    for route in (route for route in resource.routes if "<" in route.rule):
        for name, _ in calls.kinds(route.rule):
            for wrong in IDS:
                path = calls.path_of(route, world, **{name: quote(wrong, safe="%")})
                answer = calls.send(client, route, world, calls.who(route), path=path)
                assert answer.status_code < 500, (route.name, name, wrong, answer.text)
                if answer.status_code >= 400:
                    shape(answer, (route.name, wrong))


@ON_POSTGRES
@RESOURCES
def test_queries_that_are_wrong(resource: Resource, client: FlaskClient, world: World) -> None:
    for route in (route for route in resource.routes if route.query is not None):
        assert route.query is not None
        right = calls.query_of(route, world)
        unknown = calls.send(client, route, world, calls.who(route), query={**right, "admin": "1"})
        assert unknown.status_code == 422, route.name
        for name in route.query.model_json_schema()["properties"]:
            for wrong in VALUES:
                answer = calls.send(client, route, world, calls.who(route), query={**right, name: wrong})
                assert answer.status_code < 500, (route.name, name, wrong, answer.text)
                if answer.status_code >= 400:
                    shape(answer, (route.name, name, wrong))


@pytest.mark.parametrize(
    "said",
    [
        {"X-Client-Version": "9" * 5000},
        {"X-Client-Version": "９.９"},
        {"X-Client-Version": "1..2"},
        {"X-Client-Version": "\u00b2.1"},
        {"If-None-Match": 'W/"' + "x" * 2000},
        {"If-None-Match": "*"},
        {"If-Modified-Since": "yesterday"},
        {"Range": "bytes=99999999-"},
        {"Content-Length": "-1"},
        {"Content-Length": "abc"},
        {"Content-Encoding": "gzip"},
        {"Accept": "text/html;q=NaN"},
        {"Accept-Language": ";" * 2000},
        {"Cookie": "session=eyJ4IjoxfQ.x.y; " * 50},
        {"X-Forwarded-For": "' OR 1=1"},
        {"Host": "evil.example"},
        {"X-HTTP-Method-Override": "DELETE"},
    ],
    ids=lambda said: next(iter(said)),
)
def test_headers_that_are_wrong(client: FlaskClient, world: World, said: dict[str, str]) -> None:
    token = {"Authorization": f"Bearer {world.tokens['member']}"}
    for path in ("/api/v1/me", "/api/v1/notices", "/openapi.json", "/docs", "/healthz", "/readyz", "/v/x", "/api/v1/none"):
        answer = client.get(path, headers=token | said)
        assert answer.status_code < 500, (path, answer.text)
    assert b"evil.example" not in client.get("/api/v1/me/documents", headers=token | said).data


@pytest.mark.parametrize(
    "path", ["/api/v1/none", "/none", "/v/", "/q/", "/../etc/passwd", "/static/..%2fapp.py", "/static/%00", "//evil.example", "/docs/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_addresses_that_lead_nowhere(client: FlaskClient, path: str, method: str) -> None:
    answer = client.open("/", method=method, environ_overrides={"PATH_INFO": unquote(path)})  # as sent: no client takes // for a host
    assert answer.status_code < 500
    assert urlsplit(answer.headers.get("Location", "")).netloc in ("", "localhost")
    if answer.status_code >= 400 and answer.mimetype == "application/json":
        shape(answer, path)
