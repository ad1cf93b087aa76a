"""Claims as people look at them: one's own, and those that wait for the secretary (mission rows C3, C4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from server.db.models.people import Person
from server.db.models.tasks import Claim, Shift, Task
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.tasks import ClaimState
from server.services import lists, organisers, scopes


@dataclass(frozen=True)
class ClaimLine:
    """A claim with what it is on and whose it is."""

    claim: Claim
    task: Task
    shift: Shift | None
    person: Person


def mine(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[ClaimLine], str | None]:
    """The person's own claims, those a stand-in is asked of him for, and those he made for his team; newest first."""
    query = _lines().where(or_(Claim.person_id == actor.id, Claim.offered_to_id == actor.id, Claim.claimed_by == actor.id))
    return _page(session, query, after=after, limit=limit, newest_first=True)


def decidable(
    session: Session, *, actor: Actor, states: Collection[ClaimState], task: Task | None, after: str | None, limit: int
) -> tuple[list[ClaimLine], str | None]:
    """Claims within a secretary's reach, and on a task its organiser may look at them too; oldest first. Raises NOT_FOUND."""
    query = _lines().where(Claim.state.in_(states))
    if task is not None:
        organisers.require(session, actor, Permission.CLAIMS_DECIDE, task)
        query = query.where(Claim.task_id == task.id)
    else:
        query = query.where(or_(Task.organiser_id == actor.person_id, scopes.within(actor, Permission.CLAIMS_DECIDE, Claim.community_id)))
    return _page(session, query, after=after, limit=limit, newest_first=False)


def line_of(session: Session, public_id: str, *, actor: Actor) -> ClaimLine:
    """One claim, for its person, who made it, who is asked to stand in, the organiser and the secretary. Raises NOT_FOUND."""
    row = session.execute(_lines().where(Claim.public_id == public_id)).first()
    if row is None:
        raise Problem("NOT_FOUND")
    line = ClaimLine(*row)
    if actor.person_id not in (line.claim.person_id, line.claim.claimed_by, line.claim.offered_to_id):
        organisers.require(session, actor, Permission.CLAIMS_DECIDE, line.task)
    return line


def _lines() -> Any:
    return (
        select(Claim, Task, Shift, Person)
        .join(Task, Task.id == Claim.task_id)
        .outerjoin(Shift, Shift.id == Claim.shift_id)
        .join(Person, Person.id == Claim.person_id)
    )


def _page(session: Session, query: Any, *, after: str | None, limit: int, newest_first: bool) -> tuple[list[ClaimLine], str | None]:
    rows, following = lists.page(session, query, Claim, after=after, limit=limit, newest_first=newest_first)
    return [ClaimLine(*row) for row in rows], following
