"""What happened to a request, in plain words; who was merged follows the one he was merged into (mission row C2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.platform import Event
from server.db.models.requests import Request
from server.domain.request_words import STEPS
from server.services import endings, extensions, handling

UNDO = "undo"
MOMENT = timedelta(seconds=10)  # in which a decision at a desk is taken back (server/services/undos.py)


@dataclass(frozen=True)
class Step:
    """One line: when, the sentence, and the reason where it is for the requester."""

    at: datetime
    sentence: str
    reason: str | None


def of(session: Session, request: Request) -> list[Step]:
    """The steps of a request, oldest first, without what was taken back; after a merger those of the one it went into, and so on."""
    steps: list[Step] = []
    following: Request | None = request
    since = 0
    while following is not None:
        rows = _standing(_events(session, following.id, since))
        words = written(session, following, rows)
        steps += [Step(row.at, STEPS[row.action][0], words.get(row.id) if STEPS[row.action][1] else None) for row in rows]
        since = max((row.id for row in rows), default=since)
        following = session.get(Request, following.merged_into_id) if following.merged_into_id is not None else None
    return steps


def written(session: Session, request: Request, rows: Sequence[Event]) -> dict[int, str | None]:
    """Event id → the reason that was written: staff's stands in the event, a person's own is sealed, the last of its kind."""
    last = {(row.subject_kind, row.action): row.id for row in rows}
    own = {last.get(("request", "pause")): handling.waits_for(request), last.get(("request", "withdraw")): endings.reason_of(request)}
    asked = [last[step] for step in (("request", "extend"), ("request_extension", "ask")) if step in last]
    extension = extensions.of(session, request) if asked else None
    if extension is not None:
        own |= dict.fromkeys(asked, extensions.reason_of(request, extension))
    return {row.id: own.get(row.id) or row.note for row in rows}


def _events(session: Session, request_id: int, since: int) -> list[Event]:
    mine = select(Event).where(Event.subject_kind == "request", Event.subject_id == request_id, Event.id > since)
    return list(session.execute(mine.where(Event.action.in_((*STEPS, UNDO))).order_by(Event.id)).scalars())


def _standing(rows: Sequence[Event]) -> list[Event]:
    """Whoever took a step back did it within seconds: it is his last one."""
    stood: list[Event] = []
    for row in rows:
        if row.action != UNDO:
            stood.append(row)
            continue
        last = next((one for one in reversed(stood) if one.actor_id == row.actor_id), None)
        if last is not None and row.at - last.at <= MOMENT:
            stood.remove(last)
    return stood
