"""Telling people: a row in the inbox in the caller's transaction, the WeChat courtesy by a drain job (mission row G1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server import defer
from server.db.base import new_public_id
from server.db.models.notices import Notice
from server.domain.notices import NoticeKind, PushState, quiet_until


def tell(
    session: Session,
    *,
    person_id: int,
    kind: NoticeKind,
    subject_kind: str,
    subject_public_id: str,
    facts: dict[str, Any],
    dedupe: str,
    now: datetime,
) -> None:
    """One notice to one person; `facts` holds titles, times and outcomes, never a name or a phone. `dedupe` is unique for ever."""
    session.add(
        Notice(
            public_id=new_public_id(),
            person_id=person_id,
            kind=kind,
            dedupe=dedupe,
            subject_kind=subject_kind,
            subject_public_id=subject_public_id,
            facts=facts,
            created_at=now,
            push_state=PushState.WAITING,
            push_after=quiet_until(now),
        )
    )
    defer.wake(session, "notices.push")
