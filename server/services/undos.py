"""Ten seconds to take a decision back: what it changed is kept, what it tells waits (docs/decisions/0011-undo.md).

    with undos.begin(session, actor=actor, now=now) as act:
        act.watch("claim", claim)              # before deciding
        claim_decisions.decide_many(…)
        kept = act.keep("approve", failed)     # one row: whose, until when, what was before

The decision itself is committed at once, by its own service. Its notices and deferred jobs wait until it can no longer be undone, so an
undo has nothing to call back. Undoing is a declared move (Rule.undo) by the guarded UPDATE: whoever acted in between keeps what he did,
and the undo of that subject is refused. What a single page decides goes through `step`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server import defer
from server.db.base import new_public_id
from server.db.models.platform import Undo
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import batches, notices, reversals, undo_rows
from server.services.batches import Failure
from server.services.undo_rows import Seen

WITHIN = timedelta(seconds=10)
SETTLES = timedelta(seconds=5)  # an undo that began in time has committed by then; what was held leaves after it


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
    watched: dict[str, list[Seen]] = field(default_factory=dict)
    made: dict[str, list[Any]] = field(default_factory=dict)

    def watch(self, kind: str, row: Any, *others: Any, plain: Sequence[Any] = ()) -> None:
        """Remember the subject and what else its decision may move; `plain` rows have no version, or one that it leaves alone."""
        rows = [undo_rows.seen(one) for one in (row, *others)]
        self.watched[f"{kind}.{row.public_id}"] = rows + [undo_rows.seen(one, plain=True) for one in plain]

    def keep(self, action: str, failed: Sequence[tuple[str, Failure]]) -> Undo:
        """The decision is taken: write down how to take it back. What did not move is left out; failures come as (kind, failure)."""
        self.session.flush()
        for one in (one for rows in self.watched.values() for one in rows if one.plain):
            self.session.refresh(one.row)
        own = {id(rows[0].row): name for name, rows in self.watched.items()}
        vain = {one.id for _, one in failed}
        stood = {
            name: rows for name, rows in self.watched.items() if rows[0].row.public_id not in vain and any(one.moved() for one in rows)
        }
        row = Undo(
            public_id=new_public_id(),
            person_id=self.actor.id,
            action=action,
            made_at=self.now,
            until=self.now + WITHIN,
            done=[self._kept(name, rows, own) for name, rows in sorted(stood.items(), key=lambda one: reversals.turn(one[1][0].row))],
            failed=[{"kind": kind, "id": one.id, "code": one.code, "reasons": list(one.reasons)} for kind, one in failed],
        )
        self.session.add(row)
        self.session.flush()
        return row

    def _kept(self, subject: str, rows: Sequence[Seen], own: Mapping[int, str]) -> dict[str, Any]:
        """One subject as JSON; what another subject of the same act owns is left to that one."""
        mine = [one for one in rows if one.moved() and own.get(id(one.row), subject) == subject]
        made = self.made.get(subject, [])
        about = {subject.partition(".")[2]} | {getattr(row, "public_id", "") for row in [one.row for one in mine] + made}
        return {
            "subject": subject,
            "rows": [one.saved() for one in mine],
            "made": [row.id for row in made],
            "told": [dedupe for public_id, dedupe in self.hold.notices if public_id in about],
        }


@contextmanager
def begin(session: Session, *, actor: Actor, now: datetime) -> Iterator[Act]:
    """Decide inside: nothing is told before it can no longer be undone."""
    with defer.held(session, since=now, until=now + WITHIN + SETTLES) as hold:
        yield Act(session, actor, now, hold)


def step(session: Session, row: Any, act: Callable[[], Any], *, actor: Actor, now: datetime, plain: Sequence[Any] = ()) -> Undo:
    """Do what one page decides about `row` by its own service, undoable; offers that it returns lapse with it. Raises what it raises."""
    with begin(session, actor=actor, now=now) as kept:
        kept.watch(row.__tablename__, row, *reversals.beside(session, row), plain=plain)
        kept.made[f"{row.__tablename__}.{row.public_id}"] = reversals.offers_in(act())
        return kept.keep("step", [])


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
    reversals.lock(session, [one for saved in row.done for one in saved["rows"]])
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
    rows = [(undo_rows.found(session, one), one) for one in saved["rows"]]
    before = undo_rows.state_before(*rows[0])
    then = reversals.prepare(session, rows[0][0], before, saved["made"], made_at=made_at, actor=actor, now=now)
    for row, one in reversed(rows):
        undo_rows.put_back(session, row, one, actor=actor, now=now)
    then()
    if not notices.take_back(session, saved["told"]):
        raise Problem("UNDO_LATE")
