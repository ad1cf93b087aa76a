"""回访: whom to call, what to say, what was said."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Id, In, Instant, Out, Page, PageQuery
from server.domain.ballots import Satisfaction
from server.domain.permissions import Permission as P
from server.domain.requests import RequestState
from server.domain.sign_offs import AgainReason
from server.services import callbacks as service
from server.services import people, places, requests
from server.services.callbacks import Due, Said

callbacks_resource = Resource("callbacks", "回访")
PROBLEMS = ("CALLBACK_EARLY", "ILLEGAL_MOVE", "SIGN_OFF_OWN_WORK")


class CallbackQuery(PageQuery):
    """Whose queue."""

    community: Id = Field(description="社区编号")


class CallbackDueOut(Out):
    """A request to call about; the number is asked for apart, and each reading is kept."""

    request: str = Field(description="诉求编号")
    number: str | None = Field(description="单号")
    person_name: str
    finished_at: Instant | None
    tries: int = Field(description="这一轮已经打过几次")
    script: str = Field(description="照着念；开头说明回答不是匿名的")
    ask_satisfaction: bool = Field(description="false：本人已领评分凭证，不再问满意度")


class CallbackIn(In):
    """What the call brought."""

    reached: bool = Field(description="打通并说上话了")
    contacted: bool | None = Field(None, description="办理前有没有联系")
    solved: bool | None = Field(None, description="办好了吗；false 时要选 reason")
    satisfaction: Satisfaction | None = Field(None, description="愿意说才填")
    reason: AgainReason | None = Field(None, description="没办好的原因")


class CallbackOut(Out):
    """The request after the call."""

    request: str
    state: RequestState = Field(description="closed、rework、escalated、closed_unrated，或仍是 finished（下次再打）")
    round: int


class NumberOut(Out):
    """A number to call."""

    phone: str = Field(description="没有电话时为空")


@callbacks_resource.get("/callbacks", permission=P.REQUESTS_CALL_BACK, query=CallbackQuery, answer=Page[CallbackDueOut])
def list_callbacks(call: Call[None]) -> Page[CallbackDueOut]:
    """今天要回访的：办结后在签收期内没有签收的，下一个工作日起打电话."""
    asked: CallbackQuery = call.query
    community = places.node(call.session, asked.community)
    rows, following = service.queue(call.session, community=community, actor=call.actor, now=call.now, after=asked.after, limit=asked.limit)
    return Page[CallbackDueOut](items=[_due(row) for row in rows], next=following)


@callbacks_resource.post("/requests/<request_id>/callbacks/number", permission=P.REQUESTS_CALL_BACK, answer=NumberOut, problems=PROBLEMS)
def read_callback_number(call: Call[None], request_id: str) -> NumberOut:
    """取回访用的电话号码；每次读取都会记下."""
    found = requests.by_public_id(call.session, request_id)
    return NumberOut(phone=service.number_of(call.session, found, actor=call.actor, now=call.now))


@callbacks_resource.post(
    "/requests/<request_id>/callbacks",
    permission=P.REQUESTS_CALL_BACK,
    body=CallbackIn,
    answer=CallbackOut,
    status=201,
    problems=(*PROBLEMS, "CALLBACK_RATED", "NOTE_REQUIRED", "STALE"),
)
def record_callback(call: Call[CallbackIn], request_id: str) -> CallbackOut:
    """登记一次回访：办好了即办结，没办好即回炉，几次打不通按未评价结束（不计入满意率）."""
    found = requests.by_public_id(call.session, request_id)
    service.record(call.session, found, Said(**call.body.model_dump()), actor=call.actor, now=call.now)
    return CallbackOut(request=found.public_id, state=found.state, round=found.round)


def _due(row: Due) -> CallbackDueOut:
    return CallbackDueOut(
        request=row.request.public_id,
        number=row.request.number,
        person_name=people.name_of(row.person),
        finished_at=row.request.finished_at,
        tries=row.tries,
        script=row.script,
        ask_satisfaction=row.ask_satisfaction,
    )
