"""What is to be done in 示例社区 that week, who is there, and what must be counted; all of it data.

A presence counts when its record is confirmed; the sums below are taken over PRESENT, never from the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.demo import story

RISK = "请穿平底鞋，注意脚下，量力而行"


@dataclass(frozen=True)
class TaskPart:
    """A task of the story; `day` counts from Monday 0, hours are local."""

    title: str
    kind: str
    mode: str
    category: str
    place: str
    day: int
    start: str
    end: str
    minutes: int
    capacity: int
    more: Mapping[str, Any] = field(default_factory=dict)


STAIRS, PATROL, TUTOR, DRILL, CLEANUP, RAIN = "stairs", "patrol", "tutor", "drill", "cleanup", "rain"
TASKS: Mapping[str, TaskPart] = {
    STAIRS: TaskPart("清理楼道杂物", "task", "menu", "environment", "示例小区1幢门口", 2, "09:00", "11:00", 120, 12),
    PATROL: TaskPart("平安巡逻岗", "post", "menu", "safety_patrol", "社区警务室", 1, "08:00", "23:00", 90, 6, {"days": 5}),
    TUTOR: TaskPart("结对帮学", "task", "pair", "youth_education", "社区学堂", 4, "15:30", "17:00", 90, 4, {"approval_needed": False}),
    DRILL: TaskPart("用电安全上门检查", "task", "team", "safety", "花园小区门岗", 5, "14:00", "15:00", 60, 6),
    CLEANUP: TaskPart("社区清洁日", "activity", "menu", "environment", "社区广场", 5, "08:30", "10:30", 120, 30,
                      {"claim_needed": False, "rotating": True}),
    RAIN: TaskPart("露天政策宣传", "activity", "menu", "party_education", "社区广场", 3, "09:00", "10:00", 60, 10,
                   {"approval_needed": False}),
}  # fmt: skip
EVENINGS = (2, 3)  # the shifts of the patrol: Wednesday and Thursday, 19:00 to 20:30
SHIFT = ("19:00", "20:30", 3)

# 清理楼道杂物: twelve places; the thirteenth is refused until one of the twelve withdraws.
ASK_FOR_STAIRS = ("张三", "王秀梅", "李志强", "陈晓燕", "杨国平", "赵丽华", "黄海涛", "吴俊杰", "徐文斌", "孙玉兰", "马超群", "朱美玲")
ONE_TOO_MANY = "周敏"
WITHDRAWS, DECLINED = "马超群", "朱美玲"
EXCUSED, NO_SHOW = "孙玉兰", "徐文斌"
SCAN_STAIRS = ("张三", "李志强", "陈晓燕", "杨国平", "周敏")  # in and out, two hours
RETRIES, RETRY_TIMES = "张三", 20
OFFLINE_STAIRS = "王秀梅"  # no signal in the stairwell, and a phone that is seven minutes fast
FORGETS_OUT, LEAVES_EARLY, SCANS_ONLY = "赵丽华", "黄海涛", "吴俊杰"
SENT_BACK, REUSES_PHOTO, WITH_PHOTO = "李志强", "陈晓燕", ("张三", "胡晓东")
ON_PAPER = "董秀英"

# 平安巡逻岗, two evenings.
PATROLS = (("罗建军", "郑淑珍", "梁伟明"), ("高翔宇", "宋志远", "唐春燕"))
PERSONAL_CODES = ("罗建军", "郑淑珍")  # the organiser scans them
ASKS_STAND_IN, STANDS_IN = "梁伟明", "谢婷婷"
PATROL_SCAN, PATROL_NO_SHOW = "高翔宇", "宋志远"
TICKED_WRONGLY = "唐春燕"  # ticked, confirmed, disputed by her and voided
TICKED = "蒋德福"  # no phone

TUTORS, NOT_ASKED = ("胡晓东", "郭静怡"), "张三"
TEAM, LEADER = ("邓国栋", "曹雅琴", "彭立军", "田大勇"), "邓国栋"
RAINED_OFF = ("谢婷婷", "许家豪")

# 社区清洁日: whoever comes and scans the screen.
SCAN_SCREEN = ("张三", "许家豪", "韩梅芳", "冯立新", "曾庆华", "袁学文", "潘卫东", "于慧敏", "林雪梅")
OFFLINE_SCREEN, PHOTOGRAPHS, NO_OUT = "蔡思远", "马超群", "朱美玲"
TRIES_CODES = "许家豪"  # forged, foreign, truncated, revoked
MERGED_LATER = "肖红霞"  # entered at the door on Monday, signs in with a phone of his own on Sunday

ALLOWS_MESSAGES = "张三"  # one message of three kinds; the fourth has no quota left
IN_WECHAT_STYLE = DRILL  # its poster carries WeChat's own mini-program code

# A token of another county's system (docs/protocol.md §1, vectors).
FOREIGN_TOKEN = "40GG0000002D4000000E657HB44X51QB"  # noqa: S105 - published


@dataclass(frozen=True)
class Presence:
    """A service that counts in the end: the task, who, true minutes."""

    task: str
    name: str
    minutes: int


def _all(task: str, names: Iterable[str], minutes: int) -> tuple[Presence, ...]:
    return tuple(Presence(task, name, minutes) for name in names)


PRESENT: tuple[Presence, ...] = (
    *_all(STAIRS, (*SCAN_STAIRS, OFFLINE_STAIRS, FORGETS_OUT), 120),
    Presence(STAIRS, LEAVES_EARLY, 60),
    Presence(STAIRS, ON_PAPER, 90),
    *_all(PATROL, (*PERSONAL_CODES, STANDS_IN, PATROL_SCAN), 90),
    Presence(PATROL, TICKED, 60),
    *_all(TUTOR, TUTORS, 90),
    *_all(DRILL, TEAM, 60),
    *_all(CLEANUP, (*SCAN_SCREEN, OFFLINE_SCREEN, PHOTOGRAPHS, NO_OUT), 120),
)


def figures(unit: str | None = None) -> tuple[int, int, int]:
    """(visits, minutes, heads) of the community, or of one unit's members."""
    mine = [one for one in PRESENT if unit in (None, story.UNIT_OF[one.name])]
    return len(mine), sum(one.minutes for one in mine), len({one.name for one in mine})


def own(name: str) -> tuple[int, int]:
    """(visits, minutes) of one person."""
    mine = [one.minutes for one in PRESENT if one.name == name]
    return len(mine), sum(mine)


_VISITS, _MINUTES, _HEADS = figures()
# Every count of the week: its name for people, and what it must be.
EXPECTED: Mapping[str, tuple[str, int]] = {
    "units_imported": ("导入的单位", 3),
    "roster_cell_errors": ("名册草稿里指出的单元格错误", len(story.BROKEN_CELLS)),
    "roster_created": ("名册新增的人", 40),
    "roster_created_again": ("同一份名册再导一次新增的人", 0),
    "roster_unchanged_again": ("同一份名册再导一次不变的人", 40),
    "posters_read": ("从像素读出的海报", 5),
    "posters_in_one_pdf": ("整个社区的海报印成的 PDF", 1),
    "screens_read": ("从像素读出的大屏", 2),
    "registered_by_scan": ("扫码报到", 31),
    "registered_by_web": ("网上报到", 4),
    "registered_by_proxy": ("网格员代办报到", 3),
    "registered_by_paper": ("纸质报到", 2),
    "registered_at_once": ("当场生效的报到", 39),
    "registered_waiting": ("等书记接收的报到", 1),
    "registered_by_secretary": ("书记接收的报到", 1),
    "bound_by_hand": ("书记对上名册的人", 1),
    "units_registered": ("发出回执的单位", 3),
    "transfers": ("转接", 1),
    "persons_found_again": ("认回代办报到的人", 1),
    "tasks_published": ("发布的岗位、任务和活动", 6),
    "claims_made": ("报名", 27),
    "claims_refused_full": ("名额已满的拒绝", 1),
    "claims_refused_pair": ("结对任务的拒绝", 1),
    "claims_withdrawn": ("撤回的报名", 1),
    "claims_declined": ("未通过的报名", 1),
    "claims_approved_in_bulk": ("批量通过的报名", 21),
    "claims_failed_in_bulk": ("批量里没办成并写明原因的", 3),
    "claims_approved_at_once": ("不用审核的报名", 2),
    "claims_excused": ("请假", 1),
    "claims_cancelled": ("随活动取消的报名", 2),
    "stand_ins": ("顶班", 1),
    "no_shows": ("未到", 2),
    "retries_sent": ("同一次扫码发送的遍数", RETRY_TIMES),
    "retries_answered_the_same": ("得到同样答复的遍数", RETRY_TIMES),
    "records_of_retries": ("这许多遍成为的记录", 1),
    "offline_messages_accepted": ("离线补传被接受的条数（各传两遍）", 8),
    "records_of_offline": ("两遍离线补传成为的记录", 1),
    "live_rotating_scans": ("大屏动态码现场扫码", 21),
    "late_rotating_scans": ("动态码离线补传", 4),
    "photographed_code_in_ledger": ("拍下来的旧码记入拒绝台账", 1),
    "scans_refused": ("按预期拒绝的扫码", 7),
    "refusals_kept": ("本人能看到的拒绝记录", 7),
    "personal_codes_scanned": ("组织者扫个人码", 4),
    "presences_ticked": ("点名", 2),
    "presences_on_paper": ("纸质签到", 1),
    "photos_uploaded": ("上传的照片", 3),
    "photos_ready": ("重新编码后可看的照片", 3),
    "photos_with_exif": ("还带着位置信息的照片", 0),
    "photos_flagged": ("提示重复使用的照片", 1),
    "reports_made": ("回报", 31),
    "reports_sent_back": ("退回补充的回报", 1),
    "records_confirmed": ("确认的记录", len(PRESENT) + 1),
    "records_failed_in_bulk": ("批量确认里没办成并写明原因的", 2),
    "recorder_may_not_confirm": ("登记人不能自己确认", 2),
    "records_disputed": ("有异议的记录", 1),
    "records_voided": ("作废的记录", 1),
    "community_visits": ("社区服务人次", _VISITS),
    "community_minutes": ("社区服务分钟", _MINUTES),
    "community_heads": ("社区参与人数", _HEADS),
    "units_with_right_figures": ("数字与故事一致的单位", 3),
    "persons_with_right_figures": ("数字与故事一致的个人", 42),
    "documents_verified": ("扫码核验为真的证明和回执", 3),
    "reports_seen_by_community": ("双报告：社区看到张三的服务", 2),
    "reports_seen_by_branch": ("双报告：支部看到张三的服务", 2),
    "places_seen_by_branch": ("双报告：支部看到的地点", 0),
    "reports_withheld": ("双报告：没有同意就不给看", 1),
    "reminders": ("收到开始前提醒的人（清理楼道）", 11),
    "notices_of_zhangsan": ("张三收到的消息", 7),
    "wechat_messages_of_zhangsan": ("张三收到的微信提醒", 3),
}
