"""What posters say (mission row B2): title, place, what scanning does, in Chinese. Pure; drawing is in qr.posters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from qr.tokens import Kind
from server.domain.days import SHANGHAI


class PosterForm(StrEnum):
    """手机图片 · A4 图片 · A4 PDF · A3 PDF."""

    PNG_PHONE = "png_phone"
    PNG_A4 = "png_a4"
    PDF_A4 = "pdf_a4"
    PDF_A3 = "pdf_a3"

    @property
    def media(self) -> str:
        """Its media type."""
        return "image/png" if self.value.startswith("png") else "application/pdf"

    @property
    def suffix(self) -> str:
        """Its file suffix."""
        return self.value.partition("_")[0]


class PosterStyle(StrEnum):
    """An ordinary link as QR code, or WeChat's own mini-program code."""

    LINK = "link"
    WXA = "wxa"


class PrintState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


PURPOSES: Mapping[int, str] = {
    Kind.COMMUNITY: "扫码向社区报到",
    Kind.TASK: "到场扫码签到，离开再扫一次签退",
    Kind.ACTIVITY: "到场扫码签到，离开再扫一次签退",
    Kind.PERSON: "组织者扫这个码登记到场",
}
STEPS: Mapping[int, tuple[str, ...]] = {
    Kind.COMMUNITY: ("打开微信扫一扫", "核对姓名和社区", "提交报到"),
    Kind.TASK: ("打开微信扫一扫", "到场扫一次", "离开再扫一次"),
    Kind.ACTIVITY: ("打开微信扫一扫", "到场扫一次", "离开再扫一次"),
    Kind.PERSON: ("出示这张卡", "组织者扫码", "离开时再扫一次"),
}
KIND_NAMES: Mapping[int, str] = {
    Kind.COMMUNITY: "社区报到码",
    Kind.TASK: "任务签到码",
    Kind.ACTIVITY: "活动签到码",
    Kind.PERSON: "个人码",
    Kind.CERTIFICATE: "证明核验码",
    Kind.CONSOLE_LOGIN: "电脑登录码",
}


def content(*, code_id: int, kind: int, title: str, place: str, issuer: str, serial: str) -> dict[str, Any]:
    """The texts of one poster, as stored and hashed."""
    said = {"purpose": PURPOSES[kind], "steps": list(STEPS[kind])}
    return {"code_id": code_id, "title": title, "place": place, "issuer": issuer, "serial": serial, **said}


def when_and_where(place: str, starts_at: datetime, ends_at: datetime) -> str:
    """Place and hours of a task in one line."""
    start, end = starts_at.astimezone(SHANGHAI), ends_at.astimezone(SHANGHAI)
    nights = (end.date() - start.date()).days
    overnight = nights == 1 and end - start < timedelta(days=1)
    until = f"次日{end:%H:%M}" if overnight else f"{end.month}月{end.day}日" if nights else f"{end:%H:%M}"
    return f"{place}　{start.month}月{start.day}日 {start:%H:%M}—{until}"
