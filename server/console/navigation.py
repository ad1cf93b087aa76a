"""The console's menu: what a person may do, in the order of a working day. A page appears to whoever holds its permission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from server.domain.duties import DutyKind
from server.domain.duties import DutyKind as K
from server.domain.permissions import BASE, Actor, may
from server.domain.permissions import Permission as P

MOST = 99


@dataclass(frozen=True)
class Item:
    """One line of the menu."""

    title: str
    path: str
    permission: P
    duties: Sequence[DutyKind] = ()
    here: bool = False
    count: str = ""


@dataclass(frozen=True)
class Group:
    """Lines that belong together."""

    title: str
    items: Sequence[Item]


HOME = "/console"
MENU: Sequence[Group] = (
    Group("今天", (
        Item("待办", "/console", P.ME, tuple(DutyKind)),
        Item("报名审核", "/console/claims", P.CLAIMS_DECIDE, (K.CLAIM,)),
        Item("服务记录确认", "/console/records", P.RECORDS_CONFIRM, (K.RECORD, K.DISPUTE)),
        Item("党员报到审核", "/console/registrations", P.REGISTRATIONS_DECIDE, (K.REGISTRATION,)),
        Item("转出转入", "/console/transfers", P.REGISTRATIONS_DECIDE, (K.TRANSFER,)),
        Item("身份核对", "/console/bindings", P.BINDINGS_DECIDE, (K.BINDING,)),
        Item("单位报到审核", "/console/unit-registrations", P.UNIT_REGISTRATIONS_DECIDE, (K.UNIT_REGISTRATION,)),
        Item("通知", "/console/notices", P.ME),
    )),
    Group("人员", (
        Item("党员", "/console/members", P.MEMBERS_READ),
        Item("单位", "/console/units", P.UNITS_MANAGE),
        Item("志愿队伍", "/console/teams", P.TEAMS_MANAGE),
        Item("回执与证明", "/console/documents", P.DOCUMENTS_ISSUE),
        Item("名册导入", "/console/rosters", P.ROSTERS_IMPORT),
        Item("认作同一人", "/console/merges", P.MERGES_UNDO),
    )),
    Group("活动", (
        Item("岗位与活动", "/console/tasks", P.SCREENS_OPEN),
        Item("二维码与海报", "/console/codes", P.CODES_MANAGE),
        Item("大屏", "/console/halls", P.CODES_MANAGE),
    )),
    Group("诉求", (
        Item("全部诉求", "/console/requests", P.REQUESTS_READ),
        Item("记一条诉求", "/console/intake", P.REQUESTS_ENTER),
        Item("我经办的", "/console/requests/mine", P.REQUESTS_READ),
        Item("升级的诉求", "/console/requests/escalated", P.REQUESTS_ESCALATED),
        Item("认领审核", "/console/request-claims", P.CLAIMS_DECIDE),
        Item("电话回访", "/console/callbacks", P.REQUESTS_CALL_BACK),
        Item("内容待查", "/console/content-checks", P.REQUESTS_TRIAGE),
    )),
    Group("服务与评价", (
        Item("微心愿", "/console/wishes", P.WISHES_MANAGE),
        Item("投诉建议", "/console/feedbacks", P.FEEDBACKS_ANSWER),
        Item("代录的意见", "/console/feedbacks/entered", P.FEEDBACKS_ENTER),
        Item("定期照护", "/console/care", P.REQUESTS_READ),
        Item("矛盾调解", "/console/mediations", P.REQUESTS_READ),
        Item("服务站", "/console/stations", P.REQUESTS_READ),
        Item("评价例会", "/console/reviews", P.REVIEWS_ENTER),
        Item("评分结果", "/console/ratings", P.TALLIES_READ),
        Item("诉求漏斗", "/console/funnel", P.TALLIES_READ),
    )),
    Group("数据", (
        Item("统计数据", "/console/figures", P.TALLIES_READ),
        Item("导出台账", "/console/exports", P.TALLIES_READ),
    )),
    Group("管理", (
        Item("组织", "/console/orgs", P.ORGS_MANAGE),
        Item("角色与登录", "/console/roles", P.ROLES_GRANT),
        Item("规则与限额", "/console/policies", P.POLICIES_SET),
        Item("工作日和调休", "/console/workdays", P.POLICIES_SET),
        Item("密钥轮换", "/console/keys", P.KEYS_ROTATE),
        Item("审计日志", "/console/audit", P.AUDIT_READ),
        Item("后台任务", "/console/jobs", P.JOBS_MANAGE),
    )),
)  # fmt: skip


def for_actor(actor: Actor, path: str, counts: Mapping[DutyKind, int]) -> list[Group]:
    """The groups and lines this person may open; the one that holds `path` is marked, each says how much waits there."""
    lines = [item for group in MENU for item in group.items if allowed(actor, item)]
    holding = max((item.path for item in lines if path == item.path or path.startswith(f"{item.path}/")), key=len, default="")
    holding = "" if holding == HOME and path != HOME else holding  # every page is below it
    return [
        Group(group.title, shown)
        for group in MENU
        if (shown := [replace(i, here=i.path == holding, count=waiting(counts, i.duties)) for i in group.items if allowed(actor, i)])
    ]


def waiting(counts: Mapping[DutyKind, int], kinds: Sequence[DutyKind]) -> str:
    """How much of these kinds waits, as it is shown: nothing for none, at most 99+."""
    total = sum(counts.get(kind, 0) for kind in kinds)
    return f"{MOST}+" if total > MOST else str(total or "")


def allowed(actor: Actor, item: Item) -> bool:
    """Does a role of his carry the permission? (What everybody may do on the phone is no line of the desk, but his own pages are.)"""
    return item.permission is P.ME or (item.permission not in BASE and may(actor, item.permission))
