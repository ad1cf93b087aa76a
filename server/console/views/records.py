"""服务记录: what was reported, with words, pictures and proof, to be confirmed, sent back, or decided on where it is disputed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from qr.rules import Grade
from server.console import forms
from server.console.desk import Answer, Call, Desk
from server.console.duty_pages import decided_one, failures, form_of, lines_of, reasons_of
from server.console.look import when
from server.domain.checkins import FLAG_NAMES, GRADE_NAMES, explain
from server.domain.duties import DutyKind
from server.domain.permissions import Permission as P
from server.domain.permissions import may
from server.domain.records import METHOD_NAMES, RECORD_STATE_NAMES, RecordState
from server.services import duty_cases, people, records
from server.services.decisions import Word
from server.services.duty_cases import RecordCase

desk = Desk("records")
A_DAY = timedelta(days=1)


class ConfirmSheet(forms.Sheet):
    """The confirmer's word."""

    ended_at = forms.moment("结束时间", required=False, hint="没有签退的记录由您说几点结束")
    note = forms.words("核对情况", longest=200, required=False, hint="有提示的记录要写明您怎样核对的")


@desk.page("/records", permission=P.RECORDS_CONFIRM)
def list_records(call: Call) -> Answer:
    """Twelve a page, oldest first."""
    after = call.args.get("after") or None
    cases, following = duty_cases.of_records(call.session, actor=call.actor, now=call.now, after=after)
    lines = lines_of([case.duty for case in cases if case.duty is not None], call.now)
    shown = [(_shown(case), line) for case, line in zip(cases, lines, strict=True)]
    more = f"?after={following}" if following else ""
    more_of: dict[str, Any] = {"more": more, "first": after is None, "failed": failures(call)}
    return call.show("console/records/list.html", shown=shown, lines=lines, bulk=reasons_of(lines), **more_of)


@desk.form("/records/<id>", permission=P.RECORDS_CONFIRM)
def show_record(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One record; posting confirms it."""
    sheet = ConfirmSheet(call.typed)
    if call.posted and sheet.validate():
        end = forms.utc(sheet.ended_at.data) if sheet.ended_at.data else None
        word = Word(True, sheet.note.data or None, call.actor, call.now, end, despite_hold=bool(sheet.note.data))
        return decided_one(call, DutyKind.RECORD, id, word, said="已确认", to="/console/records")
    forms.blame(sheet, call.problem)
    case, stand = duty_cases.of_record(call.session, id, actor=call.actor)
    record = case.record
    if case.task.ends_at - record.started_at < A_DAY:  # of a standing post nobody knows
        sheet.ended_at.description = f"没有签退，由您说几点结束；活动原定 {when(case.task.ends_at)} 结束"
    proof = explain(
        t=record.token_axis,
        d=record.duration_axis,
        inside=record.place_in,
        witnesses=stand,
        flags=record.flags,
        final=record.state is RecordState.FINAL,
    )
    more: dict[str, Any] = {
        "form": form_of(DutyKind.RECORD, record),
        "proof_lines": proof,
        "void": may(call.actor, P.RECORDS_VOID),
        "reason": records.reason_of(case.person, record),
        "sheet": sheet,
    }
    return call.show("console/records/show.html", case=_shown(case), record=record, **more)


@desk.action("/records/<id>/uphold", permission=P.RECORDS_VOID)
def uphold(call: Call, id: str) -> Answer:  # noqa: A002
    """The disputed record stays."""
    upheld = call.step(records.by_public_id(call.session, id), records.uphold, reason=_why(call))
    return call.done("已维持这条记录，会告诉本人", to="/console/records", undo=upheld)


@desk.action("/records/<id>/void", permission=P.RECORDS_VOID)
def void(call: Call, id: str) -> Answer:  # noqa: A002
    """The record never was."""
    voided = call.step(records.by_public_id(call.session, id), records.void, reason=_why(call))
    return call.done("已作废这条记录，会告诉本人", to="/console/records", undo=voided)


def _why(call: Call) -> str:
    return call.typed.get("reason", "").strip()[:200]


def _shown(case: RecordCase) -> dict[str, Any]:
    """A record in words."""
    record = case.record
    return {
        "id": record.public_id,
        "name": people.name_of(case.person),
        "task": case.task.title,
        "record": record,
        "text": case.text,
        "pictures": case.pictures,
        "grade": f"{record.grade} {GRADE_NAMES[Grade(record.grade)]}",
        "counts": Grade(record.grade).counts,
        "flags": [FLAG_NAMES[flag] for flag in record.flags.split()],
        "state": RECORD_STATE_NAMES[record.state],
        "method": METHOD_NAMES[record.method],
    }
