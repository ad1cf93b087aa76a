"""When each stage of a request is due (docs/rules.md §3.3), in working days with 调休. Pure.

What comes in after 17:00 or on a day off begins on the next working day, unless it is urgent. A limit in working days ends with the last
of them, one in hours to the minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta

from server.domain import workdays
from server.domain.days import SHANGHAI, local_day, start_of
from server.domain.requests import Difficulty, RequestState, Urgency

CLOSES = time(17)
S = RequestState


@dataclass(frozen=True)
class Limits:
    """The county's limits; the policy `requests.<name>` holds each."""

    accept_workdays: int
    contact_hours: int
    difficult_workdays: int
    escalate_workdays: int
    explain_workdays: int
    most_workdays: int
    open_days: int
    ordinary_workdays: int
    rework_workdays: int
    sign_days: int
    simple_workdays: int
    triage_workdays: int
    urgent_triage_hours: int
    waiting_days: int


LIMITS = tuple(field.name for field in fields(Limits))


@dataclass(frozen=True)
class Matter:
    """What of a request its deadlines depend on."""

    urgency: Urgency
    difficulty: Difficulty
    round: int
    finish_due_at: datetime | None


@dataclass(frozen=True)
class Due:
    """When the stage is due, and by when the work must be finished."""

    at: datetime | None
    finish_at: datetime | None


def first_day(at: datetime, overrides: Mapping[date, bool] = workdays.NO_OVERRIDES) -> date:
    """The working day a limit begins on: today, or the next one after 17:00 and on a day off."""
    today = local_day(at)
    late = at.astimezone(SHANGHAI).time() >= CLOSES
    return workdays.after(today, 1, overrides) if late or not workdays.is_workday(today, overrides) else today


def end_of(at: datetime, count: int, overrides: Mapping[date, bool] = workdays.NO_OVERRIDES, *, at_once: bool = False) -> datetime:
    """The end of the `count`-th working day after the first one (0: of the first itself); `at_once` begins today whatever day it is."""
    begin = local_day(at) if at_once else first_day(at, overrides)
    return start_of(workdays.after(begin, count, overrides) + timedelta(days=1))


def work_limit(matter: Matter, limits: Limits) -> int:
    """Working days for the work itself; a rework has its own."""
    if matter.round:
        return limits.rework_workdays
    return {
        Difficulty.SIMPLE: limits.simple_workdays,
        Difficulty.ORDINARY: limits.ordinary_workdays,
        Difficulty.DIFFICULT: limits.difficult_workdays,
    }[matter.difficulty]


def of_stage(to: RequestState, matter: Matter, limits: Limits, now: datetime, overrides: Mapping[date, bool]) -> Due:
    """The deadlines of a request that enters the state `to` now; none for a draft and when all is over.

    While it waits for the resident the clock of the work stands still; `at` is when it stops waiting.
    """
    pressing = matter.urgency is not Urgency.NORMAL

    def days(count: int) -> datetime:
        return end_of(now, count, overrides, at_once=pressing)

    if to is S.SUBMITTED:
        return Due(now + timedelta(hours=limits.urgent_triage_hours) if pressing else days(limits.triage_workdays), None)
    if to is S.ACCEPTED:
        finish = days(work_limit(matter, limits))
        return Due(min(finish, now + timedelta(hours=limits.contact_hours)), finish)
    if to is S.REWORK:
        finish = days(limits.rework_workdays)
        return Due(finish, finish)
    if to is S.IN_PROGRESS:
        finish = matter.finish_due_at or days(work_limit(matter, limits))
        return Due(finish, finish)
    waits = {S.TRIAGED: limits.accept_workdays, S.DISPATCHED: limits.accept_workdays, S.ESCALATED: limits.accept_workdays}
    if to in waits:
        return Due(days(waits[to]), None)
    if to is S.EXPLAINING:
        return Due(days(limits.explain_workdays), None)
    if to is S.WAITING:
        return Due(now + timedelta(days=limits.waiting_days), matter.finish_due_at)
    calendar = {S.OPEN: limits.open_days, S.FINISHED: limits.sign_days}
    return Due(now + timedelta(days=calendar[to]), None) if to in calendar else Due(None, matter.finish_due_at)


def escalates_before(now: datetime, count: int, overrides: Mapping[date, bool]) -> datetime:
    """What was due at or before this moment has been overdue for `count` whole working days: it escalates."""
    day = local_day(now)
    while count > 0:
        day -= timedelta(days=1)
        count -= workdays.is_workday(day, overrides)
    return start_of(day)


def longest(begun: datetime, limits: Limits, overrides: Mapping[date, bool]) -> datetime:
    """How far an extension may reach: the most working days counted from acceptance."""
    return end_of(begun, limits.most_workdays, overrides)
