"""单位: the register of units, their branches and contacts, the 报到单 a clerk types in, and their receipts (mission rows A2, A5)."""

from __future__ import annotations

from typing import Any

from flask import current_app, url_for

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.db.models.orgs import OrgNode, Unit
from server.db.models.registrations import UnitRegistration
from server.domain import roster_cells
from server.domain.orgs import UNIT_CATEGORY_NAMES, UnitCategory
from server.domain.people import MEMBER_TYPE_NAMES
from server.domain.permissions import Permission as P
from server.domain.permissions import may
from server.domain.problems import Problem
from server.domain.registrations import UNIT_STATE_NAMES, UnitState
from server.services import documents, members, people, scopes, unit_registrations, units
from server.services.double_reports import UNIT_NEVER_SEES
from server.services.members import Filter
from server.services.unit_registrations import Slip

desk = Desk("units")
PAGE = 50
SHOWN = 20  # of its members on a unit's page
TONES = {"submitted": "wait", "accepted": "wait", "returned": "bad", "receipt_sent": "good", "ended": "plain"}
NAMES: dict[str, Any] = {"categories": UNIT_CATEGORY_NAMES, "states": UNIT_STATE_NAMES, "tones": TONES, "kinds": MEMBER_TYPE_NAMES}
DECISIONS = {UnitState.SUBMITTED: "接收或退回", UnitState.ACCEPTED: "发回执或结束报到", UnitState.RECEIPT_SENT: "结束报到"}


class UnitSheet(forms.Sheet):
    """What is known of a unit; left empty it is unknown."""

    name = forms.words("单位名称", longest=100)
    category = forms.choice("单位类别", [(key.value, name) for key, name in UNIT_CATEGORY_NAMES.items()])
    uscc = forms.words(
        "统一社会信用代码", longest=18, required=False, hint="18 位；有它就不会和同名的单位混淆", also=[forms.reads(roster_cells.uscc)]
    )
    address = forms.words("地址", longest=200, required=False)
    superior = forms.words("所属工委", longest=200, required=False, hint="报到回执主送给它")
    contact_name = forms.words("联系人", longest=100, required=False)
    contact_phone = forms.words("联系电话", longest=24, required=False, also=[forms.reads(roster_cells.phone)])


class SlipSheet(forms.Sheet):
    """The 报到单 as it was handed in on paper."""

    leader = forms.words("带队领导", longest=100, required=False)
    liaison = forms.words("联络员", longest=100, required=False)
    offers = forms.words("能提供什么", longest=500, required=False, hint="几样用顿号隔开，例如：会议室、法律咨询")


@desk.page("/units", permission=P.UNITS_MANAGE)
def list_units(call: Call) -> Answer:
    """The community's units."""
    where = places.chosen(call, P.UNITS_MANAGE)
    asked: dict[str, Any] = {name: call.args.get(name, "").strip()[:60] for name in ("q", "archived")}
    listed: dict[str, Any] = {"after": call.args.get("after"), "limit": PAGE, "word": asked["q"], "archived": bool(asked["archived"])}
    rows, following = units.page(call.session, community=where.here, actor=call.actor, **listed)
    further = url_for("console.units_list_units", at=where.here.public_id, after=following, **asked) if following else None
    return call.show("console/units/list.html", places=where, rows=rows, asked=asked, further=further, **NAMES)


@desk.form("/units/new", permission=P.UNITS_MANAGE)
def new_unit(call: Call) -> Answer:
    """Add a unit to the community of its premises."""
    where = places.chosen(call, P.UNITS_MANAGE)
    sheet = UnitSheet(call.typed or None)
    if call.posted and sheet.validate():
        made = units.create(call.session, community=where.here, actor=call.actor, now=call.now, **_values(sheet))
        return call.done(f"{made.name}已登记", to=_at(made.public_id))
    forms.blame(sheet, call.problem)
    return call.show("console/units/edit.html", 422 if call.posted else 200, places=where, sheet=sheet, unit=None, meanwhile=())


@desk.page("/units/<id>", permission=P.UNITS_MANAGE)
def show_unit(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One unit: who answers for it, its registration, its branches, its members who are registered here."""
    unit = units.of_actor(call.session, id, call.actor)
    community = call.session.get_one(OrgNode, unit.community_id)
    contact, row = units.contact_of(unit), unit_registrations.of_unit(call.session, unit_id=unit.id)
    here: list[members.Listed] = []
    if scopes.allows(call.session, call.actor, P.MEMBERS_READ, community.id):
        wanted = Filter(unit=unit.public_id)
        here, _ = members.page(call.session, community=community, wanted=wanted, actor=call.actor, after=None, limit=SHOWN)
    shown: dict[str, Any] = {"unit": unit, "community": community, "row": row, "members": here, "most": SHOWN, "never": UNIT_NEVER_SEES}
    slip = unit_registrations.slip_of(unit, row) if row is not None else None
    acts = {key: may(call.actor, need) for key, need in (("decide", P.UNIT_REGISTRATIONS_DECIDE), ("slip", P.UNIT_REGISTRATIONS_SUBMIT))}
    more: dict[str, Any] = {"slip": slip, "acts": acts, "contact": contact.name, "phone": people.masked(contact.phone)}
    branches, issued = units.branches(call.session, unit), documents.of_unit(call.session, unit=unit)
    decision = DECISIONS.get(row.state, "") if row is not None else ""
    return call.show("console/units/show.html", branches=branches, documents=issued, decision=decision, **shown, **more, **NAMES)


@desk.form("/units/<id>/edit", permission=P.UNITS_MANAGE)
def change_unit(call: Call, id: str) -> Answer:  # noqa: A002
    """Change what is known of a unit; the contact's phone is filled in only by a reading that is written down."""
    unit = units.of_actor(call.session, id, call.actor)
    stands = {key: getattr(unit, key) for key in units.CHANGEABLE}
    sheet = UnitSheet(call.typed or None, data=stands)
    del sheet.contact_name, sheet.contact_phone
    if call.posted and sheet.validate():
        units.change(call.session, unit=unit, actor=call.actor, now=call.now, seen=call.seen, **_values(sheet))
        return call.done("已保存", to=_at(id))
    forms.blame(sheet, call.problem)
    meanwhile = forms.meanwhile(sheet, call.problem, stands)
    return call.show("console/units/edit.html", 422 if call.posted else 200, sheet=sheet, unit=unit, meanwhile=meanwhile)


@desk.form("/units/<id>/contact", permission=P.UNITS_MANAGE)
def read_contact(call: Call, id: str) -> Answer:  # noqa: A002
    """The whole contact, by a reading that is written down; and changing it."""
    unit = units.of_actor(call.session, id, call.actor)
    if call.posted and call.typed.get("do") == "change":
        return _new_contact(call, unit)
    contact = units.read_contact(call.session, unit=unit, actor=call.actor, now=call.now) if call.posted else None
    return call.show("console/units/contact.html", unit=unit, contact=contact, typed=call.typed)


@desk.action("/units/<id>/archive", permission=P.UNITS_MANAGE)
def archive_unit(call: Call, id: str) -> Answer:  # noqa: A002
    """Take it out of every list; its history stays."""
    unit = units.of_actor(call.session, id, call.actor)
    units.archive(call.session, unit=unit, actor=call.actor, now=call.now)
    return call.done(f"{unit.name}已停用，历史都保留", to="/console/units")


@desk.action("/units/<id>/branches", permission=P.UNITS_MANAGE)
def add_branch(call: Call, id: str) -> Answer:  # noqa: A002
    """Add a party branch."""
    unit, name = units.of_actor(call.session, id, call.actor), call.typed.get("name", "").strip()
    if not 1 <= len(name) <= 64 or forms.CONTROL & set(name):
        raise Problem("INVALID", fields={"name": "支部名称要写 1 到 64 个字"})
    units.add_branch(call.session, unit=unit, name=name, actor=call.actor, now=call.now)
    return call.done(f"{name}已登记", to=_at(id))


@desk.form("/units/<id>/slip", permission=P.UNIT_REGISTRATIONS_SUBMIT)
def enter_slip(call: Call, id: str) -> Answer:  # noqa: A002
    """Type in the 报到单 a unit handed in, or the corrected one."""
    unit = units.by_public_id(call.session, id)
    unit_registrations.require_unit(call.session, call.actor, unit)
    row = unit_registrations.of_unit(call.session, unit_id=unit.id)
    said = unit_registrations.slip_of(unit, row) if row is not None else Slip()
    stands = {"leader": said.leader, "liaison": said.liaison, "offers": "、".join(said.offers)}
    sheet = SlipSheet(call.typed or None, data=stands)
    if call.posted and sheet.validate():
        slip = Slip(sheet.leader.data or None, sheet.liaison.data or None, forms.listed(sheet.offers.data))
        if row is None:
            unit_registrations.submit(call.session, unit=unit, slip=slip, actor=call.actor, now=call.now)
        else:
            unit_registrations.resubmit(call.session, row, slip=slip, actor=call.actor, now=call.now, seen=call.seen)
        return call.done("报到单已登记，等社区接收", to=_at(id))
    forms.blame(sheet, call.problem)
    meanwhile = forms.meanwhile(sheet, call.problem, stands)
    return call.show("console/units/slip.html", 422 if call.posted else 200, sheet=sheet, unit=unit, row=row, meanwhile=meanwhile)


@desk.action("/units/<id>/receipt", permission=P.DOCUMENTS_ISSUE)
def issue_receipt(call: Call, id: str) -> Answer:  # noqa: A002
    """The unit's 回执 as a document."""
    _, row = _registered(call, id)
    base = str(current_app.config["SETTINGS"].web.public_base)
    made = documents.unit_receipt(call.session, row, actor=call.actor, base=base, now=call.now)
    return call.done("回执已开好，正在排版", to=f"/console/documents/{made.public_id}")


def _registered(call: Call, public_id: str) -> tuple[Unit, UnitRegistration]:
    """The unit and its standing registration. Raises NOT_FOUND."""
    unit = units.by_public_id(call.session, public_id)
    unit_registrations.require_unit(call.session, call.actor, unit)
    row = unit_registrations.of_unit(call.session, unit_id=unit.id)
    if row is None:
        raise Problem("NOT_FOUND")
    return unit, row


def _new_contact(call: Call, unit: Unit) -> Answer:
    name, phone = (call.typed.get(key, "").strip() for key in ("contact_name", "contact_phone"))
    if len(name) > 100 or forms.CONTROL & set(name):
        raise Problem("INVALID", fields={"contact_name": "联系人要在 100 字以内"})
    try:
        whole = roster_cells.phone(phone)
    except roster_cells.CellRefusal as refusal:
        raise Problem("INVALID", fields={"contact_phone": str(refusal)}) from None
    given = {"contact_name": name or None, "contact_phone": whole}
    units.change(call.session, unit=unit, actor=call.actor, now=call.now, seen=call.seen, **given)
    return call.done("联系人已保存", to=_at(unit.public_id))


def _values(sheet: UnitSheet) -> dict[str, Any]:
    given: dict[str, Any] = {name: field.data or None for name, field in sheet._fields.items()}
    return {**given, "category": UnitCategory(given["category"]), "uscc": roster_cells.uscc(given["uscc"] or "")}


def _at(public_id: str) -> str:
    return f"/console/units/{public_id}"
