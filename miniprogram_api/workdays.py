"""The county's own working days, over the published calendar: deadlines in working days follow them."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import In, LongLine, Out
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import workdays

workdays_resource = Resource("workdays", "工作日历")


class WorkdayIn(In):
    """这一天上不上班."""

    working: bool = Field(description="true 上班，false 放假")
    why: LongLine = Field(description="依据", examples=["国务院办公厅放假通知"])


class WorkdayOut(Out):
    day: date
    working: bool
    why: str


class WorkdaysOut(Out):
    items: list[WorkdayOut]


class YearQuery(In):
    year: int = Field(ge=2020, le=2100, description="哪一年", examples=[2026])


@workdays_resource.get("/workdays", permission=P.POLICIES_SET, query=YearQuery, answer=WorkdaysOut)
def county_workdays(call: Call[None]) -> WorkdaysOut:
    """本县自定的工作日和休息日；没有列出的按国家公布的日历."""
    return WorkdaysOut(items=[WorkdayOut.model_validate(row) for row in workdays.of_year(call.session, year=call.query.year)])


@workdays_resource.put("/workdays/<day>", permission=P.POLICIES_SET, body=WorkdayIn, answer=WorkdayOut)
def put_workday(call: Call[WorkdayIn], day: str) -> WorkdayOut:
    """定下某一天（如 2026-03-07）上班或放假，之后算期限时照此计算."""
    try:
        which = date.fromisoformat(day)
    except ValueError:
        raise Problem("NOT_FOUND") from None
    row = workdays.put(call.session, day=which, working=call.body.working, why=call.body.why, actor=call.actor, now=call.now)
    return WorkdayOut.model_validate(row)
