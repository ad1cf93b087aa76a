"""Deciding on many rows at once: what succeeded stands, each failure is named (mission row C4), a handful of statements for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server import defer
from server.db.base import new_public_id
from server.db.models.notices import Notice
from server.db.models.platform import Event
from server.domain.notices import NoticeKind, PushState, quiet_until
from server.domain.permissions import Actor
from server.domain.problems import PROBLEMS, Problem
from server.services import notices

T = TypeVar("T")
LARGEST = 200


@dataclass(frozen=True)
class Failure:
    """One row that was not decided: its public id, and why."""

    id: str
    code: str
    message: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The rows that were decided and the ones that were not, each in the order asked for."""

    done: list[T]
    failed: list[Failure]


def failure(public_id: str, code: str, reasons: tuple[str, ...] = ()) -> Failure:
    """A failure with the sentence of its code."""
    return Failure(public_id, code, PROBLEMS[code][1], reasons)


def only(outcome: Outcome[T]) -> T:
    """The one row of a batch of one. Raises the Problem it failed with."""
    if outcome.failed:
        first = outcome.failed[0]
        raise Problem(first.code, data={"reasons": list(first.reasons)} if first.reasons else None)
    return outcome.done[0]


def unique(public_ids: Sequence[str]) -> list[str]:
    """Each id once, in the order given. Raises INVALID for more than 200."""
    if len(public_ids) > LARGEST:
        raise Problem("INVALID", fields={"ids": f"一次最多 {LARGEST} 条"})
    return list(dict.fromkeys(public_ids))


def note_events(
    session: Session, rows: Iterable[tuple[Any, Any, Any]], *, action: str, actor: Actor, now: datetime, note: str | None = None
) -> None:
    """One event for each (row, state before, state after), in one statement."""
    values = [
        {
            "subject_kind": row.__tablename__,
            "subject_id": row.id,
            "action": action,
            "from_state": before,
            "to_state": after,
            "actor_id": actor.person_id,
            "session_id": actor.session_id,
            "community_id": row.community_id,
            "note": note,
            "at": now,
        }
        for row, before, after in rows
    ]
    if values:
        session.execute(insert(Event), values)


def tell_all(session: Session, rows: Iterable[tuple[Any, dict[str, Any]]], *, kind: NoticeKind, subject_kind: str, now: datetime) -> None:
    """notices.tell to the person of each (row, facts), in one statement; once for each version of a row."""
    rows = list(rows)
    shown = notices.shown_from(session, [(row.public_id, f"{kind.value}:{row.id}:{row.version}") for row, _ in rows], now)
    values = [
        {
            "public_id": new_public_id(),
            "person_id": row.person_id,
            "kind": kind,
            "dedupe": f"{kind.value}:{row.id}:{row.version}",
            "subject_kind": subject_kind,
            "subject_public_id": row.public_id,
            "facts": facts,
            "created_at": shown,
            "push_state": PushState.WAITING,
            "push_after": quiet_until(shown),
            "push_tries": 0,
        }
        for row, facts in rows
    ]
    if values:
        session.execute(insert(Notice), values)
        defer.wake(session, "notices.push")
