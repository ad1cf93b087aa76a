"""Who could handle a request: skill, nearness in the org tree, available time; every suggestion says why (mission row C3). Pure.

The order is a proposal, never a ranking of people: it is made anew for each request and kept nowhere (docs/rules.md R2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.domain.orgs import Level

NEARNESS: Mapping[Level, tuple[int, str]] = {
    Level.BUILDING: (6, "同一楼栋"),
    Level.GRID: (5, "同一网格"),
    Level.ESTATE: (4, "同一小区"),
    Level.COMMUNITY: (3, "同一社区"),
    Level.STREET: (2, "同一街道"),
    Level.COUNTY: (1, "同一区县"),
}
SKILL, FREE = 10, 3  # who can do it comes before who is near; who is near comes before who has time


@dataclass(frozen=True)
class Wanted:
    """What a request needs: its category, the path of its place (`/1/4/9/`), and the times that suit (keys such as `weekend`)."""

    category: str
    path: str
    times: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Candidate:
    """Somebody or some unit who may be asked: a public id, what they can do, where they are, when they have time."""

    kind: str
    id: str
    skills: frozenset[str]
    path: str
    times: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Suggestion:
    """A candidate, with every reason why."""

    candidate: Candidate
    score: int
    reasons: tuple[str, ...]


def suggest(
    wanted: Wanted, candidates: Iterable[Candidate], levels: Mapping[int, Level], names: Mapping[str, str], *, most: int = 10
) -> list[Suggestion]:
    """The best few, best first; equal ones in the order of their ids. `levels`: node id → level; `names`: category → Chinese name."""
    found = [judge(wanted, candidate, levels, names) for candidate in candidates]
    return sorted((one for one in found if one.reasons), key=lambda one: (-one.score, one.candidate.kind, one.candidate.id))[:most]


def judge(wanted: Wanted, candidate: Candidate, levels: Mapping[int, Level], names: Mapping[str, str]) -> Suggestion:
    """One candidate: the points are only for the order, the reasons are what is shown."""
    score, reasons = 0, []
    if wanted.category in candidate.skills:
        score += SKILL
        reasons.append(f"特长或服务类别相符：{names.get(wanted.category, wanted.category)}")
    near = nearest(wanted.path, candidate.path, levels)
    if near is not None:
        points, name = NEARNESS[near]
        score += points
        reasons.append(name)
    if wanted.times & candidate.times:
        score += FREE
        reasons.append("可服务时间相符")
    return Suggestion(candidate, score, tuple(reasons))


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
