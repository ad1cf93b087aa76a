"""党员: who is registered, everything about one, and registering somebody who uses no phone (mission rows A4, H2; R6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.db import vault
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain import roster_cells
from server.domain.consents import TEXTS
from server.domain.orgs import Level
from server.domain.people import CONSENT_CHANNEL_NAMES, MEMBER_TYPE_NAMES, ConsentChannel, MemberType, Purpose
from server.domain.permissions import Permission as P
from server.domain.permissions import may
from server.domain.problems import Problem
from server.domain.records import METHOD_NAMES, RECORD_STATE_NAMES
from server.domain.registrations import LIVE, MEMBER_STATE_NAMES, SOURCE_NAMES, TRANSFER_STATE_NAMES, MemberState
from server.domain.tasks import CLAIM_STATE_NAMES
from server.services import bindings, consents, double_reports, members, orgs, people, proxies, scopes
from server.services import places as named
from server.services.bindings import Candidate
from server.services.double_reports import COMMUNITY_NEVER_SEES, UNIT_NEVER_SEES
from server.services.members import Filter
from server.services.proxies import Represented
from server.services.registrations import Details

desk = Desk("members")
PAGE = 50
NONE = "none"  # of the namesakes on the roster
NAMES: dict[str, Any] = {"kinds": MEMBER_TYPE_NAMES, "states": MEMBER_STATE_NAMES, "sources": SOURCE_NAMES, "methods": METHOD_NAMES}
TONES = {"submitted": "wait", "active": "good", "returned": "bad", "transferring": "wait", "closed": "plain"}
STATES = {"live": ("已报到", LIVE), **{state.value: (name, (state,)) for state, name in MEMBER_STATE_NAMES.items()}}


class MemberSheet(forms.Sheet):
    """What the paper form says, or what the person said."""

    name = forms.words("姓名", longest=32, also=[forms.reads(roster_cells.name)])
    phone = forms.words("手机号", longest=20, required=False, hint="没有手机可以空着", also=[forms.reads(roster_cells.mobile)])
    consent = forms.choice(
        "本人怎样同意的",
        [("paper", "在登记表上签了名"), ("spoken", "当面口头同意")],
        radio=True,
        hint="您是见证人：请先把“报到、服务记录与诉求”的说明念给本人听",
    )
    member_type = forms.choice("人员类别", [(kind.value, name) for kind, name in MEMBER_TYPE_NAMES.items()], hint="名册里有他时以名册为准")
    grid = forms.choice("所在网格", required=False)
    address = forms.words("住址", longest=100, required=False, hint="到楼栋就行，不要门牌号")
    skills = forms.words("专长", longest=200, required=False, hint="几样用顿号隔开")
    service_types = forms.words("愿意参加的服务", longest=200, required=False, hint="几样用顿号隔开")
    available_times = forms.words("方便的时间", longest=200, required=False, hint="例如：周末上午、晚上")
    entry = forms.choice("名册里有同名的人，是哪一位", required=False, radio=True)


@desk.page("/members", permission=P.MEMBERS_READ)
def list_members(call: Call) -> Answer:
    """The community's members; a name or phone is looked up whole."""
    where = places.chosen(call, P.MEMBERS_READ)
    asked: dict[str, Any] = {name: call.args.get(name, "").strip()[:60] for name in ("q", "state", "grid", "unit", "phoneless")}
    states = STATES.get(asked["state"], STATES["live"])[1]
    wanted = Filter(asked["q"], states, asked["grid"], asked["unit"], bool(asked["phoneless"]))
    rows, following = members.page(
        call.session, community=where.here, wanted=wanted, actor=call.actor, after=call.args.get("after"), limit=PAGE
    )
    further = url_for("console.members_list_members", at=where.here.public_id, after=following, **asked) if following else None
    grids = members.grids(call.session, where.here, now=call.now)
    choices = {key: name for key, (name, _) in STATES.items() if key not in ("active", "transferring")}
    shown: dict[str, Any] = {"rows": rows, "asked": asked, "further": further, "grids": grids, "choices": choices, "tones": TONES}
    return call.show("console/members/list.html", places=where, may_enter=may(call.actor, P.REGISTRATIONS_PROXY), **shown, **NAMES)


@desk.form("/members/new", permission=P.REGISTRATIONS_PROXY)
def new_member(call: Call) -> Answer:
    """Register somebody by his paper form or his word."""
    where, community = _where(call)
    sheet = MemberSheet(call.typed or None, data={"grid": where.here.public_id, "member_type": MemberType.RESIDENT_PARTY})
    own_grid = where.here.level is Level.GRID
    grids = [(row.public_id, row.name) for row in members.grids(call.session, community, now=call.now)]
    sheet.grid.choices = [(where.here.public_id, where.here.name)] if own_grid else [("", "不清楚"), *grids]
    offered = _offered(call, sheet, community)
    sheet.entry.choices = [*_namesakes(call, offered), (NONE, "都不是，名册里没有他")]
    if call.posted and sheet.validate() and (sheet.entry.data or not offered):
        return _registered(call, sheet, community)
    forms.blame(sheet, call.problem)
    text = TEXTS[Purpose.SERVICE]
    shown: dict[str, Any] = {"sheet": sheet, "offered": offered, "text": text, "community": community}
    return call.show("console/members/new.html", 422 if call.posted else 200, places=where, **shown)


@desk.page("/members/<id>", permission=P.MEMBERS_READ)
def show_member(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """Everything about a member."""
    member = members.detail(call.session, id, actor=call.actor)
    given = {consent.purpose: consent for consent in member.consents}
    live = member.row.state in LIVE
    acts = {
        key: may(call.actor, need)
        for key, need in (("decide", P.REGISTRATIONS_DECIDE), ("issue", P.DOCUMENTS_ISSUE), ("card", P.CODES_MANAGE))
    }
    more: dict[str, Any] = {"claim_states": CLAIM_STATE_NAMES, "record_states": RECORD_STATE_NAMES, "move_states": TRANSFER_STATE_NAMES}
    shown: dict[str, Any] = {"member": member, "given": given, "texts": TEXTS, "channels": CONSENT_CHANNEL_NAMES, "live": live}
    active = member.row.state is MemberState.ACTIVE
    return call.show("console/members/show.html", acts=acts, active=active, tones=TONES, **shown, **more, **NAMES)


@desk.page("/members/<id>/reports", permission=P.MEMBERS_READ)
def member_reports(call: Call, id: str) -> Answer:  # noqa: A002
    """双报告: what the community sees of his services, and what of it his unit's branch sees."""
    line = members.one(call.session, id, actor=call.actor)
    community = call.session.get_one(OrgNode, line.row.community_id)
    reports, following = double_reports.for_community(
        call.session, community=community, person=line.person, actor=call.actor, after=call.args.get("after"), limit=PAGE
    )
    agreed = consents.stands(call.session, person_id=line.person.id, purpose=Purpose.SHARE_UNIT)
    shown: dict[str, Any] = {"line": line, "reports": reports, "following": following, "agreed": agreed, "community": community}
    never: dict[str, Any] = {"community_never": COMMUNITY_NEVER_SEES, "unit_never": UNIT_NEVER_SEES}
    return call.show("console/members/reports.html", **shown, **never, **NAMES)


@desk.form("/members/<id>/phone", permission=P.MEMBERS_READ)
def read_phone(call: Call, id: str) -> Answer:  # noqa: A002
    """The whole number, by a reading that is written down."""
    line = members.one(call.session, id, actor=call.actor)
    phone = members.read_phone(call.session, id, actor=call.actor, now=call.now) if call.posted else ""
    return call.show("console/members/phone.html", line=line, phone=phone)


def _where(call: Call) -> tuple[places.Places, OrgNode]:
    """The community, or for a grid worker his grid and the community it is in. Raises NOT_FOUND."""
    try:
        where = places.chosen(call, P.REGISTRATIONS_PROXY)
    except Problem:
        where = places.chosen(call, P.REGISTRATIONS_PROXY, level=Level.GRID)
    above = orgs.chain(call.session, where.here)
    return where, next(node for node in above if node.level is Level.COMMUNITY)


def _offered(call: Call, sheet: MemberSheet, community: OrgNode) -> Sequence[Candidate]:
    """Namesakes on the rosters, for who may tell which of them he is; nobody where the phone says it already."""
    if not call.typed.get("name") or not scopes.allows(call.session, call.actor, P.BINDINGS_DECIDE, community.id):
        return ()
    phone = vault.lookup_hash("phone", sheet.phone.data) if sheet.phone.data else None
    found = bindings.candidates(call.session, name=sheet.name.data, now=call.now, community_id=community.id, phone_hash=phone)
    known = any({"same_name", "same_phone"} <= set(one.reasons) for one in found)
    return () if known else [one for one in found if "same_name" in one.reasons]


def _namesakes(call: Call, offered: Sequence[Candidate]) -> list[tuple[str, str]]:
    units = named.units(call.session, {one.entry.unit_id for one in offered})
    entries = [one.entry for one in offered]
    return [(e.public_id, f"{bindings.name_of(e)}，{units[e.unit_id]}，{MEMBER_TYPE_NAMES[e.member_type]}") for e in entries]


def _registered(call: Call, sheet: MemberSheet, community: OrgNode) -> Answer:
    chosen = sheet.entry.data if sheet.entry.data != NONE else None
    entry = bindings.entry(call.session, chosen) if chosen else None
    phone = roster_cells.mobile(sheet.phone.data or "")
    kind, channel = MemberType(sheet.member_type.data), ConsentChannel(sheet.consent.data)
    grid = orgs.by_public_id(call.session, sheet.grid.data) if sheet.grid.data else None
    skills, types, times = (forms.listed(field.data) for field in (sheet.skills, sheet.service_types, sheet.available_times))
    row = proxies.register(
        call.session,
        who=Represented(roster_cells.name(sheet.name.data) or "", phone, kind, channel, entry),
        community=community,
        details=Details(skills, types, times, sheet.address.data or None, grid),
        actor=call.actor,
        now=call.now,
    )
    said = "已报到" if row.state in LIVE else "的报到已提交，等社区接收"
    person = call.session.get_one(Person, row.person_id)
    to = f"/console/members/{person.public_id}" if may(call.actor, P.MEMBERS_READ) else "/console/members/new"
    return call.done(f"{people.name_of(person)}{said}", to=to)
