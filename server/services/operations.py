"""What administrators start and watch (rows G4, G7): a row for each, with who asked, how far it is and what came of it.

The two that take long are jobs: sealing everything anew after a rotation, and verifying the whole audit chain.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from server import defer
from server.db.base import new_public_id
from server.db.models.people import Person
from server.db.models.platform import Operation
from server.domain.operations import OperationKind
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import events

JOBS = {OperationKind.KEYS_RESEAL: "keys.reseal", OperationKind.AUDIT_VERIFY: "audit.verify"}


def note(session: Session, kind: OperationKind, *, actor: Actor, now: datetime, **args: Any) -> Operation:
    """Write down what is done at once."""
    made = _add(session, kind, args, actor, now)
    made.finished_at = now
    session.flush()
    return made


def start(session: Session, kind: OperationKind, *, actor: Actor, now: datetime, **args: Any) -> Operation:
    """Let a job do it; one that is under way is watched, not started again."""
    standing = running(session, kind)
    if standing is not None:
        return standing
    made = _add(session, kind, args, actor, now)
    defer.defer(session, JOBS[kind], now=now, operation_id=made.id)
    return made


def running(session: Session, kind: OperationKind) -> Operation | None:
    """The newest one of this kind, unless it is finished."""
    found = newest(session, (kind,), limit=1)
    return found[0][0] if found and found[0][0].finished_at is None else None


def newest(session: Session, kinds: Collection[OperationKind], *, limit: int) -> list[Row[Operation, Person]]:
    """The last ones of these kinds with who asked for them, the newest first."""
    found = select(Operation, Person).join(Person, Person.id == Operation.asked_by).where(Operation.kind.in_(kinds))
    return list(session.execute(found.order_by(Operation.id.desc()).limit(limit)).all())


def by_public_id(session: Session, public_id: str, kind: OperationKind) -> Operation:
    """One of this kind. Raises NOT_FOUND."""
    found = session.execute(select(Operation).where(Operation.public_id == public_id, Operation.kind == kind)).scalar_one_or_none()
    if found is None:
        raise Problem("NOT_FOUND")
    return found


def progress(session: Session, operation_id: int, *, done: int, total: int) -> None:
    """How far it is, in values or events."""
    session.execute(update(Operation).where(Operation.id == operation_id).values(done=done, total=total))


def finish(session: Session, operation_id: int, *, now: datetime, **result: Any) -> None:
    """It is done, and this came of it; a second run's result replaces the first one's."""
    session.execute(update(Operation).where(Operation.id == operation_id).values(finished_at=now, result=result))


def _add(session: Session, kind: OperationKind, args: dict[str, Any], actor: Actor, now: datetime) -> Operation:
    made = Operation(public_id=new_public_id(), kind=kind, args=args, asked_by=actor.id, asked_at=now, result={})
    session.add(made)
    session.flush()
    events.add(session, made, action=kind.value, actor=actor, now=now)
    return made
