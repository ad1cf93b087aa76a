"""What the routes of dispatch take and give."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.claim_schemas import FailureOut
from miniprogram_api.schemas import Id, In, Instant, Line, LongLine, Out, PageQuery, Reason
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.request_desk import OFFER_STATE_NAMES
from server.domain.requests import OfferKind, OfferState, RequestLevel, RequestState, Urgency
from server.services.dispatch_lists import OfferLine


class VersionIn(In):
    """The version that was seen."""

    version: int | None = Field(None, description="看到的 version；别人处理过则得 STALE", examples=[3])


class ReceiverIn(In):
    """Exactly one of the three."""

    person: Id | None = Field(None, description="人员编号；本人同意后才算接单")
    unit: Id | None = Field(None, description="单位编号；由单位联络员答复")
    team: Id | None = Field(None, description="志愿服务队编号；由队长答复")


class DispatchIn(ReceiverIn, VersionIn):
    """Whom to ask."""


class WhistleIn(VersionIn):
    """Whom to call at once."""

    to: list[ReceiverIn] = Field(min_length=1, max_length=20, description="请来会办的单位、队伍或党员")
    reason: LongLine = Field(description="请来做什么", examples=["3号楼水管爆裂，请水务和物业到场"])


class ClaimRequestIn(In):
    """For whom: nothing means for oneself."""

    unit: Id | None = Field(None, description="代本单位认领（联络员）")
    team: Id | None = Field(None, description="代本队认领（队长）")


class AnswerOfferIn(In):
    """Yes, or no with a reason."""

    accept: bool = Field(description="true 接单，false 不接")
    reason: Reason | None = Field(None, description="不接时写明原因；不影响任何评价", examples=["这周出差"])


class DecideRequestClaimsIn(In):
    """One decision on one or many claims."""

    ids: list[Id] = Field(min_length=1, max_length=200, description="认领编号")
    approve: bool
    reason: Reason | None = Field(None, description="不通过时必须写明原因")


class EscalateIn(VersionIn):
    """Why it goes up."""

    reason: LongLine = Field(description="升级原因", examples=["涉及市政管网，社区无权处理"])


class SuggestQuery(In):
    """What else is known."""

    time: Line | None = Field(None, description="希望的时间，如 周末", examples=["周末"])


class RequestMovedOut(Out):
    """Where a request stands after a step."""

    id: str
    number: str | None
    state: RequestState
    version: int
    level: RequestLevel
    round: int
    due_at: Instant | None = Field(description="现阶段期限；等居民时是最多等到什么时候")
    finish_due_at: Instant | None = Field(description="办结期限")


class RequestClaimableOut(Out):
    """A request that may be claimed; words and place are shown only to who takes it on."""

    id: str
    number: str | None
    category: str = Field(examples=["repairs"])
    category_name: str = Field(examples=["公共设施维修"])
    urgency: Urgency
    submitted_at: Instant | None


class OfferOut(Out):
    """An offer: a dispatch, a claim or a whistle."""

    id: str
    kind: OfferKind = Field(description="dispatch 派单，claim 认领，whistle 吹哨")
    state: OfferState
    state_name: str
    version: int
    request: str = Field(description="诉求编号")
    number: str | None = Field(description="单号")
    category: str
    category_name: str
    urgency: Urgency
    community: str = Field(description="社区名称")
    receiver: str = Field(description="受邀的人、单位或队伍")
    receiver_kind: str = Field(description="person、unit 或 team")
    lead: bool = Field(description="首接负责")
    reason: str | None
    made_at: Instant
    due_at: Instant | None = Field(description="答复期限")
    answered_at: Instant | None
    arrived_at: Instant | None = Field(description="吹哨：到场时间")


class OffersOut(Out):
    """All offers of a request."""

    items: list[OfferOut]


class ClaimsDecidedOut(Out):
    """What stands and what failed."""

    done: list[str]
    failed: list[FailureOut]


class SuggestionOut(Out):
    """Who fits, and why."""

    kind: str = Field(description="person、unit 或 team")
    id: str
    name: str
    reasons: list[str] = Field(description="推荐理由", examples=[["特长或服务类别相符：电工", "同一网格"]])


class SuggestionsOut(Out):
    """The best few; a proposal, not a ranking."""

    items: list[SuggestionOut]


class OfferQuery(PageQuery):
    """Which offers."""

    waiting: bool = Field(True, description="只看等待答复的")


def moved_out(request: Request) -> RequestMovedOut:
    """A request after a step."""
    return RequestMovedOut(
        id=request.public_id,
        number=request.number,
        state=request.state,
        version=request.version,
        level=request.level,
        round=request.round,
        due_at=request.due_at,
        finish_due_at=request.finish_due_at,
    )


def claimable_out(request: Request) -> RequestClaimableOut:
    """An open request."""
    return RequestClaimableOut(
        id=request.public_id,
        number=request.number,
        category=request.category,
        category_name=REQUEST_CATEGORIES.get(request.category, "其他"),
        urgency=request.urgency,
        submitted_at=request.submitted_at,
    )


def offer_out(line: OfferLine) -> OfferOut:
    """An offer as JSON."""
    offer, request = line.offer, line.request
    return OfferOut(
        id=offer.public_id,
        kind=offer.kind,
        state=offer.state,
        state_name=OFFER_STATE_NAMES[offer.state],
        version=offer.version,
        request=request.public_id,
        number=request.number,
        category=request.category,
        category_name=REQUEST_CATEGORIES.get(request.category, "其他"),
        urgency=request.urgency,
        community=line.community.name,
        receiver=line.receiver,
        receiver_kind="unit" if offer.unit_id else "team" if offer.team_id else "person",
        lead=offer.lead,
        reason=line.reason,
        made_at=offer.made_at,
        due_at=offer.due_at,
        answered_at=offer.answered_at,
        arrived_at=offer.arrived_at,
    )
