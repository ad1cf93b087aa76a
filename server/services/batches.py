"""Deciding on many rows at once: what succeeded stands, each failure is named (mission row C4), a handful of statements for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.db.models.platform import Event
from server.domain.permissions import Actor
from server.domain.problems import PROBLEMS, Problem

T = TypeVar("T")
LARGEST = 200


@dataclass(frozen=True)
class Failure:
    """One row that was not decided: its public id, and why."""

    id: str
    code: str
    message: str


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The rows that were decided and the ones that were not, each in the order asked for."""

    done: list[T]
    failed: list[Failure]


def failure(public_id: str, code: str) -> Failure:
    """A failure with the sentence of its code."""
    return Failure(public_id, code, PROBLEMS[code][1])


def only(outcome: Outcome[T]) -> T:
    """The one row of a batch of one. Raises the Problem it failed with."""
    if outcome.failed:
        raise Problem(outcome.failed[0].code)
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
