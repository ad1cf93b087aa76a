"""What check-ins, refused scans and attendance look like on the wire (docs/protocol.md §3)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from miniprogram_api.schemas import Id, In, Instant, Out, Token, Uuid, When

MILLIS = 4_102_444_800_000  # 2100-01-01: no phone's clock says more
PEOPLE = Field(min_length=1, max_length=200, description="人员编号，最多 200 人")


class AnchorIn(In):
    """最近一次听到的服务器时间和当时的手机时间，毫秒."""

    srv: int = Field(ge=0, le=MILLIS, description="服务器时间（毫秒）", examples=[1772672400000])
    dev: int = Field(ge=0, le=MILLIS, description="当时的手机时间（毫秒）", examples=[1772672399500])


class CheckinIn(In):
    """一次扫码。请求编号 Idempotency-Key 就是这次扫码的 mid（uuid4，扫码时生成，重发不变）."""

    tok: Token = Field(description="扫到的内容原样：32 位码、链接或小程序 scene", examples=["51GGF8DJRFAEA0W5M2WEPVBKAQG5NFH6"])
    dir: Literal["in", "out"] = Field(description="in 签到，out 签退")
    cap: int = Field(ge=0, le=MILLIS, description="扫码时的手机时间（毫秒）", examples=[1772672400000])
    anc: AnchorIn | None = Field(None, description="校时依据；没有就填 null")
    place: Literal["in", "out"] | None = Field(None, description="手机自己判断的在不在现场；不上传位置；可不填")


class CheckinKey(In):
    """The Idempotency-Key of a scan is its mid."""

    mid: Uuid


class MessageIn(CheckinIn):
    """离线时保存的一次扫码，格式固定，不认识的字段会被拒绝."""

    problem: ClassVar[str] = "BAD_MESSAGE"
    v: Literal[1] = Field(description="格式版本，固定为 1")
    mid: Uuid = Field(description="扫码时生成的 uuid4，永远不变", examples=["6f1c1d0e-4b7a-4a5e-9a55-0d8f3a1b2c3d"])
    sub: Id = Field(description="扫码人的人员编号，必须是登录者本人")


class BatchIn(In):
    """离线扫码一起上传."""

    problem: ClassVar[str] = "BAD_MESSAGE"
    messages: list[MessageIn] = Field(min_length=1, max_length=200, description="最多 200 条，顺序不限，可以重复上传")


class CheckinOut(Out):
    """这次扫码的结果；同一编号重发，答复完全相同."""

    record: str = Field(description="服务记录编号")
    task: str = Field(description="任务编号")
    title: str
    place: str
    direction: Literal["in", "out"]
    at: Instant = Field(description="计入的时间")
    state: str = Field(description="present 已签到，ended 已签退，其余见服务记录", examples=["present"])
    state_text: str = Field(description="仅签到 或证据等级", examples=["仅签到"])
    grade: str = Field(description="A 互证 B 已证 C 现场码 D 自报；A、B 才计入", examples=["C"])
    minutes: int = Field(description="到目前为止的分钟数")
    late: bool = Field(description="离线补传，动态码已过时")
    flags: list[str] = Field(description="提示，中文")
    message: str = Field(description="发生了什么，一句话", examples=["签到成功：清理楼道杂物，09:00"])
    next_step: str = Field(description="下一步做什么，一句话", examples=["结束时请再扫一次签退，组织者确认后才计入服务时长"])


class ResultOut(Out):
    """一条离线扫码的结果."""

    mid: str
    status: Literal["accepted", "refused"]
    code: str | None = Field(None, description="被拒绝的原因代码")
    message: str = Field(description="一句话")
    checkin: CheckinOut | None = None


class BatchOut(Out):
    """每条一个结果，顺序与上传相同."""

    results: list[ResultOut]


class RefusedOut(Out):
    """一次没有成功的扫码."""

    id: str
    code: str = Field(examples=["QR_WINDOW_PAST"])
    message: str = Field(description="原因和下一步，中文")
    title: str | None = Field(description="哪项任务；认不出来时为空")
    received_at: Instant


class StaffRefusedOut(RefusedOut):
    """工作人员看到的还有确切原因和人."""

    person: str
    name: str
    reason: str = Field(description="确切原因", examples=["mac"])


class ScanPersonIn(In):
    """组织者扫党员的个人码."""

    tok: Token = Field(description="扫到的个人码")
    dir: Literal["in", "out"] = Field("in", description="in 到场，out 离开")


class AttendanceIn(In):
    """组织者登记到场；没有手机或微信的人同样有效."""

    people: list[Id] = PEOPLE
    method: Literal["tick", "paper"] = Field("tick", description="tick 当场点名，paper 按纸质签到表补录")
    started_at: When = Field(description="到场时间，带时区")
    ended_at: When | None = Field(None, description="离开时间；不知道就不填")


class EndIn(In):
    """组织者登记离开时间（没有扫码签退的人）."""

    people: list[Id] = PEOPLE
    ended_at: When = Field(description="离开时间，带时区")


class PresentOut(Out):
    """登记好的一个人."""

    record: str
    person: str
    state: str
    state_text: str
    grade: str
    started_at: Instant
    ended_at: Instant | None
    minutes: int


class FailedOut(Out):
    """没有登记上的一个人."""

    id: str
    code: str
    message: str


class AttendanceOut(Out):
    """登记上的和没有登记上的."""

    done: list[PresentOut]
    failed: list[FailedOut]
