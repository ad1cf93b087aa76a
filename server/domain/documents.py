"""Receipts and certificates with a code that anyone can verify (mission row A6)."""

from datetime import date
from enum import StrEnum


class DocumentKind(StrEnum):
    """报到回执 (member, unit) · 志愿服务证明."""

    MEMBER_RECEIPT = "member_receipt"
    UNIT_RECEIPT = "unit_receipt"
    SERVICE_CERTIFICATE = "service_certificate"


DOCUMENT_NAMES = {
    DocumentKind.MEMBER_RECEIPT: "党员报到回执",
    DocumentKind.UNIT_RECEIPT: "单位报到回执",
    DocumentKind.SERVICE_CERTIFICATE: "志愿服务证明",
}


def hours_text(minutes: int) -> str:
    """Minutes as people read them: 4小时30分钟."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours}小时" if hours else "", f"{rest}分钟" if rest or not hours else ""]
    return "".join(parts)


def date_text(day: date) -> str:
    """2026年3月5日."""
    return f"{day.year}年{day.month}月{day.day}日"


def member_receipt_lines(*, name: str, unit: str, community: str, day: date, number: str) -> tuple[str, ...]:
    """What a member's receipt says, a field a line."""
    lines = (f"姓名：{name}", f"工作单位：{unit}" if unit else "", f"报到社区：{community}", f"报到日期：{date_text(day)}")
    return (*(line for line in lines if line), f"回执编号：{number}", "该同志已向本社区报到，特此回执。")


def unit_receipt_lines(*, unit: str, community: str, opinion: str, sent_to: str, number: str) -> tuple[str, ...]:
    """What a unit's receipt says, a field a line."""
    return (f"单位：{unit}", f"报到社区：{community}", f"接收意见：{opinion}", f"主送：{sent_to}", f"回执编号：{number}", "特此回执。")


def certificate_lines(*, name: str, first: date, last: date, visits: int, minutes: int) -> tuple[str, ...]:
    """What a service certificate says: two paragraphs."""
    period = f"自{date_text(first)}至{date_text(last)}"
    return (f"兹证明{name}同志{period}，参加社区志愿服务{visits}次，服务时长共计{hours_text(minutes)}。", "特此证明。")
