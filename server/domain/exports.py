"""Excel files (docs/rules.md §4): which there are, who may ask for them, and their columns word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from server.domain.permissions import Permission as P

KEPT = timedelta(days=7)
SLOW = timedelta(seconds=10)  # who waited longer than this is told when it is ready


class ExportKind(StrEnum):
    """The ledgers of docs/rules.md §4, then lists."""

    UNITS = "units"
    MEMBERS = "members"
    REQUESTS = "requests"
    WISHES = "wishes"
    SUMMARY = "summary"
    UNIT_SUMMARY = "unit_summary"
    TASKS = "tasks"
    RECORDS = "records"


class ExportState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


EXPORT_STATE_NAMES = {
    ExportState.WAITING: ("正在生成", "wait"),
    ExportState.DONE: ("已生成", "good"),
    ExportState.FAILED: ("没有生成", "bad"),
}


@dataclass(frozen=True)
class Export:
    """One kind of file. `names`: it holds members' names, so a reason is asked; `periodic`: it is about a period."""

    title: str
    about: str
    permission: P
    columns: tuple[str, ...]
    names: bool = False
    periodic: bool = True


FIGURE_COLUMNS = ("序号", "范围", "指标", "单位", "分子", "分母", "本期", "上期", "变化", "计算口径")
EXPORTS: Mapping[ExportKind, Export] = {
    ExportKind.UNITS: Export(
        "单位报到台账", "一个单位一行：报到、回执、在职党员和报到率", P.TALLIES_READ,
        ("序号", "单位名称", "类别", "所属工委", "报到社区", "报到日期", "回执号",
         "联系人", "在职党员数", "已报到数", "报到率", "协议编号", "备注"),
        periodic=False,
    ),
    ExportKind.MEMBERS: Export(
        "在职党员报到台账", "一位已报到的在职党员一行：认领、服务次数和时长", P.FIGURES_NAMES,
        ("序号", "姓名", "单位", "支部", "报到社区/网格", "特长", "认领岗位",
         "报到日期", "方式(线上/线下)", "状态", "服务次数", "服务时长"),
        names=True,
    ),
    ExportKind.REQUESTS: Export(
        "点单办理台账", "一件诉求一行：从提交到办结，谁办的，怎么样", P.TALLIES_READ,
        ("单号", "来源", "类别", "网格", "提交", "研判", "派单", "接单",
         "应办结", "办结", "是否延期", "承办方", "结果", "联系/解决/满意", "回炉次数"),
    ),
    ExportKind.WISHES: Export(
        "微心愿台账", "一个微心愿一行：谁征集，谁认领，实现了没有", P.TALLIES_READ,
        ("编号", "对象类别(化名)", "内容", "征集人", "认领人/单位", "认领", "对接", "实现", "确认"),
    ),
    ExportKind.SUMMARY: Export(
        "汇总表", "本级和下一级每项指标：本期、上期、变化", P.TALLIES_READ, FIGURE_COLUMNS,
    ),
    ExportKind.UNIT_SUMMARY: Export(
        "单位汇总表", "每个单位的服务和办理：本期、上期、变化", P.TALLIES_READ, FIGURE_COLUMNS,
    ),
    ExportKind.TASKS: Export(
        "岗位与活动清单", "一个岗位或活动一行：名额、认领、服务人次", P.TALLIES_READ,
        ("序号", "名称", "种类", "类别", "社区", "地点", "开始", "结束", "名额", "已认领", "状态", "服务人次", "服务时长"),
    ),
    ExportKind.RECORDS: Export(
        "服务记录清单", "一条服务记录一行，含姓名", P.FIGURES_NAMES,
        ("序号", "日期", "姓名", "单位", "岗位或活动", "社区", "方式", "状态", "分钟"),
        names=True,
    ),
}  # fmt: skip
# Names in a ledger whose kind is open to whoever reads figures: what else he must be allowed to.
NAMES = {
    ExportKind.UNITS: P.UNITS_MANAGE,
    ExportKind.REQUESTS: P.REQUESTS_READ,
    ExportKind.WISHES: P.WISHES_MANAGE,
}
