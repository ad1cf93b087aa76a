"""评分: fetching a token, posting a ballot, reading what may be shown (docs/protocol.md §4)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Id, In, Out, _one_line
from miniprogram_api.tallies import RateOut
from server.db.base import transaction
from server.domain.ballots import (
    CALLBACK_NOTICE,
    COMMENT_HINT,
    LONGEST_COMMENT,
    PROMISE,
    TAGS,
    WITHHELD,
    Answers,
    Group,
    Satisfaction,
    Signed,
    Tag,
    pack,
    points,
    pressure,
)
from server.domain.days import period_start
from server.domain.permissions import Permission as P
from server.domain.rates import Rate
from server.domain.satisfaction import Answered, rates
from server.services import ballot_comments, ballot_results, ballots, places, requests
from server.services.ballot_results import Results, Shown

ballots_resource = Resource("ballots", "评分")
Comment = Annotated[str, StringConstraints(max_length=LONGEST_COMMENT), AfterValidator(_one_line)]
SEND_WITHIN = "请在 1 到 48 小时之间随机挑一个时候（或下次打开小程序时）再提交，不要带登录凭证"


class AnswersIn(In):
    """The fixed shape of every ballot."""

    contacted: bool = Field(description="办理前联系过您吗")
    solved: bool = Field(description="事情解决了吗")
    satisfaction: Satisfaction = Field(description="very 满意；basic 基本满意；not 不满意")
    tags: list[Tag] = Field(default_factory=list, max_length=len(TAGS), description="标签，可不选")
    comment: Comment = Field("", description=COMMENT_HINT)


class BallotIn(In):
    """A ballot: no name, no request, no login."""

    token: str = Field(min_length=20, max_length=64, description="评分凭证")
    cell: Id = Field(description="领凭证时给的评分单元")
    answers: AnswersIn
    pad: str = Field("", max_length=4000, description="填充，让每次提交一样大；不保存")


class ThanksOut(Out):
    """The same answer to every ballot, counted or not."""

    thanks: str = "谢谢您的评分，攒够五份打乱后才公开"


class TagOut(Out):
    """A label to tap."""

    key: Tag
    text: str


class TokenOut(Out):
    """A token for one ballot; kept on the phone, nowhere else."""

    token: str = Field(description="评分凭证，只保存在本机")
    cell: str = Field(description="评分单元：社区、承办单位、季度")
    promise: str = Field(description="要原样展示给居民")
    when: str = Field(description="什么时候提交")


class FormOut(Out):
    """What to show around the questions."""

    promise: str
    callback_notice: str
    comment_hint: str
    tags: list[TagOut]


class RatesOut(Out):
    """The three rates and their composite of one set of valid answers; null where nobody answered."""

    response: RateOut | None = Field(description="响应率，百分数")
    solve: RateOut | None = Field(description="解决率，百分数")
    satisfaction: RateOut | None = Field(description="满意率：（满意 + 0.9 × 基本满意）/ 有效回答")
    satisfaction_plain: RateOut | None = Field(description="满意率（不打折）：（满意 + 基本满意）/ 有效回答")
    composite: RateOut | None = Field(description="三率综合：0.1 响应 + 0.5 解决 + 0.4 满意")


class GaugeOut(Out):
    """What is signed by name beside what is said in secret, of the same work."""

    signed: int = Field(description="这个承办方本季度办结、居民记名签收的次数；不含电话回访", examples=[12])
    signed_done: int = Field(description="其中签“办好了”的", examples=[11])
    gap: str | None = Field(
        description="签收“办好了”的占比减去匿名“已解决”的占比，百分点；明显大于 0：有人签了，匿名却说没解决。没人签收或匿名回答一致时为空",
        examples=["12.5"],
    )


class GroupOut(Out):
    """Ballots shown together; each ballot is in one group only."""

    name: str = Field(description="承办方", examples=["示例水务局"])
    unit: str | None = Field(description="单位编号；社区自办或合并时为空")
    merged: bool = Field(description="几个承办方合并公布")
    ballots: int = Field(description="份数，至少 5")
    contacted: int | None = Field(description="办理前有联系的份数；各份一致，或去掉纸条后各份一致时为空")
    solved: int | None = Field(description="已解决的份数；各份一致，或去掉纸条后各份一致时为空")
    very: int
    basic: int
    not_satisfied: int
    gauge: GaugeOut | None = Field(description="只有单列的承办方才有；合并公布的为空")
    comments: list[str] = Field(description="社区看过、可以公开的意见，不分先后")


class ResultsOut(Out):
    """What may be shown of a quarter."""

    quarter: date
    closed: bool = Field(description="false：季度还没有公布")
    groups: list[GroupOut]
    withheld: str | None = Field(description="有不足五份或各份一致的，已并入上一级或不公布")
    by_call: RatesOut = Field(description="电话回访的三率（记名）")
    together: RatesOut = Field(description="可公布的评分与电话回访合计的三率")


class ResultsQuery(In):
    """Which quarter."""

    day: Day = Field(description="季度里的任意一天", examples=["2026-03-31"])


@ballots_resource.get("/ballot-form", public=True, answer=FormOut, etag=True)
def show_ballot_form(call: Call[None]) -> FormOut:
    """评分页的说明、标签和承诺."""
    tags = [TagOut(key=key, text=text) for key, text in TAGS.items()]
    return FormOut(promise=PROMISE, callback_notice=CALLBACK_NOTICE, comment_hint=COMMENT_HINT, tags=tags)


@ballots_resource.post(
    "/requests/<request_id>/ballot-token",
    permission=P.REQUESTS_SUBMIT,
    answer=TokenOut,
    transaction="own",
    problems=("BALLOT_CLOSED", "BALLOT_OWN_WORK", "BALLOT_TOKEN_TAKEN", "NOT_FOUND", "UNAVAILABLE"),
)
def fetch_ballot_token(call: Call[None], request_id: str) -> TokenOut:
    """办结后由本人的手机领一次评分凭证（丢了回答，十分钟内可再领同一张）；领过这件事会记下，是哪一张不会."""
    with transaction() as session:
        ballots.prepare(session, requests.by_public_id(session, request_id), actor=call.actor, now=call.now)
    with transaction() as session:
        ticket = ballots.issue(session, requests.by_public_id(session, request_id), actor=call.actor, now=call.now)
    return TokenOut(token=ticket.token, cell=ticket.cell.public_id, promise=PROMISE, when=SEND_WITHIN)


@ballots_resource.post("/b", public=True, body=BallotIn, answer=ThanksOut)
def post_ballot(call: Call[BallotIn]) -> ThanksOut:
    """提交评分：不登录、不带凭证以外的任何身份；同一张凭证只算第一次，回答永远一样."""
    said = call.body.answers
    answers = Answers(said.contacted, said.solved, said.satisfaction, tuple(said.tags), said.comment)
    ballots.receive(call.session, token=call.body.token, cell_public_id=call.body.cell, body=pack(answers))
    return ThanksOut()


@ballots_resource.get("/nodes/<node_id>/ballot-results", permission=P.TALLIES_READ, query=ResultsQuery, answer=ResultsOut)
def show_ballot_results(call: Call[None], node_id: str) -> ResultsOut:
    """一个社区（或街道）一个季度的评分：季度结束后公布，满五份且回答不一致才单列，其余并入上一级."""
    quarter = period_start("quarter", call.query.day)
    found = ballot_results.of_node(call.session, places.node(call.session, node_id), quarter=quarter, actor=call.actor)
    said = [ballot_comments.shown(call.session, one.group.cells) for one in found.shown]
    return results_out(found, quarter, said)


def results_out(found: Results, quarter: date, said: list[list[str]]) -> ResultsOut:
    """Results as JSON, `said` being each group's comments."""
    together = ballot_results.answered([one.group.counts for one in found.shown]).plus(found.by_call)
    return ResultsOut(
        quarter=quarter,
        closed=found.closed,
        groups=[_group(one, comments) for one, comments in zip(found.shown, said, strict=True)],
        withheld=WITHHELD if found.handed_up or (found.closed and not found.shown) else None,
        by_call=rates_out(found.by_call),
        together=_open_rates(found, together),
    )


def _open_rates(found: Results, together: Answered) -> RatesOut:
    """Ballots and calls together, without a question on which a group is of one mind: calls could be subtracted from it."""
    shown = rates_out(together)
    hidden = {
        "response": any(one.group.contacted is None for one in found.shown),
        "solve": any(one.group.solved is None for one in found.shown),
    }
    hidden["composite"] = any(hidden.values())
    return shown.model_copy(update={name: None for name, hide in hidden.items() if hide})


def rates_out(said: Answered) -> RatesOut:
    """The rates as JSON."""
    return RatesOut(**{name: _rate(value) for name, value in rates(said)._asdict().items()})


def _rate(value: Rate | None) -> RateOut | None:
    return RateOut(numerator=value.numerator, denominator=value.denominator, shown=value.percent) if value is not None else None


def _group(one: Shown, comments: list[str]) -> GroupOut:
    counts = one.group.counts
    return GroupOut(
        name=one.name,
        unit=one.unit,
        merged=one.group.merged,
        ballots=counts.ballots,
        contacted=one.group.contacted,
        solved=one.group.solved,
        very=counts.very,
        basic=counts.basic,
        not_satisfied=counts.ballots - counts.very - counts.basic,
        gauge=_gauge(one.signed, one.group) if one.signed is not None else None,
        comments=comments,
    )


def _gauge(signed: Signed, group: Group) -> GaugeOut:
    gap = pressure(signed, group)
    return GaugeOut(signed=signed.total, signed_done=signed.done, gap=points(gap) if gap is not None else None)
