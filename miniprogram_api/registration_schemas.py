"""What the routes on members' registrations and transfers take and give."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from miniprogram_api.schemas import Id, In, Instant, Line, LongLine, Out, PageQuery, Phone, Reason, Token
from server.domain.people import ConsentChannel, MemberType
from server.domain.registrations import MemberState, Source, TransferReason, TransferState
from server.services.batches import LARGEST

Words = Annotated[list[Line], Field(max_length=20)]


class DetailsIn(In):
    """报到登记表上本人填的内容，都可以不填."""

    skills: Words = Field([], description="专业特长", examples=[["急救", "书法"]])
    service_types: Words = Field([], description="愿意参加的服务类别", examples=[["政策宣传"]])
    available_times: Words = Field([], description="可服务时间", examples=[["周末上午"]])
    address: LongLine | None = Field(None, description="住址，只到楼栋，不要门牌号", examples=["示例小区 3 幢"])
    grid: Id | None = Field(None, description="所在网格的编号")


class RegisterIn(DetailsIn):
    """向居住地社区报到：扫到的码或社区编号，二者填一个."""

    token: Token | None = Field(None, description="扫到的社区码，原样传来")
    community: Id | None = Field(None, description="社区编号（不扫码时）")


class ProxyIn(DetailsIn):
    """代不用手机的人报到，或录入纸质登记表."""

    name: Line = Field(description="姓名", examples=["赵大爷"])
    phone: Phone | None = Field(None, description="手机号；没有可以不填", examples=["13800138000"])
    member_type: MemberType = Field(MemberType.RESIDENT_PARTY, description="名册里找不到他时按这一类登记")
    consent: Literal[ConsentChannel.PAPER, ConsentChannel.SPOKEN] = Field(
        description="本人怎样同意的：paper 签了纸，spoken 当面口头同意；经办人就是见证人"
    )
    entry: Id | None = Field(None, description="认定的名册条目编号（需要核对身份的权限）")


class RegistrationOut(Out):
    """一份报到."""

    id: str
    person_id: str
    name: str
    member_type: MemberType
    unit: str | None
    branch: str | None = Field(description="所在支部；本人同意 party_data 后才有")
    community_id: str
    community: str
    grid_id: str | None
    state: MemberState = Field(description="submitted 待接收，active 已报到，returned 被退回，transferring 转接中，closed 已结束")
    source: Source = Field(description="scan 扫码，web 网上，proxy 代办，paper 纸质；效力相同")
    skills: list[str]
    service_types: list[str]
    available_times: list[str]
    address: str | None
    reason: str | None = Field(description="退回或结束的原因")
    receipt_no: str | None = Field(description="回执编号", examples=["DY-110101001001-2026-00001"])
    transferred_from: str | None = Field(description="从哪一份报到转接来")
    submitted_at: Instant
    decided_at: Instant | None
    valid_from: date | None
    valid_to: date | None


class RegistrationsOut(Out):
    items: list[RegistrationOut]


class QueueQuery(PageQuery):
    state: MemberState = MemberState.SUBMITTED


class DecideIn(In):
    """社区的决定."""

    action: Literal["accept", "return", "retire", "float", "end"] = Field(
        description="accept 接收，return 退回，retire 转为离退休，float 转为流动，end 结束"
    )
    reason: Reason | None = Field(None, description="return 和 end 必须写明原因", examples=["住址不在本社区"])


class DecideManyIn(In):
    """一次处理多份报到."""

    action: Literal["accept", "return"]
    ids: list[Id] = Field(min_length=1, max_length=LARGEST, description=f"报到编号，最多 {LARGEST} 个")
    reason: Reason | None = Field(None, description="return 必须写明原因")


class FailureOut(Out):
    id: str
    code: str
    message: str


class DecidedOut(Out):
    """办成的和没办成的；办成的不受没办成的影响."""

    done: list[str] = Field(description="办成的编号")
    failed: list[FailureOut] = Field(description="没办成的，各有原因")


class TransferIn(In):
    """申请转到另一个社区：扫到的码或社区编号，二者填一个."""

    token: Token | None = Field(None, description="新社区的码")
    community: Id | None = Field(None, description="新社区的编号（不扫码时）")
    reason: TransferReason = Field(description="moved_house 搬家，job_change 换工作，other 其他")
    note: LongLine | None = Field(None, description="补充说明")


class TransferDecideIn(In):
    """社区对转接的决定."""

    action: Literal["release", "accept", "return"] = Field(description="release 转出社区放行，accept 转入社区接收，return 转入社区退回")
    reason: Reason | None = Field(None, description="return 必须写明原因")


class TransferOut(Out):
    """一次转接."""

    id: str
    registration_id: str
    new_registration_id: str | None
    person_id: str
    name: str
    from_id: str
    from_community: str
    to_id: str
    to_community: str
    state: TransferState = Field(description="requested 待转出，released 待接收，accepted 已转入，returned 被退回，cancelled 已取消")
    reason: TransferReason
    note: str | None
    refusal: str | None = Field(description="退回的原因")
    requested_at: Instant
    release_due_at: Instant = Field(description="到这时转出社区还没处理就自动放行")
    released_at: Instant | None
    decided_at: Instant | None


class TransfersOut(Out):
    items: list[TransferOut]
