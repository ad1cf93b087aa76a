"""What the routes of reviews take and give."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from miniprogram_api.schemas import Day, Id, In, Out, Reason, Text
from server.db.models.reviews import ReviewItem, ReviewPanel
from server.domain.people import ConsentChannel
from server.domain.reviews import REVIEW_STATE_NAMES, ItemKind, ReviewState, Verdict, Vote


class ReviewIn(In):
    """A panel to be held."""

    community: Id = Field(description="社区编号")
    day: Day = Field(description="季度里的任意一天", examples=["2026-03-31"])
    seats: int = Field(9, ge=5, le=51, description="评议员名额，至少 5")


class ReviewQuery(In):
    """Whose panels."""

    community: Id = Field(description="社区编号")


class ReviewOut(Out):
    """A panel, as everybody may see it."""

    id: str
    quarter: date
    state: ReviewState
    state_name: str
    version: int
    seats: int
    seed_hash: str = Field(description="抽签种子的 SHA-256，报名开始时就公布")
    seed: str | None = Field(description="抽签后公布；每人的签 = SHA-256(种子/人员编号)，从小到大")
    by_draw: bool | None = Field(description="true 抽签；false 组织筛选")


class ReviewsOut(Out):
    """Panels, newest first."""

    items: list[ReviewOut]


class MemberOut(Out):
    """A volunteer; for whoever holds the panel."""

    person: str
    person_name: str
    selected: bool | None
    reason: str | None


class MembersOut(Out):
    """Volunteers in the order of signing up."""

    items: list[MemberOut]


class EnteredOut(Out):
    """Somebody whom a clerk signed up."""

    person: str
    person_name: str
    channel: ConsentChannel = Field(description="spoken 口头报名，paper 纸面报名")


class EnteredListOut(Out):
    """Whom clerks signed up, in the order of signing up."""

    items: list[EnteredOut]


class ChoiceIn(In):
    """One selected member."""

    person: Id
    reason: Reason = Field(description="选定的理由", examples=["住在三号楼，了解情况"])


class SelectionIn(In):
    """Draw, or name the members with reasons."""

    chosen: list[ChoiceIn] = Field(default_factory=list, max_length=51, description="空：按种子抽签；否则逐人写明理由")


class ItemOut(Out):
    """What is looked at, in neutral words, and what the panel found; the votes are shown to nobody."""

    id: str
    kind: ItemKind
    text: str
    verdict: Verdict | None = Field(
        description="solved 已解决；unsolved 没解决（票数相同也是）；too_few 不出结果；计票前为空。票数对谁都不公布"
    )
    reopened: bool = Field(description="已列入回炉清单并重新办理")


class ItemsOut(Out):
    """All items."""

    items: list[ItemOut]
    minutes: str = Field(description="会议纪要")


class VoteTokenOut(Out):
    """A member's token."""

    token: str = Field(description="投票凭证，只保存在本机")
    cell: str
    when: str = Field(description="什么时候提交")


class VotesIn(In):
    """A member's votes: no name, no login."""

    token: str = Field(min_length=13, max_length=64, description="投票凭证；用纸条的，是凭编号换来的")
    cell: Id
    votes: dict[Id, Vote] = Field(
        min_length=1,
        max_length=40,
        description="事项编号 → solved 已解决、unsolved 没解决、unsure 说不准",
        examples=[{"4CZ8WQ3N7T1KD": "solved"}],
    )
    pad: str = Field("", max_length=4000, description="填充；不保存")


class CallOffIn(In):
    """Why it is not held."""

    reason: Reason


class MinutesIn(In):
    """What was said."""

    minutes: Text


class ReopenedOut(Out):
    """The new request."""

    request: str


def review_out(panel: ReviewPanel) -> ReviewOut:
    """A panel as JSON."""
    return ReviewOut(
        id=panel.public_id,
        quarter=panel.quarter,
        state=panel.state,
        state_name=REVIEW_STATE_NAMES[panel.state],
        version=panel.version,
        seats=panel.seats,
        seed_hash=panel.seed_hash,
        seed=panel.seed,
        by_draw=panel.by_draw,
    )


def item_out(item: ReviewItem) -> ItemOut:
    """An item as JSON."""
    return ItemOut(id=item.public_id, kind=item.kind, text=item.text, verdict=item.verdict, reopened=item.reopened_id is not None)
