"""What the routes of service records take and give."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from miniprogram_api.schemas import Id, In, Instant, Out, PageQuery, Reason, Text, When
from server.db.models.checkins import ServiceRecord
from server.db.models.media import Media
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.media import MediaState
from server.domain.records import METHOD_NAMES, RECORD_STATE_NAMES, Method, RecordState
from server.services import people, records


class ReportIn(In):
    """What was done."""

    text: Text = Field(description="做了什么，一两句话即可", examples=["清运了 1 幢三车杂物"])
    media: list[Id] = Field(default_factory=list, max_length=9, description="图片编号，可不填")


class ConfirmIn(In):
    """The organiser's word."""

    ended_at: When | None = Field(None, description="没有签退时必须填写的结束时间；有签退的以签退为准")
    despite_hold: bool = Field(False, description="需要核实的记录，已核实则填 true 并写明 note")
    note: Reason | None = Field(None, description="核实情况")
    version: int | None = Field(None, description="看到的 version；记录变过则得 STALE")


class ConfirmManyIn(In):
    """One word for many records."""

    ids: list[Id] = Field(min_length=1, max_length=200, description="记录编号")
    ended_at: When | None = Field(None, description="没有签退的那些记录的结束时间")
    despite_hold: bool = False
    note: Reason | None = None


class WhyIn(In):
    """Why."""

    reason: Reason = Field(description="原因，必须写明", examples=["请写明楼栋"])


class CorrectionIn(In):
    """The true times."""

    started_at: When
    ended_at: When
    reason: Reason = Field(description="原因，必须写明", examples=["早退十分钟"])


class QueueQuery(PageQuery):
    """Which records the organiser wants to see."""

    state: Literal["present", "ended", "reported", "sent_back", "disputed"] | None = Field(None, description="只看这种状态")
    task: Id | None = Field(None, description="只看这项任务")


class PictureOut(Out):
    """A picture of a record."""

    id: str
    state: MediaState
    seen_before: bool = Field(description="与以前的图片相似，只作提醒")


class RecordOut(Out):
    """A service record."""

    id: str
    state: RecordState
    state_name: str
    version: int
    task: str = Field(description="任务编号")
    task_title: str
    person: str = Field(description="人员编号")
    person_name: str
    day: date
    method: Method
    method_name: str
    started_at: Instant
    ended_at: Instant | None
    minutes: int
    grade: str = Field(description="A 互证，B 已证，C 现场码，D 自报；只作参考，不影响服务时长", examples=["B"])
    flags: list[str] = Field(description="HOLD、REVIEW 需要核实，MOVED 提前离开，CLOCK 手机时间不准")
    report: str = Field(description="回报内容，未回报为空")
    reason: str | None = Field(description="退回、异议或作废的原因")
    pictures: list[PictureOut]


class CountsOut(Out):
    """How many wait in each state."""

    present: int = Field(description="已签到")
    ended: int = Field(description="已签退")
    reported: int = Field(description="已回报，待确认")
    sent_back: int = Field(description="退回补充中")
    disputed: int = Field(description="有异议，待裁定")


def record_out(record: ServiceRecord, person: Person, task: Task, pictures: list[Media]) -> RecordOut:
    """A record as JSON, for those who may read it."""
    names = ("state", "version", "day", "method", "started_at", "ended_at", "minutes", "grade")
    shown = [PictureOut(id=one.public_id, state=one.state, seen_before=one.reuse_of_id is not None) for one in pictures]
    return RecordOut(
        **{name: getattr(record, name) for name in names},
        id=record.public_id,
        state_name=RECORD_STATE_NAMES[record.state],
        task=task.public_id,
        task_title=task.title,
        person=person.public_id,
        person_name=people.name_of(person),
        method_name=METHOD_NAMES[record.method],
        flags=record.flags.split(),
        report=records.report_text(person, record),
        reason=records.reason_of(person, record),
        pictures=shown,
    )
