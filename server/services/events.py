"""Event rows and guarded moves: every state change goes through here (house law 2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import insert, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from server.db.models.platform import Event
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.states import A, Rule, S, permission_for, rule_for
from server.services import scopes


class Versioned(Protocol):
    """A row of which two people may have the form open at the same time."""

    id: Any
    version: Any


class Movable(Versioned, Protocol):
    """A row with a state machine."""

    state: Any
    community_id: Any


Row = TypeVar("Row", bound=Movable)


def move(
    session: Session,
    row: Row,
    *,
    table: Mapping[tuple[S, A], Rule[S]],
    action: A,
    actor: Actor,
    now: datetime,
    note: str | None = None,
    seen: int | None = None,
    own_words: bool = False,
    **changes: Any,
) -> Row:
    """Move `row` by `action`: permission in scope, guarded UPDATE on state and version, one event. Changes `row` in place.

    `own_words`: the note is what a person wrote about himself; the event does not keep it, the caller seals it on the row (R7).

    Raises ILLEGAL_MOVE, NOTE_REQUIRED, NOT_FOUND (out of scope) and STALE (somebody was quicker; `seen` is the version the person had
    before her).
    """
    before, permission = row.state, permission_for(table, action)
    if permission is not None:
        scopes.require(session, actor, permission, row.community_id)
    rule = rule_for(table, before, action, note=note)
    shift(session, row, to=rule.to, seen=seen, **changes)
    add(session, row, action=action.value, actor=actor, now=now, before=before, after=rule.to, note=None if own_words else note)
    return row


def undo(
    session: Session, row: Movable, *, table: Mapping[Any, Rule[Any]], before: Any, actor: Actor, now: datetime, **restored: Any
) -> None:
    """Take the row's last move back: the guarded UPDATE to the state `before` and the columns it had, and one event.

    A step beside the table that left the state alone (a whistle during the work, an extension) goes back too: its own rule was asked.
    Raises NOT_FOUND (out of scope), ILLEGAL_MOVE where the table does not let this move be undone, STALE.
    """
    after = row.state
    stayed = Rule(after) if before == after else None
    rule = next((rule for (state, _), rule in table.items() if state == before and rule.to == after and rule.undo), stayed)
    if rule is None:
        raise Problem("ILLEGAL_MOVE", data={"state": after.value, "action": "undo"})
    if rule.permission is not None:
        scopes.require(session, actor, rule.permission, restored.get("community_id", row.community_id))
    shift(session, row, to=before, **restored)
    add(session, row, action="undo", actor=actor, now=now, before=after, after=before)


def shift(session: Session, row: Movable, *, to: Any, seen: int | None = None, **changes: Any) -> None:
    """The guarded UPDATE alone. Raises STALE when state or version moved on."""
    revise(session, row, seen=seen, state=to, **changes)


def revise(session: Session, row: Versioned, *, seen: int | None = None, **changes: Any) -> None:
    """The same for a row without states: its next version, with these columns. Raises STALE when somebody was quicker."""
    if seen is not None and seen != row.version:
        raise Problem("STALE")
    model: Any = type(row)
    guarded = update(model).where(model.id == row.id, model.version == row.version)
    if "state" in changes:
        guarded = guarded.where(model.state == row.state)  # type: ignore[attr-defined]
    values = {"version": row.version + 1, **changes}
    result: Any = session.execute(guarded.values(**values).execution_options(synchronize_session=False))
    if result.rowcount != 1:
        raise Problem("STALE")
    for name, value in values.items():
        set_committed_value(row, name, value)


def add(
    session: Session,
    row: Any,
    *,
    action: str,
    actor: Actor,
    now: datetime,
    before: Any = None,
    after: Any = None,
    note: str | None = None,
) -> None:
    """One immutable event about `row`; ids only, `note` is what staff wrote as the reason, never a person's own words about himself."""
    session.execute(
        insert(Event).values(
            subject_kind=row.__tablename__,
            subject_id=row.id,
            action=action,
            from_state=before,
            to_state=after,
            actor_id=actor.person_id,
            session_id=actor.session_id,
            community_id=getattr(row, "community_id", None),
            note=note,
            at=now,
        )
    )
