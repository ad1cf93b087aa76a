"""定期照护: plans, visits, hand-over, alarms."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Id, In, Instant, LongLine, Out, Page, PageQuery, Text
from server.db.models.care import CarePlan
from server.domain.handling import CarePlanState, CareVisitState
from server.domain.permissions import Permission as P
from server.services import care_plans as service
from server.services import orgs, people

care_plans_resource = Resource("care_plans", "定期照护")


class CarePlanIn(In):
    """Who is visited by whom, how often, for what."""

    person: Id = Field(description="被照护人的人员编号")
    carer: Id = Field(description="照护人的人员编号；本人同意后生效")
    what: Text = Field(description="做什么", examples=["上门量血压、聊聊天"])
    every_days: int = Field(ge=1, le=92, description="每几天一次", examples=[7])
    first_on: Day = Field(description="第一次上门日期", examples=["2026-03-07"])


class HandOverIn(In):
    """To whom."""

    carer: Id = Field(description="接手人的人员编号；本人同意后生效")


class CareNoteIn(In):
    """What was found; may be left out."""

    note: Text | None = Field(None, description="情况，可以不写")


class CareEndIn(In):
    """Why it ends."""

    reason: LongLine = Field(description="结束原因", examples=["老人搬到女儿家"])


class CarePlanOut(Out):
    """A plan."""

    id: str
    state: CarePlanState = Field(description="asked 待照护人同意，active 进行中，ended 已结束")
    version: int
    every_days: int
    next_on: date = Field(description="下次上门日期")
    missed: int = Field(description="连续几次没有上门")


class CareVisitOut(Out):
    """One day."""

    day: date
    state: CareVisitState = Field(description="done 已上门，missed 未上门")
    note: str


class CareAlarmOut(Out):
    """Who was alarmed, and when."""

    name: str
    day: date
    at: Instant


class CarePlanDetailOut(CarePlanOut):
    """A plan with its days and alarms."""

    person_name: str
    carer_name: str
    what: str
    visits: list[CareVisitOut]
    alarms: list[CareAlarmOut] = Field(description="连续三次未上门时提醒了谁")


@care_plans_resource.post(
    "/communities/<community_id>/care-plans",
    permission=P.REQUESTS_DISPATCH,
    body=CarePlanIn,
    answer=CarePlanOut,
    status=201,
    problems=("CARER_SELF", "CONSENT_REQUIRED"),
)
def create_care_plan(call: Call[CarePlanIn], community_id: str) -> CarePlanOut:
    """建一个定期照护计划；照护人同意后开始."""
    body = call.body
    plan = service.create(
        call.session,
        community=orgs.by_public_id(call.session, community_id),
        person=people.by_public_id(call.session, body.person),
        carer=people.by_public_id(call.session, body.carer),
        what=body.what,
        every_days=body.every_days,
        first_on=body.first_on,
        actor=call.actor,
        now=call.now,
    )
    return _out(plan)


@care_plans_resource.get(
    "/communities/<community_id>/care-plans", permission=P.REQUESTS_READ, query=PageQuery, answer=Page[CarePlanOut], etag=True
)
def list_care_plans(call: Call[None], community_id: str) -> Page[CarePlanOut]:
    """社区的照护计划，新的在前."""
    community, query = orgs.by_public_id(call.session, community_id), call.query
    rows, following = service.of_community(call.session, community=community, actor=call.actor, after=query.after, limit=query.limit)
    return Page[CarePlanOut](items=[_out(row) for row in rows], next=following)


@care_plans_resource.get("/me/care-plans", permission=P.ME, query=PageQuery, answer=Page[CarePlanOut], etag=True)
def list_my_care_plans(call: Call[None]) -> Page[CarePlanOut]:
    """本人照护别人的和别人照护本人的计划，新的在前."""
    rows, following = service.mine(call.session, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return Page[CarePlanOut](items=[_out(row) for row in rows], next=following)


@care_plans_resource.get("/care-plans/<plan_id>", permission=P.ME, answer=CarePlanDetailOut)
def show_care_plan(call: Call[None], plan_id: str) -> CarePlanDetailOut:
    """一个照护计划：每次上门的情况，和提醒过谁."""
    plan = service.visible(call.session, plan_id, actor=call.actor)
    person, carer = service.named(call.session, plan)
    return CarePlanDetailOut(
        **_fields(plan),
        person_name=person,
        carer_name=carer,
        what=service.what_of(plan),
        visits=[
            CareVisitOut(day=row.day, state=row.outcome, note=service.note_of(plan, row)) for row in service.visits(call.session, plan)
        ],
        alarms=[CareAlarmOut(name=people.name_of(who), day=alarm.day, at=alarm.at) for alarm, who in service.alarms(call.session, plan)],
    )


@care_plans_resource.post("/care-plans/<plan_id>/accept", permission=P.REQUESTS_HANDLE, answer=CarePlanOut, problems=("ILLEGAL_MOVE",))
def accept_care_plan(call: Call[None], plan_id: str) -> CarePlanOut:
    """照护人同意."""
    plan = service.visible(call.session, plan_id, actor=call.actor)
    return _out(service.accept(call.session, plan, actor=call.actor, now=call.now))


@care_plans_resource.post(
    "/care-plans/<plan_id>/visits",
    permission=P.REQUESTS_HANDLE,
    body=CareNoteIn,
    answer=CarePlanOut,
    status=201,
    problems=("ILLEGAL_MOVE",),
)
def visit_care_plan(call: Call[CareNoteIn], plan_id: str) -> CarePlanOut:
    """记今天的上门；一天一次，文字可以不写."""
    plan = service.visible(call.session, plan_id, actor=call.actor)
    service.visit(call.session, plan, note=call.body.note, actor=call.actor, now=call.now)
    return _out(plan)


@care_plans_resource.post(
    "/care-plans/<plan_id>/hand-over",
    permission=P.REQUESTS_HANDLE,
    body=HandOverIn,
    answer=CarePlanOut,
    problems=("CARER_SELF", "ILLEGAL_MOVE"),
)
def hand_over_care_plan(call: Call[HandOverIn], plan_id: str) -> CarePlanOut:
    """交给另一位照护人（照护人或社区提出），对方同意后生效；不愿承担的也从这里转出."""
    plan = service.visible(call.session, plan_id, actor=call.actor)
    to = people.by_public_id(call.session, call.body.carer)
    return _out(service.hand_over(call.session, plan, to=to, actor=call.actor, now=call.now))


@care_plans_resource.post(
    "/care-plans/<plan_id>/end", permission=P.REQUESTS_DISPATCH, body=CareEndIn, answer=CarePlanOut, problems=("ILLEGAL_MOVE",)
)
def end_care_plan(call: Call[CareEndIn], plan_id: str) -> CarePlanOut:
    """社区结束照护计划并写明原因."""
    plan = service.visible(call.session, plan_id, actor=call.actor)
    return _out(service.end(call.session, plan, reason=call.body.reason, actor=call.actor, now=call.now))


def _fields(plan: CarePlan) -> dict[str, Any]:
    return {
        "id": plan.public_id,
        "state": plan.state,
        "version": plan.version,
        "every_days": plan.every_days,
        "next_on": plan.next_on,
        "missed": plan.missed,
    }


def _out(plan: CarePlan) -> CarePlanOut:
    return CarePlanOut(**_fields(plan))
