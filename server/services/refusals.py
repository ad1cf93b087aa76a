"""The ledger of refused scans: nothing a person did is lost without a reason he can read (mission row B9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from qr import tokens
from server.db.base import new_public_id
from server.db.inserts import insert_new
from server.db.models.checkins import RefusedScan
from server.db.models.people import Person
from server.db.models.tasks import Task
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import lists, organisers
from server.services.codes import CodeRefused
from server.services.scans import Message

FORGED = ("mac", "unknown_kid", "mode", "slot", "kind")  # reasons a guesser produces; all of them are QR_FORGED outside


@dataclass(frozen=True)
class Entry:
    """A row of the ledger to be; `text_hash` because the text itself is never kept."""

    person_id: int
    session_id: int | None
    mid: str | None
    body_hash: str
    text_hash: str
    code: str
    reason: str
    code_id: int | None
    task_id: int | None
    received_at: datetime


class ScanRefused(Problem):
    """A refusal with its ledger entry; `entry` is None where the same message was refused before."""

    def __init__(self, problem: Problem, entry: Entry | None) -> None:
        super().__init__(problem.code, fields=problem.fields, data=problem.data)
        self.entry = entry

    @property
    def counts_as_guess(self) -> bool:
        """Does the limit on bad codes count it?"""
        return self.code in ("QR_FORGED", "QR_FORMAT", "QR_VERSION")


def of_message(
    problem: Problem, message: Message, *, actor: Actor, now: datetime, body_hash: str | None = None, task_id: int | None = None
) -> ScanRefused:
    """The refusal of a message. A reused mid gets a row without mid: the mid belongs to the first message."""
    reason = problem.reason if isinstance(problem, CodeRefused) else problem.code.lower()
    return ScanRefused(
        problem,
        Entry(
            person_id=actor.id,
            session_id=actor.session_id,
            mid=None if problem.code in ("MID_REUSED", "NOT_YOUR_MESSAGE") else message.mid,
            body_hash=body_hash or message.body_hash(None),
            text_hash=tokens.fingerprint(message.text),
            code=problem.code,
            reason=reason,
            code_id=problem.code_id if isinstance(problem, CodeRefused) else None,
            task_id=task_id,
            received_at=now,
        ),
    )


def of_text(problem: Problem, text: str, *, actor: Actor, now: datetime, task_id: int | None = None) -> ScanRefused:
    """The refusal of a code that was scanned for something else than the actor's own check-in."""
    empty = Message(mid="", direction="", text=text, cap=0)
    found = of_message(problem, empty, actor=actor, now=now, task_id=task_id)
    return ScanRefused(found, replace(found.entry, mid=None) if found.entry is not None else None)


def note(session: Session, entry: Entry) -> None:
    """Write the ledger; the same message refused again is one row."""
    row = {**vars(entry), "public_id": new_public_id()}
    session.execute(insert_new(session, cast(Table, RefusedScan.__table__)).values(**row))


def of_person(
    session: Session, *, person_id: int, after: str | None, limit: int
) -> tuple[list[tuple[RefusedScan, str | None]], str | None]:
    """A person's own refused scans with the task's title, newest first; and the next cursor."""
    mine = select(RefusedScan, Task.title).outerjoin(Task, Task.id == RefusedScan.task_id).where(RefusedScan.person_id == person_id)
    rows, following = lists.page(session, mine, RefusedScan, after=after, limit=limit, newest_first=True)
    return [(row, title) for row, title in rows], following


def of_task(
    session: Session, task: Task, *, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[RefusedScan, Person]], str | None]:
    """What was refused at a task and whom, for those who record attendance there. Raises NOT_FOUND."""
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    there = select(RefusedScan, Person).join(Person, Person.id == RefusedScan.person_id).where(RefusedScan.task_id == task.id)
    rows, following = lists.page(session, there, RefusedScan, after=after, limit=limit, newest_first=True)
    return [(row, person) for row, person in rows], following
