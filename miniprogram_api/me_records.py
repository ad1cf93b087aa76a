"""我的服务记录."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Instant, Out, Page, PageQuery
from qr.rules import Grade
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain import checkins as words
from server.domain.permissions import Permission as P
from server.domain.records import METHOD_NAMES, RECORD_STATE_NAMES
from server.services import own_records, records

me_records_resource = Resource("me_records", "我的服务记录")


class MyRecordOut(Out):
    """一条服务记录；已确认（final）的才计入时长和统计."""

    id: str
    version: int
    task: str = Field(description="任务编号")
    title: str
    place: str
    day: str = Field(description="当地日期", examples=["2026-03-05"])
    state: str = Field(description="present、ended、reported、sent_back、final、disputed、void", examples=["final"])
    state_text: str = Field(description="中文状态", examples=["已确认"])
    method: str = Field(description="scan、organiser_scan、tick、paper，效力相同")
    method_text: str
    grade: str = Field(description="A 互证 B 已证 C 现场码 D 自报")
    grade_text: str
    started_at: Instant
    ended_at: Instant | None
    minutes: int
    flags: list[str] = Field(description="提示，中文")
    reason: str | None = Field(description="退回、异议或作废的原因")


class MyRecordDetailOut(MyRecordOut):
    """一条服务记录，连同凭据的说明."""

    report: str = Field(description="我写的服务情况")
    evidence: list[str] = Field(description="凭什么认定，逐句中文")
    waiting_scans: int = Field(description="确认之后才到的扫码，等工作人员核对")


@me_records_resource.get("/me/records", permission=P.ME, query=PageQuery, answer=Page[MyRecordOut], etag=True)
def my_records(call: Call[None]) -> Page[MyRecordOut]:
    """我的服务记录，新的在前."""
    rows, following = own_records.page(call.session, person_id=call.actor.id, after=call.query.after, limit=call.query.limit)
    me = call.session.get_one(Person, call.actor.id)
    return Page[MyRecordOut](items=[MyRecordOut(**_values(me, record, task)) for record, task in rows], next=following)


@me_records_resource.get("/me/records/<id>", permission=P.ME, answer=MyRecordDetailOut)
def my_record(call: Call[None], id: str) -> MyRecordDetailOut:  # noqa: A002 - the URL's word
    """一条服务记录，含凭据的逐句说明."""
    seen = own_records.one(call.session, person_id=call.actor.id, public_id=id)
    me = call.session.get_one(Person, call.actor.id)
    values = _values(me, seen.record, seen.task)
    return MyRecordDetailOut(**values, report=seen.report, evidence=seen.evidence, waiting_scans=seen.supplements)


def _values(me: Person, record: ServiceRecord, task: Task) -> dict[str, Any]:
    return {
        "id": record.public_id,
        "version": record.version,
        "task": task.public_id,
        "title": task.title,
        "place": task.place,
        "day": record.day.isoformat(),
        "state": record.state.value,
        "state_text": RECORD_STATE_NAMES[record.state],
        "method": record.method.value,
        "method_text": METHOD_NAMES[record.method],
        "grade": record.grade,
        "grade_text": words.GRADE_NAMES[Grade(record.grade)],
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "minutes": record.minutes,
        "flags": [words.FLAG_NAMES[flag] for flag in record.flags.split()],
        "reason": records.reason_of(me, record),
    }
