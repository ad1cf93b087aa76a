"""Two people have the same form open: who saves second is told, sees what the first saved, and loses nothing of what she typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from server.db.base import reading, transaction
from server.db.models.orgs import OrgNode, Unit
from server.db.models.registrations import UnitRegistration
from server.db.models.requests import Request
from server.domain.permissions import SYSTEM, Role
from server.services import orgs, policies, requests, triage, unit_registrations, units
from server.services.unit_registrations import Slip
from tests.console.conftest import Seat, seat_of
from tests.factories.people import Tree, today
from tests.factories.requests import a_request
from tests.factories.units import a_unit

KEY = "checkin.before_minutes"
TOO_LATE = "别人刚刚处理过"
BY: Mapping[str, Any] = {"actor": SYSTEM}


@dataclass(frozen=True)
class World:
    """What the forms are about."""

    tree: Tree
    now: datetime
    unit: Unit
    request: Request
    seats: Mapping[Role, Seat]


@pytest.fixture
def world(app: Flask, secretary: Seat, tree: Tree, now: datetime) -> World:
    with transaction() as session:
        unit, request = a_unit(session, now, tree), a_request(session, now, tree)
        row = unit_registrations.submit(session, unit=unit, slip=Slip("周局长"), actor=SYSTEM, now=now)
        unit_registrations.send_back(session, row, reason="缺章", actor=SYSTEM, now=now)
    seats = {Role.SECRETARY: secretary, Role.COUNTY: seat_of(app, now, Role.COUNTY, tree.county, "县干部")}
    return World(tree, now, unit, request, seats)


def seen_in(seat: Seat) -> str:
    """The version that the last form on the page was made from."""
    return re.findall(r'name="seen" value="(\d+)"', seat.html)[-1]


def of_unit(world: World, **values: Any) -> None:
    with transaction() as session:
        units.change(session, unit=session.get_one(Unit, world.unit.id), now=world.now, **BY, **values)


def node_renamed(world: World) -> None:
    with transaction() as session:
        orgs.change(session, node=session.get_one(OrgNode, world.tree.neighbour.id), contact_post="居委会主任", now=world.now, **BY)


def slip_back_again(world: World) -> None:
    with transaction() as session:
        row = unit_registrations.of_unit(session, unit_id=world.unit.id)
        assert row is not None
        unit_registrations.resubmit(session, row, slip=Slip("吴局长"), now=world.now, **BY)
        unit_registrations.send_back(session, row, reason="还是缺章", now=world.now, **BY)


def policy_set(world: World) -> None:
    with transaction() as session:
        policies.put(session, key=KEY, value=40, why="街道来电", valid_from=today(world.now), now=world.now, **BY)


def words_written(world: World) -> None:
    with transaction() as session:
        triage.type_out(session, session.get_one(Request, world.request.id), content="楼道灯坏了一周", now=world.now, **BY)


def unit_of(world: World) -> Unit:
    with reading() as session:
        return session.get_one(Unit, world.unit.id)


def slip_of(world: World) -> str | None:
    with reading() as session:
        row = unit_registrations.of_unit(session, unit_id=world.unit.id)
        assert isinstance(row, UnitRegistration)
        return unit_registrations.slip_of(session.get_one(Unit, world.unit.id), row).leader


def node_of(world: World) -> OrgNode:
    with reading() as session:
        return session.get_one(OrgNode, world.tree.neighbour.id)


def value_of(world: World) -> int:
    with reading() as session:
        return policies.value(session, KEY, today=today(world.now))


def words_of(world: World) -> str:
    with reading() as session:
        return requests.words(session.get_one(Request, world.request.id))


# name: whose desk, the form, what she types, how it is kept on the page, what a colleague does meanwhile, what the page says of it,
# and what stands in the database after the colleague's and after her saving.
FORMS: Mapping[str, tuple[Any, ...]] = {
    "unit": (
        Role.SECRETARY,
        lambda w: f"/console/units/{w.unit.public_id}/edit",
        {"name": "示例水务局", "category": "school", "superior": "我写的工委"},
        'value="我写的工委"',
        lambda w: of_unit(w, superior="同事写的工委"),
        "所属工委： 同事写的工委",
        lambda w: unit_of(w).superior,
        "同事写的工委",
        "我写的工委",
    ),
    "contact": (
        Role.SECRETARY,
        lambda w: f"/console/units/{w.unit.public_id}/contact",
        {"do": "change", "contact_name": "陈主任", "contact_phone": ""},
        'value="陈主任"',
        lambda w: of_unit(w, contact_name="刘主任"),
        "",
        lambda w: units.contact_of(unit_of(w)).name,
        "刘主任",
        "陈主任",
    ),
    "slip": (
        Role.SECRETARY,
        lambda w: f"/console/units/{w.unit.public_id}/slip",
        {"leader": "郑局长", "liaison": "", "offers": ""},
        'value="郑局长"',
        slip_back_again,
        "带队领导： 吴局长",
        slip_of,
        "吴局长",
        "郑局长",
    ),
    "org": (
        Role.COUNTY,
        lambda w: f"/console/orgs/{w.tree.neighbour.public_id}/change",
        {"name": "邻近社区", "contact_post": "党委书记"},
        'value="党委书记"',
        node_renamed,
        "联系岗位： 居委会主任",
        lambda w: node_of(w).contact_post,
        "居委会主任",
        "党委书记",
    ),
    "policy": (
        Role.COUNTY,
        lambda w: f"/console/policies/{KEY}",
        {"value": "45", "node": "", "valid_from": "2026-03-05", "why": "三月例会定的"},
        "三月例会定的",
        policy_set,
        "街道来电",
        value_of,
        40,
        45,
    ),
    "words": (
        Role.SECRETARY,
        lambda w: f"/console/requests/{w.request.public_id}/transcript",
        {"content": "三楼的灯坏了"},
        "三楼的灯坏了",
        words_written,
        "文字： 楼道灯坏了一周",
        words_of,
        "楼道灯坏了一周",
        "三楼的灯坏了",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_who_saves_second_is_told_and_may_insist(world: World, form: str) -> None:
    role, path, typed, kept, meanwhile, says, stands, theirs, hers = FORMS[form]
    seat, address = world.seats[role], path(world)
    seat.get(address)
    old = seen_in(seat)
    meanwhile(world)
    seat.post(address, **typed, seen=old, once="a")
    assert (seat.status, TOO_LATE in seat.said, kept in seat.html, says in seat.said) == (409, True, True, True), seat.said
    assert stands(world) == theirs
    assert seen_in(seat) != old
    seat.post(address, **typed, seen=seen_in(seat), once="b")
    assert (seat.status, stands(world)) == (200, hers)


def test_a_unit_taken_out_of_use_meanwhile_is_not_changed_unawares(world: World) -> None:
    seat, at = world.seats[Role.SECRETARY], f"/console/units/{world.unit.public_id}"
    seat.get(f"{at}/edit")
    old = seen_in(seat)
    seat.post(f"{at}/archive", once="a")
    seat.get(f"{at}/edit")
    seat.post(f"{at}/edit", name="改名", category="school", seen=old, once="b")
    assert (seat.status, unit_of(world).name) == (409, "示例水务局")


def test_what_was_renamed_meanwhile_is_not_ended_unawares(world: World) -> None:
    seat, at = world.seats[Role.COUNTY], f"/console/orgs/{world.tree.neighbour.public_id}/end"
    seat.get(at)
    old, on = seen_in(seat), (today(world.now) + timedelta(days=30)).isoformat()
    node_renamed(world)
    seat.post(at, on=on, seen=old, once="a")
    assert (seat.status, TOO_LATE in seat.said, on in seat.html, node_of(world).valid_to) == (409, True, True, None)
    seat.post(at, on=on, seen=seen_in(seat), once="b")
    assert (seat.status, node_of(world).valid_to is not None) == (200, True)


STEPS: Mapping[str, Mapping[str, str]] = {
    "triage": {"category": "noise", "urgency": "urgent", "difficulty": "simple", "priority": "7", "level": "community", "grid": ""},
    "reject": {"channel": "12345", "reason": "请打热线"},
    "split": {"parts-0-category": "noise", "parts-1-category": "repairs"},
}


@pytest.mark.parametrize("step", STEPS)
def test_a_request_is_not_decided_by_words_that_have_changed(world: World, step: str) -> None:
    seat, at = world.seats[Role.SECRETARY], f"/console/requests/{world.request.public_id}/{step}"
    seat.get(at)
    old = seen_in(seat)
    words_written(world)
    seat.post(at, **STEPS[step], seen=old, once="a")
    assert (seat.status, TOO_LATE in seat.said) == (409, True), seat.said
    seat.post(at, **STEPS[step], seen=seen_in(seat), once="b")
    assert seat.status == 200, seat.said
