"""Service records after presence: reporting back, confirming, disputing."""

from __future__ import annotations

from typing import Any

from miniprogram_api.claim_schemas import OutcomeOut, outcome_out
from miniprogram_api.edge import Call, Resource
from miniprogram_api.record_schemas import (
    ConfirmIn,
    ConfirmManyIn,
    CorrectionIn,
    CountsOut,
    QueueQuery,
    RecordOut,
    ReportIn,
    WhyIn,
    record_out,
)
from miniprogram_api.schemas import Page
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.domain.permissions import Permission as P
from server.domain.records import RecordState
from server.services import confirmations, media, tasks
from server.services import records as service

records = Resource("records", "服务记录")
CONFIRM_PROBLEMS = ("CONFIRM_DEPENDENT", "CONFIRM_SELF", "END_REQUIRED", "END_WRONG", "ILLEGAL_MOVE", "RECORDER_CONFIRMS", "RECORD_HOLD")


@records.get("/records/waiting", permission=P.TASKS_ORGANISE, query=QueueQuery, answer=Page[RecordOut], etag=True)
def list_waiting_records(call: Call[None]) -> Page[RecordOut]:
    """等本人确认或处理的服务记录（本人组织的任务，或本社区），先到的在前."""
    asked: QueueQuery = call.query
    rows, following = service.queue(
        call.session,
        actor=call.actor,
        after=asked.after,
        limit=asked.limit,
        task=tasks.by_public_id(call.session, asked.task) if asked.task else None,
        states=(RecordState(asked.state),) if asked.state else service.QUEUED,
    )
    pictures = media.of_records(call.session, [record.id for record, _, _ in rows])
    return Page[RecordOut](items=[record_out(record, person, task, pictures[record.id]) for record, person, task in rows], next=following)


@records.get("/records/waiting/counts", permission=P.TASKS_ORGANISE, answer=CountsOut, etag=True)
def count_waiting_records(call: Call[None]) -> CountsOut:
    """各状态有多少条在等."""
    return CountsOut(**{state.value: number for state, number in service.counts(call.session, actor=call.actor).items()})


@records.get("/records/<record_id>", permission=P.ME, answer=RecordOut)
def show_record(call: Call[None], record_id: str) -> RecordOut:
    """一条服务记录：本人、组织者和本社区工作人员可看."""
    return _shown(call, service.by_public_id(call.session, record_id))


@records.post(
    "/records/<record_id>/report", permission=P.RECORDS_REPORT, body=ReportIn, answer=RecordOut, problems=("ILLEGAL_MOVE", "MEDIA_UNFIT")
)
def report_record(call: Call[ReportIn], record_id: str) -> RecordOut:
    """服务后回报：文字即可，图片可不传."""
    record = service.by_public_id(call.session, record_id)
    service.report(call.session, record, text=call.body.text, media_ids=call.body.media, actor=call.actor, now=call.now)
    return _shown(call, record)


@records.post("/records/<record_id>/confirm", permission=P.TASKS_ORGANISE, body=ConfirmIn, answer=RecordOut, problems=CONFIRM_PROBLEMS)
def confirm_record(call: Call[ConfirmIn], record_id: str) -> RecordOut:
    """组织者确认一条记录，从此计入服务时长；不能确认自己的、也不能确认自己登记的."""
    body = call.body
    record = confirmations.confirm(
        call.session,
        service.by_public_id(call.session, record_id),
        actor=call.actor,
        now=call.now,
        ended_at=body.ended_at,
        despite_hold=body.despite_hold,
        note=body.note,
        seen=body.version,
    )
    return _shown(call, record)


@records.post("/records/confirm", permission=P.TASKS_ORGANISE, body=ConfirmManyIn, answer=OutcomeOut)
def confirm_records(call: Call[ConfirmManyIn]) -> OutcomeOut:
    """批量确认，最多 200 条：办成的有效，没办成的逐条说明."""
    body = call.body
    outcome = confirmations.confirm_many(
        call.session, body.ids, actor=call.actor, now=call.now, ended_at=body.ended_at, despite_hold=body.despite_hold, note=body.note
    )
    return outcome_out(outcome)


@records.post(
    "/records/<record_id>/send-back", permission=P.TASKS_ORGANISE, body=WhyIn, answer=RecordOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def send_back_record(call: Call[WhyIn], record_id: str) -> RecordOut:
    """请本人补充回报，并写明缺什么."""
    return _shown(call, service.send_back(call.session, service.by_public_id(call.session, record_id), **_word(call)))


@records.post(
    "/records/<record_id>/dispute",
    permission=P.RECORDS_REPORT,
    body=WhyIn,
    answer=RecordOut,
    problems=("DISPUTE_LATE", "ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def dispute_record(call: Call[WhyIn], record_id: str) -> RecordOut:
    """本人对已确认的记录有异议，确认后三十天内可提；裁定前记录照常有效."""
    return _shown(call, service.dispute(call.session, service.by_public_id(call.session, record_id), **_word(call)))


@records.post(
    "/records/<record_id>/uphold", permission=P.RECORDS_VOID, body=WhyIn, answer=RecordOut, problems=("ILLEGAL_MOVE", "NOTE_REQUIRED")
)
def uphold_record(call: Call[WhyIn], record_id: str) -> RecordOut:
    """社区书记核对后维持记录，并写明理由."""
    return _shown(call, service.uphold(call.session, service.by_public_id(call.session, record_id), **_word(call)))


@records.post(
    "/records/<record_id>/void",
    permission=P.RECORDS_VOID,
    body=WhyIn,
    answer=RecordOut,
    problems=("CONFIRM_SELF", "ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def void_record(call: Call[WhyIn], record_id: str) -> RecordOut:
    """社区书记作废一条记录：它从所有统计中退出."""
    return _shown(call, service.void(call.session, service.by_public_id(call.session, record_id), **_word(call)))


@records.post(
    "/records/<record_id>/correct",
    permission=P.RECORDS_VOID,
    body=CorrectionIn,
    answer=RecordOut,
    status=201,
    problems=("CONFIRM_SELF", "END_WRONG", "ILLEGAL_MOVE", "NOTE_REQUIRED"),
)
def correct_record(call: Call[CorrectionIn], record_id: str) -> RecordOut:
    """改时间：原记录作废，另立一条新记录，须由另一位工作人员确认."""
    made = service.correct(
        call.session, service.by_public_id(call.session, record_id), actor=call.actor, now=call.now, **call.body.model_dump()
    )
    return _shown(call, made)


def _word(call: Call[WhyIn]) -> dict[str, Any]:
    return {"reason": call.body.reason, "actor": call.actor, "now": call.now}


def _shown(call: Call[Any], record: ServiceRecord) -> RecordOut:
    task = service.readable(call.session, record, call.actor)
    person = call.session.get_one(Person, record.person_id)
    return record_out(record, person, task, media.of_records(call.session, [record.id])[record.id])
