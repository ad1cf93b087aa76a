"""Two persons turn out to be one, and are two again: what went over, what comes back, and who may say so."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.feedbacks import Feedback
from server.db.models.notices import Notice, Subscription
from server.db.models.people import Consent, LoginSession, Person, WechatAccount
from server.db.models.platform import Event
from server.db.models.requests import Request
from server.domain.feedbacks import FeedbackAbout, FeedbackKind
from server.domain.notices import NoticeKind, Template
from server.domain.people import PersonState, Purpose
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.services import consents, feedbacks, merges, notices, people, sessions, staff
from server.services.feedbacks import Written
from tests.factories.people import Tree, a_person, a_tree, actor_of, token_of, with_role
from tests.factories.registrations import a_registration
from tests.factories.requests import a_request, a_requester

KEPT = (Notice.person_id, Subscription.person_id, WechatAccount.person_id, Request.author_id, Request.asked_for_id, Feedback.author_id)


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    return a_tree(session, now)


@pytest.fixture
def known(session: Session, tree: Tree, now: datetime) -> Person:
    """Registered by the community, without an account; he agreed to being served."""
    person = a_requester(session, now, "张三")
    a_registration(session, now, person, tree.community)
    return person


@pytest.fixture
def secretary(session: Session, tree: Tree, now: datetime) -> Actor:
    return actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


@pytest.fixture
def account(session: Session, tree: Tree, now: datetime) -> Person:
    """He signs in, agreed, allowed a message, was told something, asked for something and wrote a suggestion."""
    person = people.create(session, created_via="wechat", now=now)
    session.add(WechatAccount(appid="wx1", openid="o1", person_id=person.id, created_at=now, last_seen_at=now))
    session.add(Subscription(person_id=person.id, kind=Template.REMINDER, left=2))
    session.flush()
    a_request(session, now, tree, person)
    written = Written(FeedbackKind.SUGGESTION, FeedbackAbout.APP, "字太小")
    feedbacks.submit(session, written=written, actor=Actor(person.id), now=now)
    consents.give(session, person=person, purpose=Purpose.WISHES, actor=Actor(person.id), now=now)
    tell(session, person, now)
    return person


def tell(session: Session, person: Person, now: datetime) -> None:
    notices.tell(
        session, person_id=person.id, kind=NoticeKind.FEEDBACK_ANSWERED, subject_kind="feedback", subject_public_id="x",
        facts={"title": "投诉建议"}, dedupe=f"test:{person.id}:{now.isoformat()}", now=now,
    )  # fmt: skip


def code_of(act: Any) -> str:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.code


def owned(session: Session, person: Person) -> list[int]:
    """How many rows of each kind are his."""
    return [session.execute(select(func.count()).where(column == person.id)).scalar_one() for column in KEPT]


def purposes(session: Session, person: Person) -> set[Purpose]:
    standing = select(Consent.purpose).where(Consent.person_id == person.id, Consent.withdrawn_at.is_(None))
    return set(session.execute(standing).scalars())


def test_all_he_has_goes_over(session: Session, known: Person, account: Person, now: datetime) -> None:
    """Inbox, allowances, requests and words: who signs in afterwards finds them again, and can read what he wrote."""
    assert owned(session, account) == [1] * len(KEPT)
    merges.absorb(session, empty=account, into=known, actor=SYSTEM, now=now)
    assert (owned(session, account), owned(session, known)) == ([0] * len(KEPT), [1] * len(KEPT))
    assert (purposes(session, account), purposes(session, known)) == ({Purpose.SERVICE}, {Purpose.SERVICE, Purpose.WISHES})
    assert (account.state, account.merged_into_id) == (PersonState.MERGED, known.id)
    rows, _ = feedbacks.own(session, actor=Actor(known.id), after=None, limit=5)
    assert [feedbacks.text_of(known, row) for row in rows] == ["字太小"]


def test_what_both_have_stays_where_it_is(session: Session, known: Person, account: Person, now: datetime) -> None:
    session.add(Subscription(person_id=known.id, kind=Template.REMINDER, left=1))
    session.flush()
    merge = merges.absorb(session, empty=account, into=known, actor=SYSTEM, now=now)
    assert "subscription.person_id" not in merge.moved
    left = session.execute(select(Subscription.person_id, Subscription.left).order_by(Subscription.left)).all()
    assert [tuple(row) for row in left] == [(known.id, 1), (account.id, 2)]


def test_undone_they_are_two_again(session: Session, known: Person, account: Person, secretary: Actor, now: datetime) -> None:
    """What went over comes back; what was done as the known person since stays his; both sign in again on the phone."""
    merge = merges.absorb(session, empty=account, into=known, actor=SYSTEM, now=now)
    later = now + timedelta(hours=1)
    token = token_of(session, known, later)
    tell(session, known, later)
    merges.undo(session, merge, reason="同名的两个人", actor=secretary, now=later)
    assert owned(session, account) == [1] * len(KEPT)
    assert owned(session, known) == [1] + [0] * (len(KEPT) - 1)
    assert (purposes(session, account), purposes(session, known)) == ({Purpose.SERVICE, Purpose.WISHES}, {Purpose.SERVICE})
    assert (account.state, account.merged_into_id, merge.undone_at) == (PersonState.ACTIVE, None, later)
    rows, _ = feedbacks.own(session, actor=Actor(account.id), after=None, limit=5)
    assert [feedbacks.text_of(account, row) for row in rows] == ["字太小"]
    assert code_of(lambda: sessions.find(session, token=token, now=later)) == "UNAUTHENTICATED"
    assert (
        session.execute(select(func.count()).where(LoginSession.person_id == secretary.id, LoginSession.revoked_at.is_(None))).scalar() == 1
    )
    said = select(Event.action, Event.actor_id).where(Event.subject_kind == "person", Event.action.in_(("merge", "unmerge")))
    assert [tuple(row) for row in session.execute(said.order_by(Event.id))] == [("merge", None), ("unmerge", secretary.person_id)]


def test_a_password_set_meanwhile_holds_no_more_when_they_are_two_again(
    session: Session, known: Person, account: Person, secretary: Actor, now: datetime
) -> None:
    """The wrong person was taken for him and made himself a login and a session at a desk: both were his, too."""
    merge = merges.absorb(session, empty=account, into=known, actor=SYSTEM, now=now)
    token = sessions.start(session, person_id=known.id, channel=sessions.STAFF, now=now, lifetime=staff.LIFETIME)
    actor = sessions.find(session, token=token, now=now)
    staff.set_own(session, person=known, login="clerk-01", password=staff.hashed("clerk-01", "Minsheng-2026"), actor=actor, now=now)
    assert staff.matches(staff.find(session, "clerk-01"), "Minsheng-2026")
    merges.undo(session, merge, reason="同名的两个人", actor=secretary, now=now)
    session.expire_all()
    assert not staff.matches(staff.find(session, "clerk-01"), "Minsheng-2026")
    assert code_of(lambda: sessions.find(session, token=token, now=now)) == "UNAUTHENTICATED"


def test_where_no_community_is_known_the_county_undoes_it(session: Session, tree: Tree, secretary: Actor, now: datetime) -> None:
    stays, account = a_person(session, now, "张三"), people.create(session, created_via="wechat", now=now)
    merge = merges.absorb(session, empty=account, into=stays, actor=SYSTEM, now=now)
    assert merge.community_id == tree.county.id
    undo: dict[str, Any] = {"reason": "同名的两个人", "now": now}
    assert code_of(lambda: merges.undo(session, merge, actor=secretary, **undo)) == "NOT_FOUND"
    street, county = (
        actor_of(session, with_role(session, now, role, node), now)
        for role, node in ((Role.STREET, tree.street), (Role.COUNTY, tree.county))
    )
    assert code_of(lambda: merges.undo(session, merge, actor=street, **undo)) == "NOT_FOUND"
    listed, _ = merges.of_community(session, node=tree.county, actor=county, after=None, limit=5)
    assert listed == [(merge, stays)]
    merges.undo(session, merge, actor=county, **undo)
    assert (account.state, merge.undone_at) == (PersonState.ACTIVE, now)


def test_who_may_undo_and_how_often(
    session: Session, *, tree: Tree, known: Person, account: Person, secretary: Actor, now: datetime
) -> None:
    merge = merges.absorb(session, empty=account, into=known, actor=SYSTEM, now=now)
    foreign = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    undo = {"reason": "同名的两个人", "now": now}
    assert code_of(lambda: merges.undo(session, merge, actor=foreign, **undo)) == "NOT_FOUND"
    assert code_of(lambda: merges.undo(session, merge, actor=Actor(known.id), **undo)) == "NOT_FOUND"
    assert code_of(lambda: merges.undo(session, merge, reason=" ", actor=secretary, now=now)) == "NOTE_REQUIRED"
    listed, _ = merges.of_community(session, node=tree.community, actor=secretary, after=None, limit=5)
    assert [(row.id, person.id) for row, person in listed] == [(merge.id, known.id)]
    merges.undo(session, merge, actor=secretary, **undo)
    assert code_of(lambda: merges.undo(session, merge, actor=secretary, **undo)) == "ILLEGAL_MOVE"


def test_a_person_with_a_life_of_his_own_does_not_go_over(session: Session, tree: Tree, now: datetime) -> None:
    person = people.create(session, created_via="wechat", now=now, name="李四")
    assert merges.is_empty(session, person)
    a_request(session, now, tree, person)
    assert merges.is_empty(session, person)
    assert not merges.is_empty(session, a_person(session, now))
