"""管理 · 规则与限额: what holds today, who set what, when and why; and the county's own working days (mission row G4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet
from server.db.models.orgs import OrgNode
from server.domain.days import local_day
from server.domain.money import yuan
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import audit_logs, orgs, policies, workdays
from server.services.policies import GROUPS, POLICIES

desk = Desk("policies")
WEEKDAYS = "一二三四五六日"
YEARS = (2020, 2100)


class PolicySheet(Sheet):
    """A value from a day on, and why."""

    value = forms.number("改成", least=0, most=10**9)
    node = forms.choice("对哪里", required=False, hint="对一个社区另定的，先于全县的")
    valid_from = forms.day("从哪天起")
    why = forms.text("为什么改", longest=200, rows=2, hint="和谁定的、依据什么；留在历史里")


class DaySheet(Sheet):
    """A day that is worked or free here, whatever was published."""

    day = forms.day("哪一天")
    working = forms.choice("这一天", [("1", "上班"), ("0", "放假")], radio=True)
    why = forms.words("依据", longest=200, hint="例如：国务院办公厅放假通知")


@desk.page("/policies", permission=P.POLICIES_SET)
def list_policies(call: Call) -> Answer:
    """All rules with what holds today in the whole county."""
    values = policies.table(call.session, today=local_day(call.now))
    groups: dict[str, list[str]] = {name: [] for name in GROUPS.values()}
    for key in POLICIES:
        groups.setdefault(GROUPS.get(key.partition(".")[0], "其他"), []).append(key)
    return call.show("console/policies/list.html", groups=groups, values=values, policies=POLICIES, shown=shown)


@desk.form("/policies/<key>", permission=P.POLICIES_SET)
def set_policy(call: Call, key: str) -> Answer:
    """One rule: its history, and another value from a day on."""
    policy = POLICIES.get(key)
    if policy is None:
        raise Problem("NOT_FOUND")
    today = local_day(call.now)
    value = policies.value(call.session, key, today=today)
    sheet = PolicySheet(call.typed or None, value=value, valid_from=today)
    sheet.node.choices = [("", "全县"), *((node.public_id, node.name) for node in _communities(call))]
    if call.posted and sheet.validate():
        node = orgs.by_public_id(call.session, sheet.node.data) if sheet.node.data else None
        given: dict[str, Any] = {"value": sheet.value.data, "why": sheet.why.data, "valid_from": sheet.valid_from.data}
        policies.put(call.session, key=key, node_id=node.id if node else None, actor=call.actor, now=call.now, seen=call.seen, **given)
        return call.done("已保存，到日子自动生效", to=f"/console/policies/{key}")
    forms.blame(sheet, call.problem)
    rows, names = _history(call.session, key)
    more: dict[str, Any] = {"policy": policy, "value": value, "rows": rows, "names": names, "today": today}
    return call.show("console/policies/show.html", 422 if call.posted else 200, key=key, sheet=sheet, shown=shown, **more)


@desk.form("/workdays", permission=P.POLICIES_SET)
def keep_workdays(call: Call) -> Answer:
    """The county's own days of a year over the published calendar."""
    year = _year(call)
    sheet = DaySheet(call.typed or None)
    if call.posted and sheet.validate():
        day, working = sheet.day.data, sheet.working.data == "1"
        workdays.put(call.session, day=day, working=working, why=sheet.why.data, actor=call.actor, now=call.now)
        return call.done(
            f"{day.isoformat()} 改为{'上班' if working else '放假'}，之后的期限照此计算", to=f"/console/workdays?year={day.year}"
        )
    own = workdays.of_year(call.session, year=year)
    names = audit_logs.names(call.session, {row.by_id for row in own})
    more: dict[str, Any] = {"own": own, "names": names, "published": workdays.published(year), "weekdays": WEEKDAYS}
    return call.show("console/policies/workdays.html", 422 if call.posted else 200, year=year, sheet=sheet, **more)


def shown(key: str, value: int) -> str:
    """A value as people read it."""
    if isinstance(POLICIES[key].default, bool):
        return "是" if value else "否"
    return f"{yuan(value)} 元" if key.endswith("_fen") else str(value)


def _history(session: Session, key: str) -> tuple[list[Any], Mapping[int, str]]:
    rows = list(policies.history(session, key))
    return rows, audit_logs.names(session, {row[0].by_id for row in rows})


def _communities(call: Call) -> list[OrgNode]:
    try:
        return list(places.chosen(call, P.POLICIES_SET).listed)
    except Problem:
        return []


def _year(call: Call) -> int:
    asked = call.args.get("year", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else local_day(call.now).year
    return min(max(year, YEARS[0]), YEARS[1])
