"""管理 · 审计日志: what happened, when, by whom; and whether the chain over it holds (mission row G4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from server.console import forms
from server.console.desk import Answer, Call, Desk, away
from server.console.forms import Sheet
from server.domain.audit_words import ACTIONS, SUBJECTS, action_name, state_name, subject_name
from server.domain.days import local_day
from server.domain.operations import OperationKind
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import audit, audit_logs, operations, people
from server.services.audit_logs import Wanted

desk = Desk("audit")
PAGE = 50
PERIOD = timedelta(days=6)  # shown at first: a week
LATELY = 3
VERIFY = OperationKind.AUDIT_VERIFY


class FilterSheet(Sheet):
    """What is looked for."""

    first = forms.day("从哪天", required=False)
    last = forms.day("到哪天", required=False)
    kind = forms.choice("哪一类", [("", "全部"), *sorted(SUBJECTS.items(), key=lambda pair: pair[1])], required=False)
    subject = forms.words("编号", longest=16, required=False)
    action = forms.choice("做了什么", [("", "全部"), *sorted(ACTIONS.items(), key=lambda pair: pair[1])], required=False)
    actor = forms.words("谁做的（人的编号）", longest=16, required=False)


@desk.page("/audit", permission=P.AUDIT_READ)
def read_log(call: Call) -> Answer:
    """The newest events of the period; the last verifications."""
    today = local_day(call.now)
    sheet = FilterSheet(call.args or None, first=today - PERIOD, last=today)
    lines: list[audit_logs.Line] = []
    following, problem = None, None
    sheet.validate()
    try:
        lines, following = audit_logs.page(call.session, _wanted(sheet, today), after=_number(call.args.get("after")), limit=PAGE)
    except Problem as refused:
        problem = refused
        forms.blame(sheet, refused)
    address = {name: value for name, value in call.args.items() if name != "after" and value}
    shown: dict[str, Any] = {"sheet": sheet, "lines": lines, "checks": _checks(call), "sealed": audit.newest(call.session)}
    shown["further"] = f"/console/audit?{urlencode({**address, 'after': following})}" if following else None
    shown["period"] = urlencode({"first": sheet.first.data or today - PERIOD, "last": sheet.last.data or today})
    status = 422 if problem is not None else 200
    return call.show("console/audit/list.html", status, subject_name=subject_name, action_name=action_name, state_name=state_name, **shown)


@desk.action("/audit/verify", permission=P.AUDIT_READ)
def verify_chain(call: Call) -> Answer:
    """A job recomputes the whole chain; one that runs already is watched."""
    started = operations.start(call.session, VERIFY, actor=call.actor, now=call.now)
    return away(f"/console/audit/verifications/{started.public_id}")  # which says how far it is, and nothing that outlives it


@desk.page("/audit/verifications/<id>", permission=P.AUDIT_READ)
def show_verification(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """How far it is, and what came of it."""
    return call.show("console/audit/verification.html", row=operations.by_public_id(call.session, id, VERIFY))


@desk.page("/audit/verifications/<id>/progress", permission=P.AUDIT_READ)
def show_verification_progress(call: Call, id: str) -> Answer:  # noqa: A002
    """The same without the frame, for a page that looks again by itself."""
    return call.part("console/audit/progress.html", row=operations.by_public_id(call.session, id, VERIFY))


def _checks(call: Call) -> list[tuple[Any, str]]:
    return [(row, people.name_of(person)) for row, person in operations.newest(call.session, (VERIFY,), limit=LATELY)]


def _wanted(sheet: FilterSheet, today: Any) -> Wanted:
    """What was asked for; a field that cannot be read does not narrow."""
    read = {name: "" if sheet[name].errors else (sheet[name].data or "") for name in ("kind", "subject", "actor", "action")}
    return Wanted(sheet.first.data or today - PERIOD, sheet.last.data or today, **read)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
