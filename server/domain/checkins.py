"""What a check-in is told and when it is in time (docs/protocol.md §2, §3; mission rows B3–B5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from qr.rules import Grade, Place
from qr.tokens import Kind
from server.domain.days import SHANGHAI
from server.domain.tasks import ClaimState

PRESENTABLE = (ClaimState.APPROVED, ClaimState.DONE, ClaimState.NO_SHOW)  # whoever scans was there, whatever was noted before
ONE_SITTING = timedelta(days=1)  # a longer window is a standing post: open all day, every day of it
ONLY_SCANNED = "仅签到"

GRADE_NAMES: Mapping[Grade, str] = {Grade.A: "互证", Grade.B: "已证", Grade.C: "现场码", Grade.D: "自报"}
FLAG_NAMES: Mapping[str, str] = {
    "CLOCK": "手机时间与现场码不一致",
    "MOVED": "没有签退就到了另一处，按另一处签到的时间结束",
    "HOLD": "与另一条记录时间重叠，等工作人员核对",
    "REVIEW": "需要工作人员看一眼",
}
ADVICE_IN_BROWSER: Mapping[Kind, str] = {
    Kind.COMMUNITY: "请打开微信，用“扫一扫”扫这个码，就能向社区报到",
    Kind.TASK: "请打开微信，用“扫一扫”扫这个码签到；不方便扫码，请找现场工作人员登记，效果一样",
    Kind.PERSON: "这是一位同志的个人码，请组织者在小程序里扫",
    Kind.CERTIFICATE: "这是证明上的核验码，请用微信“扫一扫”打开",
    Kind.CONSOLE_LOGIN: "请打开微信，用“扫一扫”扫自己电脑上的码；别人发来的登录码不要扫",
}
TOKEN_WORDS = ("没有扫码", "扫了码", "现场扫了动态码")
DURATION_WORDS = ("只有到场时间", "结束时间由组织者补记或推定", "到场和离开都扫了码")
WITNESS_WORDS: Mapping[str, str] = {"organiser": "组织者", "beneficiary": "服务对象", "peer": "同伴"}
PLACES: Mapping[str, bool] = {"in": True, "out": False}


def window_refusal(
    starts_at: datetime, ends_at: datetime, *, first: datetime, last: datetime, before: timedelta, after: timedelta
) -> str | None:
    """CHECKIN_EARLY or CHECKIN_CLOSED, unless some moment from `first` to `last` lies in the window with its margins."""
    if last < starts_at - before:
        return "CHECKIN_EARLY"
    return "CHECKIN_CLOSED" if first > ends_at + after else None


def place_of(inside: bool | None) -> Place:
    """The coarse place as the fold knows it."""
    if inside is None:
        return Place.UNKNOWN
    return Place.IN if inside else Place.OUT


def stored_place(place: Place) -> bool | None:
    """The coarse place as the table keeps it."""
    return None if place is Place.UNKNOWN else place is Place.IN


def headline(direction: str, title: str, at: datetime, *, minutes: int, paired: bool) -> str:
    """What happened, in one sentence."""
    clock = f"{at.astimezone(SHANGHAI):%H:%M}"
    if direction == "in":
        return f"签到成功：{title}，{clock}"
    if paired:
        return f"签退成功：{title}，{clock}，共 {minutes} 分钟"
    return f"已记下签退：{title}，{clock}，但没有找到签到"


def next_step(direction: str, *, counts: bool, paired: bool) -> str:
    """What to do now, in one sentence."""
    if direction == "in":
        return "结束时请再扫一次签退" if counts else "结束时请再扫一次签退，组织者确认后才计入服务时长"
    if not paired:
        return "请组织者补记到场时间"
    return "请写几句服务情况，组织者确认后计入服务时长"


def state_text(grade: Grade) -> str:
    """仅签到 until somebody else stands for it (R8)."""
    return GRADE_NAMES[grade] if grade.counts else ONLY_SCANNED


def explain(*, t: int, d: int, inside: bool | None, witnesses: Mapping[str, int], flags: str, final: bool) -> list[str]:
    """Why the record is proven as it is, in sentences the person reads; `witnesses` is how many of each kind stand for it."""
    stands = [f"{WITNESS_WORDS[kind]} {count} 人可以作证" for kind, count in sorted(witnesses.items())]
    place = {None: [], True: ["手机说在现场（只供参考）"], False: ["手机说不在现场，需要工作人员看一眼"]}[inside]
    counts = "已确认，计入服务时长" if final else "组织者确认后才计入服务时长；没有扫码不影响确认"
    return [
        TOKEN_WORDS[t],
        DURATION_WORDS[d],
        *place,
        *(stands or ["还没有别人作证"]),
        *(FLAG_NAMES[flag] for flag in flags.split()),
        counts,
    ]
