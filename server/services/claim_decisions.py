"""Approving, declining, cancelling and finishing claims in sets, and the one reminder (mission rows C3, C4, C10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from server.db.models.tasks import Claim, Shift, Task
from server.domain.days import local_day
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.states import rule_for
from server.domain.tasks import CLAIM_TRANSITIONS, HOLDS_PLACE, ClaimAction, ClaimState, TaskState
from server.services import batches, claims, policies, scopes
from server.services.batches import Outcome


def decide_many(
    session: Session, public_ids: Sequence[str], *, action: ClaimAction, actor: Actor, now: datetime, reason: str | None = None
) -> Outcome[Claim]:
    """Approve or decline up to 200 claims; those that cannot be are named with their code, the others stand.

    Codes of a failure: NOT_FOUND (also out of scope), ILLEGAL_MOVE, CLAIM_CLOSED. Raises NOTE_REQUIRED where a reason is due.
    """
    ids = batches.unique(public_ids)
    rule_for(CLAIM_TRANSITIONS, ClaimState.PENDING, action, note=reason)
    named = select(Claim.task_id).where(Claim.public_id.in_(ids))
    claims.lock(session, Task.id.in_(named))
    rows = session.execute(
        select(Claim, Task)
        .join(Task, Task.id == Claim.task_id)
        .where(Claim.public_id.in_(ids), scopes.within(actor, Permission.CLAIMS_DECIDE, Claim.community_id))
        .order_by(Claim.id)
        .with_for_update(of=Claim, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {claim.public_id: (claim, task) for claim, task in rows}
    codes = {public_id: _why_not(found.get(public_id), action, now) for public_id in ids}
    good = [found[public_id] for public_id, code in codes.items() if code is None]
    _settle(session, good, action, actor=actor, now=now, reason=reason)
    return Outcome(
        [claim for claim, _ in good], [batches.failure(public_id, code) for public_id, code in codes.items() if code is not None]
    )


def decide(
    session: Session,
    claim: Claim,
    *,
    action: ClaimAction,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    seen: int | None = None,
) -> Claim:
    """Approve or decline one claim; `seen` is the version the secretary had before her. Raises the codes of decide_many, STALE."""
    scopes.require(session, actor, Permission.CLAIMS_DECIDE, claim.community_id)
    if seen is not None and seen != claim.version:
        raise Problem("STALE")
    return batches.only(decide_many(session, [claim.public_id], action=action, actor=actor, now=now, reason=reason))


def cancel_all(session: Session, task: Task, *, actor: Actor, now: datetime, reason: str, only_pending: bool = False) -> int:
    """The task falls through (or, only_pending, has ended): open claims are cancelled, their people told. Returns how many."""
    states = (ClaimState.PENDING,) if only_pending else (ClaimState.PENDING, ClaimState.APPROVED)
    held = select(Claim).where(Claim.task_id == task.id, Claim.state.in_(states)).order_by(Claim.id).with_for_update(key_share=True)
    good = [(claim, task) for claim in session.execute(held.execution_options(populate_existing=True)).scalars()]
    _settle(session, good, ClaimAction.CANCEL, actor=actor, now=now, reason=reason)
    return len(good)


def finish(session: Session, claim_ids: Iterable[int], *, actor: Actor, now: datetime) -> int:
    """What was claimed is done (its record is FINAL). Claims that are not APPROVED stay as they are. Returns how many."""
    held = (
        select(Claim)
        .where(Claim.id.in_(list(claim_ids)), Claim.state == ClaimState.APPROVED)
        .order_by(Claim.id)
        .with_for_update(key_share=True)
    )
    found = list(session.execute(held.execution_options(populate_existing=True)).scalars())
    _write(session, found, ClaimState.DONE, offered_to_id=None)
    batches.note_events(
        session,
        [(claim, ClaimState.APPROVED, ClaimState.DONE) for claim in found],
        action=ClaimAction.FINISH.value,
        actor=actor,
        now=now,
    )
    return len(found)


def remind_due(session: Session, now: datetime, *, limit: int = 500) -> int:
    """Remind everybody whose approved claim begins soon, once a claim (R1), where reminders are on. Returns how many were told."""
    waiting = select(Claim.community_id).distinct().where(Claim.state == ClaimState.APPROVED, Claim.reminded_at.is_(None))
    told = 0
    for node_id in session.execute(waiting).scalars().all():
        for claim, task, shift in _due(session, node_id, now, now + _ahead(session, node_id, now), limit):
            told += _remind(session, claim, task, shift, now=now)
    return told


def _due(session: Session, node_id: int, now: datetime, until: datetime, limit: int) -> Sequence[Any]:
    starts_at = func.coalesce(Shift.starts_at, Task.starts_at)
    return session.execute(
        select(Claim, Task, Shift)
        .join(Task, Task.id == Claim.task_id)
        .outerjoin(Shift, Shift.id == Claim.shift_id)
        .where(
            Claim.community_id == node_id,
            Claim.state == ClaimState.APPROVED,
            Claim.reminded_at.is_(None),
            Task.state == TaskState.PUBLISHED,
            starts_at > now,
            starts_at <= until,
        )
        .order_by(starts_at, Claim.id)
        .limit(limit)
    ).all()


def _ahead(session: Session, node_id: int, now: datetime) -> timedelta:
    """How long before the start this community reminds; not at all, where reminders are off."""
    today = local_day(now)
    if not policies.value(session, "reminders.on", today=today, node_id=node_id):
        return timedelta()
    return timedelta(hours=policies.value(session, "claims.remind_hours", today=today, node_id=node_id))


def _remind(session: Session, claim: Claim, task: Task, shift: Shift | None, *, now: datetime) -> bool:
    """Mark, then tell: whoever marks first tells."""
    marked: Any = session.execute(
        update(Claim)
        .where(Claim.id == claim.id, Claim.reminded_at.is_(None))
        .values(reminded_at=now)
        .execution_options(synchronize_session=False)
    )
    if marked.rowcount != 1:
        return False
    facts = {"title": task.title, "place": task.place, "starts_at": (shift or task).starts_at.isoformat()}
    batches.tell_all(session, [(claim, facts)], kind=NoticeKind.REMINDER, subject_kind="claim", now=now)
    return True


def _why_not(found: tuple[Claim, Task] | None, action: ClaimAction, now: datetime) -> str | None:
    if found is None:
        return "NOT_FOUND"
    claim, task = found
    if (claim.state, action) not in CLAIM_TRANSITIONS:
        return "ILLEGAL_MOVE"
    if action is ClaimAction.APPROVE and (task.state is not TaskState.PUBLISHED or task.ends_at <= now):
        return "CLAIM_CLOSED"
    return None


def _settle(
    session: Session, good: Sequence[tuple[Claim, Task]], action: ClaimAction, *, actor: Actor, now: datetime, reason: str | None
) -> None:
    """The decision on locked rows: states, freed places, events, notices."""
    if not good:
        return
    before = [(claim, claim.state) for claim, _ in good]
    to = CLAIM_TRANSITIONS[good[0][0].state, action].to
    _write(session, [claim for claim, _ in good], to, decided_at=now, decided_by=actor.person_id, reason=reason, offered_to_id=None)
    if to not in HOLDS_PLACE:
        for (task_id, shift_id), places in Counter((claim.task_id, claim.shift_id) for claim, _ in good).items():
            claims.release(session, task_id, shift_id, places)
    batches.note_events(session, [(claim, state, to) for claim, state in before], action=action.value, actor=actor, now=now, note=reason)
    kind = NoticeKind.TASK_CANCELLED if action is ClaimAction.CANCEL else NoticeKind.CLAIM_DECIDED
    told = [
        (claim, {"title": task.title, "starts_at": task.starts_at.isoformat(), "outcome": to.value, "reason": reason})
        for claim, task in good
    ]
    batches.tell_all(session, told, kind=kind, subject_kind="claim", now=now)


def _write(session: Session, rows: Sequence[Claim], to: ClaimState, **changes: Any) -> None:
    """One guarded UPDATE for rows this transaction holds locked. Raises STALE should one have moved all the same."""
    if not rows:
        return
    states = {claim.state for claim in rows}
    changed: Any = session.execute(
        update(Claim)
        .where(Claim.id.in_([claim.id for claim in rows]), Claim.state.in_(states))
        .values(state=to, version=Claim.version + 1, **changes)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != len(rows):
        raise Problem("STALE")
    for claim in rows:
        for name, value in {"state": to, "version": claim.version + 1, **changes}.items():
            set_committed_value(claim, name, value)
