"""Deadlines on the Chinese working calendar, the escalation's day of grace, and the rhythm of care."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from server.domain import deadlines
from server.domain.deadlines import Limits, Matter
from server.domain.handling import next_visit
from server.domain.requests import ENDS, Difficulty, RequestState, Urgency

LIMITS = Limits(
    accept_workdays=1,
    contact_hours=24,
    difficult_workdays=7,
    escalate_workdays=1,
    explain_workdays=3,
    most_workdays=15,
    open_days=3,
    ordinary_workdays=3,
    rework_workdays=3,
    sign_days=7,
    simple_workdays=0,
    triage_workdays=1,
    urgent_triage_hours=2,
    waiting_days=7,
)
THURSDAY = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


def end_of(year: int, month: int, day: int) -> datetime:
    """Midnight in Shanghai after this day."""
    return datetime(year, month, day, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "count", "end"),
    [
        (THURSDAY, 0, end_of(2026, 3, 5)),
        (THURSDAY, 1, end_of(2026, 3, 6)),
        (THURSDAY, 2, end_of(2026, 3, 9)),  # over the weekend
        (THURSDAY + timedelta(hours=8), 0, end_of(2026, 3, 6)),  # 17:00 begins tomorrow
        (THURSDAY + timedelta(hours=7, minutes=59), 0, end_of(2026, 3, 5)),
        (THURSDAY + timedelta(days=2), 0, end_of(2026, 3, 9)),  # Saturday begins on Monday
        (datetime(2026, 2, 13, 1, tzinfo=UTC), 1, end_of(2026, 2, 14)),  # a Saturday worked for the Spring Festival (调休)
        (datetime(2026, 2, 14, 1, tzinfo=UTC), 1, end_of(2026, 2, 24)),  # and the holiday after it
    ],
)
def test_working_days_end_with_the_last_of_them(at: datetime, count: int, end: datetime) -> None:
    assert deadlines.end_of(at, count) == end


def test_the_county_has_the_last_word() -> None:
    assert deadlines.end_of(THURSDAY, 1, {date(2026, 3, 6): False, date(2026, 3, 7): True}) == end_of(2026, 3, 7)


def test_pressing_matters_begin_at_once() -> None:
    saturday = THURSDAY + timedelta(days=2)
    assert deadlines.end_of(saturday, 0, at_once=True) == end_of(2026, 3, 7)


def matter(**over: object) -> Matter:
    values = {"urgency": Urgency.NORMAL, "difficulty": Difficulty.ORDINARY, "round": 0, "finish_due_at": None, **over}
    return Matter(**values)  # type: ignore[arg-type]


def stage(to: RequestState, **over: object) -> deadlines.Due:
    return deadlines.of_stage(to, matter(**over), LIMITS, THURSDAY, {})


def test_every_stage_has_its_limit() -> None:
    S = RequestState  # noqa: N806
    due = {state: stage(state).at for state in S}
    assert due == {
        **dict.fromkeys((S.DRAFT, *ENDS)),
        **dict.fromkeys((S.SUBMITTED, S.TRIAGED, S.DISPATCHED, S.ESCALATED), end_of(2026, 3, 6)),
        **dict.fromkeys((S.IN_PROGRESS, S.REWORK, S.EXPLAINING), end_of(2026, 3, 10)),
        S.OPEN: THURSDAY + timedelta(days=3),
        S.ACCEPTED: THURSDAY + timedelta(hours=24),
        **dict.fromkeys((S.FINISHED, S.WAITING), THURSDAY + timedelta(days=7)),
    }
    assert stage(S.SUBMITTED, urgency=Urgency.CRITICAL).at == THURSDAY + timedelta(hours=2)
    assert stage(S.ACCEPTED, difficulty=Difficulty.DIFFICULT).finish_at == end_of(2026, 3, 16)
    assert stage(S.ACCEPTED, difficulty=Difficulty.DIFFICULT, round=1).finish_at == end_of(2026, 3, 10)
    assert stage(S.ACCEPTED, difficulty=Difficulty.SIMPLE).at == end_of(2026, 3, 5)
    assert stage(S.IN_PROGRESS, finish_due_at=end_of(2026, 3, 20)).at == end_of(2026, 3, 20)


@pytest.mark.parametrize(
    ("due", "now", "rises"),
    [
        (end_of(2026, 3, 10), end_of(2026, 3, 11) - timedelta(seconds=1), False),
        (end_of(2026, 3, 10), end_of(2026, 3, 11), True),
        (end_of(2026, 3, 13), end_of(2026, 3, 15), False),  # due on Friday: the weekend is no working day
        (end_of(2026, 3, 13), end_of(2026, 3, 16), True),
        (THURSDAY, end_of(2026, 3, 5), False),  # due in the morning: a whole working day must pass
        (THURSDAY, end_of(2026, 3, 6), True),
    ],
)
def test_it_rises_after_a_whole_working_day_of_grace(due: datetime, now: datetime, rises: bool) -> None:
    assert (due <= deadlines.escalates_before(now, 1, {})) is rises


def test_visits_keep_their_rhythm_and_nobody_catches_up() -> None:
    first = date(2026, 3, 1)
    assert [next_visit(first, 7, first + timedelta(days=late)) for late in (0, 7, 8, 19)] == [
        date(2026, 3, 8),
        date(2026, 3, 8),
        date(2026, 3, 15),
        date(2026, 3, 22),
    ]
