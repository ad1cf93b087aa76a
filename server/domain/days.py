"""Business dates are local dates in Asia/Shanghai, computed at write (house decision "Time"). China has had no DST since 1991."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
PERIODS = ("month", "quarter", "year")
QUARTERS = "一二三四"


def local_day(at: datetime) -> date:
    """The date on a clock in Shanghai at this moment."""
    return at.astimezone(SHANGHAI).date()


def start_of(day: date) -> datetime:
    """Midnight in Shanghai, as aware UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def period_start(period: str, day: date) -> date:
    """The first day of the month, quarter or year that holds `day` (half-open periods)."""
    if period == "month":
        return day.replace(day=1)
    if period == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1)


def quarter_name(first: date) -> str:
    """2026 年第四季度, of the quarter that starts on `first`."""
    return f"{first.year} 年第{QUARTERS[(first.month - 1) // 3]}季度"


def period_end(period: str, start: date) -> date:
    """The first day after the period that starts on `start`."""
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    index = start.year * 12 + start.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)
