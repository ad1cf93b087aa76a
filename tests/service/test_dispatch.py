"""Dispatch with consent, claims, whistles: who is asked, who leads, what a no costs (nothing)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.requests import Request, RequestOffer
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.requests import CheckState, OfferState, RequestAction, RequestState
from server.services import dispatch, handling, receivers, request_claims, request_moves, roles
from server.services.receivers import Receiver
from tests.factories.handling import a_secretary, handled
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request
from tests.factories.tasks import a_team
from tests.factories.units import a_unit


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


@pytest.fixture
def triaged(session: Session, now: datetime, tree: Tree) -> Request:
    """A request that waits for dispatch."""
    return a_request(session, now, tree, state=RequestState.TRIAGED)


def to(person: Person) -> Receiver:
    return Receiver(person_id=person.id)


def outcomes(session: Session, person_id: int, kind: NoticeKind = NoticeKind.REQUEST_OFFERED) -> list[str]:
    rows = session.execute(select(Notice.facts).where(Notice.person_id == person_id, Notice.kind == kind).order_by(Notice.id))
    return [facts["outcome"] for facts in rows.scalars()]


def test_a_person_is_asked_and_says_yes(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    helper, secretary = a_person(session, now), a_secretary(session, now, tree)
    offer = dispatch.dispatch(session, triaged, to=to(helper), actor=secretary, now=now)
    assert (triaged.state, offer.state, triaged.handler_person_id) == (RequestState.DISPATCHED, OfferState.WAITING, None)
    assert outcomes(session, helper.id) == ["dispatch"]
    assert code_of(lambda: dispatch.accept(session, offer, actor=Actor(a_person(session, now).id), now=now)) == "NOT_FOUND"
    dispatch.accept(session, offer, actor=Actor(helper.id), now=now)
    assert (triaged.state, triaged.handler_person_id, offer.lead) == (RequestState.ACCEPTED, helper.id, True)
    assert outcomes(session, triaged.asked_for_id, NoticeKind.REQUEST_PROGRESS)[-1] == "accepted"
    assert code_of(lambda: dispatch.accept(session, offer, actor=Actor(helper.id), now=now)) == "ILLEGAL_MOVE"


def test_a_no_costs_nothing_and_the_request_is_back(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    helper = a_person(session, now)
    offer = dispatch.dispatch(session, triaged, to=to(helper), actor=SYSTEM, now=now)
    me = Actor(helper.id)
    assert code_of(lambda: dispatch.decline(session, offer, reason=" ", actor=me, now=now)) == "NOTE_REQUIRED"
    dispatch.decline(session, offer, reason="这周出差", actor=me, now=now)
    assert (triaged.state, offer.state) == (RequestState.TRIAGED, OfferState.DECLINED)
    again = dispatch.dispatch(session, triaged, to=to(helper), actor=SYSTEM, now=now)
    dispatch.accept(session, again, actor=me, now=now)
    dispatch.decline(session, again, reason="临时有事", actor=me, now=now)
    assert (triaged.state, triaged.handler_person_id, triaged.accepted_at) == (RequestState.TRIAGED, None, None)


def test_once_begun_it_is_not_given_back(session: Session, now: datetime, tree: Tree) -> None:
    _, me = handled(session, now, tree)
    offer = session.execute(select(RequestOffer)).scalar_one()
    assert code_of(lambda: dispatch.decline(session, offer, reason="不想办", actor=me, now=now)) == "ILLEGAL_MOVE"


def test_a_units_liaison_and_a_teams_leader_answer_for_it(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    unit = a_unit(session, now, tree)
    person = a_person(session, now)
    roles.grant(session, person=person, role=Role.UNIT_LIAISON, unit=unit, actor=SYSTEM, now=now)
    liaison = actor_of(session, person, now)
    offer = dispatch.dispatch(session, triaged, to=Receiver(unit_id=unit.id), actor=SYSTEM, now=now)
    assert outcomes(session, person.id) == ["dispatch"]
    dispatch.accept(session, offer, actor=liaison, now=now)
    assert (triaged.handler_unit_id, triaged.handler_person_id) == (unit.id, person.id)
    leader = a_person(session, now)
    team = a_team(session, now, tree, leader)
    other = a_request(session, now, tree, state=RequestState.TRIAGED, content="另一件")
    asked = dispatch.dispatch(session, other, to=Receiver(team_id=team.id), actor=SYSTEM, now=now)
    dispatch.accept(session, asked, actor=Actor(leader.id), now=now)
    assert (other.handler_team_id, other.handler_person_id) == (team.id, leader.id)


def test_who_may_dispatch_and_what(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    helper = a_person(session, now)
    stranger = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    assert code_of(lambda: dispatch.dispatch(session, triaged, to=to(helper), actor=stranger, now=now)) == "NOT_FOUND"
    assert code_of(lambda: dispatch.publish(session, triaged, actor=SYSTEM, now=now, seen=99)) == "STALE"
    unchecked = a_request(session, now, tree, state=RequestState.TRIAGED, content="待审", text_check=CheckState.REVIEW)
    assert code_of(lambda: dispatch.publish(session, unchecked, actor=SYSTEM, now=now)) == "REQUEST_UNCHECKED"
    own = session.get_one(Person, triaged.asked_for_id).public_id
    assert code_of(lambda: receivers.named(session, triaged, person=own)) == "REQUEST_OWN"
    assert code_of(lambda: receivers.named(session, triaged)) == "INVALID"


def test_one_claim_of_three_is_approved_and_the_others_lapse(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    secretary = a_secretary(session, now, tree)
    people = [a_person(session, now) for _ in range(3)]
    first, *_ = people
    claim = lambda person: request_claims.claim(session, triaged, by=to(person), actor=Actor(person.id), now=now)  # noqa: E731
    assert code_of(lambda: claim(first)) == "REQUEST_NOT_OPEN"
    dispatch.publish(session, triaged, actor=secretary, now=now)
    made = [claim(person) for person in people]
    assert code_of(lambda: claim(first)) == "OFFER_EXISTS"
    requester = Actor(triaged.asked_for_id)
    own = Receiver(person_id=triaged.asked_for_id)
    assert code_of(lambda: request_claims.claim(session, triaged, by=own, actor=requester, now=now)) == "REQUEST_OWN"
    assert code_of(lambda: dispatch.accept(session, made[0], actor=Actor(first.id), now=now)) == "ILLEGAL_MOVE"
    outcome = request_claims.decide_many(session, [row.public_id for row in made[:2]] + ["x"], approve=True, actor=secretary, now=now)
    assert [row.id for row in outcome.done] == [made[0].id]
    assert [(one.id, one.code) for one in outcome.failed] == [(made[1].public_id, "ILLEGAL_MOVE"), ("x", "NOT_FOUND")]
    assert [row.state for row in made] == [OfferState.ACCEPTED, OfferState.LAPSED, OfferState.LAPSED]
    assert (triaged.state, triaged.handler_person_id, made[0].lead) == (RequestState.ACCEPTED, first.id, True)


def test_a_declined_claim_needs_a_reason_and_leaves_the_request_open(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    dispatch.publish(session, triaged, actor=SYSTEM, now=now)
    person, secretary = a_person(session, now), a_secretary(session, now, tree)
    claim = request_claims.claim(session, triaged, by=to(person), actor=Actor(person.id), now=now)
    clerk = actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)
    assert code_of(lambda: request_claims.decide(session, claim, approve=True, actor=clerk, now=now)) == "NOT_FOUND"
    assert code_of(lambda: request_claims.decide(session, claim, approve=False, actor=secretary, now=now)) == "NOTE_REQUIRED"
    request_claims.decide(session, claim, approve=False, reason="需要电工证", actor=secretary, now=now)
    assert (claim.state, triaged.state) == (OfferState.DECLINED, RequestState.OPEN)
    assert outcomes(session, person.id) == ["declined"]
    other = request_claims.claim(session, triaged, by=to(person), actor=Actor(person.id), now=now)
    assert request_claims.take_back(session, other, actor=Actor(person.id), now=now).state is OfferState.LAPSED


def test_a_whistle_calls_several_the_first_leads_and_each_arrival_shows(
    session: Session, now: datetime, tree: Tree, triaged: Request, time: Any
) -> None:
    people = [a_person(session, now) for _ in range(3)]
    secretary = a_secretary(session, now, tree)
    called = [to(person) for person in people]
    assert code_of(lambda: dispatch.whistle(session, triaged, to=called, reason="", actor=secretary, now=now)) == "NOTE_REQUIRED"
    offers = dispatch.whistle(session, triaged, to=called, reason="管道爆裂，请水务、物业、消防到场", actor=secretary, now=now)
    one, two, three = (Actor(person.id) for person in people)
    dispatch.decline(session, offers[2], reason="不归我管", actor=three, now=now)
    assert triaged.state is RequestState.DISPATCHED
    dispatch.accept(session, offers[1], actor=two, now=now)
    dispatch.accept(session, offers[0], actor=one, now=now)
    assert (triaged.handler_person_id, [row.lead for row in offers]) == (people[1].id, [False, True, False])
    later = time.advance(minutes=25)
    dispatch.arrive(session, offers[0], actor=one, now=later)
    dispatch.arrive(session, offers[0], actor=one, now=time.advance(minutes=5))
    assert [row.arrived_at for row in offers] == [later, None, None]
    assert code_of(lambda: dispatch.arrive(session, offers[2], actor=three, now=later)) == "ILLEGAL_MOVE"
    handling.start(session, triaged, actor=two, now=later)
    more = dispatch.whistle(session, triaged, to=[to(a_person(session, now))], reason="再请电工", actor=secretary, now=later)
    assert (triaged.state, more[0].state) == (RequestState.IN_PROGRESS, OfferState.WAITING)


def test_when_all_say_no_it_comes_back(session: Session, now: datetime, tree: Tree, triaged: Request) -> None:
    people = [a_person(session, now) for _ in range(2)]
    offers = dispatch.whistle(session, triaged, to=[to(one) for one in people], reason="到场", actor=SYSTEM, now=now)
    for offer, person in zip(offers, people, strict=True):
        dispatch.decline(session, offer, reason="忙", actor=Actor(person.id), now=now)
    assert triaged.state is RequestState.TRIAGED
    assert set(dispatch.reasons_of(session, offers).values()) == {"忙"}
    kept = session.execute(select(Event.note).where(Event.action == "decline")).scalars().all()
    assert (len(kept), set(kept)) == (3, {None}), "a person's own words stand nowhere open"
    assert [offer.reason for offer in offers] == [None, None]


def test_staff_say_openly_why_a_claim_was_declined_and_a_forgotten_person_says_nothing(
    session: Session, now: datetime, tree: Tree, triaged: Request
) -> None:
    person = a_person(session, now)
    offer = dispatch.dispatch(session, triaged, to=to(person), actor=SYSTEM, now=now)
    dispatch.decline(session, offer, reason="我病了", actor=Actor(person.id), now=now)
    person.salt = None
    session.flush()
    assert dispatch.reasons_of(session, [offer]) == {offer.id: None}
    offer.reason, offer.excuse = "已有人办", None
    assert dispatch.reasons_of(session, [offer]) == {offer.id: "已有人办"}


def test_another_handler_from_the_second_round(session: Session, now: datetime, tree: Tree) -> None:
    request, me = handled(session, now, tree, state=RequestState.FINISHED)
    again = {"note": "还是不亮", "actor": Actor(request.asked_for_id), "now": now}
    request_moves.move(session, request, RequestAction.SEND_AGAIN, round=1, **again)
    handling.redo(session, request, actor=me, now=now)
    handling.finish(session, request, result="又换了一次", actor=me, now=now)
    request_moves.move(session, request, RequestAction.SEND_AGAIN, round=2, **again)
    assert code_of(lambda: handling.redo(session, request, actor=me, now=now)) == "SAME_HANDLER"
    same = lambda: dispatch.dispatch(session, request, to=Receiver(person_id=me.id), actor=SYSTEM, now=now)  # noqa: E731
    assert code_of(same) == "SAME_HANDLER"
    other = a_person(session, now)
    offer = dispatch.dispatch(session, request, to=to(other), actor=SYSTEM, now=now)
    dispatch.accept(session, offer, actor=Actor(other.id), now=now)
    assert (request.state, request.handler_person_id) == (RequestState.ACCEPTED, other.id)
