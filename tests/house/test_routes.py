"""Default deny: every route says who may use it (house law 4)."""

from __future__ import annotations

import inspect

import pytest

import miniprogram_api
from miniprogram_api.edge import Route
from server.domain.permissions import BASE, GRANTS, Permission
from server.domain.problems import PROBLEMS
from tests.house.sources import application

# Everything that answers outside /api/v1, and why it needs no token.
PUBLIC = {
    "/healthz": "the supervisor asks whether the process lives",
    "/readyz": "the balancer asks whether its parts answer; no personal data",
    "/openapi.json": "the description of the API is no secret",
    "/docs": "the same, to read",
    "/static/<path:filename>": "style sheets and scripts",
    "/__dev__/clock": "the clock port; not registered in production",
    "/wechat/push": "WeChat signs what it pushes",
    "/q/<path:rest>": "where an ordinary-link code leads a phone's browser",
    "/q/<token>": "where an ordinary-link code leads a phone's browser",
    "/q/<path:name>": "where an ordinary-link code leads a phone's browser, and the file by which WeChat proves the domain",
    "/v/<token>": "anyone may verify a receipt or certificate (A6)",
    "/verify": "the same for who cannot scan: number and name must both be right",
    "/vote": "a member of a panel votes with the code of his paper slip, and is asked nothing else",
    "/board": "the communities to choose from are no secret",
    "/board/<community>": "a notice board hangs for everybody: totals and published activities, no names",
    "/privacy": "what personal data are used for must be read before anybody signs in (R7)",
    "/about": "who runs this, its filing number, whom to turn to",
    "/": "the same, for who types the bare address",
    "/screen/<token>": "a screen shows a rotating code; the address holds the screen's own token, for twelve hours or until it is ended",
    "/screen/<token>/now": "the piece of it that changes",
    "/hall/<token>": "a screen in the hall shows what hangs there: totals, no names; the address is signed and can be revoked",
    "/hall/<token>/now": "the piece of it that changes",
}
ROUTES = [route for resource in miniprogram_api.RESOURCES for route in resource.routes]
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.rule}")


def test_every_rule_outside_the_api_is_public_for_a_reason() -> None:
    outside = {rule.rule for rule in application().url_map.iter_rules() if not rule.rule.startswith(("/api/v1/", "/console"))}
    assert outside <= set(PUBLIC), "declare it in /api/v1 with a permission, or give the reason here"


def test_every_rule_of_the_api_was_declared() -> None:
    declared = {(f"/api/v1{route.rule}", route.method) for route in ROUTES}
    mounted = {
        (rule.rule, method)
        for rule in application().url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert mounted == declared


@every_route
def test_a_route_has_a_permission_or_is_public_and_tells_what_it_does(route: Route) -> None:
    assert route.permission is None or route.permission in Permission
    assert (inspect.getdoc(route.view) or "").strip(), "the docstring is the summary that client developers read"
    assert route.answer is not None or route.media != ("application/json",)


@every_route
def test_a_route_declares_only_known_problems(route: Route) -> None:
    assert set(route.problems) <= set(PROBLEMS)


@every_route
def test_a_signed_in_write_may_be_sent_twice(route: Route) -> None:
    """House law 6: a write without Idempotency-Key must be idempotent by its own rule, named here."""
    idempotent = {"sign_out", "check_in", "check_out", "upload_scans", "checkin_batch", "read_notice", "read_all_notices"}
    if route.method == "GET" or route.permission is None or route.keyed or route.method in ("PUT", "DELETE"):
        return
    assert route.mode == "own" or route.name in idempotent


def test_operation_ids_are_unique() -> None:
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))


def test_every_permission_is_granted_to_somebody() -> None:
    granted = set(BASE).union(*GRANTS.values())
    assert set(Permission) == granted
