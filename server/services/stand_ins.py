"""Handing a place over to a named person who accepts (顶班, mission row C10). Until he does, nothing has changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.tasks import Claim, Task
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.tasks import CLAIM_TRANSITIONS, ClaimAction, ClaimState, TaskState
from server.services import claims, events, notices, organisers


def offer(session: Session, claim: Claim, *, to: Person, actor: Actor, now: datetime) -> Claim:
    """Ask another person to stand in; nothing changes until he accepts. Raises STAND_IN_SELF, CLAIM_EXISTS, CLAIM_NOT_ASKED."""
    claims.require_own(claim, actor)
    task = session.get_one(Task, claim.task_id)
    if to.id == claim.person_id:
        raise Problem("STAND_IN_SELF")
    if claim.state is not ClaimState.APPROVED:
        raise Problem("ILLEGAL_MOVE", data={"state": claim.state.value, "action": ClaimAction.HAND_OVER.value})
    _still_open(session, claim, task, now)
    claims.require_asked(task, [to])
    claims.require_none(session, task, claim.shift_id, [to])
    events.shift(session, claim, to=claim.state, offered_to_id=to.id)
    events.add(session, claim, action="offer", actor=actor, now=now)
    _tell(session, claim, task, person_id=to.id, outcome="asked", now=now)
    return claim


def accept(session: Session, claim: Claim, *, person: Person, actor: Actor, now: datetime) -> Claim:
    """The asked person takes the place over: the old claim is handed over, the new one approved. Returns the new claim."""
    if claim.offered_to_id is None or claim.offered_to_id != actor.person_id:
        raise Problem("NOT_FOUND")
    task = session.get_one(Task, claim.task_id)
    _still_open(session, claim, task, now)
    claims.lock(session, Task.id == task.id)
    return _handed_over(session, claim, task, person, actor=actor, now=now)


def refuse(session: Session, claim: Claim, *, actor: Actor, now: datetime) -> Claim:
    """The asked person says no; the claimer keeps his place and is told."""
    if claim.offered_to_id is None or claim.offered_to_id != actor.person_id:
        raise Problem("NOT_FOUND")
    events.shift(session, claim, to=claim.state, offered_to_id=None)
    events.add(session, claim, action="refuse_offer", actor=actor, now=now)
    _tell(session, claim, session.get_one(Task, claim.task_id), person_id=claim.person_id, outcome="refused", now=now)
    return claim


def arrange(session: Session, claim: Claim, *, person: Person, actor: Actor, now: datetime) -> Claim:
    """The two agreed by word of mouth and the community writes it down (R6: no phone needed). Returns the new claim.

    Raises NOT_FOUND, STAND_IN_SELF, CLAIM_EXISTS, CLAIM_NOT_ASKED, CLAIM_CLOSED, ILLEGAL_MOVE.
    """
    task = session.get_one(Task, claim.task_id)
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, task)
    if person.id == claim.person_id:
        raise Problem("STAND_IN_SELF")
    _still_open(session, claim, task, now)
    claims.require_asked(task, [person])
    claims.lock(session, Task.id == task.id)
    return _handed_over(session, claim, task, person, actor=actor, now=now)


def _handed_over(session: Session, claim: Claim, task: Task, person: Person, *, actor: Actor, now: datetime) -> Claim:
    claims.require_none(session, task, claim.shift_id, [person])
    events.move(session, claim, table=CLAIM_TRANSITIONS, action=ClaimAction.HAND_OVER, actor=actor, now=now, offered_to_id=None)
    made = claims.insert(session, task, claim.shift_id, [person], ClaimState.APPROVED, actor=actor, now=now, stands_in_for_id=claim.id)[0]
    _tell(session, claim, task, person_id=claim.person_id, outcome="accepted", now=now)
    return made


def _still_open(session: Session, claim: Claim, task: Task, now: datetime) -> None:
    if task.state is not TaskState.PUBLISHED or claims.window_of(session, claim)[1] <= now:
        raise Problem("CLAIM_CLOSED")


def _tell(session: Session, claim: Claim, task: Task, *, person_id: int, outcome: str, now: datetime) -> None:
    notices.tell(
        session,
        person_id=person_id,
        kind=NoticeKind.STAND_IN,
        subject_kind="claim",
        subject_public_id=claim.public_id,
        facts={"title": task.title, "starts_at": task.starts_at.isoformat(), "outcome": outcome},
        dedupe=f"stand_in:{claim.id}:{claim.version}:{outcome}",
        now=now,
    )
