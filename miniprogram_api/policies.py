"""The county's rules and limits: what holds, what held, who set it and why."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Day, Id, In, Instant, LongLine, Out
from server.domain.days import local_day
from server.domain.permissions import Permission as P
from server.services import orgs, policies

policies_resource = Resource("policies", "规则与限额")


class PoliciesQuery(In):
    node: Id | None = Field(None, description="对哪个组织，默认全县")


class PolicyOut(Out):
    key: str = Field(examples=["checkin.before_minutes"])
    meaning: str = Field(examples=["活动开始前多少分钟可以扫码"])
    value: int = Field(description="今天的值；开关为 0 或 1")
    default: int
    low: int
    high: int


class PoliciesOut(Out):
    items: list[PolicyOut]


class PolicyIn(In):
    """设定一个值，从某天起."""

    value: int = Field(examples=[30])
    why: LongLine = Field(description="原因", examples=["常委会议定"])
    valid_from: Day | None = Field(None, description="从哪天起，默认今天")
    node: Id | None = Field(None, description="对哪个组织及其下级，默认全县")


class PolicyValueOut(Out):
    value: int
    node: str | None = Field(description="组织的编号，null 为全县")
    node_name: str | None
    valid_from: date
    why: str
    set_at: Instant


class PolicyHistoryOut(Out):
    key: str
    meaning: str
    items: list[PolicyValueOut] = Field(description="新的在前")


@policies_resource.get("/policies", permission=P.ME, query=PoliciesQuery, answer=PoliciesOut, etag=True, problems=("NOT_FOUND",))
def list_policies(call: Call[None]) -> PoliciesOut:
    """今天有效的规则与限额."""
    node_id = orgs.by_public_id(call.session, call.query.node).id if call.query.node else None
    values = policies.table(call.session, today=local_day(call.now), node_id=node_id)
    return PoliciesOut(items=[_shown(key, value) for key, value in values.items()])


@policies_resource.get("/policies/<key>", permission=P.POLICIES_SET, answer=PolicyHistoryOut)
def read_policy(call: Call[None], key: str) -> PolicyHistoryOut:
    """一项规则的全部历史."""
    return _history(call, key)


@policies_resource.put(
    "/policies/<key>", permission=P.POLICIES_SET, body=PolicyIn, answer=PolicyHistoryOut, problems=("NOT_FOUND", "NOTE_REQUIRED")
)
def set_policy(call: Call[PolicyIn], key: str) -> PolicyHistoryOut:
    """设定一项规则；旧值保留在历史里."""
    body = call.body
    node_id = orgs.by_public_id(call.session, body.node).id if body.node else None
    day = body.valid_from or local_day(call.now)
    policies.put(call.session, key=key, value=body.value, why=body.why, valid_from=day, node_id=node_id, actor=call.actor, now=call.now)
    return _history(call, key)


def _shown(key: str, value: int) -> PolicyOut:
    policy = policies.POLICIES[key]
    return PolicyOut(key=key, meaning=policy.meaning, value=value, default=int(policy.default), low=policy.low, high=policy.high)


def _history(call: Call[Any], key: str) -> PolicyHistoryOut:
    items = [
        PolicyValueOut(value=int(row.value), node=node, node_name=name, valid_from=row.valid_from, why=row.why, set_at=row.set_at)
        for row, node, name in policies.history(call.session, key)
    ]
    return PolicyHistoryOut(key=key, meaning=policies.POLICIES[key].meaning, items=items)
