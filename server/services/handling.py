"""接单 → 办理 → 办结: contact, visits, pauses, the one extension, the report (mission row C5, docs/rules.md §3.3).

The handler sees what it is about, never who complained; the phone only while he works on it, and each reading of it is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.handling import RequestVisit
from server.db.models.people import Person
from server.db.models.requests import ContactReading, Request
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.requests import CONTACT, IN_HAND, RequestAction, RequestState
from server.services import content_checks, deadlines, events, people, receivers, request_moves, requests
from server.services.receivers import Receiver

RESULT, VISIT, PAUSED = "request.result", "request_visit.note", "request.pause_reason"


def is_handler(session: Session, request: Request, actor: Actor) -> bool:
    """The person in whose hands it is; for a unit or team also whoever speaks for it."""
    if actor.person_id is None:
        return False
    whole = Receiver(unit_id=request.handler_unit_id, team_id=request.handler_team_id)
    if request.handler_person_id == actor.person_id:
        return True
    return whole != Receiver() and receivers.speaks_for(session, actor, whole)


def in_hand(session: Session, public_id: str, *, actor: Actor) -> Request:
    """A request the actor handles; between acceptance and closing only. Raises NOT_FOUND."""
    request = requests.by_public_id(session, public_id)
    if request.state not in IN_HAND or not is_handler(session, request, actor):
        raise Problem("NOT_FOUND")
    return request


def contact(session: Session, request: Request, *, actor: Actor, now: datetime) -> str:
    """The phone to call, '' where none is known; the reading is kept, the first one stops the clock of contact. Raises CONTACT_CLOSED."""
    _require_handler(session, request, actor)
    if request.state not in CONTACT:
        raise Problem("CONTACT_CLOSED")
    session.add(ContactReading(request_id=request.id, reader_id=actor.id, session_id=actor.session_id, at=now))
    if request.contacted_at is None:
        due: dict[str, Any] = {"due_at": request.finish_due_at, "dunned_at": None} if request.state is RequestState.ACCEPTED else {}
        events.shift(session, request, to=request.state, contacted_at=now, **due)
        events.add(session, request, action="contact", actor=actor, now=now)
    return phone_of(session, request)


def phone_of(session: Session, request: Request) -> str:
    """The phone of whom it is for, else of who entered it for him."""
    asked_for = people.phone_of(session.get_one(Person, request.asked_for_id))
    return asked_for or people.phone_of(session.get_one(Person, request.author_id))


def start(session: Session, request: Request, *, actor: Actor, now: datetime) -> Request:
    """The work begins. Raises NOT_FOUND, ILLEGAL_MOVE."""
    return _step(session, request, RequestAction.START, actor=actor, now=now)


def redo(session: Session, request: Request, *, actor: Actor, now: datetime) -> Request:
    """回炉: the same handler goes on; from the second round the community must ask another. Raises SAME_HANDLER, ILLEGAL_MOVE."""
    _require_handler(session, request, actor)
    if request.round >= 2:
        raise Problem("SAME_HANDLER")
    return _step(session, request, RequestAction.REDO, actor=actor, now=now)


def pause(session: Session, request: Request, *, reason: str, actor: Actor, now: datetime) -> Request:
    """The work waits for the resident, who is told: its clock stands still, for the policy's days at most (`escalations.resume_due`).

    Raises NOTE_REQUIRED, ILLEGAL_MOVE.
    """
    sealed = vault.seal(request.salt, PAUSED, request.public_id, reason)
    words: dict[str, Any] = {"note": reason, "own_words": True, "pause_reason": sealed}
    _step(session, request, RequestAction.PAUSE, actor=actor, now=now, paused_at=now, **words)
    requests.tell(session, request, outcome="paused", now=now)
    return request


def resume(session: Session, request: Request, *, actor: Actor, now: datetime) -> Request:
    """The work goes on; its deadline moves by as long as it stood still. The resident may say so too. Raises ILLEGAL_MOVE."""
    if not requests.is_own(request, actor):
        _require_handler(session, request, actor)
    return request_moves.move(session, request, RequestAction.RESUME, actor=actor, now=now, **deadlines.resumed(request, now=now))


def visit(session: Session, request: Request, *, note: str | None, actor: Actor, now: datetime) -> RequestVisit:
    """Somebody was there. Words are not required, nor a picture, nor a place (docs/rules.md R5). Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_handler(session, request, actor)
    if request.state not in CONTACT:
        raise Problem("ILLEGAL_MOVE", data={"state": request.state.value, "action": "visit"})
    row = RequestVisit(public_id=new_public_id(), request_id=request.id, by_id=actor.id, at=now)
    row.note = vault.seal(request.salt, VISIT, row.public_id, note) if note else None
    session.add(row)
    events.add(session, request, action="visit", actor=actor, now=now)
    return row


def finish(
    session: Session, request: Request, *, result: str, actor: Actor, now: datetime, pictures: Sequence[str] = (), seen: int | None = None
) -> Request:
    """Report what was done; pictures are welcome, never needed, shown once checked. The requesters are asked to sign off (签收).

    Raises NOT_FOUND, NOTE_REQUIRED, MEDIA_UNFIT, ILLEGAL_MOVE, STALE.
    """
    if not result.strip():
        raise Problem("NOTE_REQUIRED", fields={"result": "请写明办理结果"})
    _require_handler(session, request, actor)
    sealed = vault.seal(request.salt, RESULT, request.public_id, result)
    _step(session, request, RequestAction.FINISH, actor=actor, now=now, note="办结", seen=seen, result=sealed, finished_at=now)
    content_checks.take(session, request, pictures, owner=session.get_one(Person, actor.id), now=now)
    requests.tell(session, request, outcome="finished", now=now)
    return request


def result_of(request: Request) -> str:
    """What was reported, '' before."""
    return vault.open_sealed(request.salt, RESULT, request.public_id, request.result)


def waits_for(request: Request) -> str | None:
    """What the work waited for the last time it waited, as its handler wrote it to the requester."""
    return vault.open_sealed(request.salt, PAUSED, request.public_id, request.pause_reason) or None


def visits(session: Session, request: Request) -> list[tuple[RequestVisit, str]]:
    """The visits with their words, oldest first."""
    found = select(RequestVisit).where(RequestVisit.request_id == request.id).order_by(RequestVisit.id)
    return [(row, vault.open_sealed(request.salt, VISIT, row.public_id, row.note)) for row in session.execute(found).scalars()]


def readings(session: Session, request: Request) -> list[ContactReading]:
    """Who read the phone and when, oldest first."""
    found = select(ContactReading).where(ContactReading.request_id == request.id).order_by(ContactReading.id)
    return list(session.execute(found).scalars())


def readings_named(session: Session, request: Request) -> list[tuple[str, datetime]]:
    """The readings with the readers' names, oldest first."""
    found = select(ContactReading, Person).join(Person, Person.id == ContactReading.reader_id)
    rows = session.execute(found.where(ContactReading.request_id == request.id).order_by(ContactReading.id))
    return [(people.name_of(person), reading.at) for reading, person in rows]


def _step(session: Session, request: Request, action: RequestAction, *, actor: Actor, now: datetime, **more: Any) -> Request:
    _require_handler(session, request, actor)
    return request_moves.move(session, request, action, actor=actor, now=now, **more)


def _require_handler(session: Session, request: Request, actor: Actor) -> None:
    if not is_handler(session, request, actor):
        raise Problem("NOT_FOUND")
