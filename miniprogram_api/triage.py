"""研判: the community's queue, what the machine suggests, what the clerk decides, and contents that wait for a human."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from miniprogram_api.claim_schemas import OutcomeOut, outcome_out
from miniprogram_api.edge import Call, Resource
from miniprogram_api.request_schemas import Category, RequestLineOut, RequestOut, line_out, request_out
from miniprogram_api.schemas import Id, In, Instant, Out, Page, PageQuery, Reason, Text
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.permissions import Permission as P
from server.domain.request_triage import ELSEWHERE, RejectChannel
from server.domain.requests import Difficulty, RequestLevel, RequestState, Urgency
from server.services import content_checks, places, request_lists, triage_hints
from server.services import requests as service
from server.services import triage as triaging
from server.services.triage import Judgement, Part

triage_resource = Resource("triage", "诉求研判")
MOVES = ("ILLEGAL_MOVE", "NOT_FOUND", "STALE")
CHANNELS = "，".join(f"{channel.value} {one.name}" for channel, one in ELSEWHERE.items())


class JudgementIn(In):
    """研判的结论；不填的保持原样."""

    category: Category | None = None
    urgency: Urgency | None = None
    difficulty: Difficulty | None = Field(None, description="simple 当天，ordinary 一般，difficult 疑难")
    priority: int | None = Field(None, ge=0, le=9)
    level: RequestLevel | None = Field(None, description="building 楼栋，grid 网格，community 社区；再往上请用升级")
    grid: Id | None = None


class TriageIn(JudgementIn):
    """受理."""

    version: int | None = Field(None, description="看到的 version，填了就不会覆盖别人刚做的处理")


class TriageManyIn(JudgementIn):
    """一次受理多条."""

    ids: list[Id] = Field(min_length=1, max_length=200)


class MergeIn(In):
    into: Id = Field(description="并到哪一条")
    version: int | None = None


class RejectIn(In):
    channel: RejectChannel = Field(description=f"该找谁：{CHANNELS}")
    reason: Reason = Field(description="为什么不归社区办，提交人会看到", examples=["消费纠纷由市场监管部门处理"])
    version: int | None = None


class PartIn(In):
    category: Category
    content: Text | None = Field(None, description="这一件的说明；不填沿用原文")


class SplitIn(In):
    parts: list[PartIn] = Field(
        min_length=2, max_length=10, examples=[[{"category": "repairs"}, {"category": "parking", "content": "有人占车位"}]]
    )
    version: int | None = None


class TypeOutIn(In):
    """听录音或问清后写下的文字."""

    content: Text


class SplitOut(Out):
    items: list[RequestLineOut]


class GuessOut(Out):
    category: str
    category_name: str
    words: list[str] = Field(description="凭哪些词")


class ReasonOut(Out):
    field: Literal["submitted_at", "place", "content", "category"] = Field(description="比对了哪个字段")
    sentence: str


class SimilarOut(Out):
    request: RequestLineOut
    reasons: list[ReasonOut]


class FinishDueOut(Out):
    difficulty: Difficulty
    finish_due_at: Instant


class TriageHintsOut(Out):
    """系统的建议，由人决定."""

    categories: list[GuessOut]
    similar: list[SimilarOut] = Field(description="可能是同一件事的诉求")
    finish_due: list[FinishDueOut] = Field(description="按难易程度，现在接单的话什么时候该办完")


class QueueQuery(PageQuery):
    """社区的待办."""


class CountyQuery(PageQuery):
    """街道、区县按类别和状态看."""

    category: Category
    state: RequestState


class DecisionIn(In):
    """看过之后."""

    passes: bool = Field(description="true 通过，false 不通过")
    reason: Reason | None = Field(None, description="不通过的原因")


@triage_resource.get(
    "/communities/<node_id>/requests", permission=P.REQUESTS_READ, query=QueueQuery, answer=Page[RequestLineOut], problems=("NOT_FOUND",)
)
def community_requests(call: Call[None], node_id: str) -> Page[RequestLineOut]:
    """本社区没办结的诉求，先到期的在前，等居民回话的在最后."""
    community = places.node(call.session, node_id)
    rows, following = request_lists.queue(
        call.session, community=community, actor=call.actor, after=call.query.after, limit=call.query.limit
    )
    return Page[RequestLineOut](items=[line_out(row) for row in rows], next=following)


@triage_resource.get(
    "/nodes/<node_id>/requests", permission=P.REQUESTS_ESCALATED, query=CountyQuery, answer=Page[RequestLineOut], problems=("NOT_FOUND",)
)
def node_requests(call: Call[None], node_id: str) -> Page[RequestLineOut]:
    """街道或区县里某一类、某一状态的诉求，新的在前."""
    query = call.query
    rows, following = request_lists.of_county(
        call.session,
        node=places.node(call.session, node_id),
        category=query.category,
        state=query.state,
        actor=call.actor,
        after=query.after,
        limit=query.limit,
    )
    return Page[RequestLineOut](items=[line_out(row) for row in rows], next=following)


@triage_resource.get("/requests/<request_id>/triage-hints", permission=P.REQUESTS_TRIAGE, answer=TriageHintsOut, problems=("NOT_FOUND",))
def triage_hints_of(call: Call[None], request_id: str) -> TriageHintsOut:
    """系统建议的类别、可能重复的诉求和办理期限，每条都说明理由."""
    found = triage_hints.of(call.session, service.by_public_id(call.session, request_id), actor=call.actor, now=call.now)
    return TriageHintsOut(
        categories=[
            GuessOut(category=guess.category, category_name=REQUEST_CATEGORIES[guess.category], words=list(guess.words))
            for guess in found.categories
        ],
        similar=[
            SimilarOut(request=line_out(like.request), reasons=[ReasonOut.model_validate(reason) for reason in like.reasons])
            for like in found.likes
        ],
        finish_due=[FinishDueOut(difficulty=one, finish_due_at=at) for one, at in found.finish_due.items()],
    )


@triage_resource.post("/requests/<request_id>/triage", permission=P.REQUESTS_TRIAGE, body=TriageIn, answer=RequestOut, problems=MOVES)
def triage_request(call: Call[TriageIn], request_id: str) -> RequestOut:
    """受理，并定类别、缓急、难易、优先级、哪一级办."""
    found = service.by_public_id(call.session, request_id)
    triaging.accept(call.session, found, judgement=_judgement(call, call.body), actor=call.actor, now=call.now, seen=call.body.version)
    return request_out(call.session, found, staff=True)


@triage_resource.post("/requests/triage", permission=P.REQUESTS_TRIAGE, body=TriageManyIn, answer=OutcomeOut)
def triage_requests(call: Call[TriageManyIn]) -> OutcomeOut:
    """一次受理多条，结论相同；办不成的逐条说明."""
    judgement = _judgement(call, call.body)
    return outcome_out(triaging.many(call.session, call.body.ids, judgement=judgement, actor=call.actor, now=call.now))


@triage_resource.post(
    "/requests/<request_id>/merge", permission=P.REQUESTS_TRIAGE, body=MergeIn, answer=RequestOut, problems=(*MOVES, "MERGE_INTO")
)
def merge_request(call: Call[MergeIn], request_id: str) -> RequestOut:
    """并到另一条同样的诉求；提交人都会一直收到进展."""
    found, into = (service.by_public_id(call.session, one) for one in (request_id, call.body.into))
    triaging.merge(call.session, found, into=into, actor=call.actor, now=call.now, seen=call.body.version)
    return request_out(call.session, found, staff=True)


@triage_resource.post(
    "/requests/<request_id>/reject", permission=P.REQUESTS_TRIAGE, body=RejectIn, answer=RequestOut, problems=(*MOVES, "NOTE_REQUIRED")
)
def reject_request(call: Call[RejectIn], request_id: str) -> RequestOut:
    """不归社区办：说明该找谁和原因."""
    found, body = service.by_public_id(call.session, request_id), call.body
    triaging.reject(call.session, found, channel=body.channel, reason=body.reason, actor=call.actor, now=call.now, seen=body.version)
    return request_out(call.session, found, staff=True)


@triage_resource.post("/requests/<request_id>/split", permission=P.REQUESTS_TRIAGE, body=SplitIn, answer=SplitOut, problems=MOVES)
def split_request(call: Call[SplitIn], request_id: str) -> SplitOut:
    """一条里有几件事：拆成几条，各有单号，分开办."""
    found = service.by_public_id(call.session, request_id)
    parts = [Part(part.category, part.content) for part in call.body.parts]
    made = triaging.split(call.session, found, parts=parts, actor=call.actor, now=call.now, seen=call.body.version)
    return SplitOut(items=[line_out(row) for row in made])


@triage_resource.post(
    "/requests/<request_id>/transcript",
    permission=P.REQUESTS_TRIAGE,
    body=TypeOutIn,
    answer=RequestOut,
    problems=("ILLEGAL_MOVE", "NOT_FOUND"),
)
def type_out_request(call: Call[TypeOutIn], request_id: str) -> RequestOut:
    """听录音后把文字记下来."""
    found = service.by_public_id(call.session, request_id)
    triaging.type_out(call.session, found, content=call.body.content, actor=call.actor, now=call.now)
    return request_out(call.session, found, staff=True)


@triage_resource.get(
    "/communities/<node_id>/content-checks",
    permission=P.REQUESTS_TRIAGE,
    query=PageQuery,
    answer=Page[RequestLineOut],
    problems=("NOT_FOUND",),
)
def content_queue(call: Call[None], node_id: str) -> Page[RequestLineOut]:
    """等人看内容的诉求（有录音、微信拿不准或查不了的），先提交的在前."""
    community = places.node(call.session, node_id)
    rows, following = content_checks.waiting(
        call.session, community_id=community.id, actor=call.actor, after=call.query.after, limit=call.query.limit
    )
    return Page[RequestLineOut](items=[line_out(row) for row in rows], next=following)


@triage_resource.post(
    "/content-checks/<request_id>/decision",
    permission=P.REQUESTS_TRIAGE,
    body=DecisionIn,
    answer=RequestOut,
    problems=("ILLEGAL_MOVE", "NOTE_REQUIRED", "NOT_FOUND"),
)
def decide_content(call: Call[DecisionIn], request_id: str) -> RequestOut:
    """看过文字、图片、录音后决定能不能给承办人看；不通过的只有本人和工作人员看得到."""
    found, body = service.by_public_id(call.session, request_id), call.body
    content_checks.decide(call.session, found, passes=body.passes, reason=body.reason, actor=call.actor, now=call.now)
    return request_out(call.session, found, staff=True)


def _judgement(call: Call[Any], body: JudgementIn) -> Judgement:
    grid = places.node(call.session, body.grid) if body.grid else None
    return Judgement(body.category, body.urgency, body.difficulty, body.priority, body.level, grid)
