"""What waits for the decision of a member of staff: kinds, names, and the tabs of the page 今天 (docs/console.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from server.domain import workdays
from server.domain.days import local_day, start_of
from server.domain.permissions import Permission as P


class DutyKind(StrEnum):
    """In the order in which equal ones are shown."""

    CLAIM = "claim"
    RECORD = "record"
    DISPUTE = "dispute"
    REGISTRATION = "registration"
    TRANSFER = "transfer"
    BINDING = "binding"
    UNIT_REGISTRATION = "unit_registration"
    TRIAGE = "triage"
    DISPATCH = "dispatch"
    REQUEST_CLAIM = "request_claim"
    ESCALATED = "escalated"
    EXPLANATION = "explanation"
    CONTENT = "content"
    CALLBACK = "callback"
    WISH = "wish"
    FEEDBACK = "feedback"


K = DutyKind
DUTY_NAMES: Mapping[DutyKind, str] = {
    K.CLAIM: "活动报名",
    K.RECORD: "服务记录",
    K.DISPUTE: "记录异议",
    K.REGISTRATION: "党员报到",
    K.TRANSFER: "转出转入",
    K.BINDING: "身份核对",
    K.UNIT_REGISTRATION: "单位报到",
    K.TRIAGE: "诉求研判",
    K.DISPATCH: "诉求派单",
    K.REQUEST_CLAIM: "诉求认领",
    K.ESCALATED: "升级诉求",
    K.EXPLANATION: "说明核准",
    K.CONTENT: "内容复核",
    K.CALLBACK: "电话回访",
    K.WISH: "微心愿",
    K.FEEDBACK: "投诉建议",
}
NEEDS: Mapping[DutyKind, P] = {
    K.CLAIM: P.CLAIMS_DECIDE,
    K.RECORD: P.RECORDS_CONFIRM,
    K.DISPUTE: P.RECORDS_VOID,
    K.REGISTRATION: P.REGISTRATIONS_DECIDE,
    K.TRANSFER: P.REGISTRATIONS_DECIDE,
    K.BINDING: P.BINDINGS_DECIDE,
    K.UNIT_REGISTRATION: P.UNIT_REGISTRATIONS_DECIDE,
    K.TRIAGE: P.REQUESTS_TRIAGE,
    K.DISPATCH: P.REQUESTS_DISPATCH,
    K.REQUEST_CLAIM: P.CLAIMS_DECIDE,
    K.ESCALATED: P.REQUESTS_ESCALATED,
    K.EXPLANATION: P.REQUESTS_ESCALATED,
    K.CONTENT: P.REQUESTS_TRIAGE,
    K.CALLBACK: P.REQUESTS_CALL_BACK,
    K.WISH: P.WISHES_MANAGE,
    K.FEEDBACK: P.FEEDBACKS_ANSWER,
}


@dataclass(frozen=True)
class Tab:
    """Kinds that are looked at together."""

    key: str
    title: str
    kinds: Sequence[DutyKind]


TABS: Sequence[Tab] = (
    Tab("claims", "报名", (K.CLAIM,)),
    Tab("records", "服务记录", (K.RECORD, K.DISPUTE)),
    Tab("arrivals", "报到", (K.REGISTRATION, K.TRANSFER, K.BINDING, K.UNIT_REGISTRATION)),
    Tab("requests", "诉求", (K.TRIAGE, K.DISPATCH, K.REQUEST_CLAIM, K.ESCALATED, K.EXPLANATION, K.CONTENT, K.CALLBACK)),
    Tab("others", "心愿和投诉", (K.WISH, K.FEEDBACK)),
)
# Reasons that are ready to choose when something is declined; anything else is typed.
REASONS: Mapping[DutyKind, Sequence[str]] = {
    K.CLAIM: ("名额已满，请看看其他活动", "与活动要求不符，请看看其他活动", "活动有变动，请留意新的通知"),
    K.RECORD: ("请补充做了什么", "时间与现场登记不一致，请核对后再提交", "照片与本次服务不符，请更换或删去"),
    K.REGISTRATION: ("请补充工作单位", "不住在本社区，请到居住地社区报到", "信息有误，请核对后重新提交"),
    K.TRANSFER: ("没有核实到您住在本社区，请补充住址", "信息有误，请核对后重新申请"),
    K.BINDING: ("名册里没有找到您，请联系单位补报名册", "请写全姓名和工作单位后重新提交"),
    K.UNIT_REGISTRATION: ("报到单信息不全，请补充后重新提交", "单位地址不在本社区，请到所在社区报到"),
    K.REQUEST_CLAIM: ("已有更合适的同志承办，谢谢您", "这件事需要专业资质，请看看其他诉求"),
}
OPINION = "同意接收"  # what a unit's slip is accepted with unless something else is typed
CONFIRM_WITHIN = timedelta(days=10)
REGISTRATION_WORKDAYS = 3  # docs/rules.md §3.1
_COUNTED = (K.REGISTRATION, K.BINDING, K.UNIT_REGISTRATION)


def due(kind: DutyKind, since: datetime, stored: datetime | None) -> datetime | None:
    """When it is to be decided: what its row says, else the limit of its kind; None where there is none."""
    if stored is not None:
        return stored
    if kind in _COUNTED or kind is K.TRANSFER:
        return start_of(workdays.after(local_day(since), REGISTRATION_WORKDAYS) + timedelta(days=1))
    return since + CONFIRM_WITHIN if kind is K.RECORD else None


def call_from(today: date) -> datetime:
    """Who did not sign before this moment is called today: the beginning of the last working day up to today."""
    while not workdays.is_workday(today):
        today -= timedelta(days=1)
    return start_of(today)


# (yes, no) as buttons; '' where there is no such button and the line only leads to its page.
VERBS: Mapping[tuple[DutyKind, str], tuple[str, str]] = {
    (K.CLAIM, "pending"): ("通过", "不通过"),
    (K.RECORD, "present"): ("", ""),
    (K.RECORD, "ended"): ("确认", ""),
    (K.RECORD, "reported"): ("确认", "退回"),
    (K.REGISTRATION, "submitted"): ("接收", "退回"),
    (K.TRANSFER, "requested"): ("放行", ""),
    (K.TRANSFER, "released"): ("接收", "退回"),
    (K.BINDING, "submitted"): ("", "退回"),
    (K.UNIT_REGISTRATION, "submitted"): ("接收", "退回"),
    (K.UNIT_REGISTRATION, "accepted"): ("发回执", ""),
    (K.REQUEST_CLAIM, "waiting"): ("同意", "不同意"),
}


def verbs(kind: DutyKind, state: str) -> tuple[str, str]:
    """What can be done in the list itself."""
    return VERBS.get((kind, state), ("", ""))


def fits(kind: DutyKind, reason: str) -> bool:
    """Is it a ready-made reason of this kind, or somebody's own words? One of another kind would tell a person what is not about him."""
    return reason in REASONS.get(kind, ()) or not any(reason in ready for ready in REASONS.values())
