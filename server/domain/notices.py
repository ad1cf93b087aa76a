"""Notices: kinds, texts and quiet hours (mission row G1; R1: at most one reminder an event, and it can be turned off)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from server.domain.days import SHANGHAI

QUIET_FROM, QUIET_TO = time(20), time(8)


class NoticeKind(StrEnum):
    BINDING_DECIDED = "binding_decided"
    CLAIM_DECIDED = "claim_decided"
    EXPORT_MADE = "export_made"
    FEEDBACK_ANSWERED = "feedback_answered"
    RECORD_CONFIRMED = "record_confirmed"
    RECORD_SENT_BACK = "record_sent_back"
    RECORD_VOIDED = "record_voided"
    REGISTRATION_DECIDED = "registration_decided"
    REMINDER = "reminder"
    CARE_ALARM = "care_alarm"
    REQUEST_DUE = "request_due"
    REQUEST_ESCALATED = "request_escalated"
    REQUEST_OFFERED = "request_offered"
    REQUEST_PROGRESS = "request_progress"
    ROSTER_IMPORTED = "roster_imported"
    STAND_IN = "stand_in"
    TASK_CANCELLED = "task_cancelled"
    TEAM_DECIDED = "team_decided"
    TRANSFER_DECIDED = "transfer_decided"
    UNIT_DECIDED = "unit_decided"
    WISH_MOVED = "wish_moved"


class Template(StrEnum):
    """The account's subscribe-message templates, whose ids config.toml names; what a person allows is counted by template."""

    CLAIM_DECIDED = "claim_decided"
    RECORD_CONFIRMED = "record_confirmed"
    REGISTRATION_DECIDED = "registration_decided"
    REMINDER = "reminder"


TEMPLATES: Mapping[NoticeKind, Template] = {
    NoticeKind.BINDING_DECIDED: Template.REGISTRATION_DECIDED,
    NoticeKind.CLAIM_DECIDED: Template.CLAIM_DECIDED,
    NoticeKind.EXPORT_MADE: Template.REGISTRATION_DECIDED,
    NoticeKind.FEEDBACK_ANSWERED: Template.CLAIM_DECIDED,
    NoticeKind.RECORD_CONFIRMED: Template.RECORD_CONFIRMED,
    NoticeKind.RECORD_SENT_BACK: Template.RECORD_CONFIRMED,
    NoticeKind.RECORD_VOIDED: Template.RECORD_CONFIRMED,
    NoticeKind.REGISTRATION_DECIDED: Template.REGISTRATION_DECIDED,
    NoticeKind.REMINDER: Template.REMINDER,
    NoticeKind.CARE_ALARM: Template.CLAIM_DECIDED,
    NoticeKind.REQUEST_DUE: Template.CLAIM_DECIDED,
    NoticeKind.REQUEST_ESCALATED: Template.CLAIM_DECIDED,
    NoticeKind.REQUEST_OFFERED: Template.CLAIM_DECIDED,
    NoticeKind.REQUEST_PROGRESS: Template.CLAIM_DECIDED,
    NoticeKind.ROSTER_IMPORTED: Template.REGISTRATION_DECIDED,
    NoticeKind.STAND_IN: Template.REMINDER,
    NoticeKind.TASK_CANCELLED: Template.REMINDER,
    NoticeKind.TEAM_DECIDED: Template.CLAIM_DECIDED,
    NoticeKind.TRANSFER_DECIDED: Template.REGISTRATION_DECIDED,
    NoticeKind.UNIT_DECIDED: Template.REGISTRATION_DECIDED,
    NoticeKind.WISH_MOVED: Template.CLAIM_DECIDED,
}


class PushState(StrEnum):
    """What became of the courtesy message."""

    NONE = "none"
    WAITING = "waiting"
    SENT = "sent"
    NO_QUOTA = "no_quota"
    FAILED = "failed"
    UNKNOWN = "unknown"


def quiet_until(at: datetime) -> datetime:
    """When a courtesy message may leave: now, or at eight in the morning if it is between 20:00 and 08:00 in Shanghai."""
    local = at.astimezone(SHANGHAI)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return at
    morning = datetime.combine(local.date(), QUIET_TO, SHANGHAI)
    return (morning if local.time() < QUIET_TO else morning + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True)
class Wording:
    """How one outcome is told: at most five characters in a message, one sentence in the inbox (title, community, when, place, minutes)."""

    phrase: str
    sentence: str


K = NoticeKind
WORDINGS: Mapping[tuple[NoticeKind, str], Wording] = {
    (K.BINDING_DECIDED, ""): Wording("已处理", "您的身份核对已处理，请打开“我的”查看"),
    (K.BINDING_DECIDED, "accepted"): Wording("已通过", "您的身份核对已通过，可以到社区报到了"),
    (K.BINDING_DECIDED, "returned"): Wording("已退回", "您的身份核对被退回，请补充后重新提交"),
    (K.BINDING_DECIDED, "login_closed"): Wording(
        "已停用", "您用上了自己的微信，别人替您开的密码登录已停用，以后请扫码登录，要用密码请在电脑上打开“我的登录”自己设"
    ),
    (K.CLAIM_DECIDED, ""): Wording("已处理", "您报名的“{title}”有了结果，请打开查看"),
    (K.CLAIM_DECIDED, "approved"): Wording("已通过", "您报名的“{title}”已通过，请于{when}参加"),
    (K.CLAIM_DECIDED, "declined"): Wording("未通过", "您报名的“{title}”未通过，请看看其他活动"),
    (K.EXPORT_MADE, ""): Wording("已生成", "您要的{title}已生成，请在电脑上打开“导出”下载"),
    (K.EXPORT_MADE, "failed"): Wording("没有生成", "您要的{title}没有生成，请在电脑上打开“导出”再试一次"),
    (K.FEEDBACK_ANSWERED, ""): Wording("已答复", "您的投诉建议有了答复，请打开查看"),
    (K.FEEDBACK_ANSWERED, "entered"): Wording("请转告", "您替居民登记的投诉建议有了答复，请打开念给本人听"),
    (K.RECORD_CONFIRMED, ""): Wording("已确认", "您参加“{title}”的服务记录已确认，共{minutes}分钟"),
    (K.RECORD_SENT_BACK, ""): Wording("已退回", "您参加“{title}”的服务记录被退回，请补充说明后再提交"),
    (K.RECORD_VOIDED, ""): Wording("已作废", "您参加“{title}”的服务记录已作废，有疑问请联系社区"),
    (K.REGISTRATION_DECIDED, ""): Wording("已处理", "您在{community}的报到有了结果，请打开查看"),
    (K.REGISTRATION_DECIDED, "accepted"): Wording("已报到", "您在{community}的报到已办好，可以认领岗位了"),
    (K.REGISTRATION_DECIDED, "active"): Wording("已报到", "您在{community}的报到已办好，可以认领岗位了"),
    (K.REGISTRATION_DECIDED, "entered"): Wording("已登记", "有人替您登记了在{community}的报到，如不对请联系社区"),
    (K.REGISTRATION_DECIDED, "returned"): Wording("已退回", "您在{community}的报到被退回，请按提示补充后重新提交"),
    (K.REGISTRATION_DECIDED, "closed"): Wording("已结束", "您在{community}的报到已结束，有疑问请联系社区"),
    (K.REMINDER, ""): Wording("即将开始", "“{title}”将于{when}在{place}开始，请按时参加"),
    (K.CARE_ALARM, ""): Wording("请关注", "有一项上门照护连续三次没有做到，请打开查看并安排人"),
    (K.CARE_ALARM, "asked"): Wording("请您照护", "有一项定期上门照护请您承担，请打开答复"),
    (K.REQUEST_DUE, ""): Wording("已到期", "一件“{title}”诉求已到期，请尽快办理或说明情况"),
    (K.REQUEST_DUE, "resumed"): Wording("继续办理", "一件“{title}”诉求等居民回话已到期限，请继续办理或说明情况"),
    (K.REQUEST_ESCALATED, ""): Wording("已升级", "一件“{title}”诉求升级到您这一级，请打开办理"),
    (K.REQUEST_OFFERED, ""): Wording("请您办理", "有一件“{title}”诉求请您办理，请打开答复"),
    (K.REQUEST_OFFERED, "whistle"): Wording("请您到场", "有一件“{title}”诉求请您单位到场会办，请打开答复"),
    (K.REQUEST_OFFERED, "accepted"): Wording("已通过", "您认领的“{title}”诉求已通过，请打开办理"),
    (K.REQUEST_OFFERED, "declined"): Wording("未通过", "您认领的“{title}”诉求未通过，请看看其他诉求"),
    (K.REQUEST_OFFERED, "again"): Wording("请再办", "一件“{title}”诉求需要再办一次，请打开查看要办的事"),
    (K.REQUEST_OFFERED, "withdrawn"): Wording("已撤回", "您办理的“{title}”诉求已由居民撤回，不用再办"),
    (K.REQUEST_PROGRESS, ""): Wording("有进展", "您的“{title}”诉求有了新进展，请打开查看"),
    (K.REQUEST_PROGRESS, "accepted"): Wording("已接单", "您的“{title}”诉求已有人接单，请留意联系"),
    (K.REQUEST_PROGRESS, "extended"): Wording("已延期", "您的“{title}”诉求需要多一些时间，原因请打开查看"),
    (K.REQUEST_PROGRESS, "finished"): Wording("请签收", "您的“{title}”诉求办好了，请打开签收和评分"),
    (K.REQUEST_PROGRESS, "merged"): Wording("已合并", "您的“{title}”诉求与邻居的并在一起办，进展会一样告诉您"),
    (K.REQUEST_PROGRESS, "picture_refused"): Wording("有提示", "您的“{title}”诉求有内容没有通过检查，请打开查看"),
    (K.REQUEST_PROGRESS, "rejected"): Wording("有说明", "您的“{title}”诉求不归社区办理，请打开查看该找谁"),
    (K.REQUEST_PROGRESS, "split"): Wording("已拆分", "您的“{title}”诉求拆成几件分别办理，请打开查看"),
    (K.REQUEST_PROGRESS, "entered"): Wording("已登记", "有人替您登记了一件“{title}”诉求，如不对请打开撤回"),
    (K.REQUEST_PROGRESS, "paused"): Wording("等您回复", "您的“{title}”诉求在等您回复，请打开查看"),
    (K.REQUEST_PROGRESS, "station"): Wording("换了地方", "您的“{title}”诉求改由{place}接着办，请留意联系"),
    (K.REQUEST_PROGRESS, "resumed"): Wording("继续办理", "您的“{title}”诉求已继续办理，请留意联系"),
    (K.REQUEST_PROGRESS, "reopened"): Wording("重新办理", "评价例会请我们再办您的“{title}”诉求，请留意联系"),
    (K.REQUEST_PROGRESS, "escalated"): Wording("已升级", "您的“{title}”诉求已交上一级办理，请留意进展"),
    (K.REQUEST_PROGRESS, "closed_explained"): Wording("有说明", "您的“{title}”诉求经两级核实无法办理，原因请打开查看"),
    (K.ROSTER_IMPORTED, ""): Wording("已导入", "您上传的{title}已导入，请在电脑上打开“名册导入”查看"),
    (K.ROSTER_IMPORTED, "failed"): Wording("没有导入", "您上传的{title}没有导入，请在电脑上打开“名册导入”查看原因"),
    (K.STAND_IN, ""): Wording("有变化", "“{title}”的替补有了变化，请打开查看"),
    (K.STAND_IN, "asked"): Wording("请您替补", "有人请您替补参加{when}的“{title}”，请打开答复"),
    (K.STAND_IN, "accepted"): Wording("已有替补", "“{title}”已有人替补，您不必参加了"),
    (K.STAND_IN, "refused"): Wording("未能替补", "“{title}”的替补没有接受，请按时参加或另找替补"),
    (K.TASK_CANCELLED, ""): Wording("已取消", "{when}的“{title}”已取消，请查看其他活动"),
    (K.TEAM_DECIDED, ""): Wording("已处理", "您加入“{title}”的申请有了结果，请打开查看"),
    (K.TEAM_DECIDED, "admitted"): Wording("已加入", "您已加入“{title}”，可以打开看看队员和活动"),
    (K.TEAM_DECIDED, "declined"): Wording("未通过", "您加入“{title}”的申请未通过，请看看别的志愿服务队"),
    (K.TEAM_DECIDED, "leads"): Wording("已任队长", "您现在是“{title}”的队长，谁想加入由您同意，也可以统一报名"),
    (K.TRANSFER_DECIDED, ""): Wording("已处理", "您转往{community}的申请有了结果，请打开查看"),
    (K.TRANSFER_DECIDED, "released"): Wording("已转出", "您已从原社区转出，请等待{community}接收"),
    (K.TRANSFER_DECIDED, "accepted"): Wording("已接收", "{community}已接收您的转入，可以认领岗位了"),
    (K.TRANSFER_DECIDED, "returned"): Wording("已退回", "您转往{community}的申请被退回，仍在原社区"),
    (K.UNIT_DECIDED, ""): Wording("已处理", "贵单位在{community}的报到有了结果，请打开查看"),
    (K.UNIT_DECIDED, "accepted"): Wording("已接收", "{community}已接收贵单位报到，请等待回执"),
    (K.UNIT_DECIDED, "receipt_sent"): Wording("回执已发", "{community}已发出贵单位的报到回执，请打开查看"),
    (K.UNIT_DECIDED, "returned"): Wording("已退回", "贵单位在{community}的报到被退回，请补充后重新提交"),
    (K.WISH_MOVED, ""): Wording("有进展", "微心愿“{title}”有了新进展，请打开查看"),
    (K.WISH_MOVED, "claimed"): Wording("已认领", "微心愿“{title}”有人认领了，请留意七天内的联系"),
    (K.WISH_MOVED, "claimed_from"): Wording("已认领", "您征集的微心愿“{title}”有人认领了，请转告本人留意联系"),
    (K.WISH_MOVED, "fulfilled"): Wording("请确认", "微心愿“{title}”办好了，请打开确认"),
    (K.WISH_MOVED, "confirmed"): Wording("已确认", "您认领的微心愿“{title}”已确认实现，谢谢您"),
    (K.WISH_MOVED, "published"): Wording("已放回", "微心愿“{title}”已放回，等待下一位认领，请留意"),
    (K.WISH_MOVED, "withdrawn"): Wording("已撤回", "微心愿“{title}”已撤回，请看看别的心愿"),
}
HINT = "详情请打开小程序查看"
# Where a member of staff opens at the desk what a notice is about, by its subject.
DESK_PAGES: Mapping[str, str] = {
    "binding_request": "/console/bindings/{id}",
    "care_plan": "/console/care/{id}",
    "claim": "/console/claims/{id}",
    "export": "/console/exports/{id}",
    "feedback": "/console/feedbacks/{id}",
    "member_registration": "/console/registrations/{id}",
    "record": "/console/records/{id}",
    "request": "/console/requests/{id}",
    "roster_draft": "/console/rosters/{id}",
    "task": "/console/tasks/{id}",
    "transfer": "/console/transfers/{id}",
    "unit_registration": "/console/unit-registrations/{id}",
    "volunteer_team": "/console/teams/{id}",
    "wish": "/console/wishes/{id}",
}
# What one gets because of an office; the others are about oneself and belong to the phone.
OF_OFFICE = frozenset(
    {
        K.CARE_ALARM,
        K.EXPORT_MADE,
        K.FEEDBACK_ANSWERED,
        K.REQUEST_DUE,
        K.REQUEST_ESCALATED,
        K.REQUEST_PROGRESS,
        K.ROSTER_IMPORTED,
        K.UNIT_DECIDED,
    }
)


def desk_page(subject_kind: str, public_id: str) -> str | None:
    """The console's page of what a notice is about; None where it has none."""
    page = DESK_PAGES.get(subject_kind)
    return page.format(id=public_id) if page else None


def wording(kind: NoticeKind, facts: Mapping[str, Any]) -> Wording:
    """The wording of the notice's outcome, or the kind's general one."""
    return WORDINGS.get((kind, str(facts.get("outcome") or "")), WORDINGS[kind, ""])


def sentence(kind: NoticeKind, facts: Mapping[str, Any]) -> str:
    """The notice as one Chinese sentence; a fact that is missing is told in general words."""
    begins = _begins(facts)
    local = begins.astimezone(SHANGHAI) if begins else None
    words = {
        "title": facts.get("title") or "活动",
        "community": facts.get("community") or "社区",
        "place": facts.get("place") or "约定地点",
        "when": f"{local.month}月{local.day}日 {local:%H:%M}" if local else "约定时间",
        "minutes": facts.get("minutes", 0),
    }
    return wording(kind, facts).sentence.format_map(words)


def message(kind: NoticeKind, facts: Mapping[str, Any]) -> dict[str, str | int | datetime] | None:
    """The fields of the courtesy message (docs/simulator.md has the templates); None where a fact it needs is missing."""
    thing, phrase = facts.get("title") or facts.get("community") or "双报到", wording(kind, facts).phrase
    if TEMPLATES[kind] is Template.REMINDER:
        begins = _begins(facts)
        return {"thing1": thing, "time2": begins, "thing3": phrase} if begins else None
    if TEMPLATES[kind] is Template.RECORD_CONFIRMED:
        return {"thing1": thing, "phrase2": phrase, "number3": int(facts.get("minutes", 0))}
    return {"thing1": thing, "phrase2": phrase, "thing3": HINT}


def _begins(facts: Mapping[str, Any]) -> datetime | None:
    said = facts.get("starts_at")
    return datetime.fromisoformat(said) if isinstance(said, str) else None
