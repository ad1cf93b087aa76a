"""Figures: one's own, and those of a place or unit for who may read them. In the order of time, never of size (R2)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Id, In, Out
from server.domain.days import PERIODS, local_day
from server.domain.permissions import Permission as P
from server.domain.rates import Rate
from server.services import figures
from server.services.figures import Figure, Scope

tallies = Resource("tallies", "统计")
Period = Literal["month", "quarter", "year"]


class RateOut(Out):
    """A rate as it was counted; null stands for a denominator of 0."""

    numerator: int = Field(description="分子", examples=[33])
    denominator: int = Field(description="分母，至少为 1", examples=[40])
    shown: str = Field(description="四舍五入到一位小数：比率为百分数，人均为次数", examples=["82.5"])


class ServedOut(Out):
    """What was served in one period."""

    starts_on: date = Field(description="周期第一天", examples=["2026-03-01"])
    ends_before: date = Field(description="周期结束后的第一天", examples=["2026-04-01"])
    service_visits: int = Field(description="服务人次：有效服务记录数")
    service_minutes: int = Field(description="服务时长，分钟")


class TallyOut(ServedOut):
    """One period's figures of a scope."""

    as_of: date = Field(description="分母取数日：周期最后一天或今天")
    service_heads: int = Field(description="参与人数：至少有一条有效服务记录的不同的人")
    participation_rate: RateOut | None = Field(description="参与率：参与服务的在职党员 / 已报到的在职党员，百分数；分母为 0 时为空")
    avg_times: RateOut | None = Field(description="人均次数：在职党员服务人次 / 已报到的在职党员；分母为 0 时为空")
    member_reg_rate: RateOut | None = Field(
        description="党员报到率：已报到 / 名册上的在职党员（免报到的除外），不论报到渠道；分母为 0 时为空"
    )
    unit_reg_rate: RateOut | None = Field(description="单位报到率：已接收 / 县级名单上的单位；按单位查询或分母为 0 时为空")


class TalliesOut(Out):
    """The periods asked for, oldest first."""

    scope: Literal["node", "unit"]
    id: str
    period: Period
    items: list[TallyOut]


class MyTallyOut(Out):
    """The present month, quarter and year of the person who asks."""

    month: ServedOut
    quarter: ServedOut
    year: ServedOut


class TalliesQuery(In):
    """Whose figures and for which periods."""

    scope: Literal["node", "unit"] = Field(description="node：区县、街道、社区、小区、网格或楼栋；unit：单位")
    id: Id = Field(description="该组织或单位的编号")
    period: Period = Field("month", description="统计周期")
    since: Day | None = Field(None, alias="from", description="从哪一天所在的周期起，默认今天")
    to: Day | None = Field(None, description="到哪一天所在的周期止，默认今天；最多 24 个周期")


@tallies.get("/me/tally", permission=P.ME, answer=MyTallyOut, etag=True)
def my_tally(call: Call[None]) -> MyTallyOut:
    """我的服务：本月、本季、本年的人次和时长。"""
    today, mine = local_day(call.now), Scope("person", call.actor.id)
    made = {}
    for period in PERIODS:
        starts = figures.periods(period, today, today)
        made[period] = ServedOut.model_validate(figures.served(call.session, mine, period, starts, today=today)[0])
    return MyTallyOut(**made)


@tallies.get("/tallies", permission=P.TALLIES_READ, query=TalliesQuery, answer=TalliesOut, etag=True, problems=("NOT_FOUND",))
def tally_figures(call: Call[None]) -> TalliesOut:
    """某一组织或单位的统计，按时间先后，不排名次。"""
    asked, today = call.query, local_day(call.now)
    find = figures.node_scope if asked.scope == "node" else figures.unit_scope
    scope = find(call.session, public_id=asked.id, actor=call.actor)
    starts = figures.periods(asked.period, asked.since or today, min(asked.to or today, today))
    counted = figures.served(call.session, scope, asked.period, starts, today=today)
    rated = figures.with_rates(call.session, scope, asked.period, counted)
    return TalliesOut(scope=asked.scope, id=asked.id, period=asked.period, items=[_out(figure) for figure in rated])


def _out(figure: Figure) -> TallyOut:
    rates = {
        "participation_rate": rate_out(figure.participation_rate),
        "avg_times": rate_out(figure.avg_times, average=True),
        "member_reg_rate": rate_out(figure.member_reg_rate),
        "unit_reg_rate": rate_out(figure.unit_reg_rate),
    }
    return TallyOut(**{**figure.__dict__, **rates})


def rate_out(rate: Rate | None, *, average: bool = False) -> RateOut | None:
    """A rate as it is shown."""
    if rate is None:
        return None
    return RateOut(numerator=rate.numerator, denominator=rate.denominator, shown=rate.average if average else rate.percent)
