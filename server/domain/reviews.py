"""评价例会: the quarter's panel of volunteers (mission rows C5, C8; docs/rules.md §2). Pure, so anyone can repeat a draw.

Before sign-up the SHA-256 of a secret seed is published; at the draw the seed is. A name's lot is SHA-256 of seed, "/" and its public id in
lower-case hexadecimal; the smallest lots are drawn. So neither volunteers nor the community can choose who is drawn.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import combinations_with_replacement

from server.domain.permissions import Permission as P
from server.domain.states import Rule

OPINIONS = 3  # said solved or unsolved, for a decision: more than half of the smallest panel


class ReviewState(StrEnum):
    GATHERING = "gathering"  # volunteers sign up, the seed's hash is public
    SELECTED = "selected"
    VOTING = "voting"
    COUNTED = "counted"
    CLOSED = "closed"  # with minutes
    VOID = "void"


class ReviewAction(StrEnum):
    SELECT = "select"
    OPEN_VOTE = "open_vote"
    COUNT = "count"
    CLOSE = "close"
    CALL_OFF = "call_off"


S, A = ReviewState, ReviewAction
REVIEW_TRANSITIONS: Mapping[tuple[ReviewState, ReviewAction], Rule[ReviewState]] = {
    (S.GATHERING, A.SELECT): Rule(S.SELECTED, P.REVIEWS_HOLD, needs_note=True),
    (S.SELECTED, A.OPEN_VOTE): Rule(S.VOTING, P.REVIEWS_HOLD),
    (S.VOTING, A.COUNT): Rule(S.COUNTED, P.REVIEWS_HOLD),
    (S.COUNTED, A.CLOSE): Rule(S.CLOSED, P.REVIEWS_HOLD),
    **{(state, A.CALL_OFF): Rule(S.VOID, P.REVIEWS_HOLD, needs_note=True) for state in (S.GATHERING, S.SELECTED, S.VOTING)},
}
REVIEW_STATE_NAMES: Mapping[ReviewState, str] = {
    S.GATHERING: "报名中",
    S.SELECTED: "已选定评议员",
    S.VOTING: "投票中",
    S.COUNTED: "已计票",
    S.CLOSED: "已结束",
    S.VOID: "已取消",
}


class ItemKind(StrEnum):
    """Why a request is looked at."""

    THIRD_FAILURE = "third_failure"
    SAMPLED = "sampled"


class Vote(StrEnum):
    SOLVED = "solved"
    UNSOLVED = "unsolved"
    UNSURE = "unsure"


class Verdict(StrEnum):
    """What the panel found, all that is ever shown of its votes; TOO_FEW: no decision, for want of opinions or so that none is told."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    TOO_FEW = "too_few"


ITEM_KIND_NAMES: Mapping[ItemKind, str] = {ItemKind.THIRD_FAILURE: "第三次没办好", ItemKind.SAMPLED: "抽查"}
VOTE_NAMES: Mapping[Vote, str] = {Vote.SOLVED: "已解决", Vote.UNSOLVED: "没解决", Vote.UNSURE: "说不准"}
VERDICT_NAMES: Mapping[Verdict, str] = {Verdict.SOLVED: "已解决", Verdict.UNSOLVED: "没解决", Verdict.TOO_FEW: "不出结果"}


def seed_hash(seed: str) -> str:
    """What is published before sign-up."""
    return hashlib.sha256(seed.encode()).hexdigest()


def drawn(seed: str, names: Iterable[str], places: int) -> list[str]:
    """The names drawn for these places, in the order of their lots."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())[:places]


def majority(votes: Mapping[Vote, int]) -> Verdict:
    """The majority of those who said solved or unsolved; a tie is unsolved, because a doubt is looked into."""
    solved, unsolved = votes.get(Vote.SOLVED, 0), votes.get(Vote.UNSOLVED, 0)
    if solved + unsolved < OPINIONS:
        return Verdict.TOO_FEW
    return Verdict.SOLVED if solved > unsolved else Verdict.UNSOLVED


def tells(typed: Mapping[Vote, int], others: int) -> bool:
    """Could a decision tell who typed these paper slips what each of the `others` voted? Reckoned without their votes.

    It could where all that lead to one decision are of one mind: where one vote is open and turns it, for instance.
    """
    said: dict[Verdict, set[Vote]] = {}
    for open_ in combinations_with_replacement(Vote, others):
        said.setdefault(majority(Counter(typed) + Counter(open_)), set()).update(open_)
    return others > 0 and any(len(votes) == 1 for votes in said.values())


def verdict(typed: Mapping[Vote, int], secret: Mapping[Vote, int]) -> Verdict:
    """What the panel found, from the slips that a clerk typed in and the votes that nobody saw (docs/protocol.md §4)."""
    if tells(typed, sum(secret.values())):
        return Verdict.TOO_FEW
    return majority(Counter(typed) + Counter(secret))


def votes_needed(selected: int, percent: int, least: int) -> int:
    """The minimum turnout: `percent` of the selected rounded up, never fewer than `least`."""
    return max(least, -(-selected * percent // 100))
