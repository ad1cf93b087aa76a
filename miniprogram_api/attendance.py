"""组织者登记到场：扫个人码、点名、纸质补录、登记离开."""

from __future__ import annotations

from miniprogram_api import checkin_schemas as s
from miniprogram_api.checkins import CODES, keep_refusal
from miniprogram_api.edge import Call, Resource
from qr.rules import Grade
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.domain import checkins as words
from server.domain.permissions import Permission as P
from server.domain.records import Method
from server.services import attendance, tasks
from server.services.batches import Outcome

attendance_resource = Resource("attendance", "到场登记")
HOURS = ("CHECKIN_CANCELLED", "CHECKIN_CLOSED", "CHECKIN_EARLY")


@attendance_resource.post(
    "/tasks/<id>/attendance/scan",
    permission=P.TASKS_ORGANISE,
    body=s.ScanPersonIn,
    answer=s.PresentOut,
    status=201,
    problems=(*CODES, *HOURS, "CHECKIN_NO_ENTRY", "CHECKIN_SELF"),
    refused=keep_refusal,
)
def scan_person(call: Call[s.ScanPersonIn], id: str) -> s.PresentOut:  # noqa: A002 - the URL's word
    """扫党员手机上的个人码或个人卡，登记到场或离开（本任务组织者或有登记权限的人）."""
    task = tasks.by_public_id(call.session, id)
    row = attendance.scan_person(call.session, task, text=call.body.tok, direction=call.body.dir, actor=call.actor, now=call.now)
    return _present(row, call.session.get_one(Person, row.person_id))


@attendance_resource.post(
    "/tasks/<id>/attendance", permission=P.TASKS_ORGANISE, body=s.AttendanceIn, answer=s.AttendanceOut, status=201, problems=HOURS
)
def record_attendance(call: Call[s.AttendanceIn], id: str) -> s.AttendanceOut:  # noqa: A002
    """点名或按纸质签到表登记到场；登记的人不能再确认."""
    task, body = tasks.by_public_id(call.session, id), call.body
    outcome = attendance.record(
        call.session,
        task,
        people=body.people,
        method=Method(body.method),
        started_at=body.started_at,
        ended_at=body.ended_at,
        actor=call.actor,
        now=call.now,
    )
    return _outcome(call, outcome)


@attendance_resource.post("/tasks/<id>/attendance/end", permission=P.TASKS_ORGANISE, body=s.EndIn, answer=s.AttendanceOut)
def end_attendance(call: Call[s.EndIn], id: str) -> s.AttendanceOut:  # noqa: A002
    """登记没有扫码签退的人的离开时间."""
    task = tasks.by_public_id(call.session, id)
    outcome = attendance.end(call.session, task, people=call.body.people, ended_at=call.body.ended_at, actor=call.actor, now=call.now)
    return _outcome(call, outcome)


def _outcome(call: Call[s.AttendanceIn] | Call[s.EndIn], outcome: Outcome[ServiceRecord]) -> s.AttendanceOut:
    done = [_present(row, call.session.get_one(Person, row.person_id)) for row in outcome.done]
    return s.AttendanceOut(done=done, failed=[s.FailedOut.model_validate(one) for one in outcome.failed])


def _present(row: ServiceRecord, person: Person) -> s.PresentOut:
    return s.PresentOut(
        record=row.public_id,
        person=person.public_id,
        state=row.state.value,
        state_text=words.state_text(Grade(row.grade)),
        grade=row.grade,
        started_at=row.started_at,
        ended_at=row.ended_at,
        minutes=row.minutes,
    )
