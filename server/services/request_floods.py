"""What a shaking finger, a loop in a client or ten thousand requests from one phone become: one request, or a sentence (row C1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.days import local_day, start_of
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import policies, scopes

AGAIN = timedelta(minutes=10)  # the same words of the same person within this are one request, sent twice


def sent_before(
    session: Session, *, author: Person, asked_for: Person, community: OrgNode, words_hash: str, now: datetime
) -> Request | None:
    """The request this one repeats. One submission of a person at a time from here on, so that twenty taps in a second meet one another."""
    session.execute(select(Person.id).where(Person.id == author.id).with_for_update(key_share=True)).all()
    same = select(Request).where(
        Request.author_id == author.id,
        Request.asked_for_id == asked_for.id,
        Request.community_id == community.id,
        Request.words_hash == words_hash,
        Request.submitted_at > now - AGAIN,
    )
    return session.execute(same.order_by(Request.id.desc()).limit(1)).scalar_one_or_none()


def require_room(session: Session, *, author: Person, node: OrgNode, actor: Actor, now: datetime) -> None:
    """A day's requests of one person; staff who enter for others have no limit. Raises REQUEST_TOO_MANY."""
    if scopes.allows(session, actor, Permission.REQUESTS_ENTER, node.id):
        return
    today = local_day(now)
    written = select(func.count()).where(Request.author_id == author.id, Request.created_at >= start_of(today))
    if session.execute(written).scalar_one() >= policies.value(session, "requests.per_day", today=today, node_id=node.id):
        raise Problem("REQUEST_TOO_MANY")
