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
    return {"due_at": due.at, "finish_due_at": due.finish_at, "dunned_at": None, **_kept(request, to, due, now)}


def _kept(request: Request, to: RequestState, due: deadlines.Due, now: datetime) -> dict[str, Any]:
    """What the figures ask later (docs/rules.md §4): when 研判 was due and first done; by when the work was to be finished.

    Once that is over it stays: whoever takes up what has escalated has a date of his own, and the request is late all the same.
    """
    if to is RequestState.SUBMITTED:
        return {"triage_due_at": due.at}
    if to is RequestState.TRIAGED:
        return {"triaged_at": request.triaged_at or now}
    over = request.promised_at is not None and request.promised_at < now
    return {} if due.finish_at is None or (over and to is not RequestState.REWORK) else {"promised_at": due.finish_at}


def resumed(request: Request, *, now: datetime) -> dict[str, Any]:
    """What a pause shifts: the work may take as much longer as it stood still."""
    if request.paused_at is None or request.finish_due_at is None:
        return {"paused_at": None}
    finish = request.finish_due_at + (now - request.paused_at)
    over = request.promised_at is not None and request.promised_at < request.paused_at
    kept = {} if over else {"promised_at": finish}
    return {"paused_at": None, "due_at": finish, "finish_due_at": finish, "dunned_at": None, **kept}


def longest(session: Session, request: Request, *, now: datetime) -> datetime:
    """How far an extension may reach."""
    begun = request.accepted_at or now
    found = limits(session, node_id=request.community_id, today=local_day(now))
    return deadlines.longest(begun, found, overrides(session, begun))


def overrides(session: Session, since: datetime) -> Mapping[date, bool]:
    """The county's own days from this moment on."""
    return workdays.overrides(session, since=local_day(since))
