"""Working days in China, with holidays and the weekends worked for them (调休). Pure.

The published calendar ends with the last year that was announced; the county may lay its own days over it (`overrides`), and a year nobody
knows counts Monday to Friday.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate

import chinese_calendar

NO_OVERRIDES: Mapping[date, bool] = {}


def is_workday(day: date, overrides: Mapping[date, bool] = NO_OVERRIDES) -> bool:
    """Is this a working day? What the county says goes first, then the published calendar."""
    return overrides[day] if day in overrides else _published(day)


@lru_cache(maxsize=4096)  # the library looks for the calendar's ends each time
def _published(day: date) -> bool:
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
    if until <= day:
        return 0
    published = _of_year(until.year)[_number(until)] - _of_year(day.year)[_number(day)]
    published += sum(_of_year(year)[-1] for year in range(day.year, until.year))
    return published + sum(says - _published(on) for on, says in overrides.items() if day < on <= until)


@lru_cache(maxsize=64)
def _of_year(year: int) -> tuple[int, ...]:
    """How many published working days a year has had after each of its days; 0 before the first."""
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    return (0, *accumulate(int(_published(date(year, 1, 1) + timedelta(days=number))) for number in range(days)))


def _number(day: date) -> int:
    """The first of January is 1."""
    return day.timetuple().tm_yday
