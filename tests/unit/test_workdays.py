"""Working days: the published calendar, the county's own days, years nobody knows."""

from datetime import date

import pytest

from server.domain import workdays


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 3, 5), True),
        (date(2026, 3, 7), False),
        (date(2026, 2, 17), False),  # Spring Festival
        (date(2026, 2, 14), True),  # a Saturday worked for it
        (date(2026, 10, 1), False),
        (date(2031, 1, 6), True),  # not announced: Monday
        (date(2031, 1, 4), False),  # not announced: Saturday
    ],
)
def test_the_calendar(day: date, worked: bool) -> None:
    assert workdays.is_workday(day) is worked


def test_the_county_goes_first() -> None:
    assert workdays.is_workday(date(2026, 3, 7), {date(2026, 3, 7): True})
    assert not workdays.is_workday(date(2026, 3, 5), {date(2026, 3, 5): False})


def test_counting_over_a_weekend_and_a_holiday() -> None:
    assert workdays.after(date(2026, 3, 5), 3) == date(2026, 3, 10)
    assert workdays.after(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert workdays.after(date(2026, 3, 5), 0) == date(2026, 3, 5)
