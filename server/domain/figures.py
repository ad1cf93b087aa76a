"""What is counted and how it is told (docs/rules.md §4): each indicator with its numerator, its denominator and their words. Pure.

Counts are kept by key as one or two numbers, or for the three rates as the five numbers of valid answers; everything shown comes of them.
A month, quarter or year is half-open; nothing here puts one place before another (R2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from server.domain import satisfaction
from server.domain.days import local_day, period_end, start_of
from server.domain.rates import Rate, rate, tenths
from server.domain.satisfaction import Answered

RULE_VERSION = "2026-1"
Counts = Mapping[str, Sequence[int]]
ANSWERS = "answers"  # valid, contacted, solved, satisfied, basic
BUCKET, CATEGORY = "bucket.", "category."
PERIOD_NAMES = {"month": "月", "quarter": "季度", "year": "年"}
NOTHING = "—（分母为 0）"
NOT_COUNTED = "—（没有这一项）"
BY_QUARTER = "—（按季度公布）"


class Shape(StrEnum):
    """How it is told: a number, hours with one decimal, a rate in per cent, an average."""

    COUNT = "count"
    HOURS = "hours"
    RATE = "rate"
    TIMES = "times"
    AVERAGE_HOURS = "average_hours"
    ANSWERED = "answered"  # in per cent, of the valid answers


UNITS = {
    Shape.COUNT: "个",
    Shape.HOURS: "小时",
    Shape.RATE: "%",
    Shape.TIMES: "次",
    Shape.AVERAGE_HOURS: "小时",
    Shape.ANSWERED: "%",
}


@dataclass(frozen=True)
class Indicator:
    """One line: `above` and `below` say in words what is divided by what. `of_unit`: it is counted for a unit, too."""

    key: str
    name: str
    group: str
    shape: Shape
    above: str
    below: str = ""
    unit: str = ""
    of_unit: bool = False

    @property
    def measure(self) -> str:
        """What it is measured in."""
        return self.unit or UNITS[self.shape]


I, S = Indicator, Shape  # noqa: E741 - a table reads better so
REGISTERED, SERVED, OFFERED, HANDLED, ASKED = "报到", "服务", "岗位与微心愿", "诉求办理", "群众评价"
MEMBERS, ANSWERED_BY = "已报到的在职党员", "有效回答（回访打通并答全的，加上已公布的评分）"
INDICATORS: Sequence[Indicator] = (
    I("unit_reg_rate", "单位报到率", REGISTERED, S.RATE, "已接收的单位", "名册上的单位"),
    I("member_reg_rate", "党员报到率", REGISTERED, S.RATE, "已报到的（不论线上线下）", "名册上的在职党员（免报到的除外）", of_unit=True),
    I("service_visits", "服务人次", SERVED, S.COUNT, "有效服务记录", unit="人次", of_unit=True),
    I("service_heads", "参与人数", SERVED, S.COUNT, "有服务记录的不同的人", unit="人", of_unit=True),
    I("service_hours", "服务时长", SERVED, S.HOURS, "有效服务记录的分钟数 ÷ 60", of_unit=True),
    I("participation_rate", "参与率", SERVED, S.RATE, "参加过服务的", MEMBERS, of_unit=True),
    I("avg_times", "人均次数", SERVED, S.TIMES, "在职党员服务人次", MEMBERS, of_unit=True),
    I("avg_hours", "人均时长", SERVED, S.AVERAGE_HOURS, "在职党员服务时长", MEMBERS, of_unit=True),
    I("post_claim_rate", "岗位认领率", OFFERED, S.RATE, "已认领的名额", "本期发布的岗位名额"),
    I("wish_claim_rate", "微心愿认领率", OFFERED, S.RATE, "其中已认领的", "本期发布的微心愿"),
    I("wish_fulfil_rate", "微心愿实现率", OFFERED, S.RATE, "其中已确认实现的", "已认领的微心愿"),
    I("order_count", "点单数", HANDLED, S.COUNT, "本期提交，撤回、并案的除外，拆分的按拆开后算", unit="件"),
    I("triage_on_time", "研判及时率", HANDLED, S.RATE, "到期前研判的", "本期应研判的"),
    I("accept_on_time", "接单及时率", HANDLED, S.RATE, "到期前接单的", "本期应答复的派单"),
    I("finish_rate", "办结率", HANDLED, S.RATE, "已办结的", "本期提交并受理的", of_unit=True),
    I("finish_on_time", "按时办结率", HANDLED, S.RATE, "到期前办结的（含批准的延期）", "本期应办结的", of_unit=True),
    I("return_rate", "退单率", HANDLED, S.RATE, "退回的派单（不问责任）", "本期派单"),
    I("merged_count", "并案", HANDLED, S.COUNT, "本期提交后并案的", unit="件"),
    I("withdrawn_count", "撤单", HANDLED, S.COUNT, "本期提交后撤回的", unit="件"),
    I("callback_rate", "回访率", ASKED, S.RATE, "已回访的（本人签收也算）", "本期办结的"),
    I("valid_callback", "有效回访", ASKED, S.COUNT, "打通并答了的回访", unit="次"),
    I("response_rate", "响应率", ASKED, S.ANSWERED, "办理前有人联系过", ANSWERED_BY),
    I("solve_rate", "解决率", ASKED, S.ANSWERED, "说办好了", ANSWERED_BY),
    I("satisfaction_rate", "满意率", ASKED, S.ANSWERED, "满意 + 0.9 × 基本满意", ANSWERED_BY),
    I("three_rate_score", "三率综合", ASKED, S.ANSWERED, "0.1 响应 + 0.5 解决 + 0.4 满意", ANSWERED_BY),
    I("rework_rate", "回炉率", ASKED, S.RATE, "说过没办好的", "本期答复过的诉求"),
)  # fmt: skip
GROUPS = tuple(dict.fromkeys(indicator.group for indicator in INDICATORS))


def added(counts: Iterable[Counts]) -> dict[str, list[int]]:
    """Sums by key."""
    total: dict[str, list[int]] = {}
    for one in counts:
        for key, numbers in one.items():
            old = total.get(key)
            total[key] = list(numbers) if old is None else [a + b for a, b in zip(old, numbers, strict=True)]
    return total


@dataclass(frozen=True)
class Span:
    """A period as it is counted now: denominators as of `as_of`, what falls due only until `upto`."""

    period: str
    starts_on: date
    ends_before: date
    as_of: date
    upto: datetime

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return start_of(self.starts_on)

    @property
    def end(self) -> datetime:
        """The moment after it."""
        return start_of(self.ends_before)

    @property
    def until(self) -> datetime:
        """The moment after the day of the denominators."""
        return start_of(self.as_of + timedelta(days=1))


def span_of(period: str, starts_on: date, now: datetime) -> Span:
    """The period that begins on this day."""
    end = period_end(period, starts_on)
    as_of = max(starts_on, min(local_day(now), end - timedelta(days=1)))
    return Span(period, starts_on, end, as_of, min(now, start_of(end)))


@dataclass(frozen=True)
class Value:
    """An indicator of one period: what is shown, the pair behind it, and a number of tenths to draw and to compare (None: nothing)."""

    shown: str
    above: str
    below: str
    tenths: int | None


def value(indicator: Indicator, counts: Counts | None, *, period: str) -> Value:
    """What is told of an indicator. A denominator of 0 is told, never shown as 0 per cent."""
    if counts is None:
        return Value(NOT_COUNTED, "", "", None)
    if indicator.shape is Shape.ANSWERED:
        return _answered(indicator, counts, period)
    if indicator.shape in (Shape.COUNT, Shape.HOURS):
        number = counts.get(indicator.key, (0,))[0]
        hours = indicator.shape is Shape.HOURS
        shown = tenths(10 * number, 60) if hours else str(number)
        return Value(shown, shown, "", _whole(10 * number, 60) if hours else 10 * number)
    above, below = counts.get(indicator.key, (0, 0))
    if indicator.shape is Shape.AVERAGE_HOURS:
        return _told(rate(above, 60 * below), indicator, tenths(10 * above, 60), str(below))
    return _told(rate(above, below), indicator, str(above), str(below))


def change(now: Value, before: Value, indicator: Indicator) -> str:
    """How much more than in the period before, of the numbers as they are shown; '' where one of them is nothing."""
    if now.tenths is None or before.tenths is None:
        return ""
    more = now.tenths - before.tenths
    sign = "+" if more > 0 else "−" if more < 0 else ""
    number = f"{abs(more) // 10}" if indicator.shape is Shape.COUNT else f"{abs(more) // 10}.{abs(more) % 10}"
    return f"{sign}{number}{' 个百分点' if indicator.measure == '%' else ''}" if more else "持平"


def _told(pair: Rate | None, indicator: Indicator, above: str, below: str) -> Value:
    if pair is None:
        return Value(NOTHING, above, below, None)
    per_cent = indicator.shape in (Shape.RATE, Shape.ANSWERED)
    shown = f"{pair.percent}%" if per_cent else pair.average
    factor = 1000 if per_cent else 10
    return Value(shown, above, below, _whole(factor * pair.numerator, pair.denominator))


def _answered(indicator: Indicator, counts: Counts, period: str) -> Value:
    if period == "month" or ANSWERS not in counts:
        return Value(BY_QUARTER if period == "month" else NOTHING, "", "0", None)
    said = Answered(*counts[ANSWERS])
    found = satisfaction.rates(said)
    below = str(said.valid)
    weighted = tenths(10 * said.satisfied + 9 * said.basic, 1)
    told = {
        "response_rate": (found.response, str(said.contacted)),
        "solve_rate": (found.solve, str(said.solved)),
        "satisfaction_rate": (found.satisfaction, weighted),
        "three_rate_score": (found.composite, "三项按权重"),
    }
    pair, above = told[indicator.key]
    return _told(pair, indicator, above, below)


def _whole(numerator: int, denominator: int) -> int:
    """Rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)
