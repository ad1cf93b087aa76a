"""评价例会: a draw anyone can repeat, recorded reasons, secret votes, nothing below five, 回炉 as a new request."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from time import sleep
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from server.db import redis_client
from server.db.base import reading, transaction
from server.db.models.ballots import Envelope, SpentToken
from server.db.models.reviews import ReviewVote
from server.domain.people import ConsentChannel
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.requests import Channel, RequestState
from server.domain.reviews import ItemKind, ReviewState, Verdict, Vote, drawn, seed_hash
from server.domain.sign_offs import AgainReason
from server.services import ballot_pools, people, requests, review_sign_ups, review_votes, reviews, sign_offs
from server.services.intakes import Represented
from tests.factories.handling import a_secretary
from tests.factories.people import a_tree, actor_of, with_role
from tests.factories.ratings import a_finished, finish_again, rater
from tests.factories.reviews import a_closed, a_panel, a_vote, vote


def test_anyone_can_repeat_the_draw(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    panel, people = a_panel(session, now, tree, holder, 12)
    published = panel.seed_hash
    assert panel.seed is None
    chosen = reviews.draw(session, panel, actor=holder, now=now)
    assert panel.seed is not None
    assert seed_hash(panel.seed) == published
    again = drawn(panel.seed, [person.public_id for person in people], 5)
    names = {person.id: person.public_id for person in people}
    assert sorted(again) == sorted(names[member.person_id] for member in chosen)


def test_a_selection_has_its_reasons_and_enough_people(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    panel, people = a_panel(session, now, tree, holder, 6)
    for code, chosen, reason in (("REVIEW_FEW_VOLUNTEERS", people[:4], "熟悉"), ("REVIEW_REASON_REQUIRED", people[:5], " ")):
        with pytest.raises(Problem, match=code):
            reviews.choose(session, panel, {person.public_id: reason for person in chosen}, actor=holder, now=now)
    reviews.choose(session, panel, {person.public_id: "住在本楼" for person in people[:5]}, actor=holder, now=now)
    assert [(member.selected, member.reason) for member, _ in reviews.members_of(session, panel)][4:] == [(True, "住在本楼"), (False, None)]
    with pytest.raises(Problem, match="ILLEGAL_MOVE"):
        reviews.volunteer(session, panel, person=people[0], actor=Actor(people[0].id), now=now)


def test_third_failures_come_before_the_panel_and_closed_ones_are_sampled(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    failed = a_finished(session, now, tree)
    for _ in range(3):
        finish_again(session, failed, now)
        sign_offs.sign(session, failed, done=False, reason=AgainReason.CAME_BACK, actor=rater(failed), now=now)
    closed = [a_closed(session, now, tree) for _ in range(2)]
    panel, _people = a_panel(session, now, tree, holder, 5)
    made = reviews.gather(session, panel, now=now)
    kinds = {item.request_id: item.kind for item in made}
    assert kinds == {failed.id: ItemKind.THIRD_FAILURE, **{request.id: ItemKind.SAMPLED for request in closed}}
    assert all("楼道灯" not in item.text for item in made), "neutral words only"
    assert reviews.gather(session, panel, now=now) == []


def test_votes_are_counted_together_once_enough_came(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    old = a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, holder, 8)
    assert review_votes.needed(session, panel, now=now) == 5
    vote(session, now, panel, people[:4], [Vote.UNSOLVED] * 4)
    with pytest.raises(Problem, match="REVIEW_TURNOUT"):
        review_votes.count(session, panel, actor=holder, now=now)
    vote(session, now, panel, people[4:6], [Vote.SOLVED, Vote.UNSURE])
    review_votes.count(session, panel, actor=holder, now=now)
    item = reviews.items_of(session, panel)[0]
    assert (panel.state, item.verdict) == (ReviewState.COUNTED, Verdict.UNSOLVED)
    assert session.execute(select(func.count()).select_from(Envelope)).scalar() == 0
    again = review_votes.reopen(session, panel, item, actor=holder, now=now)
    assert (again.state, again.channel, again.reopened_from_id) == (RequestState.SUBMITTED, Channel.REVIEW, old.id)
    assert (old.state, requests.words(again)) == (RequestState.CLOSED, requests.words(old))
    assert review_votes.reopen(session, panel, item, actor=holder, now=now).id == again.id
    reviews.close(session, panel, minutes="六位评议员到会", actor=holder, now=now)
    assert reviews.minutes_of(panel) == "六位评议员到会"


def test_an_item_that_an_envelope_leaves_out_is_not_sure(session: Session, now: datetime) -> None:
    """Each envelope becomes one row of each item: rows that are missing would tell who had nothing to say."""
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    for _ in range(2):
        a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, holder)
    first, second = reviews.items_of(session, panel)
    for person in people:
        ticket = review_votes.issue(session, panel, actor=Actor(person.id), now=now)
        review_votes.receive(
            session, token=ticket.token, cell_public_id=ticket.cell.public_id, votes={first.public_id: Vote.SOLVED, "OTHER": Vote.SOLVED}
        )
    review_votes.count(session, panel, actor=holder, now=now)
    assert (first.verdict, second.verdict) == (Verdict.SOLVED, Verdict.TOO_FEW)
    assert stored(session) == {first.id: {Vote.SOLVED: 5}, second.id: {Vote.UNSURE: 5}}


def stored(session: Session) -> dict[int, dict[Vote, int]]:
    found: dict[int, dict[Vote, int]] = {}
    for item, vote_, number in session.execute(
        select(ReviewVote.item_id, ReviewVote.vote, func.count()).group_by(ReviewVote.item_id, ReviewVote.vote)
    ):
        found.setdefault(item, {})[vote_] = number
    return found


def test_below_three_opinions_there_is_no_result(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, holder)
    vote(session, now, panel, people, [Vote.UNSOLVED] * 2 + [Vote.UNSURE] * 3)
    review_votes.count(session, panel, actor=holder, now=now)
    item = reviews.items_of(session, panel)[0]
    assert item.verdict is Verdict.TOO_FEW
    with pytest.raises(Problem, match="ILLEGAL_MOVE"):
        review_votes.reopen(session, panel, item, actor=holder, now=now)


def test_one_token_a_member_and_none_for_others(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, holder)
    member = Actor(people[0].id)
    assert len({review_votes.issue(session, panel, actor=member, now=now).token for _ in range(3)}) == 1
    with pytest.raises(Problem, match="NOT_FOUND"):
        review_votes.issue(session, panel, actor=holder, now=now)
    columns = {column.name for column in ReviewVote.__table__.columns}
    assert columns == {"key", "item_id", "vote"}


def test_one_panel_a_quarter_unless_it_was_called_off(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    panel, _people = a_panel(session, now, tree, holder, 0)
    with pytest.raises(Problem, match="REVIEW_EXISTS"):
        a_panel(session, now + timedelta(days=1), tree, holder, 0)
    with pytest.raises(Problem, match="NOTE_REQUIRED"):
        reviews.call_off(session, panel, reason=" ", actor=holder, now=now)
    reviews.call_off(session, panel, reason="报名不足", actor=holder, now=now)
    assert a_panel(session, now, tree, holder, 0)[0].state is ReviewState.GATHERING


def test_votes_of_a_panel_that_is_called_off_are_gone_unopened(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, holder, 6)
    vote(session, now, panel, people[:5], [Vote.UNSOLVED] * 5)
    late = review_votes.issue(session, panel, actor=Actor(people[5].id), now=now)
    items = [item.public_id for item in reviews.items_of(session, panel)]
    reviews.call_off(session, panel, reason="会期改到下季度", actor=holder, now=now)
    review_votes.receive(session, token=late.token, cell_public_id=late.cell.public_id, votes=dict.fromkeys(items, Vote.SOLVED))
    left = [session.execute(select(func.count()).select_from(model)).scalar() for model in (Envelope, SpentToken, ReviewVote)]
    assert left == [0, 0, 0]
    for hook in session.info.pop("hooks"):
        hook()
    assert not redis_client.client().exists(ballot_pools.pool_key(late.cell))
    for refused in (review_votes.issue, review_votes.prepare):
        more = {"now": now} if refused is review_votes.issue else {}
        with pytest.raises(Problem, match="ILLEGAL_MOVE"):
            refused(session, panel, actor=Actor(people[0].id), **more)


def test_a_vote_that_comes_while_it_is_called_off_is_gone_too(database: Engine, redis: Any, vaulted: None, now: datetime) -> None:
    with transaction() as session:
        tree = a_tree(session, now)
        holder = a_secretary(session, now, tree)
        a_closed(session, now, tree)
        panel, people = a_vote(session, now, tree, holder)
        ticket = review_votes.issue(session, panel, actor=Actor(people[0].id), now=now)
    inside = Event()

    def casting() -> None:
        with transaction() as session:
            review_votes.receive(session, token=ticket.token, cell_public_id=ticket.cell.public_id, votes={})
            inside.set()
            sleep(0.3)  # the commit is on its way

    with ThreadPoolExecutor(1) as pool:
        cast = pool.submit(casting)
        assert inside.wait(10)
        with transaction() as session:
            panel = reviews.by_public_id(session, panel.public_id)
            reviews.call_off(session, panel, reason="会期改到下季度", actor=holder, now=now)
        cast.result(10)
    with reading() as session:
        assert session.execute(select(func.count()).select_from(Envelope)).scalar() == 0


def test_nothing_to_look_at_is_no_vote(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    with pytest.raises(Problem, match="REVIEW_NO_ITEMS"):
        a_vote(session, now, tree, holder)


def test_a_clerk_is_witness_of_who_signs_up_without_a_phone(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    panel, _people = a_panel(session, now, tree, a_secretary(session, now, tree), 0)
    person = with_role(session, now, Role.CLERK, tree.community, "周干事")
    people.set_phone(session, person, "13800000088")
    clerk = actor_of(session, person, now)
    grandmother = Represented("王奶奶", "13800000077", ConsentChannel.SPOKEN)
    made = review_sign_ups.enter(session, panel, who=grandmother, actor=clerk, now=now)
    assert (made.channel, made.witness_id) == (ConsentChannel.SPOKEN, clerk.person_id)
    assert review_sign_ups.enter(session, panel, who=grandmother, actor=clerk, now=now).id == made.id
    with pytest.raises(Problem, match="WITNESS_REQUIRED"):
        review_sign_ups.enter(session, panel, who=Represented("周干事", "13800000088", ConsentChannel.PAPER), actor=clerk, now=now)


def test_who_signed_up_himself_is_not_taken_out_and_nobody_after_the_selection(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    holder = a_secretary(session, now, tree)
    panel, people = a_panel(session, now, tree, holder, 5)
    with pytest.raises(Problem, match="NOT_FOUND"):
        review_sign_ups.take_back(session, panel, person=people[0], actor=holder, now=now)
    reviews.draw(session, panel, actor=holder, now=now)
    with pytest.raises(Problem, match="ILLEGAL_MOVE"):
        review_sign_ups.enter(session, panel, who=Represented("王奶奶", None, ConsentChannel.PAPER), actor=holder, now=now)
