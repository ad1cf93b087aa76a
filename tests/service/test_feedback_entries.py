"""投诉建议 of somebody without a phone: written down by a clerk, answered by another, read out to him (R6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.feedbacks import Feedback
from server.db.models.notices import Notice
from server.db.models.people import Consent, Person
from server.domain.feedbacks import FeedbackAbout as About
from server.domain.feedbacks import FeedbackAudience, FeedbackKind, FeedbackState
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.services import feedback_entries, feedbacks
from server.services.feedbacks import Written
from server.services.intakes import Represented
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester

GRANDMA = Represented("王奶奶", None, ConsentChannel.SPOKEN)


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


@pytest.fixture
def clerk(session: Session, tree: Tree, now: datetime) -> Actor:
    return actor_of(session, with_role(session, now, Role.CLERK, tree.community, "小赵"), now)


def code_of(act: Any) -> str:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.code


def entered(session: Session, tree: Tree, clerk: Actor, now: datetime, about: About = About.SERVICE, **over: Any) -> Feedback:
    written = Written(FeedbackKind.COMPLAINT, about, "楼道灯坏了三次没人管", tree.community, over.pop("request", None))
    values = {"who": GRANDMA, "community": tree.community, **over}
    return feedback_entries.enter(session, written=written, actor=clerk, now=now, **values)


def listed(session: Session, clerk: Actor, *, to_tell: bool = False) -> list[int]:
    rows, _ = feedback_entries.entered(session, to_tell=to_tell, actor=clerk, after=None, limit=10)
    return [row.id for row, _person in rows]


def test_entered_answered_and_read_out(session: Session, tree: Tree, clerk: Actor, now: datetime) -> None:
    """Thursday 5 March 2026 and five working days, as for everybody."""
    row = entered(session, tree, clerk, now)
    author = session.get_one(Person, row.author_id)
    assert row.reply_due_at == datetime(2026, 3, 12, 16, 0, tzinfo=UTC)
    agreed = session.execute(select(Consent).where(Consent.person_id == author.id)).scalar_one()
    assert (agreed.channel, agreed.witness_id) == (ConsentChannel.SPOKEN, clerk.person_id)
    assert (listed(session, clerk), listed(session, clerk, to_tell=True)) == ([row.id], [])
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    feedbacks.answer(session, row, text="今天换好", actor=secretary, now=now)
    told = session.execute(select(Notice.person_id, Notice.facts).order_by(Notice.id)).all()
    assert [tuple(line) for line in told] == [
        (author.id, {"title": "投诉建议"}),
        (clerk.id, {"title": "投诉建议", "outcome": "entered"}),
    ]
    assert listed(session, clerk, to_tell=True) == [row.id]
    seen, whose = feedbacks.readable(session, row.public_id, actor=clerk)
    assert feedbacks.reply_of(whose, seen) == "今天换好"
    feedback_entries.tell(session, row, actor=clerk, now=now + timedelta(hours=1))
    assert (row.state, row.told_at, listed(session, clerk, to_tell=True)) == (FeedbackState.ANSWERED, now + timedelta(hours=1), [])


def test_he_is_not_content_and_the_clerk_asks_again(session: Session, tree: Tree, clerk: Actor, now: datetime) -> None:
    row = entered(session, tree, clerk, now)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    feedbacks.answer(session, row, text="今天换好", actor=secretary, now=now)
    feedback_entries.tell(session, row, actor=clerk, now=now)
    feedbacks.ask_again(session, row, text="还是黑的", actor=clerk, now=now)
    assert (row.state, row.audience, row.told_at) == (FeedbackState.OPEN, FeedbackAudience.COUNTY, None)
    assert code_of(lambda: feedback_entries.tell(session, row, actor=clerk, now=now)) == "ILLEGAL_MOVE"


def test_whoever_entered_it_does_not_answer_it(session: Session, tree: Tree, now: datetime) -> None:
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    row = entered(session, tree, secretary, now)
    assert code_of(lambda: feedbacks.answer(session, row, text="好", actor=secretary, now=now)) == "NOT_FOUND"
    waiting, _ = feedbacks.queue(session, node=tree.community, overdue=False, actor=secretary, now=now, after=None, limit=10)
    assert waiting == []
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    assert feedbacks.answer(session, row, text="好", actor=county, now=now).state is FeedbackState.ANSWERED


def test_only_within_the_own_community_and_only_while_a_clerk(session: Session, tree: Tree, clerk: Actor, now: datetime) -> None:
    assert code_of(lambda: entered(session, tree, clerk, now, community=tree.neighbour)) == "NOT_FOUND"
    row = entered(session, tree, clerk, now)
    colleague = actor_of(session, with_role(session, now, Role.CLERK, tree.community, "小钱"), now)
    assert code_of(lambda: feedbacks.readable(session, row.public_id, actor=colleague)) == "NOT_FOUND"
    assert code_of(lambda: feedback_entries.tell(session, row, actor=colleague, now=now)) == "NOT_FOUND"
    no_longer = Actor(clerk.person_id)
    assert code_of(lambda: feedbacks.readable(session, row.public_id, actor=no_longer)) == "NOT_FOUND"
    assert listed(session, no_longer) == []


def test_about_a_request_of_his(session: Session, tree: Tree, clerk: Actor, now: datetime) -> None:
    """The name must be the requester's; a clerk who handles the request herself lets a colleague write it down."""
    owner = a_requester(session, now, "张三")
    request = a_request(session, now, tree, owner)
    mine = Represented("张三", None, ConsentChannel.SPOKEN)
    assert code_of(lambda: entered(session, tree, clerk, now, request=request)) == "NOT_FOUND"
    row = entered(session, tree, clerk, now, request=request, who=mine)
    assert (row.author_id, row.audience) == (owner.id, FeedbackAudience.COUNTY)
    request.handler_person_id = clerk.person_id
    session.flush()
    assert code_of(lambda: entered(session, tree, clerk, now, request=request, who=mine)) == "FEEDBACK_ABOUT_YOU"


def test_nobody_enters_his_own_words(session: Session, tree: Tree, now: datetime) -> None:
    person = a_person(session, now, "小孙", phone="13811112222")
    clerk = Actor(person.id, grants=actor_of(session, with_role(session, now, Role.CLERK, tree.community), now).grants)
    own = Represented("小孙", "13811112222", ConsentChannel.SPOKEN)
    assert code_of(lambda: entered(session, tree, clerk, now, who=own)) in ("INVALID", "WITNESS_REQUIRED")
