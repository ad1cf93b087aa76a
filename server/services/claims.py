"""Claiming a place and giving it up (mission rows C3, C10). Decisions are in claim_decisions, handing over in stand_ins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session, aliased

from server.db import vault
from server.db.base import new_public_id
from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task, TeamMember, VolunteerTeam
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.tasks import CLAIM_TRANSITIONS, HOLDS_PLACE, ClaimAction, ClaimState, TaskMode, TaskState
from server.services import events, organisers, teams

EXCUSE = "claim.excuse"
ONE_SITTING = timedelta(days=1)  # a longer window is a standing post: it overlaps nothing


def claim(session: Session, task: Task, *, person: Person, actor: Actor, now: datetime, shift: Shift | None = None) -> Claim:
    """One place for the person himself; APPROVED at once where the task needs no approval.

    Raises CLAIM_CLOSED, CLAIM_NOT_NEEDED, CLAIM_NOT_ASKED (pair), CLAIM_TEAM_ONLY, SHIFT_REQUIRED, CLAIM_EXISTS, TASK_FULL.
    """
    if task.mode is TaskMode.TEAM:
        raise Problem("CLAIM_TEAM_ONLY")
    return _take(session, task, shift, [person], actor=actor, now=now)[0]


def claim_for_team(
    session: Session, task: Task, *, team: VolunteerTeam, members: Sequence[Person], actor: Actor, now: datetime, shift: Shift | None = None
) -> list[Claim]:
    """A team's leader claims for several of its members, all or nothing (组团). Raises NOT_FOUND unless he leads it and all are in it."""
    wanted = {person.id for person in members}
    inside = select(TeamMember.person_id).where(TeamMember.team_id == team.id, teams.INSIDE, TeamMember.person_id.in_(wanted))
    if team.leader_id != actor.person_id or set(session.execute(inside).scalars()) != wanted:
        raise Problem("NOT_FOUND")
    return _take(session, task, shift, members, actor=actor, now=now, team=team)


def withdraw(session: Session, claim: Claim, *, actor: Actor, now: datetime) -> Claim:
    """The claimer takes his claim back before it begins; the place is free again."""
    require_own(claim, actor)
    return _leave(session, claim, ClaimAction.WITHDRAW, actor=actor, now=now)


def excuse(session: Session, claim: Claim, *, reason: str, actor: Actor, now: datetime) -> Claim:
    """The claimer cannot come and says why (请假); the place is free again, nothing else follows from it (R1)."""
    require_own(claim, actor)
    sealed = _sealed(session, claim, reason)
    return _leave(session, claim, ClaimAction.EXCUSE, actor=actor, now=now, note=reason, own_words=True, excuse=sealed)


def reason_of(person: Person, claim: Claim) -> str | None:
    """Why he cannot come, or why staff declined or cancelled it; `person` is whose claim it is."""
    return vault.open_sealed(person.salt, EXCUSE, claim.public_id, claim.excuse) or claim.reason


def mark_no_show(session: Session, claim: Claim, *, actor: Actor, now: datetime) -> Claim:
    """After the end: the person did not come. It keeps the place taken and deducts nothing (docs/rules.md §3.5). Raises NO_SHOW_EARLY."""
    organisers.require(session, actor, Permission.ATTENDANCE_RECORD, session.get_one(Task, claim.task_id))
    if window_of(session, claim)[1] > now:
        raise Problem("NO_SHOW_EARLY")
    return _organised(session, claim, ClaimAction.MARK_NO_SHOW, actor=actor, now=now)


def undo_no_show(session: Session, claim: Claim, *, actor: Actor, now: datetime) -> Claim:
    """It was a mistake: the claim is approved again."""
    return _organised(session, claim, ClaimAction.UNDO_NO_SHOW, actor=actor, now=now)


def overlapping(session: Session, claim: Claim) -> list[Task]:
    """The other tasks this person has claimed for the same hours; a warning, never a refusal. Standing posts overlap nothing."""
    start, end = window_of(session, claim)
    if end - start > ONE_SITTING:
        return []
    other_shift = aliased(Shift)
    rows = session.execute(
        select(Task, other_shift.starts_at, other_shift.ends_at)
        .join(Claim, Claim.task_id == Task.id)
        .outerjoin(other_shift, other_shift.id == Claim.shift_id)
        .where(
            Claim.person_id == claim.person_id,
            Claim.id != claim.id,
            Claim.state.in_((ClaimState.PENDING, ClaimState.APPROVED)),
            or_(Task.starts_at < end, other_shift.starts_at < end),
            Task.ends_at > start,
        )
        .order_by(Task.starts_at, Task.id)
    )
    windows = [(task, from_ or task.starts_at, to or task.ends_at) for task, from_, to in rows]
    return [task for task, from_, to in windows if to - from_ <= ONE_SITTING and from_ < end and start < to]


def window_of(session: Session, claim: Claim) -> tuple[datetime, datetime]:
    """When the claimed work begins and ends: the shift's hours, else the task's."""
    holder: Any = session.get_one(Shift, claim.shift_id) if claim.shift_id else session.get_one(Task, claim.task_id)
    return holder.starts_at, holder.ends_at


def release(session: Session, task_id: int, shift_id: int | None, places: int) -> None:
    """Give places back: to the shift where the claim was on one, else to the task."""
    model, row_id = _holder(task_id, shift_id)
    given_back = update(model).where(model.id == row_id).values(taken=model.taken - places)
    session.execute(given_back.execution_options(synchronize_session=False))
    _forget(session, model, row_id)


def by_public_id(session: Session, public_id: str) -> Claim:
    """The claim. Raises NOT_FOUND."""
    found = session.execute(select(Claim).where(Claim.public_id == public_id)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def _take(
    session: Session,
    task: Task,
    shift: Shift | None,
    members: Sequence[Person],
    *,
    actor: Actor,
    now: datetime,
    team: VolunteerTeam | None = None,
) -> list[Claim]:
    """Places for all of them or for none: the guarded UPDATE is what holds the capacity under simultaneous claims."""
    _open(session, task, shift, now)
    require_asked(task, members)
    shift_id = shift.id if shift is not None else None
    _reserve(session, task, shift_id, len(members))
    require_none(session, task, shift_id, members)
    state = ClaimState.PENDING if task.approval_needed else ClaimState.APPROVED
    return insert(session, task, shift_id, members, state, actor=actor, now=now, team_id=team.id if team is not None else None)


def _open(session: Session, task: Task, shift: Shift | None, now: datetime) -> None:
    if task.state is TaskState.DRAFT or (shift is not None and shift.task_id != task.id):
        raise Problem("NOT_FOUND")
    if task.state is not TaskState.PUBLISHED or (shift or task).ends_at <= now:
        raise Problem("CLAIM_CLOSED")
    if not task.claim_needed:
        raise Problem("CLAIM_NOT_NEEDED")
    if shift is None and session.execute(select(Shift.id).where(Shift.task_id == task.id).limit(1)).first():
        raise Problem("SHIFT_REQUIRED")


def require_asked(task: Task, members: Sequence[Person]) -> None:
    """结对 asks one unit's members; the other modes ask everybody. Raises CLAIM_NOT_ASKED."""
    if task.mode is TaskMode.PAIR and any(person.unit_id != task.unit_id for person in members):
        raise Problem("CLAIM_NOT_ASKED")


def _reserve(session: Session, task: Task, shift_id: int | None, places: int) -> None:
    """Take places, or raise TASK_FULL. The row stays locked to the end of the transaction, so two claims of one person cannot meet."""
    model, row_id = _holder(task.id, shift_id)
    guarded = update(model).where(model.id == row_id, model.taken + places <= model.capacity).values(taken=model.taken + places)
    if shift_id is None:
        guarded = guarded.where(Task.state == TaskState.PUBLISHED)
    result: Any = session.execute(guarded.execution_options(synchronize_session=False))
    if result.rowcount != 1:
        raise Problem("TASK_FULL")
    _forget(session, model, row_id)


def retake(session: Session, claim: Claim) -> None:
    """Take back the place that declining this claim gave free (it is undone). Raises TASK_FULL, CLAIM_EXISTS where it was not kept."""
    task = session.get_one(Task, claim.task_id)
    _reserve(session, task, claim.shift_id, 1)
    require_none(session, task, claim.shift_id, [session.get_one(Person, claim.person_id)])


def _holder(task_id: int, shift_id: int | None) -> tuple[Any, int]:
    """The row that counts the places."""
    return (Task, task_id) if shift_id is None else (Shift, shift_id)


def _forget(session: Session, model: Any, row_id: int) -> None:
    """Let the next look at `taken` ask the database, which alone knows it."""
    row = session.identity_map.get(session.identity_key(model, row_id))
    if row is not None:
        session.expire(row, ["taken"])


def lock(session: Session, which: ColumnElement[bool]) -> None:
    """Hold tasks to the end of the transaction. Order everywhere: task, claim, shift; so no two requests wait for each other."""
    session.execute(select(Task.id).where(which).order_by(Task.id).with_for_update(key_share=True)).all()


def require_none(session: Session, task: Task, shift_id: int | None, members: Sequence[Person]) -> None:
    held = select(Claim.id).where(
        Claim.task_id == task.id,
        Claim.shift_id == shift_id if shift_id is not None else Claim.shift_id.is_(None),
        Claim.person_id.in_([person.id for person in members]),
        Claim.state.in_(HOLDS_PLACE),
    )
    if session.execute(held.limit(1)).first():
        raise Problem("CLAIM_EXISTS")


def insert(
    session: Session,
    task: Task,
    shift_id: int | None,
    members: Sequence[Person],
    state: ClaimState,
    *,
    actor: Actor,
    now: datetime,
    **more: Any,
) -> list[Claim]:
    made = [
        Claim(
            public_id=new_public_id(),
            task_id=task.id,
            shift_id=shift_id,
            person_id=person.id,
            community_id=task.community_id,
            unit_id=person.unit_id,
            state=state,
            claimed_by=actor.id,
            claimed_at=now,
            decided_at=now if state is ClaimState.APPROVED else None,
            **more,
        )
        for person in members
    ]
    session.add_all(made)
    session.flush()
    for one in made:
        events.add(session, one, action="claim", actor=actor, now=now, after=state.value)
    return made


def require_own(claim: Claim, actor: Actor) -> None:
    """The claimer himself, or the team leader who claimed for him."""
    if actor.person_id not in (claim.person_id, claim.claimed_by):
        raise Problem("NOT_FOUND")


def _sealed(session: Session, claim: Claim, words: str) -> bytes | None:
    person = session.get_one(Person, claim.person_id)
    return vault.seal(person.salt, EXCUSE, claim.public_id, words) if person.salt is not None else None


def _leave(session: Session, claim: Claim, action: ClaimAction, *, actor: Actor, now: datetime, **more: Any) -> Claim:
    start, end = window_of(session, claim)
    standing = end - start > ONE_SITTING
    if (end if standing or action is ClaimAction.EXCUSE else start) <= now:
        raise Problem("LEAVE_LATE")
    lock(session, Task.id == claim.task_id)
    events.move(session, claim, table=CLAIM_TRANSITIONS, action=action, actor=actor, now=now, offered_to_id=None, **more)
    release(session, claim.task_id, claim.shift_id, 1)
    return claim


def _organised(session: Session, claim: Claim, action: ClaimAction, *, actor: Actor, now: datetime) -> Claim:
    task = session.get_one(Task, claim.task_id)
    organisers.move(session, claim, task=task, table=CLAIM_TRANSITIONS, action=action, actor=actor, now=now)
    return claim
