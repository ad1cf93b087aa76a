"""活动 · 报名与到场: who claimed a task, who came; ticked, typed from paper, or handed over (R6)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import flash

from server.console import forms
from server.console.desk import Answer, Call, Desk
from server.console.forms import utc
from server.console.views import task_sheets
from server.console.views.task_sheets import PaperSheet, PresenceSheet, StandInSheet
from server.db.models.checkins import ServiceRecord
from server.db.models.people import Person
from server.db.models.tasks import Claim, Task
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.domain.records import RECORD_STATE_NAMES, Method
from server.domain.tasks import CLAIM_STATE_NAMES
from server.services import attendance, attendance_sheets, claims, organisers, paper_lists, people, stand_ins, tasks
from server.services.batches import Outcome

desk = Desk("attendances")
NAMES: dict[str, Any] = {"claim_states": CLAIM_STATE_NAMES, "record_states": RECORD_STATE_NAMES}
CLAIM_TONES = {"pending": "wait", "approved": "good", "done": "good", "no_show": "bad"}
RECORD_TONES = {"present": "wait", "ended": "wait", "reported": "wait", "sent_back": "bad", "final": "good", "disputed": "bad"}


@desk.form("/tasks/<id>/attendance", permission=P.ATTENDANCE_RECORD)
def keep_attendance(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """The sheet: tick who came, or who left when."""
    task = tasks.by_public_id(call.session, id)
    organisers.require(call.session, call.actor, P.ATTENDANCE_RECORD, task)
    day = _day(call, task)
    sheet = PresenceSheet(call.typed or None, data={"started_at": task_sheets.local(_begins(task, day))})
    if call.posted and sheet.validate():
        outcome = _write(call, task, sheet)
        _tell_failures(call, outcome)
        what = "离开" if call.typed.get("do") == "end" else "到场"
        return call.done(f"已登记 {len(outcome.done)} 人{what}", to=_at(id, day))
    forms.blame(sheet, call.problem)
    listed = attendance_sheets.of(call.session, task, day=day, actor=call.actor, after=call.args.get("after"))
    ticked = set(call.typed.getlist("people"))
    shown: dict[str, Any] = {"task": task, "listed": listed, "sheet": sheet, "ticked": ticked, "days": _span(task)}
    tones: dict[str, Any] = {"claim_tones": CLAIM_TONES, "record_tones": RECORD_TONES}
    return call.show("console/tasks/attendance.html", 422 if call.posted else 200, **shown, **tones, **NAMES)


@desk.form("/tasks/<id>/paper", permission=P.ATTENDANCE_RECORD)
def enter_paper(call: Call, id: str) -> Answer:  # noqa: A002
    """A signed list on paper, typed in: all of it or, where a line fits nobody, nothing."""
    task = tasks.by_public_id(call.session, id)
    organisers.require(call.session, call.actor, P.ATTENDANCE_RECORD, task)
    until = task_sheets.local(min(task.ends_at, call.now)) if task.starts_at < call.now else None
    hours = {"started_at": task_sheets.local(task.starts_at), "ended_at": until}
    sheet = PaperSheet(call.typed or None, data=hours)
    if call.posted and sheet.validate():
        named = paper_lists.persons(call.session, task, sheet.names.data, actor=call.actor)
        started_at = utc(sheet.started_at.data)
        outcome = attendance.record(
            call.session,
            task,
            people=[person.public_id for person in named],
            method=Method.PAPER,
            started_at=started_at,
            ended_at=_maybe(sheet.ended_at.data),
            actor=call.actor,
            now=call.now,
        )
        _tell_failures(call, outcome)
        return call.done(f"已按纸质名单登记 {len(outcome.done)} 人", to=_at(id, attendance_sheets.day_of(task, started_at)))
    forms.blame(sheet, call.problem)
    return call.show("console/tasks/paper.html", 422 if call.posted else 200, task=task, sheet=sheet)


@desk.action("/tasks/<id>/no-shows", permission=P.ATTENDANCE_RECORD)
def mark_no_show(call: Call, id: str) -> Answer:  # noqa: A002
    """After the end: somebody who claimed did not come. Nothing is deducted."""
    claim, task = _claim(call, id, call.typed.get("claim", ""))
    claims.mark_no_show(call.session, claim, actor=call.actor, now=call.now)
    return call.done("已登记未到，不扣分，点“撤销未到”可以改回", to=_at(id, _day(call, task)))


@desk.action("/tasks/<id>/no-shows/undo", permission=P.ATTENDANCE_RECORD)
def undo_no_show(call: Call, id: str) -> Answer:  # noqa: A002
    """It was a mistake."""
    claim, task = _claim(call, id, call.typed.get("claim", ""))
    claims.undo_no_show(call.session, claim, actor=call.actor, now=call.now)
    return call.done("已撤销未到", to=_at(id, _day(call, task)))


@desk.form("/tasks/<id>/claims/<claim_id>/stand-in", permission=P.ATTENDANCE_RECORD)
def arrange_stand_in(call: Call, id: str, claim_id: str) -> Answer:  # noqa: A002
    """Two people agreed that one takes the other's place; the community writes it down."""
    claim, task = _claim(call, id, claim_id)
    sheet = StandInSheet(call.typed or None)
    if call.posted and sheet.validate():
        person = paper_lists.one(call.session, task, sheet.name.data, actor=call.actor)
        stand_ins.arrange(call.session, claim, person=person, actor=call.actor, now=call.now)
        return call.done("顶班已登记，双方都会看到", to=_at(id, attendance_sheets.day_of(task, call.now)))
    if call.problem is not None and "names" in call.problem.fields:
        sheet.name.errors = [call.problem.fields["names"]]
    person = call.session.get_one(Person, claim.person_id)
    return call.show("console/tasks/stand_in.html", 422 if call.posted else 200, task=task, sheet=sheet, name=people.name_of(person))


def _write(call: Call, task: Task, sheet: PresenceSheet) -> Outcome[ServiceRecord]:
    chosen, started, ended = call.typed.getlist("people"), _maybe(sheet.started_at.data), _maybe(sheet.ended_at.data)
    if not chosen:
        raise Problem("INVALID", fields={"started_at": "请先在名单里勾选"})
    if call.typed.get("do") == "end":
        if ended is None:
            raise Problem("INVALID", fields={"ended_at": "请填写离开时间"})
        return attendance.end(call.session, task, people=chosen, ended_at=ended, actor=call.actor, now=call.now)
    if started is None:
        raise Problem("INVALID", fields={"started_at": "请填写到场时间"})
    how: dict[str, Any] = {"method": Method.TICK, "started_at": started, "ended_at": ended}
    return attendance.record(call.session, task, people=chosen, **how, actor=call.actor, now=call.now)


def _tell_failures(call: Call, outcome: Outcome[ServiceRecord]) -> None:
    """Who was not written down, and why, on the next page."""
    for failed in outcome.failed:
        name = "" if failed.code == "NOT_FOUND" else f"{people.name_of(people.by_public_id(call.session, failed.id))}："
        flash(f"{name}{failed.message}", "problem")


def _claim(call: Call, task_id: str, claim_id: str) -> tuple[Claim, Task]:
    """A claim on this task. Raises NOT_FOUND."""
    task, claim = tasks.by_public_id(call.session, task_id), claims.by_public_id(call.session, claim_id)
    organisers.require(call.session, call.actor, P.ATTENDANCE_RECORD, task)
    if claim.task_id != task.id:
        raise Problem("NOT_FOUND")
    return claim, task


def _day(call: Call, task: Task) -> date:
    """The asked day within the task's, else the nearest to today."""
    first, last = _span(task)
    try:
        asked = date.fromisoformat(call.typed.get("day") or call.args.get("day", ""))
    except ValueError:
        return attendance_sheets.day_of(task, call.now)
    return min(max(asked, first), last)


def _span(task: Task) -> tuple[date, date]:
    return attendance_sheets.day_of(task, task.starts_at), attendance_sheets.day_of(task, task.ends_at)


def _begins(task: Task, day: date) -> datetime:
    """When one comes on this day: at the hour the task begins."""
    start = task_sheets.local(task.starts_at)
    return utc(datetime.combine(day, start.time()))


def _maybe(local: datetime | None) -> datetime | None:
    return utc(local) if local is not None else None


def _at(public_id: str, day: date) -> str:
    return f"/console/tasks/{public_id}/attendance?day={day.isoformat()}"
