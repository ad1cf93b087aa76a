"""The forms of tasks, shifts and attendance: their fields, what they begin with, and what the services take."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, SelectChoice

from server.console import forms
from server.console.forms import Sheet
from server.db.models.tasks import Task
from server.domain.categories import ACTIVITY_CATEGORIES, FIVE_HELPS, POST_CATEGORIES
from server.domain.days import SHANGHAI
from server.domain.tasks import EDITABLE_WHEN_PUBLISHED, LONGEST_MINUTES, TASK_KIND_NAMES, TaskState
from server.services.task_choices import Choices

MODES = {"menu": "菜单：所有党员都能报名", "pair": "结对：只请一个单位", "team": "组团：由志愿服务队队长报名"}
CATEGORIES = [
    SelectChoice(key, name, None, group)
    for group, table in (("任务和活动", ACTIVITY_CATEGORIES), ("岗位", POST_CATEGORIES))
    for key, name in table.items()
]
ONCE_MADE = ("kind", "mode", "organiser", "unit", "grid")  # what a draft keeps from its beginning
MOMENTS = ("starts_at", "ends_at")
COMMA = "、"


class TaskSheet(Sheet):
    """A draft, with all its fields."""

    kind = forms.choice("是什么", list(TASK_KIND_NAMES.items()), radio=True, default="activity")
    title = forms.words("标题", longest=60)
    category = forms.choice("类别", [SelectChoice(*forms.UNCHOSEN), *CATEGORIES])
    five_help = forms.choice("五助", [("", "不属于五助"), *FIVE_HELPS.items()], required=False)
    content = forms.text("内容", longest=2000, hint="做什么、需要带什么，如实写明")
    place = forms.words("集合地点", longest=120)
    starts_at = forms.moment("开始时间")
    ends_at = forms.moment("结束时间", hint="岗位可以长达几个月，再给它排班次")
    planned_minutes = forms.number("计划服务多少分钟", least=1, most=LONGEST_MINUTES, default=120)
    capacity = forms.number("名额（人）", least=1, most=10_000, default=10)
    mode = forms.choice("面向谁", list(MODES.items()), radio=True, default="menu")
    unit = forms.choice("结对的单位", required=False, hint="只有结对要选")
    organiser = forms.choice("组织者", hint="由这位同志登记到场、确认服务")
    grid = forms.choice("所在网格", required=False)
    skills = forms.words("需要的特长", longest=200, required=False, hint="几项之间用顿号隔开")
    risk_note = forms.text("风险提示", longest=1000, required=False, rows=3, hint="发布前必须写明，没有特别的风险也请写一句")
    dangerous = BooleanField("有人身危险（必须先办保险）")
    insured = BooleanField("已经办好保险")
    claim_needed = BooleanField("要先报名（不勾选则到场扫码即可）", default=True)
    approval_needed = BooleanField("报名由社区审核", default=True)
    rotating = BooleanField("签到码用大屏动态码（每 30 秒一换，不印海报）")


class ShiftSheet(Sheet):
    """A time window of a post."""

    starts_at = forms.moment("班次开始")
    ends_at = forms.moment("班次结束")
    capacity = forms.number("名额（人）", least=1, most=1000, default=2)


class PresenceSheet(Sheet):
    """When the ticked people came or left."""

    started_at = forms.moment("到场时间", required=False, hint="点“登记到场”时用")
    ended_at = forms.moment("离开时间", required=False, hint="不知道可以先不填")


class PaperSheet(Sheet):
    """A signed list on paper."""

    names = forms.text("名单", longest=6000, rows=8, hint="每行一个人：姓名；有同名的，在姓名后空一格写手机号")
    started_at = forms.moment("到场时间")
    ended_at = forms.moment("离开时间", required=False)


class StandInSheet(Sheet):
    """Who takes the place over."""

    name = forms.words("谁来顶班", longest=60, hint="写姓名；有同名的，在姓名后空一格写手机号")


def blank(typed: MultiDict[str, str], choices: Choices, earlier: Task | None, now: datetime) -> TaskSheet:
    """A new task: empty, as it was typed, or like an earlier one some weeks later."""
    return _offered(TaskSheet(typed or None, data=copied(earlier, now) if earlier is not None else None), choices)


def of_task(typed: MultiDict[str, str], task: Task) -> TaskSheet:
    """The task as it is or as it was typed; of a published one only what may still change."""
    sheet = TaskSheet(typed or None, data=data_of(task))
    keep = EDITABLE_WHEN_PUBLISHED if task.state is TaskState.PUBLISHED else set(sheet.data) - set(ONCE_MADE)
    for name in set(sheet.data) - set(keep):
        delattr(sheet, name)
    return sheet


def data_of(task: Task) -> dict[str, Any]:
    """A task's fields as the form shows them."""
    names = set(TaskSheet().data) - {"unit", "grid", "organiser"}
    shown = {name: getattr(task, name) for name in names}
    local = {name: shown[name].astimezone(SHANGHAI).replace(tzinfo=None) for name in MOMENTS}
    return {**shown, **local, "skills": COMMA.join(task.skills), "five_help": task.five_help or ""}


def copied(task: Task, now: datetime) -> dict[str, Any]:
    """The same on the same weekday, the first that lies ahead."""
    weeks = max(0, -((task.starts_at - now) // timedelta(days=7)))
    data = data_of(task)
    return {**data, **{name: data[name] + timedelta(weeks=weeks) for name in MOMENTS}}


def values(sheet: TaskSheet) -> dict[str, Any]:
    """What tasks.create and tasks.edit take of the form, without the public ids."""
    data = {name: value for name, value in sheet.data.items() if name not in ("unit", "grid", "organiser")}
    moments = {name: forms.utc(data[name]) for name in MOMENTS if name in data}
    texts = {name: data[name] or None for name in ("five_help", "risk_note") if name in data}
    skills = {"skills": [word for word in data["skills"].replace("，", COMMA).split(COMMA) if word.strip()]} if "skills" in data else {}
    return {**data, **moments, **texts, **skills}


def local(at: datetime) -> datetime:
    """A moment as a date field shows it."""
    return at.astimezone(SHANGHAI).replace(tzinfo=None)


def _offered(sheet: TaskSheet, choices: Choices) -> TaskSheet:
    sheet.organiser.choices = list(choices.organisers)
    sheet.unit.choices = [("", "不结对"), *choices.units]
    sheet.grid.choices = [("", "整个社区"), *choices.grids]
    return sheet
