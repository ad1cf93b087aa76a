"""活动 · 岗位与活动: the list, the month, drafting, publishing, changing, ending."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

from flask import url_for

from server.console import forms, intake_places, places
from server.console.desk import Answer, Call, Desk
from server.console.forms import utc
from server.console.views import task_sheets
from server.console.views.task_sheets import ShiftSheet
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.categories import FIVE_HELPS, of_kind
from server.domain.days import local_day, period_end, period_start
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.problems import Problem
from server.domain.tasks import CLAIM_STATE_NAMES, TASK_KIND_NAMES, TASK_MODE_NAMES, TASK_STATE_NAMES, TaskKind, TaskMode, TaskState
from server.services import orgs, people, scopes, task_calendars, task_choices, tasks, units

desk = Desk("tasks")
PAGE = 50
NAMES: dict[str, Any] = {"kinds": TASK_KIND_NAMES, "modes": TASK_MODE_NAMES, "states": TASK_STATE_NAMES, "claim_states": CLAIM_STATE_NAMES}
TONES = {TaskState.DRAFT: "wait", TaskState.PUBLISHED: "good", TaskState.ENDED: "plain", TaskState.CANCELLED: "bad"}
One = TypeVar("One", TaskState, TaskKind)


@desk.page("/tasks", permission=P.ATTENDANCE_RECORD)
def list_tasks(call: Call) -> Answer:
    """Everything the community has planned, newest first."""
    where, _grids = intake_places.where(call, call.session, P.ATTENDANCE_RECORD)
    asked: dict[str, Any] = {name: call.args.get(name, "").strip()[:60] for name in ("state", "kind", "q")}
    state, kind = _one(TaskState, asked["state"]), _one(TaskKind, asked["kind"])
    rows, following = task_calendars.page(
        call.session,
        community=where.here,
        actor=call.actor,
        after=call.args.get("after"),
        limit=PAGE,
        state=state,
        kind=kind,
        words=asked["q"],
    )
    further = url_for("console.tasks_list_tasks", at=where.here.public_id, after=following, **asked) if following else None
    manages = may_on_node(call.actor, P.TASKS_MANAGE, where.here.path)
    return call.show(
        "console/tasks/list.html", places=where, rows=rows, manages=manages, asked=asked, further=further, tones=TONES, **NAMES
    )


@desk.page("/tasks/month", permission=P.ATTENDANCE_RECORD)
def show_month(call: Call) -> Answer:
    """A month as a calendar; on a phone the days that have something."""
    where, _grids = intake_places.where(call, call.session, P.ATTENDANCE_RECORD)
    first = _month(call.args.get("m", ""), local_day(call.now))
    month = task_calendars.month(call.session, community=where.here, actor=call.actor, first=first)
    around: dict[str, Any] = {"before": period_start("month", date.fromordinal(first.toordinal() - 1)), "after": period_end("month", first)}
    return call.show("console/tasks/month.html", places=where, month=month, today=local_day(call.now), tones=TONES, **around, **NAMES)


@desk.form("/tasks/new", permission=P.TASKS_MANAGE)
def new_task(call: Call) -> Answer:
    """A draft, empty or like an earlier one (`?copy=`)."""
    where = places.chosen(call, P.TASKS_MANAGE)
    choices = task_choices.of(call.session, where.here, today=local_day(call.now), also=call.session.get_one(Person, call.actor.id))
    earlier = _mine(call, call.args["copy"]) if call.args.get("copy") else None
    sheet = task_sheets.blank(call.typed, choices, earlier, call.now)
    if call.posted and sheet.validate():
        session = call.session
        made = tasks.create(
            session,
            community=where.here,
            organiser=people.by_public_id(session, sheet.organiser.data),
            unit_id=units.by_public_id(session, sheet.unit.data).id if sheet.unit.data else None,
            grid_id=orgs.by_public_id(session, sheet.grid.data).id if sheet.grid.data else None,
            actor=call.actor,
            now=call.now,
            **_enums(task_sheets.values(sheet)),
        )
        return call.done("草稿已保存。核对以后点“发布”，居民和党员就能看到", to=_at(made.public_id))
    forms.blame(sheet, call.problem)
    return call.show("console/tasks/edit.html", 422 if call.posted else 200, places=where, sheet=sheet, task=None, meanwhile=())


@desk.page("/tasks/<id>", permission=P.ATTENDANCE_RECORD)
def show_task(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """One task: what it is, its shifts, and what can be done with it."""
    found = task_calendars.detail(call.session, id, actor=call.actor)
    task = found.line.task
    came = task_calendars.heads(call.session, [task.id]).get(task.id, 0)
    manages = scopes.allows(call.session, call.actor, P.TASKS_MANAGE, task.community_id)
    words = {"category": of_kind(task.kind).get(task.category, ""), "five_help": FIVE_HELPS.get(task.five_help or "", "")}
    shown: dict[str, Any] = {"task": task, "found": found, "organiser": people.name_of(found.organiser), "words": words, "came": came}
    return call.show("console/tasks/show.html", **shown, manages=manages, tones=TONES, **NAMES)


@desk.form("/tasks/<id>/edit", permission=P.TASKS_MANAGE)
def edit_task(call: Call, id: str) -> Answer:  # noqa: A002
    """Change a draft, or what may still change of a published task."""
    task = _mine(call, id)
    sheet = task_sheets.of_task(call.typed, task)
    if call.posted and sheet.validate():
        changes: Any = task_sheets.values(sheet)
        tasks.edit(call.session, task, actor=call.actor, now=call.now, seen=call.seen, **changes)
        return call.done("修改已保存", to=_at(id))
    forms.blame(sheet, call.problem)
    meanwhile = forms.meanwhile(sheet, call.problem, task_sheets.data_of(task))
    return call.show("console/tasks/edit.html", 422 if call.posted else 200, places=None, sheet=sheet, task=task, meanwhile=meanwhile)


@desk.action("/tasks/<id>/publish", permission=P.TASKS_MANAGE)
def publish_task(call: Call, id: str) -> Answer:  # noqa: A002
    """Open it for claims."""
    published = call.step(_mine(call, id), tasks.publish)
    return call.done("已发布，签到码已经生成", to=_at(id), undo=published)


@desk.action("/tasks/<id>/end", permission=P.TASKS_MANAGE)
def end_task(call: Call, id: str) -> Answer:  # noqa: A002
    """No more claims."""
    tasks.end(call.session, _mine(call, id), actor=call.actor, now=call.now)
    return call.done("已结束。到场的人可以继续确认", to=_at(id))


@desk.action("/tasks/<id>/cancel", permission=P.TASKS_MANAGE)
def cancel_task(call: Call, id: str) -> Answer:  # noqa: A002
    """It falls through; who claimed is told why."""
    reason = call.typed.get("reason", "").strip()[:200]
    tasks.cancel(call.session, _mine(call, id), reason=reason, actor=call.actor, now=call.now)
    return call.done("已取消，报名的人会收到通知", to=_at(id))


@desk.form("/tasks/<id>/shifts", permission=P.TASKS_MANAGE)
def add_shift(call: Call, id: str) -> Answer:  # noqa: A002
    """A shift of a post."""
    task = _mine(call, id)
    sheet = ShiftSheet(call.typed or None)
    if call.posted and sheet.validate():
        window = {"starts_at": utc(sheet.starts_at.data), "ends_at": utc(sheet.ends_at.data)}
        tasks.add_shift(call.session, task, **window, capacity=sheet.capacity.data, actor=call.actor, now=call.now)
        return call.done("班次已加上", to=_at(id))
    forms.blame(sheet, call.problem)
    return call.show("console/tasks/shift.html", 422 if call.posted else 200, sheet=sheet, task=task)


def _mine(call: Call, public_id: str) -> Task:
    """The task, for who manages its community. Raises NOT_FOUND."""
    task = tasks.by_public_id(call.session, public_id)
    scopes.require(call.session, call.actor, P.TASKS_MANAGE, task.community_id)
    return task


def _enums(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "kind": TaskKind(values["kind"]), "mode": TaskMode(values["mode"])}


def _one(names: type[One], text: str) -> One | None:
    """The filter of this name, none for ''. Raises NOT_FOUND."""
    try:
        return names(text) if text else None
    except ValueError:
        raise Problem("NOT_FOUND") from None


def _month(text: str, today: date) -> date:
    """The first day of `2026-03`, of this month for anything else."""
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return asked if 2000 < asked.year < 2200 else today.replace(day=1)


def _at(public_id: str) -> str:
    return f"/console/tasks/{public_id}"
