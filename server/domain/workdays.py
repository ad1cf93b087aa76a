"""Working days in China, with holidays and the weekends worked for them (调休). Pure.

The published calendar ends with the last year that was announced; the county may lay its own days over it (`overrides`), and a year nobody
knows counts Monday to Friday.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import chinese_calendar

NO_OVERRIDES: Mapping[date, bool] = {}


def is_workday(day: date, overrides: Mapping[date, bool] = NO_OVERRIDES) -> bool:
    """Is this a working day? What the county says goes first, then the published calendar."""
    if day in overrides:
        return overrides[day]
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:  # a year not announced yet
        return day.weekday() < 5


def after(day: date, count: int, overrides: Mapping[date, bool] = NO_OVERRIDES) -> date:
    """The `count`-th working day after `day`."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_workday(day, overrides)
    return day


def between(day: date, until: date, overrides: Mapping[date, bool] = NO_OVERRIDES) -> int:
    """How many working days there are after `day`, up to and with `until`; 0 where `until` is not later."""
    return sum(is_workday(day + timedelta(days=step), overrides) for step in range(1, (until - day).days + 1))
