"""Importing long rosters, and forgetting those that nobody imported (mission row A2)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from server import files
from server.db.base import reading, transaction
from server.db.models.rosters import RosterDraft
from server.domain.problems import Problem
from server.domain.rosters import DraftState
from server.services import roster_drafts


def import_draft(now: datetime, *, draft_id: int) -> None:
    """Job rosters.import: all or nothing in one transaction, so that a second run, or one after a crash, finds it done or not begun."""
    with reading() as session:
        draft = session.get(RosterDraft, draft_id)
    if draft is None or draft.state is not DraftState.IMPORTING:
        return
    try:
        with transaction() as session:
            mine = session.get_one(RosterDraft, draft_id)
            actor = roster_drafts.asker(session, mine, now=now)
            roster_drafts.carry_out(session, mine, actor=actor, now=now, progress=partial(roster_drafts.note_progress, draft))
            roster_drafts.tell(session, mine, outcome="imported", now=now)
    except Problem as problem:
        _fail(draft_id, problem, now)


def forget(now: datetime) -> None:
    """Job rosters.forget: the file before the row, so that one killed in between is finished by the next."""
    with reading() as session:
        drafts = roster_drafts.old(session, now=now)
    for draft in drafts:
        files.delete(roster_drafts.area(draft.public_id), draft.sha256)
        with transaction() as session:
            session.delete(session.get_one(RosterDraft, draft.id))


def _fail(draft_id: int, problem: Problem, now: datetime) -> None:
    """Nothing was written; the person reads why."""
    with transaction() as session:
        draft = session.get_one(RosterDraft, draft_id)
        if draft.state is DraftState.IMPORTING:
            roster_drafts.fail(session, draft, code=problem.code)
            roster_drafts.tell(session, draft, outcome="failed", now=now)
