"""扫码签到与签退、离线补传、没有成功的扫码."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from miniprogram_api import checkin_schemas as s
from miniprogram_api import errors, incoming
from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Page, PageQuery
from qr.rules import Grade
from server import limits
from server.db.base import reading, transaction
from server.db.models.checkins import RefusedScan
from server.db.models.people import Person
from server.domain import checkins as words
from server.domain.permissions import Actor
from server.domain.permissions import Permission as P
from server.domain.problems import PROBLEMS, Problem
from server.services import checkins, people, refusals, tasks
from server.services.checkins import Taken
from server.services.refusals import ScanRefused
from server.services.scans import Message

checkins_resource = Resource("checkins", "扫码签到")
CODES = ("QR_FORGED", "QR_FORMAT", "QR_KEY_RETIRED", "QR_REVOKED", "QR_THROTTLED", "QR_UNKNOWN", "QR_VERSION", "QR_WINDOW_AHEAD",
         "QR_WINDOW_PAST", "QR_WRONG_KIND")  # fmt: skip
RULES = ("CHECKIN_CANCELLED", "CHECKIN_CLOSED", "CHECKIN_EARLY", "CHECKIN_NOT_CLAIMED", "FUTURE", "MID_REUSED", "TOO_OLD")
TRIES = 3


def keep_refusal(problem: Problem, now: datetime) -> None:
    """A refused scan goes to the ledger in a transaction of its own; forged codes are counted. Raises QR_THROTTLED."""
    if not isinstance(problem, ScanRefused) or problem.entry is None:
        return
    if problem.counts_as_guess:
        limits.note_bad_code(problem.entry.person_id)
    with transaction() as session:
        refusals.note(session, problem.entry)


def _noted(session: Session, refused: ScanRefused) -> Response:
    """The refusal, in the ledger by this very transaction: nothing was written before it.

    After a rollback the driver would forget its prepared statements, and the scans that follow would pay for it (docs/benchmarks.md).
    """
    if refused.entry is not None:
        if refused.counts_as_guess:
            limits.note_bad_code(refused.entry.person_id)
        refusals.note(session, refused.entry)
    return errors.respond(refused)


@checkins_resource.post(
    "/checkins",
    permission=P.CHECKINS_CREATE,
    body=s.CheckinIn,
    answer=s.CheckinOut,
    status=201,
    problems=(*CODES, *RULES),
    own_answers=True,
)
def check_in(call: Call[s.CheckinIn]) -> Response:
    """扫码签到或签退.

    Idempotency-Key 用扫码时生成的 uuid4。重发得到相同答复，并带 Idempotent-Replay: true。仅签到不计时长，组织者确认后才计入。
    """
    try:
        taken = checkins.take(call.session, _message(call.body, _mid(call.key)), actor=call.actor, now=call.now)
    except ScanRefused as refused:
        return _noted(call.session, refused)
    answer = Response(told(taken).model_dump_json(), status=201, mimetype="application/json")
    if taken.replay:
        answer.headers["Idempotent-Replay"] = "true"
    return answer


@checkins_resource.post("/checkins/batch", permission=P.CHECKINS_CREATE, body=s.BatchIn, answer=s.BatchOut, transaction="own", keyed=False)
def upload_scans(call: Call[s.BatchIn]) -> s.BatchOut:
    """补传离线时的扫码.

    每条一个结果，各自保存；可以分批、乱序、重复上传，结果相同。过了时间的动态码只算到过现场，等组织者确认。
    """
    with reading() as session:
        own = session.execute(select(Person.public_id).where(Person.id == call.actor.id)).scalar_one()
    return s.BatchOut(results=[_result(one, own, call.actor, call.now) for one in call.body.messages])


@checkins_resource.get("/me/refused-scans", permission=P.ME, query=PageQuery, answer=Page[s.RefusedOut])
def my_refused_scans(call: Call[None]) -> Page[s.RefusedOut]:
    """我没有成功的扫码，每条都有原因，新的在前."""
    rows, following = refusals.of_person(call.session, person_id=call.actor.id, after=call.query.after, limit=call.query.limit)
    return Page[s.RefusedOut](items=[s.RefusedOut(**_refused(row, title)) for row, title in rows], next=following)


@checkins_resource.get("/tasks/<id>/refused-scans", permission=P.TASKS_ORGANISE, query=PageQuery, answer=Page[s.StaffRefusedOut])
def refused_scans(call: Call[None], id: str) -> Page[s.StaffRefusedOut]:  # noqa: A002 - the URL's word
    """这项任务上没有成功的扫码，供组织者补记（本任务组织者或有登记权限的人）."""
    task = tasks.by_public_id(call.session, id)
    rows, following = refusals.of_task(call.session, task, actor=call.actor, after=call.query.after, limit=call.query.limit)
    items = [
        s.StaffRefusedOut(**_refused(row, task.title), person=person.public_id, name=people.name_of(person), reason=row.reason)
        for row, person in rows
    ]
    return Page[s.StaffRefusedOut](items=items, next=following)


def told(taken: Taken) -> s.CheckinOut:
    """The answer in words; made of what was stored, so that a repetition is the same to the letter."""
    answer, grade = taken.answer, Grade(taken.answer["grade"])
    paired, minutes = bool(answer["paired"]), int(answer["minutes"])
    return s.CheckinOut(
        record=answer["record"],
        task=taken.task,
        title=taken.title,
        place=taken.place,
        direction="in" if taken.direction == "in" else "out",
        at=taken.at,
        state=answer["state"],
        state_text=words.state_text(grade),
        grade=grade.value,
        minutes=minutes,
        late=taken.late,
        flags=[words.FLAG_NAMES[flag] for flag in taken.flags.split()],
        message=words.headline(taken.direction, taken.title, taken.at, minutes=minutes, paired=paired),
        next_step=words.next_step(taken.direction, counts=grade.counts, paired=paired),
    )


def _result(message: s.MessageIn, own: str, actor: Actor, now: datetime) -> s.ResultOut:
    """One offline message in a transaction of its own: what was stored stands, whatever happens to the next one."""
    captured = _message(message, message.mid)
    try:
        if message.sub != own:
            raise refusals.of_message(Problem("NOT_YOUR_MESSAGE"), captured, actor=actor, now=now)
        taken = _taken(captured, actor, now)
    except ScanRefused as refused:
        return _kept(message.mid, refused, now)
    except Problem as problem:
        return s.ResultOut(mid=message.mid, status="refused", code=problem.code, message=problem.message)
    answer = told(taken)
    return s.ResultOut(mid=message.mid, status="accepted", code=None, message=answer.message, checkin=answer)


def _taken(message: Message, actor: Actor, now: datetime) -> Taken:
    """Somebody may be changing the same day: look again."""
    for last in [False] * (TRIES - 1) + [True]:
        try:
            with transaction() as session:
                return checkins.take(session, message, actor=actor, now=now, live=False)
        except Problem as problem:
            if problem.code != "STALE" or last:
                raise
    raise Problem("STALE")


def _kept(mid: str, refused: ScanRefused, now: datetime) -> s.ResultOut:
    try:
        keep_refusal(refused, now)
    except Problem as throttled:
        return s.ResultOut(mid=mid, status="refused", code=throttled.code, message=throttled.message)
    return s.ResultOut(mid=mid, status="refused", code=refused.code, message=refused.message)


def _message(body: s.CheckinIn, mid: str) -> Message:
    anchor = (body.anc.srv, body.anc.dev) if body.anc is not None else None
    inside = words.PLACES[body.place] if body.place is not None else None
    return Message(mid=mid, direction=body.dir, text=body.tok, cap=body.cap, anchor=anchor, inside=inside)


def _mid(key: str) -> str:
    return cast(s.CheckinKey, incoming.checked(s.CheckinKey, {"mid": key})).mid


def _refused(row: RefusedScan, title: str | None) -> dict[str, Any]:
    return {"id": row.public_id, "code": row.code, "message": PROBLEMS[row.code][1], "title": title, "received_at": row.received_at}
