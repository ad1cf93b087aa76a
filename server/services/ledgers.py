"""A ledger or list to write out: its rows, what it is about, and the words that say who took it out (docs/rules.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from server.db.models.exports import Export
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.days import SHANGHAI, local_day, period_start
from server.domain.exports import EXPORTS, NAMES, ExportKind
from server.domain.figures import INDICATORS, PERIOD_NAMES, Span, change, span_of, value
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import figure_sheets, ledger_rows, list_rows, people, scopes
from server.services.figure_sheets import Sheet
from server.services.ledger_rows import Asked, Line, Rows

ROWS: Mapping[ExportKind, tuple[Callable[[Asked], Select[*tuple[Any, ...]]], Rows]] = {
    ExportKind.UNITS: (ledger_rows.unit_select, ledger_rows.unit_rows),
    ExportKind.MEMBERS: (ledger_rows.member_select, ledger_rows.member_rows),
    ExportKind.REQUESTS: (ledger_rows.request_select, ledger_rows.request_rows),
    ExportKind.WISHES: (ledger_rows.wish_select, ledger_rows.wish_rows),
    ExportKind.TASKS: (list_rows.task_select, list_rows.task_rows),
    ExportKind.RECORDS: (list_rows.record_select, list_rows.record_rows),
}
SUMMARIES = (ExportKind.SUMMARY, ExportKind.UNIT_SUMMARY)


@dataclass(frozen=True)
class Ledger:
    """How many rows there will be, the rows, the second sheet, the watermark; `named`: with names that the kind alone does not hold."""

    total: int
    rows: Iterator[Line]
    about: Sequence[tuple[str, str]]
    watermark: str
    named: bool


def of(session: Session, row: Export, *, actor: Actor, now: datetime) -> Ledger:
    """The ledger of an asked-for export, by what its asker may do now. Raises NOT_FOUND, FIGURES_NOT_COUNTED."""
    kind, node = EXPORTS[row.kind], session.get_one(OrgNode, row.community_id)
    scopes.require(session, actor, kind.permission, node.id)
    span = span_asked(row.asked, now)
    also = NAMES.get(row.kind)
    named = also is not None and scopes.allows(session, actor, also, node.id)
    asked = Asked(session, node, span, kind.names or named)
    if row.kind in SUMMARIES:
        made = _summary(asked, row.kind)
        rows, total = iter(made), len(made)
    else:
        wanted, listed = ROWS[row.kind]
        rows, total = listed(asked), ledger_rows.total(asked, wanted(asked))
    return Ledger(total, rows, _about(row, node, span, total), _watermark(session, row), named)


def span_asked(asked: Mapping[str, Any], now: datetime) -> Span:
    """The period an export is about; the present year where it is about none."""
    if "period" not in asked:
        return span_of("year", period_start("year", local_day(now)), now)
    return span_of(asked["period"], date.fromisoformat(asked["starts_on"]), now)


def _summary(asked: Asked, kind: ExportKind) -> list[Line]:
    """7 汇总表: every indicator of the place and of those one step below, or of the units here, in the order of the register."""
    pair = figure_sheets.editions(asked.session, asked.span.period, asked.span.starts_on)
    if pair[0] is None or pair[0].made_at is None:
        raise Problem("FIGURES_NOT_COUNTED")
    of_units = kind is ExportKind.UNIT_SUMMARY
    if of_units:
        named = [(unit.id, unit.name) for unit in figure_sheets.units_of(asked.session, asked.node)]
    else:
        named = [(node.id, node.name) for node in (asked.node, *figure_sheets.below(asked.session, asked.node))]
    sheets = figure_sheets.sheets(asked.session, pair, "unit" if of_units else "node", [each for each, _ in named])
    lines: list[Line] = []
    for scope_id, name in named:
        lines += _lines(name, sheets[scope_id], asked.span.period, of_units, len(lines))
    return lines


def _lines(name: str, sheet: Sheet, period: str, of_unit: bool, after: int) -> list[Line]:
    lines: list[Line] = []
    for indicator in (one for one in INDICATORS if one.of_unit or not of_unit):
        now, before = value(indicator, sheet.now, period=period), value(indicator, sheet.before, period=period)
        meaning = f"{indicator.above} ÷ {indicator.below}" if indicator.below else indicator.above
        shown = (now.above, now.below, now.shown, before.shown, change(now, before, indicator), meaning)
        lines.append((after + len(lines) + 1, name, indicator.name, indicator.measure, *shown))
    return lines


def _about(row: Export, node: OrgNode, span: Span, total: int) -> list[tuple[str, str]]:
    kind = EXPORTS[row.kind]
    about = [("名称", kind.title), ("范围", node.name), ("行数", str(total)), ("统计日", span.as_of.isoformat())]
    if kind.periodic:
        about.insert(2, ("周期", f"{PERIOD_NAMES[span.period]}：{span.starts_on.isoformat()} 至 {span.ends_before.isoformat()}（不含）"))
    if row.reason:
        about.append(("用途", row.reason))
    return [
        *about,
        ("口径", "由业务记录统计，无人填报；线下办理与线上同等计入；不排名次；分母为 0 时不计算"),
        ("协议编号", "共建合约启用后填写"),
    ]


def _watermark(session: Session, row: Export) -> str:
    name = people.name_of(session.get_one(Person, row.asked_by)) or "工作人员"
    at = row.asked_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return f"导出人：{name}　导出时间：{at}　仅供工作使用，请勿外传"
