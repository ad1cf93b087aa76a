"""Posts (岗位), one-off tasks and activities, and the claims on them (mission rows A7, C3–C5, C10)."""

from collections.abc import Mapping
from enum import StrEnum

from server.domain.permissions import Permission as P
from server.domain.states import Rule


class TaskKind(StrEnum):
    POST = "post"
    TASK = "task"
    ACTIVITY = "activity"


class TaskMode(StrEnum):
    """结对 (one unit is asked) · 菜单 (open to all) · 组团 (a team leader claims for several)."""

    PAIR = "pair"
    MENU = "menu"
    TEAM = "team"


class TaskState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ENDED = "ended"
    CANCELLED = "cancelled"


class TaskAction(StrEnum):
    PUBLISH = "publish"
    END = "end"
    CANCEL = "cancel"


T, TA = TaskState, TaskAction
TASK_TRANSITIONS: Mapping[tuple[TaskState, TaskAction], Rule[TaskState]] = {
    (T.DRAFT, TA.PUBLISH): Rule(T.PUBLISHED, P.TASKS_MANAGE, undo=True),
    (T.DRAFT, TA.CANCEL): Rule(T.CANCELLED, P.TASKS_MANAGE),
    (T.PUBLISHED, TA.END): Rule(T.ENDED, P.TASKS_MANAGE),
    (T.PUBLISHED, TA.CANCEL): Rule(T.CANCELLED, P.TASKS_MANAGE, needs_note=True),
}


class ClaimState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXCUSED = "excused"
    HANDED_OVER = "handed_over"
    NO_SHOW = "no_show"
    DONE = "done"
    CANCELLED = "cancelled"


class ClaimAction(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    EXCUSE = "excuse"
    HAND_OVER = "hand_over"
    MARK_NO_SHOW = "mark_no_show"
    UNDO_NO_SHOW = "undo_no_show"
    FINISH = "finish"
    CANCEL = "cancel"


C, CA = ClaimState, ClaimAction
CLAIM_TRANSITIONS: Mapping[tuple[ClaimState, ClaimAction], Rule[ClaimState]] = {
    (C.PENDING, CA.APPROVE): Rule(C.APPROVED, P.CLAIMS_DECIDE, undo=True),
    (C.PENDING, CA.DECLINE): Rule(C.DECLINED, P.CLAIMS_DECIDE, needs_note=True, undo=True),
    (C.PENDING, CA.WITHDRAW): Rule(C.WITHDRAWN),
    (C.PENDING, CA.CANCEL): Rule(C.CANCELLED, P.TASKS_MANAGE),
    (C.APPROVED, CA.WITHDRAW): Rule(C.WITHDRAWN),
    (C.APPROVED, CA.EXCUSE): Rule(C.EXCUSED, needs_note=True),
    (C.APPROVED, CA.HAND_OVER): Rule(C.HANDED_OVER),
    (C.APPROVED, CA.MARK_NO_SHOW): Rule(C.NO_SHOW, P.ATTENDANCE_RECORD),
    (C.NO_SHOW, CA.UNDO_NO_SHOW): Rule(C.APPROVED, P.ATTENDANCE_RECORD),
    (C.APPROVED, CA.FINISH): Rule(C.DONE, undo=True),
    (C.APPROVED, CA.CANCEL): Rule(C.CANCELLED, P.TASKS_MANAGE),
}
HOLDS_PLACE = (C.PENDING, C.APPROVED, C.DONE, C.NO_SHOW)  # these count against the capacity; a no-show frees nothing after the fact

TASK_KIND_NAMES = {TaskKind.POST: "岗位", TaskKind.TASK: "任务", TaskKind.ACTIVITY: "活动"}
TASK_MODE_NAMES = {TaskMode.PAIR: "结对", TaskMode.MENU: "菜单", TaskMode.TEAM: "组团"}
TASK_STATE_NAMES = {T.DRAFT: "草稿", T.PUBLISHED: "已发布", T.ENDED: "已结束", T.CANCELLED: "已取消"}
CLAIM_STATE_NAMES = {
    C.PENDING: "待审核",
    C.APPROVED: "已通过",
    C.DECLINED: "未通过",
    C.WITHDRAWN: "已撤回",
    C.EXCUSED: "已请假",
    C.HANDED_OVER: "已由他人顶班",
    C.NO_SHOW: "未到",
    C.DONE: "已完成",
    C.CANCELLED: "已取消",
}
# What may still change once people have claimed on the strength of what was published; the rest needs a new task.
EDITABLE_WHEN_PUBLISHED = frozenset({"content", "skills", "capacity", "risk_note", "insured"})
LONGEST_MINUTES = 24 * 60
