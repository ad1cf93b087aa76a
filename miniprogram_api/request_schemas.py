"""A request as phones send and read it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from miniprogram_api.schemas import Id, In, Instant, Line, Out, Phone, Text
from server.db.models.media import Media
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.categories import REQUEST_CATEGORIES, listed
from server.domain.media import MediaPurpose
from server.domain.people import ConsentChannel
from server.domain.request_triage import LEVEL_NAMES
from server.domain.request_words import CHECKS, STATES
from server.domain.requests import ENDS, Channel, CheckState, Difficulty, Relation, RequestLevel, RequestState, Urgency
from server.services import endings, handling, media, people, requests, supplements, timelines, triage
from server.services.requests import Details

CATEGORY = f"类别：{listed(REQUEST_CATEGORIES)}"
Category = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$"), Field(description=CATEGORY, examples=["repairs"])]
STATE = "状态：" + "，".join(f"{state.value} {plain.short}" for state, plain in STATES.items())


class DetailsIn(In):
    """诉求的内容：只有类别是必填的."""

    category: Category
    content: Text | None = Field(None, description="说明，可不填", examples=["3号楼楼道灯不亮"])
    place: Line | None = Field(None, description="地点，到楼栋即可，不要写门牌号", examples=["3号楼"])
    urgency: Urgency = Field(Urgency.NORMAL, description="normal 不急，urgent 紧急，critical 特急")
    media: list[Id] = Field(default_factory=list, max_length=9, description="已上传的图片（用途 request）或录音（用途 voice）的编号")
    grid: Id | None = Field(None, description="所在网格的编号，可不填")


class PersonIn(In):
    """诉求是谁的：本人没有手机，或请别人代办."""

    name: Line = Field(description="本人姓名", examples=["王奶奶"])
    phone: Phone | None = Field(None, description="本人手机号，没有可不填")
    consent: ConsentChannel = Field(ConsentChannel.SPOKEN, description="本人怎么同意的：spoken 口头，paper 纸面；代办人就是见证人")
    elder: bool = Field(False, description="本人使用长辈版")


class ForOtherIn(PersonIn):
    """替家人、邻居提."""

    relation: Relation = Field(description="您是本人的：child 子女，spouse 配偶，relative 亲属，neighbour 邻居，other 其他")


class RequestIn(DetailsIn):
    """提一条诉求；点一个类别就能提交."""

    community: Id = Field(description="社区编号")
    for_other: ForOtherIn | None = Field(None, description="替别人提时填写；签收和评分会请本人来做")


class DraftIn(DetailsIn):
    """存草稿."""

    community: Id = Field(description="社区编号")


class RewriteIn(DetailsIn):
    """改草稿."""

    version: int = Field(ge=0, description="改之前看到的 version")


class SupplementIn(In):
    """补充情况：文字、图片、录音至少一样."""

    text: Text | None = Field(None, examples=["二楼的灯也不亮"])
    media: list[Id] = Field(default_factory=list, max_length=9)


class RequestMediaOut(Out):
    id: str
    kind: str = Field(description="picture 图片，voice 录音")
    check_state: CheckState | None = Field(description="内容检查；refused 的别人看不到")
    seen_before: bool = Field(description="与以前的图片相似，只作提醒")


class SupplementOut(Out):
    text: str
    added_at: Instant
    check_state: CheckState


class StepOut(Out):
    at: Instant
    sentence: str = Field(examples=["社区受理了"])
    reason: str | None


class RequestLineOut(Out):
    """列表里的一条：没有内容和地址."""

    id: str
    number: str | None = Field(description="单号", examples=["SQ-110101001-2026-00001"])
    category: str
    category_name: str
    state: RequestState = Field(description=STATE)
    short: str = Field(description="状态短标签，不超过 12 个字，长辈版直接显示", examples=["正在办"])
    sentence: str = Field(description="现在到哪一步，一句大白话")
    urgency: Urgency
    difficulty: Difficulty
    priority: int = Field(description="0 到 9，大的先办")
    level: RequestLevel = Field(description="现在由哪一级负责")
    level_name: str
    check_state: CheckState
    check_name: str = Field(description="内容检查的短标签，通过时为空")
    channel: Channel
    submitted_at: Instant | None
    due_at: Instant | None = Field(description="这一步最迟什么时候；等居民回话时为 null")
    finish_due_at: Instant | None
    closed_at: Instant | None
    version: int


class RequestOut(RequestLineOut):
    """一条诉求的全部，本人、代办人和负责的工作人员可看."""

    community: str
    community_name: str
    grid: str | None
    person: str = Field(description="本人的人员编号")
    person_name: str
    relation: Relation = Field(description="提交人和本人的关系")
    content: str
    place: str
    media: list[RequestMediaOut]
    supplements: list[SupplementOut]
    timeline: list[StepOut] = Field(description="办理经过，大白话")
    result: str = Field(description="办理结果")
    go_to: str | None = Field(description="不归社区办时该找谁")
    reason: str | None = Field(description="为什么这样了结")
    merged_into: str | None = Field(description="并入哪一条；只有工作人员看得到")
    merged: int = Field(description="有几条别人的并了进来")
    solved: bool | None
    may_withdraw: bool
    may_supplement: bool


def details(body: DetailsIn, grid: OrgNode | None, relation: Relation = Relation.SELF) -> Details:
    """What the service takes."""
    return Details(body.category, body.content, body.place, body.urgency, tuple(body.media), grid, relation)


def line_out(request: Request) -> RequestLineOut:
    """A request as a line of a list."""
    return RequestLineOut(**_line(request))


def request_out(session: Session, request: Request, *, staff: bool) -> RequestOut:
    """The whole request; a requester does not learn which neighbour's it was merged into."""
    community = session.get_one(OrgNode, request.community_id)
    grid = session.get(OrgNode, request.grid_id) if request.grid_id else None
    person = session.get_one(Person, request.asked_for_id)
    into = session.get(Request, request.merged_into_id) if staff and request.merged_into_id else None
    ended = request.state in ENDS
    return RequestOut(
        **_line(request),
        community=community.public_id,
        community_name=community.name,
        grid=grid.public_id if grid else None,
        person=person.public_id,
        person_name=people.name_of(person),
        relation=request.relation,
        content=requests.words(request),
        place=requests.place(request),
        media=[_media_out(one) for one in media.of_subject(session, "request", request.id)],
        supplements=[
            SupplementOut(text=text, added_at=row.added_at, check_state=row.check_state) for row, text in supplements.of(session, request)
        ],
        timeline=[StepOut.model_validate(step) for step in timelines.of(session, request)],
        result=handling.result_of(request),
        go_to=triage.elsewhere(request),
        reason=endings.reason_of(request),
        merged_into=into.public_id if into else None,
        merged=len(triage.merged_here(session, request)),
        solved=request.solved,
        may_withdraw=not ended and request.state not in (RequestState.FINISHED, RequestState.EXPLAINING),
        may_supplement=not ended,
    )


def _line(request: Request) -> dict[str, Any]:
    plain = STATES[request.state]
    kept = ("number", "category", "state", "urgency", "difficulty", "priority", "level", "check_state", "channel", "version")
    times = ("submitted_at", "due_at", "finish_due_at", "closed_at")
    return {
        "id": request.public_id,
        "category_name": REQUEST_CATEGORIES.get(request.category, "其他"),
        "short": plain.short,
        "sentence": plain.sentence,
        "level_name": LEVEL_NAMES[request.level],
        "check_name": CHECKS[request.check_state],
        **{name: getattr(request, name) for name in (*kept, *times)},
    }


def _media_out(row: Media) -> RequestMediaOut:
    kind = "voice" if row.purpose is MediaPurpose.VOICE else "picture"
    return RequestMediaOut(id=row.public_id, kind=kind, check_state=row.check_state, seen_before=row.reuse_of_id is not None)
