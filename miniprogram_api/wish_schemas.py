"""Bodies and answers of 微心愿."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from miniprogram_api.schemas import Day, Id, In, Instant, Line, LongLine, Out, PageQuery, Phone, Reason
from miniprogram_api.tallies import RateOut
from server.db.models.wishes import Wish
from server.domain.people import ConsentChannel
from server.domain.wishes import WishGroup, WishProof, WishState, Words
from server.services.wish_lists import Side
from server.services.wishes import Wisher

STATES = (
    "collected 已征集，verified 已核实，published 待认领，claimed 已认领，"
    "contacted 已联系，fulfilled 已办好待确认，confirmed 已实现，withdrawn 已撤回"
)


class WishWordsIn(In):
    """公布的文字：不写姓名、电话、证件号、门牌号，不要现金."""

    alias: Line = Field(description="化名", examples=["银杏奶奶"])
    content: LongLine = Field(description="心愿，一件具体的东西或一件事", examples=["想要一台声音大、按键大的收音机"])
    value_fen: int = Field(ge=0, le=1_000_000, description="估价，分", examples=[12000])

    def words(self) -> Words:
        """As the service takes them."""
        return Words(self.alias, self.content, self.value_fen)


class WisherIn(In):
    """提出心愿的人或监护人."""

    name: Line = Field(examples=["王秀英"])
    phone: Phone | None = Field(None, description="没有手机可以不填", examples=["13912345678"])

    def wisher(self) -> Wisher:
        """As the service takes it."""
        return Wisher(self.name, self.phone)


class WishCollectIn(WishWordsIn):
    """上门征集到的一个心愿."""

    wisher: WisherIn
    group: WishGroup = Field(
        description="party_in_need 困难党员，low_income 低保，living_alone 孤寡独居老人，disabled 残疾人，child 困境或留守儿童，other 其他"
    )
    consent: ConsentChannel = Field(description="怎样同意的：app 本人已在小程序同意，paper 纸面，spoken 口头（征集人作见证）")
    guardian: WisherIn | None = Field(None, description="孩子的心愿必填")
    grid: Id | None = Field(None, description="所在网格；网格员必填")


class WishVerifyIn(In):
    """走访核实."""

    visited_on: Day = Field(description="走访日期", examples=["2026-03-05"])
    note: Reason = Field(description="看到的情况，只有本社区工作人员能看", examples=["家中收音机确已损坏"])


class WishClaimIn(In):
    unit: Id | None = Field(None, description="替单位认领时填单位；个人认领不填")


class WishWithdrawIn(In):
    reason: Reason = Field(description="撤回的原因，不写个人信息", examples=["已由家人买好"])


class WishConfirmIn(In):
    via: WishProof = Field(WishProof.APP, description="app 本人或监护人确认，callback 社区回访确认，slip 有本人签字")


class WishShelfQuery(PageQuery):
    """待认领的心愿."""


class WishListQuery(PageQuery):
    state: WishState | None = Field(None, description=STATES)


class WishMineQuery(PageQuery):
    role: Literal["wisher", "claimant"] = Field("wisher", description="wisher 我（和我监护的孩子）的心愿，claimant 我认领的")


class WishFiguresQuery(In):
    since: Day = Field(alias="from", description="从哪一天起", examples=["2026-01-01"])
    to: Day = Field(description="到哪一天之前（不含）", examples=["2026-04-01"])


class WishOut(Out):
    """一个微心愿；不该看到的内容为空."""

    id: str
    number: str = Field(description="编号", examples=["WX-110101001001-2026-00001"])
    community_id: str
    community: str
    alias: str = Field(description="化名")
    content: str
    value_fen: int = Field(description="估价，分")
    round: int = Field(description="第几轮；没人认领的在下一轮排在前面")
    state: WishState = Field(description=STATES)
    side: Side = Field(description="以什么身份看：staff 工作人员，wisher 本人或监护人，claimant 认领人，public 其他人")
    published_at: Instant | None
    claimed_at: Instant | None = None
    contact_due_at: Instant | None = Field(None, description="认领后最迟联系的时间，过时放回")
    contacted_at: Instant | None = None
    fulfilled_at: Instant | None = None
    confirmed_at: Instant | None = None
    confirmed_via: WishProof | None = None
    group: WishGroup | None = Field(None, description="对象类别，只给工作人员")
    visited_on: date | None = Field(None, description="走访日期，只给工作人员")
    visit_note: str | None = Field(None, description="走访情况，只给工作人员，只在单个查询里")


class WishContactOut(Out):
    """联系谁；每次查看都有记录."""

    name: str
    phone: str = Field(description="没有电话时为空，请与社区联系")


class WishRoundOut(Out):
    """新一轮."""

    waiting: int = Field(description="排到前面的心愿数")


class WishFiguresOut(Out):
    """微心愿统计：这段时间公布的心愿，到现在怎样了."""

    published: int
    claimed: int
    confirmed: int
    wish_claim_rate: RateOut | None = Field(description="认领率：已认领 / 已公布；分母为 0 时为空")
    wish_fulfil_rate: RateOut | None = Field(description="实现率：已确认 / 已认领；分母为 0 时为空")


FOLLOWED = ("claimed_at", "contact_due_at", "contacted_at", "fulfilled_at", "confirmed_at", "confirmed_via")


def out(wish: Wish, community_id: str, community: str, side: Side, *, visit_note: str | None = None) -> WishOut:
    """What this side may see."""
    shown: dict[str, Any] = {} if side is Side.PUBLIC else {name: getattr(wish, name) for name in FOLLOWED}
    if side is Side.STAFF:
        shown.update(group=wish.group, visited_on=wish.visited_on, visit_note=visit_note)
    return WishOut(
        id=wish.public_id,
        number=wish.number,
        community_id=community_id,
        community=community,
        alias=wish.alias,
        content=wish.content,
        value_fen=wish.value_fen,
        round=wish.round,
        state=wish.state,
        side=side,
        published_at=wish.published_at,
        **shown,
    )
