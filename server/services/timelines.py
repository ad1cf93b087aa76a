"""What happened to a request, in plain words; who was merged follows the one he was merged into (mission row C2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.platform import Event
from server.db.models.requests import Request
from server.domain.request_words import STEPS


@dataclass(frozen=True)
class Step:
    """One line: when, the sentence, and the reason where it is for the requester."""

    at: datetime
    sentence: str
    reason: str | None


def of(session: Session, request: Request) -> list[Step]:
    """The steps of a request, oldest first; after a merger those of the one it went into, and so on."""
    rows: list[Event] = []
    following: int | None = request.id
    since = 0
    while following is not None:
        found = _events(session, following, since)
        rows += found
        since = max((row.id for row in found), default=since)
        merged = session.get(Request, following)
        following = merged.merged_into_id if merged is not None else None
    return [Step(row.at, STEPS[row.action][0], row.note if STEPS[row.action][1] else None) for row in rows]


def _events(session: Session, request_id: int, since: int) -> list[Event]:
    mine = select(Event).where(Event.subject_kind == "request", Event.subject_id == request_id, Event.id > since)
    return list(session.execute(mine.where(Event.action.in_(STEPS)).order_by(Event.id)).scalars())
