"""Who could handle a request: skill, nearness in the org tree, available time; every suggestion says why (mission row C3). Pure.

The order is a proposal, never a ranking of people: it is made anew for each request and kept nowhere (docs/rules.md R2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from server.domain.orgs import Level

NEARNESS: Mapping[Level, tuple[int, str]] = {
    Level.BUILDING: (6, "同一楼栋"),
    Level.GRID: (5, "同一网格"),
    Level.ESTATE: (4, "同一小区"),
    Level.COMMUNITY: (3, "同一社区"),
    Level.STREET: (2, "同一街道"),
    Level.COUNTY: (1, "同一区县"),
}
ROOM = 3  # places in the list that are kept for teams, and as many for units
SKILL, FREE = 10, 3  # who can do it comes before who is near; who is near comes before who has time


WORDS: Mapping[str, tuple[str, ...]] = {
    "environment": ("环境", "保洁", "绿化", "清洁"),
    "repairs": ("维修", "电工", "木工", "管道", "修理"),
    "utilities": ("水电", "电工", "管道", "燃气", "暖气"),
    "noise": ("调解", "物业"),
    "parking": ("交通", "停车", "车辆"),
    "safety": ("安全", "消防", "巡查", "巡逻"),
    "order": ("调解", "治安", "法律"),
    "property": ("物业", "法律", "调解"),
    "pets": ("动物", "兽医", "养犬"),
    "elder_care": ("养老", "助老", "陪护", "护理"),
    "children": ("辅导", "教育", "儿童", "托管"),
    "hardship": ("帮扶", "助困", "慈善"),
    "health": ("医", "护理", "急救", "健康"),
    "jobs": ("就业", "创业", "招聘", "助业"),
    "legal": ("法律", "律师"),
    "policy": ("政策", "社保", "宣讲"),
    "culture": ("文体", "书法", "舞蹈", "体育", "音乐", "文化"),
}  # what people write of themselves when they can help with a category


@dataclass(frozen=True)
class Wanted:
    """What a request needs: its category, the path of its place (`/1/4/9/`), and words for the times that suit (周末 …)."""

    category: str
    path: str
    times: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Candidate:
    """Somebody or some unit who may be asked: what they say they can do, where they are, when they have time; in their own words."""

    kind: str
    id: str
    skills: tuple[str, ...]
    path: str
    times: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """A candidate, with every reason why."""

    candidate: Candidate
    score: int
    reasons: tuple[str, ...]


def suggest(wanted: Wanted, candidates: Iterable[Candidate], levels: Mapping[int, Level], *, most: int = 10) -> list[Suggestion]:
    """The best few, best first; equal ones in the order of their ids. `levels`: node id → level.

    Many members who fit alike do not crowd out the teams and units: the best ROOM of each are among the few.
    """
    found = [judge(wanted, candidate, levels) for candidate in candidates]
    ranked = sorted((one for one in found if one.reasons), key=_order)
    kept = [one for kind in ("team", "unit") for one in [each for each in ranked if each.candidate.kind == kind][:ROOM]][:most]
    rest = islice((one for one in ranked if one not in kept), most - len(kept))
    return sorted([*kept, *rest], key=_order)


def _order(one: Suggestion) -> tuple[int, str, str]:
    return -one.score, one.candidate.kind, one.candidate.id


def judge(wanted: Wanted, candidate: Candidate, levels: Mapping[int, Level]) -> Suggestion:
    """One candidate: the points are only for the order, the reasons are what is shown."""
    score, reasons = 0, []
    skill = _first(candidate.skills, WORDS.get(wanted.category, ()))
    if skill is not None:
        score += SKILL
        reasons.append(f"特长或服务类别相符：{skill}")
    near = nearest(wanted.path, candidate.path, levels)
    if near is not None:
        points, name = NEARNESS[near]
        score += points
        reasons.append(name)
    free = _first(candidate.times, wanted.times)
    if free is not None:
        score += FREE
        reasons.append(f"可服务时间相符：{free}")
    return Suggestion(candidate, score, tuple(reasons))


def _first(said: Iterable[str], words: Iterable[str]) -> str | None:
    """The first thing said that holds one of the words."""
    sought = tuple(words)
    return next((text for text in said if any(word in text for word in sought)), None)


def nearest(one: str, other: str, levels: Mapping[int, Level]) -> Level | None:
    """The deepest level both lie in; None where they share nothing."""
    shared: Level | None = None
    for left, right in zip(_ids(one), _ids(other), strict=False):
        if left != right or left not in levels:
            break
        shared = levels[left]
    return shared


def _ids(path: str) -> Sequence[int]:
    return [int(part) for part in path.split("/") if part]
