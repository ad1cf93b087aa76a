"""Ten seconds to take a decision back: what it changed is kept, what it tells waits (docs/decisions/0011-undo.md).

    with undos.begin(session, actor=actor, now=now) as act:
        act.watch("claim", claim)              # before deciding
        claim_decisions.decide_many(…)
        kept = act.keep("approve", failed)     # one row: whose, until when, what was before

The decision itself is committed at once, by its own service. Its notices and deferred jobs wait until it can no longer be undone, so an
undo has nothing to call back. Undoing is a declared move (Rule.undo) by the guarded UPDATE: whoever acted in between keeps what he did,
and the undo of that subject is refused.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server import defer
from server.db.base import new_public_id
from server.db.models.checkins import ServiceRecord
from server.db.models.people import BindingRequest
from server.db.models.platform import Undo
from server.db.models.registrations import MemberRegistration, Transfer, UnitRegistration
from server.db.models.requests import Request, RequestOffer
from server.db.models.tasks import Claim
from server.domain.people import BINDING_TRANSITIONS
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.domain.records import RECORD_TRANSITIONS
from server.domain.registrations import MEMBER_TRANSITIONS, TRANSFER_TRANSITIONS, UNIT_TRANSITIONS
from server.domain.requests import OFFER_TRANSITIONS, REQUEST_TRANSITIONS
from server.domain.states import Rule
from server.domain.tasks import CLAIM_TRANSITIONS
from server.services import batches, events, notices, reversals
from server.services.batches import Failure

WITHIN = timedelta(seconds=10)
SETTLES = timedelta(seconds=5)  # an undo that began in time has committed by then; what was held leaves after it
MACHINES: Mapping[str, tuple[Any, Mapping[Any, Rule[Any]]]] = {
    model.__tablename__: (model, table)
    for model, table in (
        (BindingRequest, BINDING_TRANSITIONS),
        (Claim, CLAIM_TRANSITIONS),
        (MemberRegistration, MEMBER_TRANSITIONS),
        (Request, REQUEST_TRANSITIONS),
        (RequestOffer, OFFER_TRANSITIONS),
        (ServiceRecord, RECORD_TRANSITIONS),
        (Transfer, TRANSFER_TRANSITIONS),
        (UnitRegistration, UNIT_TRANSITIONS),
    )
}
FIXED = frozenset({"id", "public_id", "version"})


@dataclass(frozen=True)
class Undone:
    """What was taken back (public ids), and what could not be."""

    done: list[str]
    failed: list[Failure]


@dataclass
class Act:
    """A decision while it is taken: the rows of each subject (`kind.public_id`) as they were, its own first."""

    session: Session
    actor: Actor
    now: datetime
    hold: defer.Hold
    watched: dict[str, list[tuple[Any, dict[str, Any]]]] = field(default_factory=dict)
    made: dict[str, list[Any]] = field(default_factory=dict)

    def watch(self, kind: str, row: Any, *others: Any) -> None:
        """Remember the subject and what else its decision may move."""
        self.watched[f"{kind}.{row.public_id}"] = [(one, _columns(one)) for one in (row, *others)]

    def keep(self, action: str, failed: Sequence[tuple[str, Failure]]) -> Undo:
        """The decision is taken: write down how to take it back. What did not move is left out; failures come as (kind, failure)."""
        own = {id(rows[0][0]) for rows in self.watched.values()}
        vain = {one.id for _, one in failed}
        stood = {name: rows for name, rows in self.watched.items() if rows[0][0].public_id not in vain and _moved(*rows[0])}
        row = Undo(
            public_id=new_public_id(),
            person_id=self.actor.id,
            action=action,
            made_at=self.now,
            until=self.now + WITHIN,
            done=[self._kept(subject, rows, own) for subject, rows in sorted(stood.items(), key=lambda one: reversals.turn(one[1][0][0]))],
            failed=[{"kind": kind, "id": one.id, "code": one.code, "reasons": list(one.reasons)} for kind, one in failed],
        )
        self.session.add(row)
        self.session.flush()
        return row

    def _kept(self, subject: str, rows: Sequence[tuple[Any, dict[str, Any]]], own: set[int]) -> dict[str, Any]:
        """One subject as JSON; what another subject of the same act owns is left to that one."""
        mine = [(row, before) for at, (row, before) in enumerate(rows) if _moved(row, before) and (at == 0 or id(row) not in own)]
        made = self.made.get(subject, [])
        about = {row.public_id for row, _ in mine} | {row.public_id for row in made}
        return {
            "subject": subject,
            "rows": [_saved(row, before) for row, before in mine],
            "made": [row.id for row in made],
            "told": [dedupe for public_id, dedupe in self.hold.notices if public_id in about],
        }


@contextmanager
def begin(session: Session, *, actor: Actor, now: datetime) -> Iterator[Act]:
    """Decide inside: nothing is told before it can no longer be undone."""
    with defer.held(session, since=now, until=now + WITHIN + SETTLES) as hold:
        yield Act(session, actor, now, hold)


def by_public_id(session: Session, public_id: str, *, actor: Actor) -> Undo:
    """The person's own decision. Raises NOT_FOUND."""
    mine = select(Undo).where(Undo.public_id == public_id, Undo.person_id == actor.id)
    row = session.execute(mine.execution_options(populate_existing=True)).scalar_one_or_none()
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def undo(session: Session, public_id: str, *, actor: Actor, now: datetime) -> Undone:
    """Take a decision back: of many, those that nobody has touched since; the others are named.

    Raises NOT_FOUND (another's), UNDO_LATE, UNDO_DONE, and of a decision on one subject what it fails with (UNDO_MOVED, UNDO_RECKONED,
    TASK_FULL …).
    """
    row = by_public_id(session, public_id, actor=actor)
    if row.undone_at is None and now > row.until:
        raise Problem("UNDO_LATE")
    mine = update(Undo).where(Undo.id == row.id, Undo.undone_at.is_(None)).values(undone_at=now)
    won: Any = session.execute(mine.execution_options(synchronize_session=False))
    if won.rowcount != 1:
        raise Problem("UNDO_DONE")
    outcome = Undone([], [])
    reversals.lock(session, [one["id"] for saved in row.done for one in saved["rows"] if one["table"] == "service_record"])
    for saved in row.done:
        public_id = saved["subject"].partition(".")[2]
        code = _code_of(session, lambda saved=saved: _reverse(session, saved, row.made_at, actor, now))  # type: ignore[misc]
        if code is None:
            outcome.done.append(public_id)
        else:
            outcome.failed.append(batches.failure(public_id, code))
    if not outcome.done and outcome.failed:
        raise Problem(outcome.failed[0].code)
    return outcome


def _code_of(session: Session, act: Callable[[], None]) -> str | None:
    try:
        with session.begin_nested():
            act()
    except Problem as problem:
        return problem.code
    except IntegrityError:
        return "UNDO_MOVED"
    return None


def _reverse(session: Session, saved: Mapping[str, Any], made_at: datetime, actor: Actor, now: datetime) -> None:
    rows = [(session.get_one(MACHINES[one["table"]][0], one["id"], populate_existing=True), one) for one in saved["rows"]]
    if any(row.version != one["version"] for row, one in rows):
        raise Problem("UNDO_MOVED")
    then = reversals.prepare(session, rows[0][0], saved["made"], made_at=made_at, actor=actor, now=now)
    for row, one in reversed(rows):
        restored = {name: _opened(type(row), name, value) for name, value in one["before"].items()}
        before = restored.pop("state")
        events.undo(session, row, table=MACHINES[one["table"]][1], before=before, actor=actor, now=now, **restored)
    then()
    if not notices.take_back(session, saved["told"]):
        raise Problem("UNDO_LATE")


def _columns(row: Any) -> dict[str, Any]:
    names = [prop.key for prop in type(row).__mapper__.column_attrs if prop.key not in FIXED]
    return {"version": row.version, **{name: getattr(row, name) for name in names}}


def _moved(row: Any, before: Mapping[str, Any]) -> bool:
    """By this decision alone: one version on."""
    return bool(row.version == before["version"] + 1)


def _saved(row: Any, before: Mapping[str, Any]) -> dict[str, Any]:
    changed = {
        name: _packed(value) for name, value in before.items() if name not in FIXED and (name == "state" or getattr(row, name) != value)
    }
    return {"table": type(row).__tablename__, "id": row.id, "version": row.version, "before": changed}


def _packed(value: Any) -> Any:
    """As JSON, with its kind where JSON has none."""
    if isinstance(value, datetime | date):
        return {"at": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return value.value if isinstance(value, Enum) else value


def _opened(model: Any, name: str, value: Any) -> Any:
    if isinstance(value, dict) and "at" in value:
        text = value["at"]
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    if isinstance(value, dict) and "bytes" in value:
        return base64.b64decode(value["bytes"])
    enum = getattr(model.__table__.c[name].type, "enum_class", None)
    return enum(value) if enum is not None and value is not None else value
