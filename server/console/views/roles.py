"""管理 · 角色与登录: who holds what where, granting and ending it; the logins of staff without a phone at hand (mission row G3)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from wtforms.validators import Regexp

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet
from server.console.places import Places
from server.db.models.orgs import OrgNode, Unit
from server.db.models.people import Person
from server.domain.days import local_day
from server.domain.permissions import ROLE_NAMES, Role
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import orgs, people, roles, sign_in_counters, staff, units

desk = Desk("roles")
PAGE = 50
MOBILE = re.compile(r"1[3-9]\d{9}")


class GrantSheet(Sheet):
    """Who gets which role where."""

    name = forms.words("姓名", longest=60)
    phone = forms.words("手机号", longest=11, hint="凭它认人；还没有来过的人会新建", also=[Regexp(MOBILE, message="请填写 11 位手机号")])
    role = forms.choice("角色")
    place = forms.choice("在哪里", hint="联络员和支部角色选单位，其他角色选组织；管到它下面的每一级")
    valid_to = forms.day("到哪一天为止", required=False, hint="不填就一直有效；填了，到那天自动结束")


class LoginSheet(Sheet):
    """The name a person signs in with."""

    login = forms.words("登录名", longest=32, hint="3 到 32 位小写字母、数字、点、横线，例如 clerk-01")


@desk.page("/roles", permission=P.ROLES_GRANT)
def list_roles(call: Call) -> Answer:
    """Roles that hold today, the newest first."""
    where = _places(call)
    role = _role(call.args.get("role", ""))
    node = where.here if where is not None and call.args.get("at") else None
    rows, following = roles.page(
        call.session, actor=call.actor, today=local_day(call.now), after=call.args.get("after"), limit=PAGE, role=role, node=node
    )
    at = node.public_id if node is not None else ""
    further = f"/console/roles?at={at}&role={role or ''}&after={following}" if following else None
    lines = [(granted, person.public_id, people.name_of(person), _name(node, unit)) for granted, person, node, unit in rows]
    return call.show("console/roles/list.html", lines=lines, where=where, at=at, role=role, roles=ROLE_NAMES, further=further)


@desk.form("/roles/new", permission=P.ROLES_GRANT)
def grant_role(call: Call) -> Answer:
    """Give a role; what may not be in one hand is refused in words."""
    where, today = _places(call), local_day(call.now)
    above = roles.tops(call.session, actor=call.actor, today=today)
    inside: tuple[list[OrgNode], list[Unit]] = ([], [])
    if where is not None:
        inside = roles.within_community(call.session, where.here, actor=call.actor, today=today)
    top = above[0] if above else where.here if where is not None else None
    if top is None:
        raise Problem("NOT_FOUND")
    sheet = GrantSheet(call.typed or None)
    sheet.role.choices = [(role.value, ROLE_NAMES[role]) for role in roles.appointable(call.session, call.actor, top)]
    sheet.place.choices = _choices([*above, *inside[0]], inside[1])
    if call.posted and sheet.validate():
        person = _grant(call, sheet)
        return call.done("已授权，从今天起有效", to=f"/console/roles/people/{person.public_id}")
    forms.blame(sheet, call.problem)
    return call.show("console/roles/new.html", 422 if call.posted else 200, where=where, sheet=sheet)


@desk.action("/roles/<id>/end", permission=P.ROLES_GRANT)
def end_role(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """End a role from today."""
    granted = roles.by_public_id(call.session, id)
    roles.end(call.session, granted=granted, actor=call.actor, now=call.now)
    return call.done(f"{ROLE_NAMES[granted.role]}已收回，从今天起无效", to="/console/roles")


@desk.page("/roles/people/<id>", permission=P.ROLES_GRANT)
def show_holder(call: Call, id: str) -> Answer:  # noqa: A002
    """One person: his roles, his login."""
    person = people.by_public_id(call.session, id)
    held = roles.of_person(call.session, person, actor=call.actor, today=local_day(call.now))
    lines = [(granted, _name(node, unit)) for granted, _, node, unit in held]
    login, by_scan = staff.of_person(call.session, person.id), people.has_account(call.session, person)
    locked = login is not None and sign_in_counters.locked(call.session, login, call.now)
    shown: dict[str, Any] = {"person": person, "name": people.name_of(person), "lines": lines, "login": login, "locked": locked}
    shown["by_scan"] = by_scan
    return call.show("console/roles/person.html", roles=ROLE_NAMES, **shown)


@desk.form("/roles/people/<id>/login", permission=P.ROLES_GRANT)
def give_login(call: Call, id: str) -> Answer:  # noqa: A002
    """Open a login; its first password is shown this once."""
    person = _holder(call, id)
    sheet = LoginSheet(call.typed or None)
    if call.posted and sheet.validate():
        password = staff.create(call.session, person=person, login=sheet.login.data, actor=call.actor, now=call.now)
        login = sheet.login.data.lower()
        return call.show("console/roles/password.html", person=person, name=people.name_of(person), login=login, password=password)
    forms.blame(sheet, call.problem)
    return call.show("console/roles/login.html", 422 if call.posted else 200, person=person, name=people.name_of(person), sheet=sheet)


@desk.form("/roles/people/<id>/reset", permission=P.ROLES_GRANT)
def reset_login(call: Call, id: str) -> Answer:  # noqa: A002
    """A new password for who forgot his or was locked out; shown this once."""
    person = _holder(call, id)
    found = staff.of_person(call.session, person.id)
    if found is None:
        raise Problem("NOT_FOUND")
    shown: dict[str, Any] = {"person": person, "name": people.name_of(person), "login": found.login}
    if call.posted:
        password = staff.reset(call.session, found=found, actor=call.actor, now=call.now)
        return call.show("console/roles/password.html", password=password, **shown)
    return call.show("console/roles/reset.html", **shown)


def _grant(call: Call, sheet: GrantSheet) -> Person:
    kind, _, public_id = sheet.place.data.partition(":")
    node = orgs.by_public_id(call.session, public_id) if kind == "node" else None
    unit = units.by_public_id(call.session, public_id) if kind == "unit" else None
    person = roles.person_for(call.session, name=sheet.name.data, phone=sheet.phone.data, now=call.now)
    until: date | None = sheet.valid_to.data
    role = Role(sheet.role.data)
    roles.grant(call.session, person=person, role=role, node=node, unit=unit, valid_to=until, actor=call.actor, now=call.now)
    return person


def _holder(call: Call, public_id: str) -> Person:
    """Somebody who holds a role the actor may give. Raises NOT_FOUND."""
    person = people.by_public_id(call.session, public_id)
    roles.of_person(call.session, person, actor=call.actor, today=local_day(call.now))
    return person


def _places(call: Call) -> Places | None:
    """The community in question; None in a county that has none yet. Raises NOT_FOUND for one that is not his."""
    try:
        return places.chosen(call, P.ROLES_GRANT)
    except Problem:
        if call.args.get("at") or call.typed.get("at"):
            raise
        return None


def _choices(nodes: list[OrgNode], listed: list[Unit]) -> list[tuple[str, str]]:
    return [(f"node:{node.public_id}", node.name) for node in nodes] + [(f"unit:{unit.public_id}", f"单位：{unit.name}") for unit in listed]


def _role(text: str) -> Role | None:
    return Role(text) if text in set(Role) else None


def _name(node: OrgNode | None, unit: Unit | None) -> str:
    return node.name if node is not None else unit.name if unit is not None else ""
