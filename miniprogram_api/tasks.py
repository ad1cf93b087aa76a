"""Posts, tasks and activities."""

from __future__ import annotations

from typing import Any

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page
from miniprogram_api.task_schemas import (
    CancelIn,
    ManagedQuery,
    ShiftIn,
    ShiftOut,
    TaskDetailOut,
    TaskEdit,
    TaskIn,
    TaskOut,
    TaskQuery,
    detail_out,
    shift_out,
    task_out,
)
from server.db.models.people import Person
from server.domain.permissions import Permission as P
from server.services import orgs, people, task_lists, units
from server.services import tasks as service
from server.services.task_lists import Filter

tasks = Resource("tasks", "岗位、任务与活动")
LINKS = ("community", "organiser", "unit", "grid")


@tasks.get("/tasks", permission=P.ME, query=TaskQuery, answer=Page[TaskOut], etag=True)
def list_tasks(call: Call[None]) -> Page[TaskOut]:
    """可报名的岗位、任务和活动：本社区的，按开始时间；可看同街道其他社区的."""
    asked: TaskQuery = call.query
    community = orgs.by_public_id(call.session, asked.community) if asked.community else None
    wanted = Filter(community, asked.nearby, asked.kind, asked.category, asked.day)
    lines, following = task_lists.open_tasks(
        call.session, actor=call.actor, wanted=wanted, after=asked.after, limit=asked.limit, now=call.now
    )
    return Page[TaskOut](items=[task_out(line) for line in lines], next=following)


@tasks.get("/tasks/managed", permission=P.TASKS_ORGANISE, query=ManagedQuery, answer=Page[TaskOut], etag=True)
def list_managed_tasks(call: Call[None]) -> Page[TaskOut]:
    """本人组织的、或本社区（有管理权限时）的全部任务，含草稿和已结束的."""
    asked: ManagedQuery = call.query
    lines, following = task_lists.managed(call.session, actor=call.actor, state=asked.state, after=asked.after, limit=asked.limit)
    return Page[TaskOut](items=[task_out(line) for line in lines], next=following)


@tasks.get("/tasks/<task_id>", permission=P.ME, answer=TaskDetailOut, etag=True)
def show_task(call: Call[None], task_id: str) -> TaskDetailOut:
    """一项任务的全部内容和班次."""
    return detail_out(task_lists.detail(call.session, task_id, actor=call.actor))


@tasks.post("/tasks", permission=P.TASKS_MANAGE, body=TaskIn, answer=TaskDetailOut, status=201, problems=("ORG_LEVEL", "NOT_FOUND"))
def create_task(call: Call[TaskIn]) -> TaskDetailOut:
    """起草一项任务；发布前只有社区看得到."""
    body, session = call.body, call.session
    organiser = people.by_public_id(session, body.organiser) if body.organiser else session.get_one(Person, call.actor.id)
    made = service.create(
        session,
        community=orgs.by_public_id(session, body.community),
        organiser=organiser,
        unit_id=units.by_public_id(session, body.unit).id if body.unit else None,
        grid_id=orgs.by_public_id(session, body.grid).id if body.grid else None,
        actor=call.actor,
        now=call.now,
        **body.model_dump(exclude=set(LINKS)),
    )
    return _shown(call, made.public_id)


@tasks.post(
    "/tasks/<task_id>/edit",
    permission=P.TASKS_MANAGE,
    body=TaskEdit,
    answer=TaskDetailOut,
    problems=("CAPACITY_TAKEN", "ILLEGAL_MOVE", "TASK_FIXED"),
)
def edit_task(call: Call[TaskEdit], task_id: str) -> TaskDetailOut:
    """修改草稿；已发布的只能改说明、技能、名额和风险提示."""
    changes: Any = call.body.model_dump(exclude_unset=True, exclude={"version"})
    service.edit(
        call.session, service.by_public_id(call.session, task_id), actor=call.actor, now=call.now, seen=call.body.version, **changes
    )
    return _shown(call, task_id)


@tasks.post(
    "/tasks/<task_id>/publish",
    permission=P.TASKS_MANAGE,
    answer=TaskDetailOut,
    problems=("ILLEGAL_MOVE", "INSURANCE_REQUIRED", "RISK_NOTE_REQUIRED", "TASK_PAST"),
)
def publish_task(call: Call[None], task_id: str) -> TaskDetailOut:
    """发布任务，开始报名，同时生成签到码."""
    service.publish(call.session, service.by_public_id(call.session, task_id), actor=call.actor, now=call.now)
    return _shown(call, task_id)


@tasks.post("/tasks/<task_id>/end", permission=P.TASKS_MANAGE, answer=TaskDetailOut, problems=("ILLEGAL_MOVE",))
def end_task(call: Call[None], task_id: str) -> TaskDetailOut:
    """结束任务：不再报名，待审核的报名取消，已签到的照常确认."""
    service.end(call.session, service.by_public_id(call.session, task_id), actor=call.actor, now=call.now)
    return _shown(call, task_id)


@tasks.post(
    "/tasks/<task_id>/cancel", permission=P.TASKS_MANAGE, body=CancelIn, answer=TaskDetailOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def cancel_task(call: Call[CancelIn], task_id: str) -> TaskDetailOut:
    """取消任务，并通知所有已报名的人."""
    service.cancel(call.session, service.by_public_id(call.session, task_id), reason=call.body.reason, actor=call.actor, now=call.now)
    return _shown(call, task_id)


@tasks.post(
    "/tasks/<task_id>/shifts", permission=P.TASKS_MANAGE, body=ShiftIn, answer=ShiftOut, status=201, problems=("ILLEGAL_MOVE", "NOT_A_POST")
)
def add_shift(call: Call[ShiftIn], task_id: str) -> ShiftOut:
    """给岗位加一个班次."""
    task = service.by_public_id(call.session, task_id)
    return shift_out(service.add_shift(call.session, task, actor=call.actor, now=call.now, **call.body.model_dump()))


def _shown(call: Call[Any], task_id: str) -> TaskDetailOut:
    return detail_out(task_lists.detail(call.session, task_id, actor=call.actor))
