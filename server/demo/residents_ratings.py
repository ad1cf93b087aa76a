"""Who does what of the residents' requests, what is signed and rated, and what the closed quarter must show of it.

A request is named by its place in ASKS; the parts of the split one have the numbers after the last. Sums are taken here, never from the
service. Everything else about these weeks is in residents_plan.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from server.demo import story
from server.demo.residents_plan import ASKS, CALLED_IN, ENDED_BY_TRIAGE, HANDLERS, PARTS, Ask, Fate

F = Fate
LEAST = 5  # ballots of a unit that are shown by themselves
SPLIT = next(ask for ask in ASKS if ask.fate is F.SPLIT)
PART_NUMBERS = tuple(range(len(ASKS), len(ASKS) + PARTS))
UNSIGNED = (F.CALLED_BACK, F.UNREACHED)
OWN = ""  # not a unit's doing: the community's own, or the street's


def ask_of(number: int) -> Ask:
    """Who asked for it, and what becomes of it."""
    return ASKS[number] if number < len(ASKS) else SPLIT


def _hands() -> dict[int, str]:
    """Number → which member is asked, in turn."""
    members = cycle(HANDLERS)
    dispatched = [number for number, ask in enumerate(ASKS) if ask.fate not in (*ENDED_BY_TRIAGE, F.EXPLAINED)]
    return {number: next(members) for number in (*dispatched, *PART_NUMBERS)}


HANDS: Mapping[int, str] = _hands()
SIGNED = tuple(number for number in HANDS if ask_of(number).fate not in UNSIGNED)
RATED = tuple(number for number in SIGNED if not ask_of(number).by)  # on the phone of whom it is for


def unit_of(number: int) -> str:
    """Whose doing it was."""
    fate = ask_of(number).fate
    if fate is F.WHISTLE:
        return CALLED_IN[0]
    return OWN if fate is F.ESCALATED else story.UNIT_OF[HANDS[number]]


def ballot_of(number: int) -> dict[str, Any]:
    """What its resident says in secret; about every seventh says that it is not solved, whatever he signed."""
    said = "not" if number % 7 == 4 else "basic" if number % 3 == 1 else "very"
    return {"contacted": True, "solved": said != "not", "satisfaction": said, "tags": ["prompt"] if said == "very" else [], "comment": ""}


@dataclass(frozen=True)
class Figures:
    """What is published of one unit, and what was signed of its work by name."""

    ballots: int
    solved: int | None  # None: all say the same
    very: int
    basic: int
    signed: int
    signed_done: int


def figures(unit: str) -> Figures:
    """From the plan."""
    mine = [ballot_of(number) for number in RATED if unit_of(number) == unit]
    very, basic, solved = (
        sum(one[name] == value for one in mine) for name, value in (("satisfaction", "very"), ("satisfaction", "basic"), ("solved", True))
    )
    signed = [ask_of(number).fate for number in SIGNED if unit_of(number) == unit]
    shown = solved if 0 < solved < len(mine) else None
    return Figures(len(mine), shown, very, basic, len(signed) + signed.count(F.REWORK), len(signed))  # one signed twice, no and yes


PUBLISHED: Mapping[str, Figures] = {name: figures(name) for name in story.MEMBERS if figures(name).ballots >= LEAST}
EXPECTED: Mapping[str, tuple[str, int]] = {
    "ballots_posted": ("匿名评分", len(RATED)),
    "ratings_shown_early": ("季度公布之前看得到的评分", 0),
    "cells_published": ("季度公布：满五份、单独公布的承办方", len(PUBLISHED)),
    "ballots_published": ("季度公布：公布的评分", sum(one.ballots for one in PUBLISHED.values())),
    "cells_with_right_figures": ("季度公布：份数、签收和匿名的差与故事一致的承办方", len(PUBLISHED)),
    "cells_withheld": ("季度公布：写着“不足五份，不公布”的（社区、街道）", 2),
}
