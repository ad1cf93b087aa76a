"""统计数据: the figures of a community, street or county beside those of the period before; names only with a reason (R1, R2, R4)."""

from __future__ import annotations

from typing import Any

from server.console import figure_pages as pages
from server.console import forms
from server.console.desk import Answer, Call, Desk, away
from server.console.figure_pages import Period
from server.db.models.figures import FigureEdition
from server.db.models.orgs import OrgNode, Unit
from server.domain.days import local_day
from server.domain.figures import PERIOD_NAMES, span_of
from server.domain.orgs import LEVEL_NAMES, Level
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import figure_names, figure_sheets, scopes
from server.services.figure_names import KEYS
from server.services.figure_sheets import Sheet

desk = Desk("figures")
PAGE = 50
BELOW = {Level.COUNTY: "各街道（镇）", Level.STREET: "各社区", Level.COMMUNITY: "各网格"}
Pair = tuple[FigureEdition | None, FigureEdition | None]


class ReasonSheet(forms.Sheet):
    """Why somebody wants to read names."""

    reason = forms.words("为什么要看", longest=150, hint="会留下记录：谁、什么时候、看了什么、为什么。例如：核对二季度服务记录")


@desk.page("/figures", permission=P.TALLIES_READ)
def show_figures(call: Call) -> Answer:
    """The figures of a place."""
    period = _period(call)
    listed = figure_sheets.places(call.session, actor=call.actor, today=local_day(call.now))
    here = _chosen(call, listed)
    nodes = _below(call, here, listed)
    pair = figure_sheets.editions(call.session, period.kind, period.starts_on)
    sheets = figure_sheets.sheets(call.session, pair, "node", [here.id, *(node.id for node in nodes)])
    columns = pages.columns(pages.OF_GRIDS if here.level is Level.COMMUNITY else pages.OF_PLACES)
    rows = [(node, [pages.line(one, sheets[node.id], period.kind) for one in columns]) for node in nodes]
    shown: dict[str, Any] = {
        "glance": [pages.line(one, sheets[here.id], period.kind) for one in pages.columns(pages.AT_A_GLANCE)],
        "cards": pages.cards(sheets[here.id], period.kind, here.name),
        "shares": pages.shares(sheets[here.id], here.name),
        "columns": columns,
        "rows": rows,
        "below": BELOW.get(here.level, "下级"),
        "names": scopes.allows(call.session, call.actor, P.FIGURES_NAMES, here.id),
    }
    return call.show("console/figures/show.html", listed=listed, at=here, **shown, **_about(period, pair))


@desk.page("/figures/units", permission=P.TALLIES_READ)
def unit_figures(call: Call) -> Answer:
    """The units of a place, in the order of the register."""
    period = _period(call)
    here = figure_sheets.place(call.session, call.args.get("at", ""), actor=call.actor)
    units, following = figure_sheets.unit_page(call.session, here, after=call.args.get("after"), limit=PAGE)
    pair = figure_sheets.editions(call.session, period.kind, period.starts_on)
    sheets = figure_sheets.sheets(call.session, pair, "unit", [unit.id for unit in units])
    columns = pages.columns(pages.OF_UNITS)

    def lines(unit: Unit) -> list[pages.Line]:
        return [pages.line(one, sheets.get(unit.id, Sheet(None, None)), period.kind) for one in columns]

    rows = [(unit, lines(unit)) for unit in units]
    return call.show("console/figures/units.html", at=here, columns=columns, rows=rows, following=following, **_about(period, pair))


@desk.action("/figures/recount", permission=P.TALLIES_READ)
def recount(call: Call) -> Answer:
    """Count this period anew."""
    period = _period(call)
    figure_sheets.ask(call.session, period.kind, period.starts_on, now=call.now)
    return away(_here(call, period))  # which says that it is being counted, and nothing that outlives it


@desk.page("/figures/progress", permission=P.TALLIES_READ)
def progress(call: Call) -> Answer:
    """Is it counted by now? For the page that looks again by itself."""
    period = _period(call)
    pair = figure_sheets.editions(call.session, period.kind, period.starts_on)
    if not _counting(pair):
        return away(_here(call, period))
    return call.part("console/figures/progress.html", **_about(period, pair), at_id=call.args.get("at", ""))


@desk.form("/figures/names", permission=P.FIGURES_NAMES)
def names(call: Call) -> Answer:
    """Who stands behind a figure; the reason is asked first, and kept."""
    period, key = _period(call), call.args.get("key", "")
    here = figure_sheets.place(call.session, call.args.get("at", ""), actor=call.actor, permission=P.FIGURES_NAMES)
    if key not in KEYS:
        raise Problem("NOT_FOUND")
    sheet = ReasonSheet(call.typed or None)
    found = None
    if call.posted and sheet.validate():
        span = span_of(period.kind, period.starts_on, call.now)
        reason = sheet.reason.data
        found = figure_names.read(call.session, key=key, node=here, span=span, reason=reason, actor=call.actor, now=call.now)
    forms.blame(sheet, call.problem)
    status = 422 if call.posted and found is None else 200
    shown: dict[str, Any] = {"at": here, "key": key, "title": KEYS[key], "sheet": sheet, "found": found, "period": period}
    return call.show("console/figures/names.html", status, back=_here(call, period), **shown)


def _period(call: Call) -> Period:
    """The period in the address, or in the form of a button."""
    said = {name: call.typed.get(name) or call.args.get(name, "") for name in ("period", "on")}
    today = local_day(call.now)
    kind, starts_on = figure_sheets.asked_period(said["period"], said["on"], today)
    return pages.period_of(kind, starts_on, today)


def _chosen(call: Call, listed: Any) -> OrgNode:
    wanted = call.args.get("at")
    here: OrgNode | None = next((node for node in listed if wanted in (None, "", node.public_id)), None)
    if here is None:
        raise Problem("NOT_FOUND")
    return here


def _below(call: Call, here: OrgNode, listed: Any) -> Any:
    """What the list of places to choose from has already is not asked for again."""
    if here.level is Level.COMMUNITY:
        return figure_sheets.below(call.session, here)
    return [node for node in listed if node.parent_id == here.id]


def _here(call: Call, period: Period) -> str:
    at = call.typed.get("at") or call.args.get("at", "")
    return pages.address(at=at, period=period.kind, on=period.starts_on.isoformat())


def _counting(pair: Pair) -> bool:
    return any(one is not None and (one.made_at is None or one.asked_at > one.made_at) for one in pair)


def _about(period: Period, pair: Pair) -> dict[str, Any]:
    return {
        "period": period,
        "periods": PERIOD_NAMES,
        "edition": pair[0],
        "counting": _counting(pair),
        "levels": LEVEL_NAMES,
        "address": pages.address,
    }
