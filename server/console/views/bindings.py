"""身份核对: who could not be found by his phone is found on a roster by hand."""

from __future__ import annotations

from flask import url_for

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import form_of, queue_page
from server.domain.duties import DutyKind
from server.domain.orgs import Level
from server.domain.permissions import Permission as P
from server.domain.permissions import may
from server.services import binding_requests, bindings, decisions, duty_cases, merges, people

desk = Desk("bindings")
PAGE = 50
REASON_NAMES = {"same_name": "姓名相同", "same_phone": "手机号相同", "same_unit": "单位相符", "same_community": "名册上住本社区"}


@desk.page("/bindings", permission=P.BINDINGS_DECIDE)
def list_bindings(call: Call) -> Answer:
    """Who waits."""
    return queue_page(call, "console/today/list.html", (DutyKind.BINDING,), title="身份核对")


@desk.form("/bindings/<id>", permission=P.BINDINGS_DECIDE)
def show_binding(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One request and who it may be; posting says which."""
    if call.posted:
        row, entry = binding_requests.by_public_id(call.session, id), bindings.entry(call.session, call.typed.get("entry"))
        act = decisions.bind(call.session, row, entry=entry, actor=call.actor, now=call.now)
        return call.done("核对好了，会告诉本人", to="/console/bindings", undo=act)
    case = duty_cases.of_binding(call.session, id, actor=call.actor, now=call.now)
    phone = people.masked(people.phone_of(case.person))
    chosen = call.typed.get("entry", "")
    form = form_of(DutyKind.BINDING, case.row)
    return call.show("console/bindings/show.html", case=case, phone=phone, form=form, reasons=REASON_NAMES, chosen=chosen)


class PartSheet(forms.Sheet):
    """Why they are two after all."""

    reason = forms.text("为什么要撤销", longest=200, rows=3, hint="例如：两个同名的人，当时核对错了")


@desk.page("/merges", permission=P.MERGES_UNDO)
def list_merges(call: Call) -> Answer:
    """Who was taken for somebody on a roster, the newest first; a county reads all of its communities."""
    level = Level.COUNTY if may(call.actor, P.ORGS_MANAGE) else Level.COMMUNITY
    where = places.chosen(call, P.MERGES_UNDO, level=level)
    rows, following = merges.of_community(call.session, node=where.here, actor=call.actor, after=call.args.get("after"), limit=PAGE)
    further = url_for("console.bindings_list_merges", at=where.here.public_id, after=following) if following else None
    shown = [(row, people.name_of(person)) for row, person in rows]
    return call.show("console/bindings/merges.html", places=where, rows=shown, further=further)


@desk.form("/merges/<id>/undo", permission=P.MERGES_UNDO)
def part(call: Call, id: str) -> Answer:  # noqa: A002
    """They are two after all."""
    row, person = merges.one(call.session, id, actor=call.actor)
    sheet = PartSheet(call.typed or None)
    if call.posted and sheet.validate():
        merges.undo(call.session, row, reason=sheet.reason.data, actor=call.actor, now=call.now)
        return call.done("已撤销，两个人各是各的，都要在手机上重新登录", to="/console/merges")
    forms.blame(sheet, call.problem)
    shown = {"row": row, "name": people.name_of(person), "sheet": sheet}
    return call.show("console/bindings/part.html", 422 if call.posted else 200, **shown)
