"""What the routes of tasks take and give."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from miniprogram_api.schemas import Day, Id, In, Instant, Line, LongLine, Out, PageQuery, Reason, Text, When
from server.db.models.tasks import Shift
from server.domain.categories import ACTIVITY_CATEGORIES, FIVE_HELPS, POST_CATEGORIES, listed, of_kind
from server.domain.tasks import ClaimState, TaskKind, TaskMode, TaskState
from server.services import people
from server.services.task_lists import TaskDetail, TaskLine

CATEGORIES = f"类别。岗位：{listed(POST_CATEGORIES)}。任务、活动：{listed(ACTIVITY_CATEGORIES)}"
E6 = 1_000_000


class TaskIn(In):
    """A draft."""

    community: Id = Field(description="发布任务的社区编号")
    kind: TaskKind = Field(description="post 岗位，task 一次性任务，activity 活动")
    mode: TaskMode = Field(TaskMode.MENU, description="pair 结对（只请一个单位），menu 菜单（所有人），team 组团（由队长报名）")
    title: Line = Field(description="标题", examples=["清理楼道杂物"])
    category: Line = Field(description=CATEGORIES, examples=["environment"])
    content: Text = Field(description="做什么、需要什么，如实写明", examples=["搬走三楼以下楼道里的旧家具，手套由社区提供"])
    five_help: Line | None = Field(None, description=f"五助：{listed(FIVE_HELPS)}")
    place: LongLine = Field(description="集合地点", examples=["示例小区 1 幢门口"])
    place_lat_e6: int | None = Field(None, ge=-90 * E6, le=90 * E6, description="地点纬度乘一百万，可不填")
    place_lng_e6: int | None = Field(None, ge=-180 * E6, le=180 * E6, description="地点经度乘一百万，可不填")
    place_radius_m: int | None = Field(None, ge=50, le=5000, description="到场范围（米），可不填")
    starts_at: When = Field(description="开始时间", examples=["2026-03-07T09:00:00+08:00"])
    ends_at: When = Field(description="结束时间", examples=["2026-03-07T11:00:00+08:00"])
    planned_minutes: int = Field(ge=1, le=1440, description="计划服务分钟数；记录最多再加 30 分钟", examples=[120])
    capacity: int = Field(ge=1, le=10_000, description="名额", examples=[10])
    skills: list[Line] = Field(default_factory=list, max_length=20, description="需要的特长")
    risk_note: Text | None = Field(None, description="风险提示，发布前必须写明", examples=["搬重物时注意脚下"])
    dangerous: bool = Field(False, description="是否有人身危险；有则必须先办保险")
    insured: bool = Field(False, description="是否已办保险")
    claim_needed: bool = Field(True, description="是否要先报名；否则到场扫码即可")
    approval_needed: bool = Field(True, description="报名是否要社区审核")
    rotating: bool = Field(False, description="签到码是否用大屏动态码")
    organiser: Id | None = Field(None, description="组织者的人员编号，不填则为本人")
    unit: Id | None = Field(None, description="结对任务所请单位的编号")
    grid: Id | None = Field(None, description="所在网格的编号")


class TaskEdit(In):
    """Only what is to change."""

    title: Line | None = None
    category: Line | None = Field(None, description=CATEGORIES)
    content: Text | None = None
    place: LongLine | None = None
    starts_at: When | None = None
    ends_at: When | None = None
    planned_minutes: int | None = Field(None, ge=1, le=1440)
    capacity: int | None = Field(None, ge=1, le=10_000)
    skills: list[Line] | None = Field(None, max_length=20)
    risk_note: Text | None = None
    dangerous: bool | None = None
    insured: bool | None = None
    claim_needed: bool | None = None
    approval_needed: bool | None = None
    rotating: bool | None = None
    version: int | None = Field(None, description="打开编辑时看到的 version；别人改过则得 STALE")


class ShiftIn(In):
    """A shift of a post."""

    starts_at: When = Field(description="班次开始", examples=["2026-03-07T19:00:00+08:00"])
    ends_at: When = Field(description="班次结束", examples=["2026-03-07T21:00:00+08:00"])
    capacity: int = Field(ge=1, le=1000, description="名额", examples=[2])


class ShiftOut(Out):
    """A shift with its free places."""

    id: str
    starts_at: Instant
    ends_at: Instant
    capacity: int
    places_left: int


class TaskOut(Out):
    """A task as lists show it."""

    id: str
    kind: TaskKind
    mode: TaskMode
    state: TaskState
    version: int
    title: str
    category: str
    category_name: str
    community: str = Field(description="社区编号")
    community_name: str
    unit_name: str | None = Field(description="结对任务所请的单位")
    place: str
    starts_at: Instant
    ends_at: Instant
    planned_minutes: int
    capacity: int
    places_left: int
    my_claim: ClaimState | None = Field(description="本人的报名状态，未报名为空")


class TaskDetailOut(TaskOut):
    """A task as its own page shows it."""

    content: str
    five_help: str | None
    skills: list[str]
    risk_note: str | None
    dangerous: bool
    insured: bool
    claim_needed: bool
    approval_needed: bool
    rotating: bool
    place_lat_e6: int | None
    place_lng_e6: int | None
    place_radius_m: int | None
    organiser: str = Field(description="组织者的人员编号")
    organiser_name: str
    grid_name: str | None
    closed_reason: str | None
    shifts: list[ShiftOut]


class TaskQuery(PageQuery):
    """What the person wants to see."""

    community: Id | None = Field(None, description="社区编号；不填则为本人报到的社区，未报到则为全区县")
    nearby: bool = Field(False, description="是否包括同一街道的其他社区")
    kind: TaskKind | None = None
    category: Line | None = Field(None, description=CATEGORIES)
    day: Day | None = Field(None, description="只看这一天", examples=["2026-03-07"])


class ManagedQuery(PageQuery):
    """A secretary's own list."""

    state: TaskState | None = None


class CancelIn(In):
    """Why."""

    reason: Reason = Field(description="原因；已发布的任务必须写明", examples=["下雨改期"])


def shift_out(shift: Shift) -> ShiftOut:
    """A shift as JSON."""
    left = shift.capacity - shift.taken
    return ShiftOut(id=shift.public_id, starts_at=shift.starts_at, ends_at=shift.ends_at, capacity=shift.capacity, places_left=left)


def task_out(line: TaskLine) -> TaskOut:
    """A line of a list as JSON."""
    return TaskOut(**_common(line))


def detail_out(found: TaskDetail) -> TaskDetailOut:
    """A task's page as JSON."""
    task = found.line.task
    same = {name: getattr(task, name) for name in TaskDetailOut.model_fields if name not in TaskOut.model_fields and hasattr(task, name)}
    return TaskDetailOut(
        **_common(found.line),
        **same,
        organiser=found.organiser.public_id,
        organiser_name=people.name_of(found.organiser),
        grid_name=found.grid.name if found.grid is not None else None,
        shifts=[shift_out(shift) for shift in found.shifts],
    )


def _common(line: TaskLine) -> dict[str, Any]:
    task = line.task
    names = ("kind", "mode", "state", "version", "title", "category", "place", "starts_at", "ends_at", "planned_minutes", "capacity")
    return {
        **{name: getattr(task, name) for name in names},
        "id": task.public_id,
        "category_name": of_kind(task.kind).get(task.category, task.category),
        "community": line.community.public_id,
        "community_name": line.community.name,
        "unit_name": line.unit.name if line.unit is not None else None,
        "places_left": task.capacity - task.taken,
        "my_claim": line.claimed,
    }
