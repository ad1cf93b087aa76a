"""投诉建议: who sees it, by when it is answered, what is sealed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.feedbacks import Feedback
from server.db.models.notices import Notice
from server.db.models.orgs import OrgNode
from server.db.models.people import Person
from server.domain.feedbacks import FeedbackAbout as About
from server.domain.feedbacks import FeedbackAudience, FeedbackKind, FeedbackState
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.services import feedbacks
from server.services.feedbacks import Written
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


def code_of(act: Any) -> str:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.code


def a_feedback(session: Session, now: datetime, about: About, community: OrgNode | None, author: Person | None = None) -> Feedback:
    person = author or a_person(session, now)
    written = Written(FeedbackKind.COMPLAINT, about, "楼道灯坏了三次没人管", community)
    return feedbacks.submit(session, written=written, actor=Actor(person.id), now=now)


def waiting(session: Session, node: OrgNode, actor: Actor, now: datetime, *, overdue: bool = False) -> list[int]:
    rows, _ = feedbacks.queue(session, node=node, overdue=overdue, actor=actor, now=now, after=None, limit=10)
    return [row.id for row, _person in rows]


def test_answered_in_five_working_days(session: Session, tree: Tree, now: datetime) -> None:
    """Thursday 5 March 2026 and five working days: until the end of Thursday the 12th in Shanghai."""
    author = a_person(session, now)
    row = a_feedback(session, now, About.SERVICE, tree.community, author)
    assert row.reply_due_at == datetime(2026, 3, 12, 16, 0, tzinfo=UTC)
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    feedbacks.answer(session, row, text="今天换好", actor=secretary, now=now)
    assert (row.state, feedbacks.reply_of(author, row)) == (FeedbackState.ANSWERED, "今天换好")
    told = session.execute(select(Notice).where(Notice.person_id == author.id)).scalar_one()
    assert told.facts == {"title": "投诉建议"}
    assert code_of(lambda: feedbacks.answer(session, row, text="再答", actor=secretary, now=now)) == "ILLEGAL_MOVE"


def test_words_and_reply_are_sealed(session: Session, tree: Tree, now: datetime) -> None:
    author = a_person(session, now)
    row = a_feedback(session, now, About.APP, None, author)
    assert row.content is not None
    assert "楼道灯".encode() not in row.content
    assert feedbacks.text_of(author, row) == "楼道灯坏了三次没人管"


def test_what_is_about_the_community_goes_past_it(session: Session, tree: Tree, now: datetime) -> None:
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    plain = a_feedback(session, now, About.SERVICE, tree.community)
    blunt = [a_feedback(session, now, about, tree.community) for about in (About.COMMUNITY, About.STAFF)]
    nowhere = a_feedback(session, now, About.APP, None)
    assert waiting(session, tree.community, secretary, now) == [plain.id]
    assert waiting(session, tree.county, county, now) == [plain.id, *(row.id for row in blunt), nowhere.id]
    for row in (*blunt, nowhere):
        assert code_of(lambda row=row: feedbacks.readable(session, row.public_id, actor=secretary)) == "NOT_FOUND"
        feedbacks.answer(session, row, text="已了解", actor=county, now=now)
    assert code_of(lambda: waiting(session, tree.county, secretary, now)) == "NOT_FOUND"


def test_nobody_answers_his_own_or_what_is_about_him(session: Session, tree: Tree, now: datetime) -> None:
    official = with_role(session, now, Role.COUNTY, tree.county)
    county = actor_of(session, official, now)
    own = a_feedback(session, now, About.APP, None, official)
    about_him = a_feedback(session, now, About.STAFF, tree.community)
    about_him.about_id = official.id
    session.flush()
    assert waiting(session, tree.county, county, now) == []
    assert code_of(lambda: feedbacks.answer(session, own, text="好", actor=county, now=now)) == "NOT_FOUND"
    assert code_of(lambda: feedbacks.readable(session, about_him.public_id, actor=county)) == "NOT_FOUND"


def test_what_is_about_a_request_is_hidden_from_who_handles_it(session: Session, tree: Tree, now: datetime) -> None:
    official = with_role(session, now, Role.COUNTY, tree.county)
    county, author = actor_of(session, official, now), a_requester(session, now)
    request = a_request(session, now, tree, author)
    request.handler_person_id = official.id
    session.flush()
    written = Written(FeedbackKind.COMPLAINT, About.SERVICE, "约好的时间没有来", None, request)
    row = feedbacks.submit(session, written=written, actor=Actor(author.id), now=now)
    assert (row.audience, row.community_id) == (FeedbackAudience.COUNTY, tree.community.id)
    assert waiting(session, tree.county, county, now) == []
    other = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    assert waiting(session, tree.county, other, now) == [row.id]
    stranger = Actor(a_person(session, now).id)
    assert code_of(lambda: feedbacks.submit(session, written=written, actor=stranger, now=now)) == "NOT_FOUND"


def test_overdue_ones_are_seen_by_the_county(session: Session, tree: Tree, now: datetime, time: Any) -> None:
    county = with_role(session, now, Role.COUNTY, tree.county)
    row = a_feedback(session, now, About.SERVICE, tree.community)
    assert waiting(session, tree.county, actor_of(session, county, now), now, overdue=True) == []
    later = time.advance(days=8)
    fresh = a_feedback(session, later, About.SERVICE, tree.community)
    him = actor_of(session, county, later)
    assert waiting(session, tree.county, him, later, overdue=True) == [row.id]
    assert waiting(session, tree.county, him, later) == [row.id, fresh.id]


def test_handing_up_and_asking_again_reach_the_county(session: Session, tree: Tree, now: datetime) -> None:
    secretary = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    author = a_person(session, now)
    row = a_feedback(session, now, About.SERVICE, tree.community, author)
    feedbacks.hand_up(session, row, actor=secretary, now=now)
    assert (row.audience, waiting(session, tree.community, secretary, now)) == (FeedbackAudience.COUNTY, [])
    feedbacks.answer(session, row, text="已修", actor=county, now=now)
    feedbacks.ask_again(session, row, text="没有修好", actor=Actor(author.id), now=now)
    assert (row.state, row.round) == (FeedbackState.OPEN, 2)
    assert feedbacks.text_of(author, row).endswith("没有修好")
    stranger = Actor(a_person(session, now).id)
    assert code_of(lambda: feedbacks.withdraw(session, row, actor=stranger, now=now)) == "NOT_FOUND"
    assert feedbacks.withdraw(session, row, actor=Actor(author.id), now=now).state is FeedbackState.WITHDRAWN


def test_pages_follow_the_dates(session: Session, tree: Tree, now: datetime) -> None:
    county = actor_of(session, with_role(session, now, Role.COUNTY, tree.county), now)
    ids = [a_feedback(session, now, About.SERVICE, tree.community).id for _ in range(3)]
    rows, after = feedbacks.queue(session, node=tree.county, overdue=False, actor=county, now=now, after=None, limit=2)
    rest, end = feedbacks.queue(session, node=tree.county, overdue=False, actor=county, now=now, after=after, limit=2)
    assert ([row.id for row, _ in (*rows, *rest)], end) == (ids, None)
    with pytest.raises(Problem):
        feedbacks.queue(session, node=tree.county, overdue=False, actor=county, now=now, after="nothing", limit=2)
