"""Scans of the tests: messages as a phone makes them, and a task whose hours have come."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.codes import Code
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import Actor
from server.services import checkins, codes
from server.services.checkins import Taken
from server.services.scans import Message
from tests.factories.people import Tree
from tests.factories.tasks import a_task

_mids = count(1)


def a_mid(number: int | None = None) -> str:
    """A version-4 uuid, the next one or that of a number."""
    return str(UUID(int=next(_mids) if number is None else number, version=4))


def millis(at: datetime) -> int:
    """A phone's clock."""
    return int(at.timestamp() * 1000)


def open_task(session: Session, now: datetime, tree: Tree, organiser: Person, **over: Any) -> Task:
    """A published task that has just begun and needs no claim, unless said otherwise; two hours."""
    values = {"starts_at": now, "ends_at": now + timedelta(hours=2), "planned_minutes": 120, "claim_needed": False, **over}
    return a_task(session, now, tree, organiser, **values)


def code_of(session: Session, task: Task) -> Code:
    """The code that the task got when it was published."""
    return session.execute(select(Code).where(Code.subject_kind == "task", Code.subject_id == task.id)).scalar_one()


def message(session: Session, task: Task, at: datetime, direction: str = "in", **over: Any) -> Message:
    """What a phone captured at the task at this moment, its clock being right."""
    text = codes.token_of(code_of(session, task), now=at)
    return Message(**{"mid": a_mid(), "direction": direction, "text": text, "cap": millis(at), **over})


def a_scan(session: Session, now: datetime, task: Task, person: Person, direction: str = "in", **over: Any) -> Taken:
    """The person scans the task's code, live."""
    return checkins.take(session, message(session, task, now, direction, **over), actor=Actor(person.id), now=now)
