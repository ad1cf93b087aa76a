"""双报告: the community's view and the unit branch's view of one and the same record."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Out, PageQuery
from server.domain.people import MemberType
from server.domain.permissions import Permission as P
from server.domain.records import Method
from server.services import double_reports, people, places, units
from server.services.double_reports import COMMUNITY_NEVER_SEES, UNIT_NEVER_SEES, Listed

double_reports_resource = Resource("double_reports", "双报告")


class ReportOut(Out):
    """一次已确认的服务."""

    id: str
    day: date = Field(description="服务日期（北京时间）")
    title: str = Field(description="任务或活动名称")
    category: str
    community: str = Field(description="在哪个社区服务")
    place: str | None = Field(description="服务地点；单位看不到")
    minutes: int = Field(description="服务时长，分钟")
    method: Method = Field(description="怎样记下的：scan 扫码，organiser_scan 组织者扫码，tick 组织者登记，paper 纸质；效力相同")
    grade: str = Field(description="证据：A 互证，B 已证")


class ReportsOut(Out):
    items: list[ReportOut]
    next: str | None = Field(None, description="下一页的 after；到底时为 null")
    never_shown: list[str] = Field(description="看的人看不到什么")


class UnitMemberOut(Out):
    """单位名册里的一个人."""

    id: str = Field(description="名册条目编号")
    person_id: str | None = Field(description="人员编号；还没有核对身份时为 null")
    name: str
    branch: str | None
    member_type: MemberType
    exempt: str | None = Field(description="免报到原因")
    registered: Literal["registered", "waiting", "none"] = Field(description="registered 已报到，waiting 等社区接收，none 还没有")
    shared: bool = Field(description="本人是否同意向单位报告服务情况")
    community: str | None = Field(description="在哪个社区报到；本人同意后才有")
    visits: int | None = Field(description="服务次数；本人同意后才有")
    minutes: int | None = Field(description="服务分钟数；本人同意后才有")


class UnitMembersOut(Out):
    items: list[UnitMemberOut]
    next: str | None = Field(None, description="下一页的 after；到底时为 null")
    never_shown: list[str] = Field(description="单位看不到什么")


@double_reports_resource.get("/communities/<id>/members/<person>/records", permission=P.MEMBERS_READ, query=PageQuery, answer=ReportsOut)
def community_report(call: Call[None], id: str, person: str) -> ReportsOut:  # noqa: A002 - the URL's word
    """社区看本社区报到党员的服务记录，新的在前."""
    items, following = double_reports.for_community(
        call.session,
        community=places.node(call.session, id),
        person=people.by_public_id(call.session, person),
        actor=call.actor,
        after=call.query.after,
        limit=call.query.limit,
    )
    return ReportsOut(items=_reports(items), next=following, never_shown=list(COMMUNITY_NEVER_SEES))


@double_reports_resource.get("/units/<id>/members", permission=P.UNIT_MEMBERS_READ, query=PageQuery, answer=UnitMembersOut)
def unit_members(call: Call[None], id: str) -> UnitMembersOut:  # noqa: A002
    """单位看本单位名册：谁已报到；本人同意的才有服务次数和时长。不排名."""
    unit = units.by_public_id(call.session, id)
    items, following = double_reports.members(call.session, unit=unit, actor=call.actor, after=call.query.after, limit=call.query.limit)
    return UnitMembersOut(items=[_member(one) for one in items], next=following, never_shown=list(UNIT_NEVER_SEES))


@double_reports_resource.get(
    "/units/<id>/members/<person>/records",
    permission=P.UNIT_MEMBERS_READ,
    query=PageQuery,
    answer=ReportsOut,
    problems=("SHARE_NOT_AGREED",),
)
def unit_report(call: Call[None], id: str, person: str) -> ReportsOut:  # noqa: A002
    """单位看本单位党员的服务记录，要本人同意；没有地点和服务对象."""
    items, following = double_reports.for_unit(
        call.session,
        unit=units.by_public_id(call.session, id),
        person=people.by_public_id(call.session, person),
        actor=call.actor,
        after=call.query.after,
        limit=call.query.limit,
    )
    return ReportsOut(items=_reports(items), next=following, never_shown=list(UNIT_NEVER_SEES))


def _reports(items: list[double_reports.Report]) -> list[ReportOut]:
    return [ReportOut.model_validate(one) for one in items]


def _member(one: Listed) -> UnitMemberOut:
    return UnitMemberOut(
        id=one.entry.public_id,
        person_id=one.person_id,
        name=one.name,
        branch=one.branch,
        member_type=one.member_type,
        exempt=one.entry.exempt,
        registered=one.registered,  # type: ignore[arg-type]
        shared=one.shared,
        community=one.community,
        visits=one.visits,
        minutes=one.minutes,
    )
