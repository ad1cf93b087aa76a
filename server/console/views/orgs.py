"""管理 · 组织: the org tree as it stands on a day; adding, renaming and ending nodes (mission row A1)."""

from __future__ import annotations

from datetime import date
from typing import Any

from server.console import forms
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet
from server.db.models.orgs import OrgNode
from server.domain.audit_words import action_name
from server.domain.days import local_day
from server.domain.orgs import LEVEL_NAMES, PARENTS, Level
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.services import audit_logs, orgs, scopes

desk = Desk("orgs")
PAGE = 100


class NewSheet(Sheet):
    """A new node under another."""

    level = forms.choice("哪一级")
    name = forms.words("名称", longest=100, hint="同一上级下不能重名")
    code = forms.words("代码", longest=32, required=False, hint="全县唯一，名册里用它来认社区；没有可以不填")
    contact_post = forms.words("联系岗位", longest=100, required=False, hint="写岗位，不写人名，例如：社区党委书记")
    valid_from = forms.day("从哪天起")


class ChangeSheet(Sheet):
    """Another name or contact post."""

    name = forms.words("名称", longest=100)
    contact_post = forms.words("联系岗位", longest=100, required=False, hint="写岗位，不写人名")


class EndSheet(Sheet):
    """The first day without it."""

    on = forms.day("从哪天起不再有它", hint="合并时先建好新的，再撤销旧的；以前的数字仍算在旧的名下")


@desk.page("/orgs", permission=P.ORGS_MANAGE)
def list_orgs(call: Call) -> Answer:
    """What stands directly below a place on a day: one level at a time, for a county has thousands of grids."""
    on, at = _day(call.args.get("on"), local_day(call.now)), call.args.get("at")
    rows = orgs.uppermost(call.session, actor=call.actor, on=on)
    here = _node(call, at) if at else rows[0] if len(rows) == 1 else None
    following = None
    if here is not None:
        rows, following = orgs.standing_below(call.session, here, on=on, after=call.args.get("after"), limit=PAGE)
    chain = orgs.chain(call.session, here) if here is not None else ()
    shown: dict[str, Any] = {
        "here_org": here,
        "above": [node for node in chain if may_on_node(call.actor, P.ORGS_MANAGE, node.path)],
        "rows": rows,
        "below": orgs.counts_below(call.session, rows, on=on),
        "following": following,
    }
    return call.show("console/orgs/list.html", on=on, today=local_day(call.now), levels=LEVEL_NAMES, **shown)


@desk.page("/orgs/<id>", permission=P.ORGS_MANAGE)
def show_org(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One node: where it stands, what is below it, what happened to it."""
    node = _node(call, id)
    shown: dict[str, Any] = {
        "node": node,
        "chain": orgs.chain(call.session, node),
        "below": orgs.children(call.session, node, limit=PAGE),
        "most": PAGE,
        "lines": audit_logs.about(call.session, node),
        "grows": bool(_levels(node)),
        "today": local_day(call.now),
    }
    return call.show("console/orgs/show.html", levels=LEVEL_NAMES, action_name=action_name, **shown)


@desk.form("/orgs/<id>/new", permission=P.ORGS_MANAGE)
def new_org(call: Call, id: str) -> Answer:  # noqa: A002
    """Add a node below this one."""
    parent = _node(call, id)
    sheet = NewSheet(call.typed or None, valid_from=local_day(call.now))
    sheet.level.choices = [(level.value, LEVEL_NAMES[level]) for level in _levels(parent)]
    if call.posted and sheet.validate():
        given = {"name": sheet.name.data, "code": sheet.code.data or None, "contact_post": sheet.contact_post.data or None}
        level, since = Level(sheet.level.data), sheet.valid_from.data
        made = orgs.create(call.session, parent=parent, level=level, valid_from=since, actor=call.actor, now=call.now, **given)
        return call.done(f"{made.name}已建立", to=f"/console/orgs/{made.public_id}")
    forms.blame(sheet, call.problem)
    return call.show("console/orgs/new.html", 422 if call.posted else 200, node=parent, sheet=sheet)


@desk.form("/orgs/<id>/change", permission=P.ORGS_MANAGE)
def change_org(call: Call, id: str) -> Answer:  # noqa: A002
    """Give it another name; the former stays in its history."""
    node = _node(call, id)
    sheet = ChangeSheet(call.typed or None, name=node.name, contact_post=node.contact_post)
    if call.posted and sheet.validate():
        given = {"name": sheet.name.data, "contact_post": sheet.contact_post.data}
        orgs.change(call.session, node=node, actor=call.actor, now=call.now, seen=call.seen, **given)
        return call.done("已修改，原来的名称留在记录里", to=f"/console/orgs/{id}")
    forms.blame(sheet, call.problem)
    meanwhile = forms.meanwhile(sheet, call.problem, {"name": node.name, "contact_post": node.contact_post})
    return call.show("console/orgs/change.html", 422 if call.posted else 200, node=node, sheet=sheet, meanwhile=meanwhile)


@desk.form("/orgs/<id>/end", permission=P.ORGS_MANAGE)
def end_org(call: Call, id: str) -> Answer:  # noqa: A002
    """End it with all below it."""
    node = _node(call, id)
    sheet = EndSheet(call.typed or None)
    if call.posted and sheet.validate():
        ended = orgs.end(call.session, node=node, on=sheet.on.data, actor=call.actor, now=call.now, seen=call.seen)
        return call.done(f"已撤销，连同下级共 {ended} 个", to=f"/console/orgs/{id}")
    forms.blame(sheet, call.problem)
    below = orgs.size(call.session, node) - 1
    return call.show("console/orgs/end.html", 422 if call.posted else 200, node=node, sheet=sheet, below=below)


def _node(call: Call, public_id: str) -> OrgNode:
    """The node, within what the person keeps. Raises NOT_FOUND."""
    node = orgs.by_public_id(call.session, public_id)
    scopes.require(call.session, call.actor, P.ORGS_MANAGE, node.id)
    return node


def _levels(node: OrgNode) -> list[Level]:
    """What may stand below it."""
    return [level for level in Level if node.level in PARENTS[level]]


def _day(text: str | None, default: date) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return default
