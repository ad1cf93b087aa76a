"""投诉建议: sealed words, a reply within five working days, overdue ones seen by the county (mission row G10; docs/rules.md §3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true, tuple_
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import new_public_id
from server.db.models.feedbacks import Feedback
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.days import local_day
from server.domain.feedbacks import (
    FEEDBACK_TRANSITIONS,
    FeedbackAbout,
    FeedbackAction,
    FeedbackAudience,
    FeedbackKind,
    FeedbackState,
    audience_of,
)
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, lists, notices, policies, scopes, sessions, workdays


@dataclass(frozen=True)
class Written:
    """What somebody wrote; `request` is the request it is about, whose handler then never sees it."""

    kind: FeedbackKind
    about: FeedbackAbout
    text: str
    community: OrgNode | None = None
    request: Request | None = None


def submit(session: Session, *, written: Written, actor: Actor, now: datetime, author: Person | None = None) -> Feedback:
    """Send it to whoever answers: the community it names, or the county. `author` is he whose words a clerk enters (R6).

    Raises NOT_FOUND for a request that is not his.
    """
    request, author_id = written.request, actor.id if author is None else author.id
    if request is not None and author_id not in (request.author_id, request.asked_for_id):
        raise Problem("NOT_FOUND")
    node_id = _node_of(session, written)
    feedback = Feedback(
        public_id=new_public_id(),
        author_id=author_id,
        entered_by=actor.id if author is not None else None,
        community_id=node_id,
        kind=written.kind,
        about=written.about,
        about_id=request.handler_person_id if request is not None else None,
        audience=audience_of(written.about, named_community=request is None and written.community is not None),
        state=FeedbackState.OPEN,
        written_at=now,
        reply_due_at=_due(session, node_id, now),
    )
    feedback.content = _sealed(session.get_one(Person, author_id), "feedback.content", feedback, written.text)
    session.add(feedback)
    session.flush()
    events.add(session, feedback, action="submit", actor=actor, now=now, after=feedback.state)
    return feedback


def answer(session: Session, feedback: Feedback, *, text: str, actor: Actor, now: datetime) -> Feedback:
    """Reply; the writer is told. Raises NOT_FOUND out of scope, for its writer and for whom it is about; ILLEGAL_MOVE."""
    _require_answers(session, feedback, actor)
    reply = _sealed(session.get_one(Person, feedback.author_id), "feedback.reply", feedback, text)
    _move(session, feedback, FeedbackAction.ANSWER, actor, now, reply=reply, replied_at=now, replied_by=actor.person_id)
    _tell(session, feedback, feedback.author_id, {}, now)
    if feedback.entered_by is not None:
        _tell(session, feedback, feedback.entered_by, {"outcome": "entered"}, now)
    return feedback


def hand_up(session: Session, feedback: Feedback, *, actor: Actor, now: datetime) -> Feedback:
    """The community cannot answer this: the county does, by the same date. Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_answers(session, feedback, actor)
    return _move(session, feedback, FeedbackAction.HAND_UP, actor, now, audience=FeedbackAudience.COUNTY)


def ask_again(session: Session, feedback: Feedback, *, text: str, actor: Actor, now: datetime) -> Feedback:
    """The writer is not content: it goes to the county with what he adds, and a new date. Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_author(session, feedback, actor)
    person = session.get_one(Person, feedback.author_id)
    content = _sealed(person, "feedback.content", feedback, f"{text_of(person, feedback)}\n——\n{text}")
    changes = {"audience": FeedbackAudience.COUNTY, "round": feedback.round + 1, "content": content, "told_at": None}
    due = _due(session, feedback.community_id, now)
    return _move(session, feedback, FeedbackAction.ASK_AGAIN, actor, now, reply_due_at=due, **changes)


def withdraw(session: Session, feedback: Feedback, *, actor: Actor, now: datetime) -> Feedback:
    """The writer takes it back before it is answered. Raises NOT_FOUND, ILLEGAL_MOVE."""
    _require_author(session, feedback, actor)
    return _move(session, feedback, FeedbackAction.WITHDRAW, actor, now)


def own(session: Session, *, actor: Actor, after: str | None, limit: int) -> tuple[list[Feedback], str | None]:
    """What the person wrote, newest first. Raises FORBIDDEN where it may not be he (`sessions.is_himself`)."""
    if not sessions.is_himself(session, actor):
        raise Problem("FORBIDDEN")
    mine = select(Feedback).where(Feedback.author_id == actor.id)
    rows, following = lists.page(session, mine, Feedback, after=after, limit=limit, newest_first=True)
    return [row[0] for row in rows], following


def queue(
    session: Session, *, node: OrgNode, overdue: bool, actor: Actor, now: datetime, after: str | None, limit: int
) -> tuple[list[tuple[Feedback, Person]], str | None]:
    """What waits for a reply below the node, the nearest date first; `overdue` alone where asked. Raises NOT_FOUND out of scope."""
    scopes.require(session, actor, Permission.FEEDBACKS_ANSWER, node.id)
    below = select(OrgNode.id).where(OrgNode.path.startswith(node.path, autoescape=True))
    wanted = select(Feedback, Person).join(Person, Person.id == Feedback.author_id)
    wanted = wanted.where(Feedback.state == FeedbackState.OPEN, Feedback.community_id.in_(below), _his(session, node, actor))
    if overdue:
        wanted = wanted.where(Feedback.reply_due_at < now)
    wanted = wanted.where(_behind(session, after)).order_by(Feedback.reply_due_at, Feedback.id)
    rows = session.execute(wanted.limit(limit + 1)).all()
    following = rows[limit - 1][0].public_id if len(rows) > limit else None
    return [(row[0], row[1]) for row in rows[:limit]], following


def readable(session: Session, public_id: str, *, actor: Actor) -> tuple[Feedback, Person]:
    """It and its writer, for the writer, the clerk who entered it and who answers. Raises NOT_FOUND, also for whom it is about."""
    feedback = session.execute(select(Feedback).where(Feedback.public_id == public_id)).scalar_one_or_none()
    if feedback is None:
        raise Problem("NOT_FOUND")
    if not _speaks(session, feedback, actor):
        _require_answers(session, feedback, actor)
    return feedback, session.get_one(Person, feedback.author_id)


def text_of(person: Person, feedback: Feedback) -> str:
    """What was written, opened."""
    return vault.open_sealed(person.salt, "feedback.content", feedback.public_id, feedback.content)


def reply_of(person: Person, feedback: Feedback) -> str:
    """The reply, opened; '' before there is one."""
    return vault.open_sealed(person.salt, "feedback.reply", feedback.public_id, feedback.reply)


def _his(session: Session, node: OrgNode, actor: Actor) -> ColumnElement[bool]:
    """What this one may answer: the county all, a community what is for it; never what is about him or what he wrote or entered."""
    oversees = scopes.allows(session, actor, Permission.FEEDBACKS_OVERSEE, node.id)
    others = (or_(column.is_(None), column != actor.id) for column in (Feedback.about_id, Feedback.entered_by))
    stranger = and_(Feedback.author_id != actor.id, *others)
    return stranger if oversees else and_(stranger, Feedback.audience == FeedbackAudience.COMMUNITY)


def _behind(session: Session, after: str | None) -> ColumnElement[bool]:
    """What stands behind the cursor."""
    if after is None:
        return true()
    last = session.execute(select(Feedback.reply_due_at, Feedback.id).where(Feedback.public_id == after)).one_or_none()
    if last is None:
        raise Problem("INVALID", fields={"after": "翻页位置已失效，请回到第一页"})
    return tuple_(Feedback.reply_due_at, Feedback.id) > (last[0], last[1])


def _require_answers(session: Session, feedback: Feedback, actor: Actor) -> None:
    if actor.person_id in (feedback.author_id, feedback.about_id, feedback.entered_by):
        raise Problem("NOT_FOUND")
    county = feedback.audience is FeedbackAudience.COUNTY
    scopes.require(session, actor, Permission.FEEDBACKS_OVERSEE if county else Permission.FEEDBACKS_ANSWER, feedback.community_id)


def _require_author(session: Session, feedback: Feedback, actor: Actor) -> None:
    if not _speaks(session, feedback, actor):
        raise Problem("NOT_FOUND")


def _speaks(session: Session, feedback: Feedback, actor: Actor) -> bool:
    """The writer, if it is surely he, or the clerk who entered it for him, while she is one there."""
    if feedback.author_id == actor.person_id:
        return sessions.is_himself(session, actor)
    entered = feedback.entered_by is not None and feedback.entered_by == actor.person_id
    return entered and scopes.allows(session, actor, Permission.FEEDBACKS_ENTER, feedback.community_id)


def _tell(session: Session, feedback: Feedback, person_id: int, facts: dict[str, str], now: datetime) -> None:
    notices.tell(
        session,
        person_id=person_id,
        kind=NoticeKind.FEEDBACK_ANSWERED,
        subject_kind="feedback",
        subject_public_id=feedback.public_id,
        facts={"title": "投诉建议", **facts},
        dedupe=f"feedback:{feedback.id}:{feedback.version}:{person_id}",
        now=now,
    )


def _node_of(session: Session, written: Written) -> int:
    if written.request is not None:
        return written.request.community_id
    if written.community is not None:
        return written.community.id
    return session.execute(select(OrgNode.id).where(OrgNode.parent_id.is_(None)).order_by(OrgNode.id).limit(1)).scalar_one()


def _due(session: Session, node_id: int, now: datetime) -> datetime:
    days = policies.value(session, "feedbacks.reply_workdays", today=local_day(now), node_id=node_id)
    return workdays.end_of(session, now=now, count=days)


def _sealed(person: Person, where: str, feedback: Feedback, text: str) -> bytes | None:
    return vault.seal(person.salt, where, feedback.public_id, text) if person.salt is not None else None


def _move(session: Session, feedback: Feedback, action: FeedbackAction, actor: Actor, now: datetime, **changes: Any) -> Feedback:
    return events.move(session, feedback, table=FEEDBACK_TRANSITIONS, action=action, actor=actor, now=now, **changes)
