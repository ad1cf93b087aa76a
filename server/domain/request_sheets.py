"""The sheet of a door-to-door round: which columns it has and how a cell is read (mission row C1). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from server.domain import roster_cells as cells
from server.domain.categories import REQUEST_CATEGORIES
from server.domain.requests import Urgency
from server.domain.roster_cells import CellRefusal
from server.domain.rosters import Column

MOST_ROWS = 500
NAME = "走访诉求"
BY_NAME: Mapping[str, str] = {name: key for key, name in REQUEST_CATEGORIES.items()}
URGENCIES: Mapping[str, Urgency] = {
    "": Urgency.NORMAL,
    "一般": Urgency.NORMAL,
    "不急": Urgency.NORMAL,
    "紧急": Urgency.URGENT,
    "急": Urgency.URGENT,
    "特急": Urgency.CRITICAL,
}


def category(text: str) -> str | None:
    """A category's key by its Chinese name or itself; None where the cell is empty."""
    if not text:
        return None
    found = BY_NAME.get(text) or (text if text in REQUEST_CATEGORIES else None)
    if found is None:
        raise CellRefusal(f"类别请填：{'、'.join(BY_NAME)}")
    return found


def urgency(text: str) -> Urgency:
    """How pressing; empty is normal."""
    if text not in URGENCIES:
        raise CellRefusal("紧急程度请填：不急、紧急、特急")
    return URGENCIES[text]


def content(text: str) -> str | None:
    """What was said, at most 2,000 characters."""
    if len(text) > 2000:
        raise CellRefusal("诉求内容请在 2000 字以内")
    return text or None


COLUMNS: tuple[Column, ...] = (
    Column("name", "姓名", ("居民姓名", "住户姓名", "户主", "称呼"), cells.name, "必填；是谁提出的", required=True),
    Column("phone", "手机号", ("手机", "手机号码", "联系电话", "联系方式", "电话"), cells.mobile, "11 位；没有可以空着"),
    Column("category", "类别", ("诉求类别", "类型", "诉求类型"), category, f"{'、'.join(BY_NAME)}；空着由系统建议"),
    Column("content", "诉求内容", ("诉求", "内容", "问题", "反映问题", "需求"), content, "必填；一行一件事", required=True),
    Column("place", "地点", ("位置", "楼栋", "地址"), cells.line, "到楼栋即可，不要填门牌号"),
    Column("urgency", "紧急程度", ("紧急", "缓急"), urgency, "不急、紧急、特急；空着算不急"),
)
