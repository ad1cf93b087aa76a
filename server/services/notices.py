"""Telling people: a row in the inbox in the caller's transaction, the WeChat courtesy by a drain job (mission row G1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from server import defer
from server.db import statements
from server.db.base import new_public_id
from server.db.models.notices import Notice, Subscription
from server.domain.notices import NoticeKind, PushState, Template, quiet_until
from server.domain.permissions import Actor
from server.domain.problems import Problem
from server.services import lists

MOST_LEFT = 50  # nobody is owed more messages than this of a template


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
            created_at=shown_from(session, [(subject_public_id, dedupe)], now),
            push_state=PushState.WAITING,
            push_after=quiet_until(shown_from(session, (), now)),
        )
    )
    defer.wake(session, "notices.push")


def shown_from(session: Session, told: Iterable[tuple[str, str]], now: datetime) -> datetime:
    """When what is told in this session may be seen: at once, or when it can no longer be undone; `told` as (subject, dedupe)."""
    hold = defer.hold_of(session)
    if hold is None:
        return now
    hold.notices.extend(told)
    return max(now, hold.until)


def take_back(session: Session, dedupes: Sequence[str]) -> bool:
    """Delete notices nobody has been shown yet. False where one was pushed already: then nothing can be undone."""
    gone = delete(Notice).where(Notice.dedupe.in_(dedupes), Notice.push_state == PushState.WAITING)
    done: Any = session.execute(gone.execution_options(synchronize_session=False))
    return bool(done.rowcount == len(dedupes))


def inbox(session: Session, *, actor: Actor, now: datetime, after: str | None, limit: int) -> tuple[list[Notice], str | None]:
    """The person's notices, newest first, and the next `after`. Raises INVALID for a cursor that is none."""
    mine = select(Notice).where(Notice.person_id == actor.id, Notice.created_at <= now)
    rows, following = lists.page(session, mine, Notice, after=after, limit=limit, newest_first=True)
    return [row[0] for row in rows], following


def unread(session: Session, *, actor: Actor, now: datetime) -> int:
    """How many the person has not read."""
    mine = (Notice.person_id == actor.id, Notice.read_at.is_(None), Notice.created_at <= now)
    return session.execute(select(func.count()).where(*mine)).scalar_one()


def read(session: Session, *, public_id: str, actor: Actor, now: datetime) -> None:
    """Mark one as read; reading it again changes nothing. Raises NOT_FOUND for another person's."""
    notice = session.execute(select(Notice).where(Notice.public_id == public_id, Notice.person_id == actor.id)).scalar_one_or_none()
    if notice is None:
        raise Problem("NOT_FOUND")
    notice.read_at = notice.read_at or now


def read_all(session: Session, *, actor: Actor, now: datetime) -> None:
    """Mark all as read."""
    mine = update(Notice).where(Notice.person_id == actor.id, Notice.read_at.is_(None), Notice.created_at <= now)
    session.execute(mine.values(read_at=now).execution_options(synchronize_session=False))


def subscriptions(session: Session, *, actor: Actor) -> dict[Template, Subscription | None]:
    """What the person allows, by template."""
    rows = {row.kind: row for row in session.execute(select(Subscription).where(Subscription.person_id == actor.id)).scalars()}
    return {template: rows.get(template) for template in Template}


def answer(session: Session, *, answers: Mapping[Template, bool], person_id: int) -> None:
    """What the person said in WeChat's dialog: each yes allows one more message of the template, a no allows none."""
    for template, yes in sorted(answers.items()):
        _row(session, person_id, template)
        more = case((Subscription.left < MOST_LEFT, Subscription.left + 1), else_=MOST_LEFT)
        _set(session, person_id, template, left=more if yes else 0)


def mute(session: Session, *, template: Template, muted: bool, actor: Actor) -> None:
    """Turn the courtesy messages of a template off or on (docs/rules.md R1); the inbox stays complete."""
    _row(session, actor.id, template)
    _set(session, actor.id, template, muted=muted)


def _row(session: Session, person_id: int, template: Template) -> None:
    new = {"person_id": person_id, "kind": template, "left": 0, "muted": False}
    statements.insert_new(session, Subscription, new, key=("person_id", "kind"))


def _set(session: Session, person_id: int, template: Template, **values: Any) -> None:
    changed = update(Subscription).where(Subscription.person_id == person_id, Subscription.kind == template).values(**values)
    session.execute(changed.execution_options(synchronize_session=False))
