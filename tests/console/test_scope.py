"""Somebody of 邻近社区 asks for every address of 示例社区 and gets nothing: 403 or 404, and none of its words (docs/rules.md R7).

The addresses are made from the declarations of the desks and the table in scope_world.py: a page whose object is not in the table fails.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from server.console import DESKS
from server.console.desk import Spot
from server.db.base import reading, transaction
from server.db.models.platform import Event
from server.domain.permissions import Role
from server.services import people
from tests.console.conftest import Seat, seat_of, sit_down
from tests.console.scope_world import OBJECTS, PLACEHOLDER, address, fill, secrets
from tests.factories.people import Tree, with_role

SPOTS = [spot for desk in DESKS for spot in desk.spots]
WITH_ID = [spot for spot in SPOTS if "<" in spot.rule]
WITHOUT = [spot for spot in SPOTS if "<" not in spot.rule]
# Addresses whose placeholder names nothing of a community, and what an outsider may see there.
WORDS_ALONE = {
    "/rosters/templates/<kind>": "an empty template",
    "/funnel/<bucket>": "his own community's requests of a stage",
    "/go/<kind>/<id>": "leads on to the page of the object, which refuses",
}
# What is typed into every form: enough to come past the check of the fields, so that the refusal is that of the scope.
TYPED: dict[str, Any] = {
    **dict.fromkeys(("reason", "note", "why", "text", "name", "label", "contact_post"), "试一试原因"),
    **dict.fromkeys(("decision", "answer"), "approve"),
    "phone": "13912340000", "login": "sneaky-1", "on": "2026-12-01", "level": "grid", "valid_from": "2026-03-05", "category": "environment",
    "difficulty": "simple", "form": "pdf_a4", "style": "link", "type": "in_service", "value": "5",
}  # fmt: skip


@pytest.fixture
def world(app: Flask, tree: Tree, now: datetime) -> dict[str, str]:
    with transaction() as session:
        who = with_role(session, now, Role.SECRETARY, tree.community, "书记公孙")
        sit_down(app, session, who, now)
        return fill(session, tree, who, now)


@pytest.fixture
def outsiders(app: Flask, tree: Tree, world: dict[str, str], now: datetime) -> list[Seat]:
    return [seat_of(app, now, role, tree.neighbour, name) for role, name in ((Role.SECRETARY, "赵书记"), (Role.CLERK, "孙文书"))]


def words_of(tree: Tree, outsiders: list[Seat]) -> set[str]:
    with reading() as session:
        return secrets(session, tree, {seat.person.id for seat in outsiders})


def events() -> int:
    """How much was done about anything but one's own session."""
    with reading() as session:
        return session.execute(select(func.count()).select_from(Event)).scalar_one()


def ask(seat: Seat, method: str, path: str, token: str) -> tuple[int, str]:
    """Status and body, not following."""
    typed = {"csrf": token, "back": "/console", **TYPED}
    if "/comments/" in path:
        typed["decision"] = "pass"
    answer = seat.client.get(path) if method == "GET" else seat.client.post(path, data=typed)
    return answer.status_code, answer.get_data().decode("utf-8", "replace")


def token_of(seat: Seat) -> str:
    seat.get("/console")
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', seat.html)[0]


def test_every_placeholder_has_its_object() -> None:
    """A new page with an id: say in scope_world.OBJECTS which object of the world stands there."""
    ids = dict.fromkeys((name for name in OBJECTS.values() if not name.startswith("=")), "X")
    missing = []
    for spot in WITH_ID:
        try:
            address(spot, ids)
        except KeyError as unknown:
            missing.append(f"{spot.rule}: {unknown}")
    assert not missing
    used = {(rule_before(spot, match.start()), match.group(1)) for spot in WITH_ID for match in PLACEHOLDER.finditer(spot.rule)}
    assert used == set(OBJECTS), "the table names what no address holds"
    assert set(WORDS_ALONE) <= {spot.rule for spot in WITH_ID}


def rule_before(spot: Spot, end: int) -> str:
    return "/".join(part for part in spot.rule[:end].strip("/").split("/") if not part.startswith("<"))


@pytest.mark.timeout(300)
def test_the_insider_finds_what_the_outsider_does_not(
    app: Flask, tree: Tree, world: dict[str, str], now: datetime, outsiders: list[Seat]
) -> None:
    """Else a wrong id would look like a kept secret: of each kind of object the secretary (or who keeps the system) opens a page."""
    inside = [seat_of(app, now, role, tree.community, name) for role, name in ((Role.SECRETARY, "李书记"),)]
    inside += [
        seat_of(app, now, role, tree.county, name)
        for role, name in ((Role.COUNTY, "县干部"), (Role.SECURITY_ADMIN, "安全员"), (Role.AUDITOR, "审计员"))
    ]
    opened: set[str] = set()
    for spot in (spot for spot in WITH_ID if "GET" in spot.methods and spot.rule not in WORDS_ALONE):
        path = address(spot, world)
        if any(seat.client.get(path).status_code in (200, 303, 409) for seat in inside):
            opened.add(spot.rule.strip("/").split("/")[0])
    kinds = {spot.rule.strip("/").split("/")[0] for spot in WITH_ID if "GET" in spot.methods}
    assert kinds - opened <= {"exports", "media", "go", "rosters", "funnel"}, kinds - opened  # one's own, or pictures still at work


@pytest.mark.timeout(600)
def test_an_outsider_gets_nothing_from_any_address_with_an_id(world: dict[str, str], tree: Tree, outsiders: list[Seat]) -> None:
    wrong: list[str] = []
    words = words_of(tree, outsiders)
    assert len(words) > 50
    for seat in outsiders:
        token, before = token_of(seat), events()
        for spot in WITH_ID:
            path = address(spot, world)
            for method in spot.methods:
                status, body = ask(seat, method, path, token)
                leaked = sorted(word for word in words if word in body)
                allowed = (403, 404) if spot.rule not in WORDS_ALONE else (200, 303, 403, 404)
                if status not in allowed or leaked:
                    wrong.append(f"{method} {spot.rule} by {seat.person.id}: {status} {leaked}")
                if events() != before:
                    wrong.append(f"{method} {spot.rule} by {seat.person.id}: did something")
                    before = events()
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(600)
def test_lists_and_forms_show_an_outsider_nothing_of_it(world: dict[str, str], tree: Tree, outsiders: list[Seat]) -> None:
    wrong: list[str] = []
    words = words_of(tree, outsiders)
    assert len(words) > 50
    for seat in outsiders:
        for spot in (spot for spot in WITHOUT if "GET" in spot.methods):
            queries = (
                "",
                f"?at={world['community']}",
                f"?at={world['street']}",
                f"?task={world['task']}&person={world['member']}&grid={world['grid']}",
            )
            for query in queries:
                status, body = ask(seat, "GET", f"/console{spot.rule}{query}", "")
                leaked = sorted(word for word in words if word in body)
                if status >= 500 or leaked:
                    wrong.append(f"GET {spot.rule}{query} by {seat.person.id}: {status} {leaked}")
    assert not wrong, "\n".join(wrong)


# Fields of forms without an id in the address that name an object: what of 示例社区 is typed there.
NAMING = {
    "/intake": {"grid": "grid"},
    "/intake/round": {"grid": "grid"},
    "/intake/upload": {"grid": "grid"},
    "/members/new": {"grid": "grid"},
    "/tasks/new": {"grid": "grid", "unit": "unit", "organiser": "who"},
    "/rosters/new": {"node": "community"},
    "/exports": {"at": "community"},
    "/ratings/slips": {"unit": "unit"},
    "/roles/new": {"place": "node:community"},
}
# What makes the rest of the form right, so that nothing but the id can be wrong (test_scope_forms.py tries that the right id works).
ELSE_RIGHT: dict[str, Any] = {
    "/intake/round": {"name-0": "王奶奶", "category-0": "噪音扰民", "content-0": "楼上半夜装修"},
    "/ratings/slips": {
        f"{name}-{n}": said for n in range(5) for name, said in (("contacted", "yes"), ("solved", "no"), ("satisfaction", "not"))
    },
}
ROUND = "姓名,手机号,类别,诉求内容\n王奶奶,13800001234,噪音扰民,楼上半夜装修\n"
AT_HOME = {"/feedbacks/new", "/reviews/new", "/stations/new", "/halls"}  # name nothing but `at`: they work in one's own place
NOT_LISTED = "请从列出的里面选"
NOT_FROM_HERE = "没有找到，请写完整的姓名或手机号"


def foreign(world: dict[str, str], name: str) -> str:
    """`kind:object`: the kind stands before the id."""
    kind, _, which = name.rpartition(":")
    return f"{kind}:{world[which]}" if kind else world[which]


@pytest.mark.timeout(300)
def test_a_field_takes_no_id_of_another_community(world: dict[str, str], tree: Tree, outsiders: list[Seat]) -> None:
    """In one's own place, said or not: the field itself refuses what is not offered there, and nothing is done."""
    wrong: list[str] = []
    words = words_of(tree, outsiders)
    for seat in outsiders:
        token, before = token_of(seat), events()
        for rule, fields in NAMING.items():
            for name, which in fields.items():
                for at in ({}, {"at": tree.neighbour.public_id}):
                    data = {"csrf": token, "back": "/console", **TYPED, **ELSE_RIGHT.get(rule, {}), **at, name: foreign(world, which)}
                    if rule == "/intake/upload":
                        data["file"] = (io.BytesIO(ROUND.encode()), "a.csv")
                    answer = seat.client.post(f"/console{rule}", data=data)
                    text = answer.get_data(as_text=True)
                    refused = answer.status_code in (403, 404) or NOT_LISTED in text
                    if not refused or events() != before or any(word in text for word in words):
                        wrong.append(f"POST {rule} {name} {at} by {seat.person.id}: {answer.status_code}")
                        before = events()
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(300)
def test_a_team_takes_nobody_of_another_community_by_name_or_phone(world: dict[str, str], outsiders: list[Seat], tree: Tree) -> None:
    """Its leader, and who joins, is written in words: a member there is as unknown as somebody who does not exist."""
    with reading() as session:
        member = people.by_public_id(session, world["member"])
        said = (people.name_of(member), people.phone_of(member), world["member"], "查无此人")
    seat = outsiders[0]
    token = token_of(seat)
    pages = []
    for leader in said:
        data = {"csrf": token, **TYPED, "name": "邻近志愿队", "at": tree.neighbour.public_id, "leader": leader}
        answer = seat.client.post("/console/teams/new", data=data)
        pages.append((answer.status_code, NOT_FROM_HERE in answer.get_data(as_text=True)))
    assert pages == [(422, True)] * 4


@pytest.mark.timeout(300)
def test_ids_in_a_form_reach_no_further(world: dict[str, str], tree: Tree, outsiders: list[Seat]) -> None:
    """Decisions on many at once, and forms, in one's own place: with ids of 示例社区 nothing is done."""
    wrong: list[str] = []
    words = words_of(tree, outsiders)
    assert len(words) > 50
    named = {
        "ids": [world["request"], world["request_open"], world["offer"]],
        "pick": [f"claim.{world['duty_claim']}.", f"record.{world['duty_record']}."],
        **{name: foreign(world, which) for fields in NAMING.values() for name, which in fields.items() if name != "at"},
        "id": world["request"],
    }
    for seat in outsiders:
        token, before = token_of(seat), events()
        for spot in (spot for spot in WITHOUT if "POST" in spot.methods and not spot.rule.startswith(("/account", "/notices"))):
            for at in ({}, {"at": tree.neighbour.public_id}):
                data = {"csrf": token, "back": "/console", **TYPED, **named, **at}
                answer = seat.client.post(f"/console{spot.rule}", data=data)
                leaked = sorted(word for word in words if word in answer.get_data(as_text=True))
                if answer.status_code >= 500 or leaked:
                    wrong.append(f"POST {spot.rule} by {seat.person.id}: {answer.status_code} {leaked}")
                if events() != before and spot.rule not in AT_HOME:
                    wrong.append(f"POST {spot.rule} by {seat.person.id}: did something")
                before = events()
    assert not wrong, "\n".join(wrong)
