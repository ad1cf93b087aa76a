"""A week in 示例社区 as data: who there is, who does what, and every count that must come of it.

All places, units and names are invented. Phone numbers are computed from the names (server/demo/phones.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COUNTY, STREET, COMMUNITY, NEIGHBOUR = "示例县", "示例街道", "示例社区", "邻近社区"
CODES = {STREET: "SL01", COMMUNITY: "SL0101", NEIGHBOUR: "SL0102"}
ESTATES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "示例小区": {"第一网格": ("1幢", "2幢"), "第二网格": ("3幢", "4幢")},
    "花园小区": {"第三网格": ("5幢", "6幢")},
}
OFFICER, SECRETARY, CLERK, ORGANISER, GRID_WORKER = "周明远", "李书记", "王干事", "陈组长", "赵网格"
NEXT_DOOR, STREET_OFFICER = "何书记", "钱主任"

BUREAU, SCHOOL, POWER = "示例县农业农村局", "示例县第一小学", "示例县供电公司"


@dataclass(frozen=True)
class UnitPart:
    """A unit of the story, as the roster of units has it."""

    name: str
    uscc: str
    category: str
    liaison: str
    offers: tuple[str, ...]


UNITS = (
    UnitPart(BUREAU, "11330421MB0001015B", "机关", "张三", ("农技咨询", "会议室一间")),
    UnitPart(SCHOOL, "12330421MB0002026K", "事业", "胡晓东", ("课后辅导", "操场周末开放")),
    UnitPart(POWER, "91330421MB0003037R", "国企", "邓国栋", ("用电安全检查", "应急照明")),
)
_BUREAU = "张三 王秀梅 李志强 刘建国 陈晓燕 杨国平 赵丽华 黄海涛 周敏 吴俊杰 徐文斌 孙玉兰 马超群 朱美玲"
_SCHOOL = "胡晓东 郭静怡 何永生 高翔宇 林雪梅 罗建军 郑淑珍 梁伟明 谢婷婷 宋志远 唐春燕 许家豪 韩梅芳 冯立新"
_POWER = "邓国栋 曹雅琴 彭立军 曾庆华 肖红霞 田大勇 董秀英 袁学文 潘卫东 于慧敏 蒋德福 蔡思远"
MEMBERS: Mapping[str, tuple[str, ...]] = {BUREAU: tuple(_BUREAU.split()), SCHOOL: tuple(_SCHOOL.split()), POWER: tuple(_POWER.split())}
ALL = tuple(name for names in MEMBERS.values() for name in names)
UNIT_OF = {name: unit for unit, names in MEMBERS.items() for name in names}

# How they report in. Who is not named here scans the community's poster.
REFUSES_PHONE = "王秀梅"  # keeps his number to himself: a binding request, and the secretary knows him
ELSEWHERE = "李志强"  # the roster says 邻近社区: he waits, and is accepted
MOVES_AWAY = "杨国平"  # moves house on Friday: a transfer to 邻近社区
BY_WEB = ("周敏", "林雪梅", "罗建军", "曾庆华")
BY_PROXY = ("刘建国", "何永生", "肖红霞")  # the grid worker enters them at the door
ON_PAPER = ("董秀英", "蒋德福")  # no mini-program, ever (R6)
NO_PHONE = (*BY_PROXY, *ON_PAPER)

# The first draft of the roster of members: (row, column of sheets.MEMBER_HEAD without 序号, what stands there).
BROKEN_CELLS = ((4, 1, "1380013"), (16, 0, "何永生2"), (29, 5, "党外"))
