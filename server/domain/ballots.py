"""评分: what a secret ballot says, how it is packed, and what of a cell may be shown (docs/protocol.md §4). Pure.

A ballot names a cell (community × handling unit × quarter), never a request. Sealed in an envelope of one size it waits until it can be
opened with at least four others of its cell. What is shown is a partition: each ballot is counted in exactly one group, so that no group
can be found by subtracting others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from server.domain.rates import Rate

LEAST = 5  # ballots that are opened, and shown, together
PADDED = 1536  # bytes of a packed ballot, whatever it says
LONGEST_COMMENT = 200


class Satisfaction(StrEnum):
    VERY = "very"
    BASIC = "basic"
    NOT = "not"


SATISFACTION_NAMES: Mapping[Satisfaction, str] = {
    Satisfaction.VERY: "满意",
    Satisfaction.BASIC: "基本满意",
    Satisfaction.NOT: "不满意",
}


class Tag(StrEnum):
    """Short labels so that nobody has to write; about the work, never about a person."""

    PROMPT = "prompt"
    PATIENT = "patient"
    THOROUGH = "thorough"
    EXPLAINED = "explained"
    SLOW = "slow"
    UNFINISHED = "unfinished"
    UNEXPLAINED = "unexplained"


TAGS: Mapping[Tag, str] = {
    Tag.PROMPT: "来得及时",
    Tag.PATIENT: "耐心细致",
    Tag.THOROUGH: "办得彻底",
    Tag.EXPLAINED: "说得明白",
    Tag.SLOW: "等得较久",
    Tag.UNFINISHED: "留有尾巴",
    Tag.UNEXPLAINED: "没说明白",
}


class CellKind(StrEnum):
    """Whose doing is rated; two gather what was too little below them. A panel votes on requests by phone, or on paper slips: what a
    member types in from his own waits apart from what a clerk types in from the box and so has seen."""

    UNIT = "unit"
    OWN = "own"  # the community itself, its teams and neighbours
    COMMUNITY = "community"
    STREET = "street"
    PANEL = "panel"
    PANEL_SLIPS = "panel_slips"
    PANEL_BOX = "panel_box"


PANEL_KINDS = (CellKind.PANEL, CellKind.PANEL_SLIPS, CellKind.PANEL_BOX)


class Channel(StrEnum):
    PHONE = "phone"
    PAPER = "paper"  # slips from a box, entered five or more at a time


class CommentState(StrEnum):
    """A comment is read by a person before others see it; it is never sent to WeChat's check, which asks who wrote it."""

    NONE = "none"
    WAITING = "waiting"
    SHOWN = "shown"
    HIDDEN = "hidden"


PROMISE = (
    "评分不写您的名字和单号，攒够五份打乱后才公开；承办人和社区查不到是谁打的。"
    "要求返工请在签收时选“没办好，请再来”，签收是记名的。掌握整个系统并监视网络的人，技术上仍可能推测。"
)
COMMENT_HINT = "选填；不要写名字和门牌"
CALLBACK_NOTICE = "电话里的回答会记在这件事上，不是匿名的；您可以不回答。"
WITHHELD = "不足五份，不公布"


@dataclass(frozen=True)
class Answers:
    """The fixed shape of a ballot: was he contacted, is it solved, how satisfied; tags and a comment as he likes."""

    contacted: bool
    solved: bool
    satisfaction: Satisfaction
    tags: tuple[Tag, ...] = ()
    comment: str = ""


def pack(answers: Answers) -> str:
    """The ballot as text of exactly PADDED bytes in UTF-8: its size says nothing about what it says."""
    said = {
        "c": answers.contacted,
        "s": answers.solved,
        "g": answers.satisfaction.value,
        "t": sorted(set(answers.tags)),
        "m": answers.comment[:LONGEST_COMMENT],
    }
    return padded(json.dumps(said, ensure_ascii=False, separators=(",", ":")))


def padded(text: str) -> str:
    """`text` followed by blanks up to PADDED bytes. Raises ValueError where it is longer."""
    missing = PADDED - len(text.encode())
    if missing < 0:
        raise ValueError("a ballot must fit its envelope")
    return text + " " * missing


def unpack(text: str) -> Answers:
    """What pack() packed."""
    said = json.loads(text)
    return Answers(said["c"], said["s"], Satisfaction(said["g"]), tuple(Tag(one) for one in said["t"]), said["m"])


class Counts(NamedTuple):
    """How many ballots, and how many of them say so."""

    ballots: int = 0
    contacted: int = 0
    solved: int = 0
    very: int = 0
    basic: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))


def total(counts: Iterable[Counts]) -> Counts:
    """All together."""
    added = Counts()
    for one in counts:
        added = added.plus(one)
    return added


def publishable(counts: Counts) -> bool:
    """At least five ballots with at least two different answers: a unanimous cell would tell what each of its voters said."""
    alike = counts.ballots in (counts.very, counts.basic, counts.ballots - counts.very - counts.basic)
    return counts.ballots >= LEAST and not alike


def mixed(part: int, ballots: int) -> bool:
    """Do these ballots differ in a yes-or-no question?"""
    return 0 < part < ballots


@dataclass(frozen=True)
class Group:
    """Ballots shown together: the cells of which they are (one unit's, or what was merged) and their counts.

    `secret`: the counts without paper slips, or all of them where all are slips. Who typed the slips in can subtract them, so a question
    is shown only where these alone differ in it; then the whole differs, too.
    """

    cells: tuple[int, ...]
    counts: Counts
    merged: bool
    secret: Counts

    @property
    def contacted(self) -> int | None:
        """How many were contacted, None where that must not be shown."""
        return self.counts.contacted if mixed(self.secret.contacted, self.secret.ballots) else None

    @property
    def solved(self) -> int | None:
        """How many say solved, None where that must not be shown."""
        return self.counts.solved if mixed(self.secret.solved, self.secret.ballots) else None


class Signed(NamedTuple):
    """签收 of a cell's work, by name: how many, and how many of them say 办好了."""

    total: int
    done: int


def pressure(signed: Signed, group: Group) -> Rate | None:
    """Named 办好了 minus secret solved, as a share: above 0 people sign what they would not say in secret.

    None where nobody signed, and where the group's solved is not shown: the gap would tell it.
    """
    solved, ballots = group.solved, group.counts.ballots
    if solved is None or not signed.total:
        return None
    return Rate(signed.done * ballots - solved * signed.total, signed.total * ballots)


def points(gap: Rate) -> str:
    """A gap in percentage points with one decimal, rounded half up from 0: −1 of 8 → "-12.5"."""
    size = Rate(abs(gap.numerator), gap.denominator).percent
    return f"-{size}" if gap.numerator < 0 and size != "0.0" else size


def partition(cells: Mapping[int, Counts], pool: int, secret: Mapping[int, Counts] | None = None) -> tuple[list[Group], Sequence[int]]:
    """Groups of these cells that may be shown, and the cells left for the level above.

    `pool` is the cell in which ballots were gathered when they were opened. A cell that may be shown stands alone; the others are added up
    with the pool and shown as one group, or handed upward together. `secret`: of these counts, those without paper slips (None: all). Who
    typed the slips in knows them and can subtract them, so what is left has to be as many and as different as the whole.
    """
    unknown = cells if secret is None else secret

    def together(listed: tuple[int, ...], *, merged: bool) -> Group:
        counts = total(cells[cell] for cell in listed)
        left = total(unknown[cell] for cell in listed if cell in unknown)
        return Group(listed, counts, merged, left if left.ballots else counts)

    def may_stand(group: Group) -> bool:
        return publishable(group.counts) and publishable(group.secret)

    alone = [group for cell in sorted(cells) if cell != pool and may_stand(group := together((cell,), merged=False))]
    shown = {group.cells[0] for group in alone}
    rest = tuple(cell for cell in sorted(cells) if cell not in shown and cells[cell].ballots)
    merged = together(rest, merged=True)
    if may_stand(merged):
        return [*alone, merged], ()
    return alone, rest


def cell_key(kind: CellKind, node_id: int, of: int, first_day: date) -> str:
    """The natural key of a cell: `of` is the unit's or panel's id, 0 where the kind and place say all."""
    return f"{kind.value}:{node_id}:{of}:{first_day.isoformat()}"
