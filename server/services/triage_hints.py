"""Hints for triage, each with its reasons: category, duplicates, deadlines. The clerk decides (mission row C2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.requests import Request
from server.domain import classify, duplicates
from server.domain import deadlines as limits
from server.domain.classify import Guess
from server.domain.days import local_day
from server.domain.deadlines import Matter
from server.domain.duplicates import WITHIN_DAYS, Reason, Said
from server.domain.permissions import Actor, Permission
from server.domain.requests import ENDS, Difficulty, RequestState
from server.services import deadlines, requests, scopes, workdays

LOOKED_AT = 300  # requests of one community in a fortnight that are compared; each is opened once
SHOWN = 5


@dataclass(frozen=True)
class Like:
    """A request that is probably about the same, and why."""

    request: Request
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Hints:
    """Categories best first, duplicates with most reasons first, and by when the work would be due at each difficulty."""

    categories: tuple[Guess, ...]
    likes: tuple[Like, ...]
    finish_due: Mapping[Difficulty, datetime]


def of(session: Session, request: Request, *, actor: Actor, now: datetime) -> Hints:
    """For one request. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.REQUESTS_TRIAGE, request.community_id)
    said = requests.words(request)
    return Hints(classify.guesses(said), _likes(session, request), _finish(session, request, now))


def _likes(session: Session, request: Request) -> tuple[Like, ...]:
    """Open requests of the community within a week before or after that seem to be the same."""
    if request.submitted_at is None:
        return ()
    span = timedelta(days=WITHIN_DAYS + 1)
    near = select(Request).where(
        Request.community_id == request.community_id,
        Request.submitted_at.between(request.submitted_at - span, request.submitted_at + span),
        Request.id != request.id,
        Request.state.not_in((*ENDS, RequestState.DRAFT)),
    )
    rows = session.execute(near.order_by(Request.submitted_at.desc()).limit(LOOKED_AT)).scalars()
    mine = _said(request)
    found = [Like(row, duplicates.reasons(mine, _said(row))) for row in rows]
    return tuple(sorted((like for like in found if like.reasons), key=lambda like: -len(like.reasons))[:SHOWN])


def _said(request: Request) -> Said:
    day = local_day(request.submitted_at or request.created_at)
    return Said(request.category, requests.words(request), requests.place(request), day)


def _finish(session: Session, request: Request, now: datetime) -> dict[Difficulty, datetime]:
    today = local_day(now)
    found = deadlines.limits(session, node_id=request.community_id, today=today)
    own = workdays.overrides(session, since=today)
    stages = {
        one: limits.of_stage(RequestState.ACCEPTED, Matter(request.urgency, one, 0, None), found, now, own).finish_at for one in Difficulty
    }
    return {one: at for one, at in stages.items() if at is not None}
