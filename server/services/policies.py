"""The county's rules and limits: the table `policy` over the defaults here (house decision "Settings").

A value holds from its `valid_from` for a node and all below; the nearest node wins, then the newest row. Rows are never changed, so
"who changed what, when, why" is the table itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.platform import PolicyValue
from server.domain.days import local_day
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.wishes import CAP_FEN
from server.services import scopes


@dataclass(frozen=True)
class Policy:
    """A rule or limit: its default, its bounds (None: a switch) and what it means in one Chinese sentence."""

    default: int | bool
    low: int
    high: int
    meaning: str


POLICIES: Mapping[str, Policy] = {
    "ballots.close_days": Policy(21, 8, 60, "一个季度结束多少天后，剩下的评分合并开封并公布"),
    "callbacks.tries": Policy(3, 1, 10, "回访几次没有打通就不再打，按未评价结束"),
    "checkin.before_minutes": Policy(30, 0, 240, "活动开始前多少分钟可以扫码"),
    "checkin.after_minutes": Policy(30, 0, 240, "活动结束后多少分钟内仍可扫码"),
    "checkin.offline_hours": Policy(72, 1, 240, "离线扫码最迟多少小时内上传"),
    "claims.remind_hours": Policy(24, 1, 168, "开始前多少小时提醒一次（每项活动只提醒一次）"),
    "consent.version": Policy(1, 1, 999, "个人信息使用说明的版本号"),
    "feedbacks.reply_workdays": Policy(5, 1, 15, "投诉建议几个工作日内答复"),
    "registrations.release_workdays": Policy(3, 1, 15, "转出社区几个工作日未处理即自动转出"),
    "registrations.auto_accept": Policy(True, 0, 1, "名册一致时扫码报到立即生效"),
    "reminders.on": Policy(True, 0, 1, "是否发送提醒"),
    "requests.accept_workdays": Policy(1, 1, 15, "派单或升级后几个工作日内接单"),
    "requests.contact_hours": Policy(24, 1, 240, "接单后多少小时内联系居民"),
    "requests.difficult_workdays": Policy(7, 1, 30, "疑难诉求几个工作日内办结"),
    "requests.escalate_workdays": Policy(1, 1, 15, "逾期几个工作日后升级到上一级"),
    "requests.explain_workdays": Policy(3, 1, 15, "无法办理的说明几个工作日内复核"),
    "requests.most_workdays": Policy(15, 1, 40, "延期最长到接单后第几个工作日"),
    "requests.open_days": Policy(3, 1, 30, "公开认领几天后由社区派单"),
    "requests.ordinary_workdays": Policy(3, 1, 30, "一般诉求几个工作日内办结"),
    "requests.per_day": Policy(20, 1, 500, "一个人一天最多提交多少条诉求（社区工作人员代录不限）"),
    "requests.rework_workdays": Policy(3, 1, 15, "回炉几个工作日内办结"),
    "requests.sign_days": Policy(7, 1, 30, "办结后几天内可以签收和评分"),
    "requests.simple_workdays": Policy(0, 0, 5, "简单诉求几个工作日内办结（0 为当天）"),
    "requests.triage_workdays": Policy(1, 1, 5, "几个工作日内研判"),
    "requests.urgent_triage_hours": Policy(2, 1, 24, "紧急诉求多少小时内研判"),
    "requests.waiting_days": Policy(7, 1, 60, "等居民回话最多几天，过后继续办理"),
    "reviews.sample": Policy(10, 0, 20, "每次评价例会抽查几件已办结的诉求"),
    "reviews.turnout_percent": Policy(60, 50, 100, "评价例会投票至少要有百分之几的评议员参加（且不少于五人）"),
    "sessions.days": Policy(30, 1, 90, "登录有效天数"),
    "staff.second_factor": Policy(True, 0, 1, "用密码登录管理后台时是否还要验证器里的验证码"),
    "wishes.cap_fen": Policy(CAP_FEN, 100, 1_000_000, "一个微心愿的估价上限（分）"),
    "wishes.contact_days": Policy(7, 1, 30, "认领微心愿后几天内要联系，逾期放回"),
}
GROUPS: Mapping[str, str] = {
    "checkin": "签到",
    "claims": "认领",
    "registrations": "报到",
    "requests": "诉求",
    "callbacks": "回访",
    "ballots": "评分",
    "reviews": "评价例会",
    "feedbacks": "投诉建议",
    "wishes": "微心愿",
    "reminders": "提醒",
    "consent": "个人信息",
    "sessions": "登录",
    "staff": "登录",
}
NEWEST = select(PolicyValue.key, PolicyValue.node_id, PolicyValue.value, PolicyValue.valid_from, PolicyValue.id)


def value(session: Session, key: str, *, today: date, node_id: int | None = None) -> int:
    """The value that holds today for this node (a switch is 0 or 1)."""
    rows = session.execute(NEWEST.where(PolicyValue.key == key, PolicyValue.valid_from <= today)).all()
    return _nearest(POLICIES[key], rows, _ancestors(session, node_id))


def put(
    session: Session,
    *,
    key: str,
    value: int,
    why: str,
    valid_from: date,
    actor: Actor,
    now: datetime,
    node_id: int | None = None,
    seen: int | None = None,
) -> PolicyValue:
    """Set a value from a day on; the reason is kept. `seen` is how many values the history had when the person looked.

    Raises NOT_FOUND (key, or out of scope), INVALID, NOTE_REQUIRED, STALE.
    """
    policy = POLICIES.get(key)
    if policy is None:
        raise Problem("NOT_FOUND")
    if not policy.low <= value <= policy.high:
        raise Problem("INVALID", fields={"value": f"请填 {policy.low} 到 {policy.high} 之间的数"})
    if not why.strip():
        raise Problem("NOTE_REQUIRED", fields={"why": "请写明原因"})
    if valid_from < local_day(now) and not actor.is_system:
        raise Problem("INVALID", fields={"valid_from": "生效日期不能早于今天"})
    scopes.require(session, actor, Permission.POLICIES_SET, node_id if node_id is not None else _root(session))
    if seen is not None and seen != _how_many(session, key):
        raise Problem("STALE")
    row: Any = PolicyValue(key=key, node_id=node_id, value=value, valid_from=valid_from, by_id=actor.person_id, why=why, set_at=now)
    session.add(row)
    session.flush()  # the id orders values of one day
    return row  # type: ignore[no-any-return]


def history(session: Session, key: str) -> Sequence[Row[PolicyValue, str | None, str | None]]:
    """All values ever set for a key with the node's public id and name, newest first. Raises NOT_FOUND."""
    if key not in POLICIES:
        raise Problem("NOT_FOUND")
    found = select(PolicyValue, OrgNode.public_id, OrgNode.name).outerjoin(OrgNode, OrgNode.id == PolicyValue.node_id)
    return session.execute(found.where(PolicyValue.key == key).order_by(PolicyValue.id.desc())).all()


def table(session: Session, *, today: date, node_id: int | None = None) -> Mapping[str, int]:
    """Every key's value that holds today for this node, in two statements."""
    nodes = _ancestors(session, node_id)
    rows = session.execute(NEWEST.where(PolicyValue.valid_from <= today)).all()
    return {key: _nearest(policy, [row for row in rows if row.key == key], nodes) for key, policy in POLICIES.items()}


def _nearest(policy: Policy, rows: Sequence[Any], nodes: list[int]) -> int:
    """The nearest node's value, then the newest."""
    applicable = [row for row in rows if row.node_id is None or row.node_id in nodes]
    if not applicable:
        return int(policy.default)
    return int(max(applicable, key=lambda row: (nodes.index(row.node_id) if row.node_id else -1, row.valid_from, row.id)).value)


def _how_many(session: Session, key: str) -> int:
    """The length of a key's history; two who set it at once count one after the other."""
    session.execute(select(OrgNode.id).where(OrgNode.parent_id.is_(None)).with_for_update(key_share=True))
    return session.execute(select(func.count()).where(PolicyValue.key == key)).scalar_one()


def _root(session: Session) -> int:
    """The county; 0 where there is none yet."""
    return session.execute(select(OrgNode.id).where(OrgNode.parent_id.is_(None))).scalar() or 0


def _ancestors(session: Session, node_id: int | None) -> list[int]:
    """The node's path from the root down, as ids."""
    if node_id is None:
        return []
    return [int(part) for part in scopes.path_of(session, node_id).split("/") if part]
