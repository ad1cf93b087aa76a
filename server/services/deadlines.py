"""The clock of a request: what is due when it enters a stage, and what a pause shifts (mission row C6, docs/rules.md §3.3).

A deadline is written with the move that causes it and stays; only an event changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from server.db.models.requests import Request
from server.domain import deadlines
from server.domain.days import local_day
from server.domain.deadlines import LIMITS, Limits, Matter
from server.domain.requests import RequestState
from server.services import policies, workdays


def limits(session: Session, *, node_id: int | None, today: date) -> Limits:
    """The limits that hold today for this node, in two statements."""
    table = policies.table(session, today=today, node_id=node_id)
    return Limits(**{name: table[f"requests.{name}"] for name in LIMITS})


def after(session: Session, request: Request, *, to: RequestState, now: datetime) -> dict[str, Any]:
    """The columns to write with the move to state `to`: due_at, finish_due_at, dunned_at, and those of 研判. Three statements."""
    matter = Matter(request.urgency, request.difficulty, request.round, request.finish_due_at)
    today = local_day(now)
    found = limits(session, node_id=request.community_id, today=today)
    due = deadlines.of_stage(to, matter, found, now, workdays.overrides(session, since=today))
    return {"due_at": due.at, "finish_due_at": due.finish_at, "dunned_at": None, **_triage(request, to, due.at, now)}


def _triage(request: Request, to: RequestState, due_at: datetime | None, now: datetime) -> dict[str, Any]:
    """What the figures ask of 研判: when it was due, and when it was first done (docs/rules.md §4)."""
    if to is RequestState.SUBMITTED:
        return {"triage_due_at": due_at}
    return {"triaged_at": request.triaged_at or now} if to is RequestState.TRIAGED else {}


def resumed(request: Request, *, now: datetime) -> dict[str, Any]:
    """What a pause shifts: the work may take as much longer as it stood still."""
    if request.paused_at is None or request.finish_due_at is None:
        return {"paused_at": None}
    finish = request.finish_due_at + (now - request.paused_at)
    return {"paused_at": None, "due_at": finish, "finish_due_at": finish, "dunned_at": None}


def longest(session: Session, request: Request, *, now: datetime) -> datetime:
    """How far an extension may reach."""
    begun = request.accepted_at or now
    found = limits(session, node_id=request.community_id, today=local_day(now))
    return deadlines.longest(begun, found, overrides(session, begun))


def overrides(session: Session, since: datetime) -> Mapping[date, bool]:
    """The county's own days from this moment on."""
    return workdays.overrides(session, since=local_day(since))
