"""The inbox, and which courtesy messages a person allows (mission row G1)."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import current_app
from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done, In, Instant, Out, PageQuery
from server.domain.notices import NoticeKind, Template, sentence
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import notices as service

notices = Resource("notices", "消息")
Decision = Literal["accept", "reject", "ban", "filter"]


class NoticeOut(Out):
    """One notice."""

    id: str = Field(description="消息编号")
    kind: NoticeKind = Field(description="消息种类")
    text: str = Field(description="给人看的一句话", examples=["您报名的“整理楼道”已通过，请于3月7日 09:00参加"])
    subject_kind: str = Field(description="关于什么", examples=["claim"])
    subject_id: str = Field(description="那件事的编号，可用来打开详情")
    created_at: Instant
    read_at: Instant | None = Field(description="已读时间，未读为空")


class NoticesOut(Out):
    """A page of the inbox, newest first; `next` is the `after` of the following page."""

    items: list[NoticeOut]
    next: str | None = Field(description="下一页的 after，没有更多时为空")
    unread: int = Field(description="未读总数")


class SubscriptionOut(Out):
    """What a person allows of one template."""

    kind: Template = Field(description="消息模板")
    template_id: str | None = Field(description="微信模板编号，传给 wx.requestSubscribeMessage；没有配置时为空", examples=["tpl_reminder"])
    left: int = Field(description="还可以收到几条微信提醒")
    muted: bool = Field(description="已关闭这类微信提醒；小程序内的消息不受影响")


class SubscriptionsOut(Out):
    """All templates."""

    items: list[SubscriptionOut]


class SubscriptionResults(In):
    """What wx.requestSubscribeMessage answered, by template."""

    results: Annotated[dict[Template, Decision], Field(min_length=1)] = Field(
        description="每个模板的结果，原样填写微信返回的 accept、reject、ban 或 filter", examples=[{"reminder": "accept"}]
    )


class MuteIn(In):
    """Turn courtesy messages off or on."""

    muted: bool = Field(description="true 关闭，false 打开")


@notices.get("/notices", permission=P.ME, query=PageQuery, answer=NoticesOut, etag=True)
def my_notices(call: Call[None]) -> NoticesOut:
    """我的消息，新的在前。"""
    rows, following = service.inbox(call.session, actor=call.actor, now=call.now, after=call.query.after, limit=call.query.limit)
    items = [
        NoticeOut(
            id=row.public_id,
            kind=row.kind,
            text=sentence(row.kind, row.facts),
            subject_kind=row.subject_kind,
            subject_id=row.subject_public_id,
            created_at=row.created_at,
            read_at=row.read_at,
        )
        for row in rows
    ]
    return NoticesOut(items=items, next=following, unread=service.unread(call.session, actor=call.actor, now=call.now))


@notices.post("/notices/<notice_id>/read", permission=P.ME, answer=Done, keyed=False, problems=("NOT_FOUND",))
def read_notice(call: Call[None], notice_id: str) -> Done:
    """标为已读。"""
    service.read(call.session, public_id=notice_id, actor=call.actor, now=call.now)
    return Done()


@notices.post("/notices/read-all", permission=P.ME, answer=Done, keyed=False)
def read_all_notices(call: Call[None]) -> Done:
    """全部标为已读。"""
    service.read_all(call.session, actor=call.actor, now=call.now)
    return Done()


@notices.get("/me/subscriptions", permission=P.ME, answer=SubscriptionsOut)
def my_subscriptions(call: Call[None]) -> SubscriptionsOut:
    """我允许的微信提醒。"""
    return _subscriptions(call)


@notices.post("/me/subscriptions", permission=P.ME, body=SubscriptionResults, answer=SubscriptionsOut)
def report_subscriptions(call: Call[SubscriptionResults]) -> SubscriptionsOut:
    """告知用户在微信订阅弹窗里的选择：每次 accept 多收一条，其他不再收。"""
    answers = {template: decision == "accept" for template, decision in call.body.results.items()}
    service.answer(call.session, answers=answers, person_id=call.actor.id)
    return _subscriptions(call)


@notices.put("/me/subscriptions/<kind>", permission=P.ME, body=MuteIn, answer=SubscriptionsOut, keyed=False, problems=("NOT_FOUND",))
def mute_subscription(call: Call[MuteIn], kind: str) -> SubscriptionsOut:
    """关闭或打开一类微信提醒。"""
    if kind not in set(Template):
        raise Problem("NOT_FOUND")
    service.mute(call.session, template=Template(kind), muted=call.body.muted, actor=call.actor)
    return _subscriptions(call)


def _subscriptions(call: Call[None] | Call[SubscriptionResults] | Call[MuteIn]) -> SubscriptionsOut:
    rows = service.subscriptions(call.session, actor=call.actor)
    templates: dict[str, str] = current_app.config["SETTINGS"].wechat.templates
    items = [
        SubscriptionOut(kind=kind, template_id=templates.get(kind), left=row.left if row else 0, muted=row.muted if row else False)
        for kind, row in rows.items()
    ]
    return SubscriptionsOut(items=items)
