"""Suggestions say why: what one can do, how near one is, when one has time."""

from __future__ import annotations

from server.domain.categories import REQUEST_CATEGORIES
from server.domain.matching import WORDS, Candidate, Wanted, nearest, suggest
from server.domain.orgs import Level

LEVELS = {1: Level.COUNTY, 2: Level.STREET, 3: Level.COMMUNITY, 4: Level.ESTATE, 5: Level.GRID, 6: Level.BUILDING}
PLACE = "/1/2/3/4/5/6/"


def who(name: str, path: str, skills: tuple[str, ...] = (), times: tuple[str, ...] = ()) -> Candidate:
    return Candidate("person", name, skills, path, times)


def test_nearness_follows_the_tree() -> None:
    paths = ["/1/2/3/4/5/6/", "/1/2/3/4/5/7/", "/1/2/3/4/8/", "/1/2/3/9/", "/1/2/10/", "/1/11/", "/12/", ""]
    expected = [Level.BUILDING, Level.GRID, Level.ESTATE, Level.COMMUNITY, Level.STREET, Level.COUNTY, None, None]
    assert [nearest(PLACE, path, LEVELS) for path in paths] == expected


def test_skill_comes_before_nearness_and_nearness_before_time() -> None:
    found = suggest(
        Wanted("repairs", PLACE, frozenset({"周末"})),
        [
            who("street", "/1/2/", times=("周末上午",)),
            who("building", PLACE),
            who("electrician", "/1/2/", ("持证电工",)),
            who("nobody", "/9/"),
        ],
        LEVELS,
    )
    assert [(one.candidate.id, one.reasons) for one in found] == [
        ("electrician", ("特长或服务类别相符：持证电工", "同一街道")),
        ("building", ("同一楼栋",)),
        ("street", ("同一街道", "可服务时间相符：周末上午")),
    ]


def test_equals_stand_in_the_order_of_their_ids_and_only_a_few_are_named() -> None:
    crowd = [who(f"p{number:02}", PLACE) for number in range(20, 0, -1)]
    assert [one.candidate.id for one in suggest(Wanted("other", PLACE), crowd, LEVELS, most=3)] == ["p01", "p02", "p03"]


def test_a_crowd_of_members_leaves_room_for_units_and_teams() -> None:
    crowd = [who(f"p{number:02}", PLACE) for number in range(30)]
    others = [Candidate(kind, f"{kind}{number}", (), "/1/2/3/", ()) for kind in ("unit", "team") for number in range(5)]
    found = suggest(Wanted("other", PLACE), [*crowd, *others], LEVELS, most=10)
    assert [one.candidate.kind for one in found] == ["person"] * 4 + ["team"] * 3 + ["unit"] * 3


def test_every_category_but_other_has_words() -> None:
    assert set(WORDS) == set(REQUEST_CATEGORIES) - {"other"}
