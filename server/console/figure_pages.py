"""What a page of figures shows: lines with their denominators, charts with the same numbers, addresses of other periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from server.domain.categories import REQUEST_CATEGORIES
from server.domain.days import period_end, quarter_name
from server.domain.figures import BUCKET, CATEGORY, GROUPS, INDICATORS, Counts, Indicator, Shape, Value, change, value
from server.domain.funnels import BUCKET_NAMES
from server.services.figure_names import KEYS
from server.services.figure_sheets import Sheet, before

# The columns of the places below and of units, where there is no room for all.
OF_PLACES = ("unit_reg_rate", "member_reg_rate", "service_visits", "participation_rate", "order_count", "finish_on_time")
OF_GRIDS = ("service_visits", "service_hours", "participation_rate", "order_count", "finish_rate", "finish_on_time")
AT_A_GLANCE = ("member_reg_rate", "service_visits", "service_heads", "order_count", "finish_rate")
OF_UNITS = ("member_reg_rate", "service_visits", "service_hours", "participation_rate", "finish_rate", "finish_on_time")
DRAWN = {Shape.RATE, Shape.ANSWERED}


@dataclass(frozen=True)
class Line:
    """One indicator: this period, the one before, the change; `names`: the list behind it may be asked for."""

    about: Indicator
    now: Value
    before: Value
    change: str
    names: bool = False


@dataclass(frozen=True)
class Card:
    """A group of indicators with its chart (None where there is nothing to draw)."""

    title: str
    lines: Sequence[Line]
    chart: dict[str, Any] | None


@dataclass(frozen=True)
class Period:
    """The period of a page and the addresses' days of its neighbours."""

    kind: str
    starts_on: date
    before: date
    after: date | None

    @property
    def name(self) -> str:
        """2026 年 3 月, 2026 年第一季度, 2026 年."""
        year = f"{self.starts_on.year} 年"
        if self.kind == "month":
            return f"{year} {self.starts_on.month} 月"
        return quarter_name(self.starts_on) if self.kind == "quarter" else year


def period_of(kind: str, starts_on: date, today: date) -> Period:
    """The period and those beside it; none after the present one."""
    following = period_end(kind, starts_on)
    return Period(kind, starts_on, before(kind, starts_on), following if following <= today else None)


def line(indicator: Indicator, sheet: Sheet, period: str) -> Line:
    """An indicator of a sheet."""
    now, then = value(indicator, sheet.now, period=period), value(indicator, sheet.before, period=period)
    return Line(indicator, now, then, change(now, then, indicator), indicator.key in KEYS)


def cards(sheet: Sheet, period: str, place: str) -> list[Card]:
    """All indicators of a place by group."""
    made = []
    for title in GROUPS:
        lines = [line(one, sheet, period) for one in INDICATORS if one.group == title]
        made.append(Card(title, lines, _compared(title, lines, place)))
    return made


def columns(keys: Sequence[str]) -> list[Indicator]:
    """These indicators in their order."""
    by_key = {one.key: one for one in INDICATORS}
    return [by_key[key] for key in keys]


def share(counts: Counts | None, names: Any, prefix: str, title: str, place: str) -> dict[str, Any] | None:
    """How many requests by category or by what became of them, as rows and as a chart; None where there are none."""
    every = [(name, counts.get(f"{prefix}{key}", (0,))[0]) for key, name in names.items()] if counts else []
    rows = [(name, number) for name, number in every if number]
    if not rows:
        return None
    said = "，".join(f"{name} {number} 件" for name, number in rows)
    series = [{"name": "件数", "values": [number for _, number in rows]}]
    chart = {"names": [name for name, _ in rows], "series": series, "unit": " 件", "said": f"{place}{title}：{said}"}
    return {"title": title, "rows": rows, "chart": chart}


def shares(sheet: Sheet, place: str) -> list[dict[str, Any]]:
    """Requests by category, and the funnel."""
    both = (
        share(sheet.now, REQUEST_CATEGORIES, CATEGORY, "点单按类别", place),
        share(sheet.now, {key.value: name for key, name in BUCKET_NAMES.items()}, BUCKET, "每件点单现在到哪一步", place),
    )
    return [one for one in both if one is not None]


def address(path: str = "/console/figures", **values: Any) -> str:
    """An address of these pages."""
    return f"{path}?{urlencode({key: value for key, value in values.items() if value})}"


def _compared(title: str, lines: Sequence[Line], place: str) -> dict[str, Any] | None:
    """The rates of a group in both periods; a rate without denominator has no bar."""
    shown = [one for one in lines if one.about.shape in DRAWN and (one.now.tenths is not None or one.before.tenths is not None)]
    if len(shown) < 2:  # one bar says no more than its number
        return None
    series = [
        {"name": "本期", "values": [_number(one.now) for one in shown]},
        {"name": "上期", "values": [_number(one.before) for one in shown]},
    ]
    said = "，".join(f"{one.about.name}本期 {one.now.shown}、上期 {one.before.shown}" for one in shown)
    return {"names": [one.about.name for one in shown], "series": series, "unit": "%", "most": 100, "said": f"{place}{title}：{said}"}


def _number(told: Value) -> str | None:
    """As text with one decimal, so that the picture says what the table says."""
    return f"{told.tenths // 10}.{told.tenths % 10}" if told.tenths is not None else None
