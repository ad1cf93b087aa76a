"""导出: ledgers and lists as Excel files, made by a job, for who asked for them alone; every asking and every fetching is kept."""

from __future__ import annotations

from typing import Any

from server.console import forms
from server.console.desk import Answer, Call, Desk, away, download
from server.db.base import reading, transaction
from server.db.models.exports import Export
from server.domain.days import local_day
from server.domain.exports import EXPORT_STATE_NAMES, EXPORTS, ExportKind, ExportState
from server.domain.figures import PERIOD_NAMES
from server.domain.orgs import LEVEL_NAMES
from server.domain.permissions import Permission as P
from server.domain.permissions import may
from server.domain.problems import PROBLEMS
from server.services import exports, figure_sheets
from server.services.workbooks import XLSX

desk = Desk("exports")


class ExportSheet(forms.Sheet):
    """Which file, of which place and period, and why where it holds names."""

    kind = forms.choice("导出什么", radio=True)
    at = forms.choice("范围")
    period = forms.choice("周期", [(key, f"按{name}") for key, name in PERIOD_NAMES.items()], hint="单位报到台账按导出当天，不看周期")
    on = forms.day("哪一期", hint="选这一期里的任意一天")
    reason = forms.words("用途", longest=150, required=False, hint="含姓名的台账必须写，会留下记录")


@desk.form("/exports", permission=P.TALLIES_READ)
def ask_export(call: Call) -> Answer:
    """Choose a file; one's recent ones."""
    today = local_day(call.now)
    listed = figure_sheets.places(call.session, actor=call.actor, today=today)
    sheet = ExportSheet(call.typed or None, data=_asked_before(call, today))
    sheet.kind.choices = [(kind.value, f"{one.title}：{one.about}") for kind, one in EXPORTS.items() if may(call.actor, one.permission)]
    sheet.at.choices = [(node.public_id, f"{node.name}（{LEVEL_NAMES[node.level]}）") for node in listed]
    if call.posted and sheet.validate():
        return away(f"/console/exports/{_ask(call, sheet).public_id}")  # which says how far it is, and nothing that outlives it
    forms.blame(sheet, call.problem)
    recent = exports.recent(call.session, actor=call.actor)
    return call.show("console/exports/list.html", 422 if call.posted else 200, sheet=sheet, recent=recent, **_names())


@desk.page("/exports/<id>", permission=P.TALLIES_READ)
def show_export(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """How far it is; the file."""
    row = exports.own(call.session, id, actor=call.actor)
    return call.show("console/exports/show.html", row=row, refused=_refused(row), **_names())


@desk.page("/exports/<id>/progress", permission=P.TALLIES_READ)
def export_progress(call: Call, id: str) -> Answer:  # noqa: A002
    """The same without the frame, for a page that looks again by itself."""
    row = exports.own(call.session, id, actor=call.actor)
    return call.part("console/exports/progress.html", row=row, refused=_refused(row), **_names())


@desk.page("/exports/<id>/file", permission=P.TALLIES_READ, transaction="own")
def fetch_export(call: Call, id: str) -> Answer:  # noqa: A002
    """The file; fetching it is kept. Raises EXPORT_NOT_READY, EXPORT_GONE."""
    with reading() as session:
        row = exports.own(session, id, actor=call.actor)
    with transaction() as session:
        data = exports.fetch(session, row, actor=call.actor, now=call.now)
    return download(data, XLSX, f"{EXPORTS[row.kind].title}-{local_day(row.asked_at).isoformat()}.xlsx")


def _ask(call: Call, sheet: ExportSheet) -> Export:
    kind = ExportKind(sheet.kind.data)
    node = figure_sheets.place(call.session, sheet.at.data, actor=call.actor, permission=EXPORTS[kind].permission)
    asked: dict[str, Any] = {}
    if EXPORTS[kind].periodic:
        period, starts_on = figure_sheets.asked_period(sheet.period.data, sheet.on.data.isoformat(), local_day(call.now))
        asked = {"period": period, "starts_on": starts_on.isoformat()}
    return exports.ask(call.session, kind=kind, node=node, asked=asked, reason=sheet.reason.data or "", actor=call.actor, now=call.now)


def _asked_before(call: Call, today: Any) -> dict[str, Any]:
    """What the page that leads here knows already."""
    said = {name: call.args.get(name, "") for name in ("kind", "at", "period")}
    _, on = figure_sheets.asked_period(said["period"], call.args.get("on", ""), today)
    filled = {key: value for key, value in said.items() if value}
    return {"period": "quarter", **filled, "on": on if call.args.get("on") else today}


def _refused(row: Export) -> str:
    return PROBLEMS[row.problem][1] if row.problem else ""


def _names() -> dict[str, Any]:
    return {
        "kinds": EXPORTS,
        "states": EXPORT_STATE_NAMES,
        "waiting": ExportState.WAITING,
        "done": ExportState.DONE,
        "periods": PERIOD_NAMES,
    }
