"""The county's own working days, laid over the published calendar (docs/rules.md, working days)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from server.db.models.registrations import CalendarDay
from server.domain import workdays
from server.domain.days import local_day, start_of
from server.domain.permissions import Actor

HORIZON = timedelta(days=60)  # no deadline of ours is further away
OVERRIDES = select(CalendarDay.day, CalendarDay.working).where(CalendarDay.day >= bindparam("since"), CalendarDay.day <= bindparam("until"))


def overrides(session: Session, *, since: date) -> dict[date, bool]:
    """The county's days in the sixty days from `since`."""
    return {row.day: row.working for row in session.execute(OVERRIDES, {"since": since, "until": since + HORIZON})}


def put(session: Session, *, day: date, working: bool, why: str, actor: Actor, now: datetime) -> CalendarDay:
    """Say that a day is worked or free, whatever the published calendar says."""
    row = session.get(CalendarDay, day) or CalendarDay(day=day)
    row.working, row.why, row.by_id, row.set_at = working, why, actor.person_id, now
    session.add(row)
    session.flush()
    return row


def of_year(session: Session, *, year: int) -> list[CalendarDay]:
    """The county's own days of a year, in their order."""
    days = CalendarDay.day.between(date(year, 1, 1), date(year, 12, 31))
    return list(session.execute(select(CalendarDay).where(days).order_by(CalendarDay.day)).scalars())


def published(year: int) -> list[tuple[date, bool]]:
    """The days of a year on which the published calendar differs from Monday to Friday; none where it does not know the year."""
    first = date(year, 1, 1)
    days = (first + timedelta(days=count) for count in range((date(year + 1, 1, 1) - first).days))
    return [(day, working) for day in days if (working := workdays.is_workday(day)) is not (day.weekday() < 5)]


def end_of(session: Session, *, now: datetime, count: int) -> datetime:
    """The end of the `count`-th working day after today, as aware UTC."""
    today = local_day(now)
    last = workdays.after(today, count, overrides(session, since=today))
    return start_of(last + timedelta(days=1))
