"""A complaint or suggestion that a clerk writes down for somebody without a phone, and the reply she reads out (R6; docs/rules.md §3.7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.models.feedbacks import Feedback
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.db.models.requests import Request
from server.domain.feedbacks import FEEDBACK_TRANSITIONS, FeedbackAction, FeedbackState
from server.domain.permissions import Actor, Permission
from server.domain.problems import Problem
from server.services import events, feedbacks, intakes, lists, scopes
from server.services.feedbacks import Written
from server.services.intakes import Represented


def enter(session: Session, *, who: Represented, written: Written, community: OrgNode, actor: Actor, now: datetime) -> Feedback:
    """Write down what he says; he agrees with the clerk as witness, and the limit is the same as for everybody.

    Raises NOT_FOUND out of scope and for a request that is not his, INVALID for the clerk's own words, FEEDBACK_ABOUT_YOU where it is
    about a request that the clerk handles herself, PHONE_TAKEN where the phone is another name's.
    """
    scopes.require(session, actor, Permission.FEEDBACKS_ENTER, community.id)
    author = (
        _of_request(session, written.request, who, community)
        if written.request
        else intakes.represented(session, who=who, actor=actor, now=now)
    )
    if author.id == actor.id:
        raise Problem("INVALID", fields={"person": "自己的意见不用代录，请直接提交"})
    feedback = feedbacks.submit(session, written=written, actor=actor, now=now, author=author)
    if feedback.about_id == actor.id:
        raise Problem("FEEDBACK_ABOUT_YOU")
    return feedback


def tell(session: Session, feedback: Feedback, *, actor: Actor, now: datetime) -> Feedback:
    """The clerk has read the reply out to him. Raises NOT_FOUND for anybody else, ILLEGAL_MOVE before there is a reply."""
    if feedback.entered_by is None or feedback.entered_by != actor.person_id:
        raise Problem("NOT_FOUND")
    scopes.require(session, actor, Permission.FEEDBACKS_ENTER, feedback.community_id)
    return events.move(session, feedback, table=FEEDBACK_TRANSITIONS, action=FeedbackAction.TELL, actor=actor, now=now, told_at=now)


def entered(
    session: Session, *, to_tell: bool, actor: Actor, after: str | None, limit: int
) -> tuple[list[tuple[Feedback, Person]], str | None]:
    """What the clerk entered within her scope, newest first, and for whom; `to_tell`: only what was answered and not read out yet."""
    mine = select(Feedback, Person).join(Person, Person.id == Feedback.author_id)
    mine = mine.where(Feedback.entered_by == actor.id, scopes.within(actor, Permission.FEEDBACKS_ENTER, Feedback.community_id))
    if to_tell:
        mine = mine.where(Feedback.state == FeedbackState.ANSWERED, Feedback.told_at.is_(None))
    rows, following = lists.page(session, mine, Feedback, after=after, limit=limit, newest_first=True)
    return [(row[0], row[1]) for row in rows], following


def _of_request(session: Session, request: Request, who: Represented, community: OrgNode) -> Person:
    """Whom the request is for: one without a phone is found by his request, and his name must agree."""
    person = session.get_one(Person, request.asked_for_id)
    if request.community_id != community.id or person.name_hash != vault.lookup_hash("name", who.name):
        raise Problem("NOT_FOUND")
    return person
