"""Pure rules of records, pictures and categories."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain import categories
from server.domain.media import alike, looks_like_picture
from server.domain.records import at_night, uncounted_minutes
from server.domain.tasks import TaskKind

NINE = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


def at(minutes: int) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("counted", "free"),
    [
        ([], 60),
        ([(-30, 0), (60, 90)], 60),
        ([(10, 20)], 50),
        ([(-10, 10), (50, 70)], 40),
        ([(10, 30), (20, 40)], 30),
        ([(20, 25), (0, 60)], 0),
        ([(-60, 120)], 0),
    ],
)
def test_minutes_count_once(counted: list[tuple[int, int]], free: int) -> None:
    assert uncounted_minutes(at(0), at(60), [(at(start), at(end)) for start, end in counted]) == free


@given(st.lists(st.tuples(st.integers(-60, 120), st.integers(0, 90)), max_size=8))
def test_uncounted_minutes_are_the_minutes_nobody_counted(spans: list[tuple[int, int]]) -> None:
    held = {minute for start, length in spans for minute in range(start, start + length)}
    intervals = [(at(start), at(start + length)) for start, length in spans]
    assert uncounted_minutes(at(0), at(60), intervals) == len(set(range(60)) - held)


@pytest.mark.parametrize(
    ("start", "end", "night"), [(0, 60, False), (13 * 60, 14 * 60 - 1, False), (13 * 60, 14 * 60, True), (19 * 60, 20 * 60, True)]
)
def test_night_is_between_eleven_and_five_in_shanghai(start: int, end: int, night: bool) -> None:
    assert at_night(at(start), at(end)) is night


def test_six_bits_apart_look_alike_and_seven_do_not() -> None:
    assert alike("0000000000000000", "000000000000003f")
    assert not alike("0000000000000000", "000000000000007f")


def test_only_the_first_bytes_of_three_kinds_pass() -> None:
    assert all(map(looks_like_picture, (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF0000WEBP")))
    assert not any(map(looks_like_picture, (b"", b"GIF89a", b"RIFF0000WAVE", b"<svg", b"\xff\xd8")))


def test_every_kind_has_its_own_categories() -> None:
    assert categories.of_kind(TaskKind.POST) is categories.POST_CATEGORIES
    assert categories.of_kind(TaskKind.TASK) is categories.of_kind(TaskKind.ACTIVITY) is categories.ACTIVITY_CATEGORIES
    assert (len(categories.POST_CATEGORIES), len(categories.TEAM_CATEGORIES), len(categories.FIVE_HELPS)) == (8, 10, 5)
    assert categories.listed({"a": "甲", "b": "乙"}) == "a 甲，b 乙"
