"""What a requester adds to his request while it is open: words, pictures, a voice note (mission row C1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.people import Person
from server.db.models.requests import Request, RequestSupplement
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.domain.requests import CheckState
from server.services import content_checks, events, requests, scopes

TEXT = "request_supplement.text"


def add(
    session: Session,
    request: Request,
    *,
    text: str | None,
    media_ids: Sequence[str],
    text_check: CheckState,
    actor: Actor,
    now: datetime,
) -> RequestSupplement:
    """By the requester, or by staff to whom he tells it (R6).

    Raises NOT_FOUND (not his), ILLEGAL_MOVE once it has ended, INVALID for nothing, MEDIA_UNFIT.
    """
    if not requests.is_own(request, actor):
        scopes.require(session, actor, Permission.REQUESTS_ENTER, request.community_id)
    requests.require_open(request)
    if not text and not media_ids:
        raise Problem("INVALID", fields={"text": "请写几句话、加图片或录音"})
    public_id = new_public_id()
    made = RequestSupplement(
        public_id=public_id,
        request_id=request.id,
        person_id=actor.id,
        text=vault.seal(request.salt, TEXT, public_id, text) if text else None,
        check_state=text_check if text else CheckState.PASSED,
        added_at=now,
    )
    session.add(made)
    session.flush()
    content_checks.take(session, request, media_ids, owner=session.get_one(Person, actor.id), now=now)
    events.add(session, request, action="supplement", actor=actor, now=now)
    return made


def of(session: Session, request: Request) -> list[tuple[RequestSupplement, str]]:
    """What was added, oldest first, with its words."""
    rows = session.execute(select(RequestSupplement).where(RequestSupplement.request_id == request.id).order_by(RequestSupplement.id))
    return [(row, vault.open_sealed(request.salt, TEXT, row.public_id, row.text)) for row in rows.scalars()]
