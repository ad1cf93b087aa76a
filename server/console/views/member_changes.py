"""What a clerk does for a member: moving, retiring, ending, receipts and certificates, presence from a paper list (R6)."""

from __future__ import annotations

from typing import Any

from flask import current_app

from server.console import forms, look
from server.console.desk import Answer, Call, Desk
from server.db.models.orgs import OrgNode
from server.domain.days import local_day, period_start
from server.domain.permissions import Permission as P
from server.domain.posters import PosterForm
from server.domain.problems import Problem
from server.domain.records import Method
from server.domain.registrations import TRANSFER_REASON_NAMES, TransferReason
from server.services import attendance, documents, members, orgs, posters, registrations, tasks, transfers
from server.services.members import Line

desk = Desk("member_changes")
TYPES = {"retire": (registrations.retire, "已转为离退休"), "float": (registrations.float_away, "已转为流动党员")}


class MoveSheet(forms.Sheet):
    """Where he moves, and why."""

    to = forms.choice("转到哪个社区")
    reason = forms.choice("原因", [(key.value, name) for key, name in TRANSFER_REASON_NAMES.items()], radio=True)
    note = forms.words("补充说明", longest=200, required=False)


class EndSheet(forms.Sheet):
    """Why a registration is closed; he reads it."""

    reason = forms.text("为什么结束", longest=200, hint="本人会看到这句话", rows=3)


class PeriodSheet(forms.Sheet):
    """The days a certificate is about, both included."""

    first = forms.day("从哪天")
    last = forms.day("到哪天")


class PresenceSheet(forms.Sheet):
    """A task he came to, and from when till when."""

    task = forms.choice("哪个活动")
    started_at = forms.moment("到场时间")
    ended_at = forms.moment("离开时间", required=False, hint="名单上没有就空着")


@desk.form("/members/<id>/transfer", permission=P.REGISTRATIONS_PROXY)
def move_member(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """Ask for him that he moves to another community; the communities decide as if he had asked."""
    line = members.one(call.session, id, actor=call.actor, permission=P.REGISTRATIONS_PROXY)
    sheet = MoveSheet(call.typed or None)
    sheet.to.choices = [(row.public_id, row.name) for row in members.destinations(call.session, line.row.community_id, now=call.now)]
    if call.posted and sheet.validate():
        to, why = orgs.by_public_id(call.session, sheet.to.data), TransferReason(sheet.reason.data)
        transfers.request(
            call.session, line.row, to=to, reason=why, note=sheet.note.data or None, actor=call.actor, now=call.now
        )  # fmt: skip
        return call.done(f"已代{line.name}申请转到{to.name}，等待转出", to=_at(id))
    return _show(call, line, "transfer", sheet)


@desk.action("/members/<id>/type", permission=P.REGISTRATIONS_DECIDE)
def change_type(call: Call, id: str) -> Answer:  # noqa: A002
    """He retires or floats: stays registered, leaves every denominator."""
    line = members.one(call.session, id, actor=call.actor, permission=P.REGISTRATIONS_DECIDE)
    if call.typed.get("to") not in TYPES:
        raise Problem("NOT_FOUND")
    change, said = TYPES[call.typed["to"]]
    change(call.session, line.row, actor=call.actor, now=call.now, seen=call.seen)
    return call.done(f"{line.name}{said}，报到和记录都保留", to=_at(id))


@desk.form("/members/<id>/end", permission=P.REGISTRATIONS_DECIDE)
def end_registration(call: Call, id: str) -> Answer:  # noqa: A002
    """Close his registration, with a reason."""
    line = members.one(call.session, id, actor=call.actor, permission=P.REGISTRATIONS_DECIDE)
    sheet = EndSheet(call.typed or None)
    if call.posted and sheet.validate():
        registrations.end(call.session, line.row, reason=sheet.reason.data, actor=call.actor, now=call.now, seen=call.seen)
        return call.done(f"{line.name}的报到已结束，本人会收到通知", to=_at(id))
    return _show(call, line, "end", sheet)


@desk.action("/members/<id>/card", permission=P.CODES_MANAGE)
def print_card(call: Call, id: str) -> Answer:  # noqa: A002
    """The card that an organiser scans, for who has no phone (R6)."""
    line = members.one(call.session, id, actor=call.actor, permission=P.CODES_MANAGE)
    community = call.session.get_one(OrgNode, line.row.community_id)
    row = posters.card_of(call.session, line.person, community, form=PosterForm.PDF_A4, actor=call.actor, now=call.now)
    return call.done(f"卡上不写姓名，印好请当面交给{line.name}", to=f"/console/codes/prints/{row.public_id}")


@desk.action("/members/<id>/receipt", permission=P.DOCUMENTS_ISSUE)
def issue_receipt(call: Call, id: str) -> Answer:  # noqa: A002
    """His 回执; asked for again it is the same."""
    line = members.one(call.session, id, actor=call.actor, permission=P.DOCUMENTS_ISSUE)
    row = documents.member_receipt(call.session, line.row, actor=call.actor, base=_base(), now=call.now)
    return call.done("回执已开好，正在排版", to=f"/console/documents/{row.public_id}")


@desk.form("/members/<id>/certificate", permission=P.DOCUMENTS_ISSUE)
def issue_certificate(call: Call, id: str) -> Answer:  # noqa: A002
    """A service certificate for a period."""
    line = members.one(call.session, id, actor=call.actor, permission=P.DOCUMENTS_ISSUE)
    today = local_day(call.now)
    sheet = PeriodSheet(call.typed or None, data={"first": period_start("year", today), "last": today})
    if call.posted and sheet.validate():
        row = documents.certificate_for(
            call.session,
            person=line.person,
            community=call.session.get_one(OrgNode, line.row.community_id),
            first=sheet.first.data,
            last=sheet.last.data,
            actor=call.actor,
            base=_base(),
            now=call.now,
        )
        return call.done("服务证明已开好，正在排版", to=f"/console/documents/{row.public_id}")
    return _show(call, line, "certificate", sheet)


@desk.form("/members/<id>/attendance", permission=P.ATTENDANCE_RECORD)
def enter_presence(call: Call, id: str) -> Answer:  # noqa: A002
    """He came, as a paper list says; it counts like a scan once it is confirmed (R1)."""
    line = members.one(call.session, id, actor=call.actor, permission=P.ATTENDANCE_RECORD)
    sheet = PresenceSheet(call.typed or None)
    listed = members.paper_tasks(call.session, line, now=call.now)
    sheet.task.choices = [(task.public_id, f"{task.title}（{look.when(task.starts_at)}）") for task in listed]
    if call.posted and sheet.validate():
        outcome = attendance.record(
            call.session,
            tasks.by_public_id(call.session, sheet.task.data),
            people=[line.person.public_id],
            method=Method.PAPER,
            started_at=forms.utc(sheet.started_at.data),
            ended_at=forms.utc(sheet.ended_at.data) if sheet.ended_at.data else None,
            actor=call.actor,
            now=call.now,
        )
        if outcome.failed:
            raise Problem(outcome.failed[0].code)
        return call.done("已按纸质名单登记到场，等别人确认后计入", to=_at(id))
    return _show(call, line, "attendance", sheet, nothing=not listed)


def _show(call: Call, line: Line, page: str, sheet: Any, **more: Any) -> Answer:
    forms.blame(sheet, call.problem)
    return call.show(f"console/members/{page}.html", 422 if call.posted else 200, line=line, sheet=sheet, **more)


def _at(public_id: str) -> str:
    return f"/console/members/{public_id}"


def _base() -> str:
    return str(current_app.config["SETTINGS"].web.public_base)
