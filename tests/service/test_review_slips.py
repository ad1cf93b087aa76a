"""A panel's vote on paper: who took a slip is named, which one is nowhere; each counts once, no more than were signed for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, func, inspect, select
from sqlalchemy.orm import Session

from server.db import vault
from server.db.base import reading, transaction
from server.db.models.ballots import Cell, Envelope, PoolToken, SpentToken
from server.db.models.people import Person
from server.db.models.platform import Event, Outbox
from server.db.models.reviews import ReviewPanel, ReviewVote
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.reviews import ReviewState, Verdict, Vote
from server.services import review_slips, review_votes, reviews
from tests.factories.handling import a_secretary
from tests.factories.people import a_tree, actor_of, with_role
from tests.factories.reviews import a_closed, a_vote, sign_for_slips, vote

S, U, Q = Vote.SOLVED, Vote.UNSOLVED, Vote.UNSURE


@dataclass(frozen=True)
class Hall:
    """A panel of seven that votes on one request, its secretary, a clerk, and the clerk next door."""

    panel: ReviewPanel
    people: Sequence[Person]
    secretary: Actor
    clerk: Actor
    stranger: Actor


@pytest.fixture
def hall(session: Session, now: datetime) -> Hall:
    return a_hall(session, now)


def a_hall(session: Session, now: datetime) -> Hall:
    tree = a_tree(session, now)
    secretary = a_secretary(session, now, tree)
    a_closed(session, now, tree)
    panel, people = a_vote(session, now, tree, secretary, 7)
    clerks = [actor_of(session, with_role(session, now, Role.CLERK, node, "周干事"), now) for node in (tree.community, tree.neighbour)]
    return Hall(panel, people, secretary, *clerks)


def box(session: Session, hall: Hall, codes: Sequence[str], said: Sequence[Vote]) -> list[tuple[str, dict[str, Vote]]]:
    items = [item.public_id for item in reviews.items_of(session, hall.panel)]
    return [(code, dict.fromkeys(items, one)) for code, one in zip(codes, said, strict=True)]


def type_in(session: Session, hall: Hall, code: str, said: Vote) -> None:
    """A member at the device in the hall."""
    slip = review_slips.find(session, code)
    votes = {item.public_id: said for item in slip.items}
    review_votes.receive(session, token=slip.token, cell_public_id=slip.cell.public_id, votes=votes)


def test_two_without_a_phone_vote_by_their_codes_and_count_with_the_phones(session: Session, hall: Hall, now: datetime) -> None:
    codes = sign_for_slips(session, now, hall.panel, hall.people[:2], hall.clerk)
    type_in(session, hall, " ".join(codes[0].lower()), U)
    type_in(session, hall, codes[1], U)
    vote(session, now, hall.panel, hall.people[2:5], [U, S, S])
    assert (review_slips.waiting(session, hall.panel), review_slips.used(session, hall.panel)) == (5, 2)
    review_votes.count(session, hall.panel, actor=hall.secretary, now=now)
    assert reviews.items_of(session, hall.panel)[0].verdict is Verdict.UNSOLVED
    assert session.execute(select(func.count()).select_from(ReviewVote)).scalar() == 5
    with pytest.raises(Problem, match="REVIEW_SLIP_UNKNOWN"):
        review_slips.find(session, codes[0])


def test_the_box_is_typed_in_five_together(session: Session, hall: Hall, now: datetime) -> None:
    codes = sign_for_slips(session, now, hall.panel, hall.people[:5], hall.clerk)
    slips = box(session, hall, codes, [U, U, U, S, Q])
    with pytest.raises(Problem, match="SLIPS_FEW"):
        review_slips.enter(session, hall.panel, slips[:4], actor=hall.clerk, now=now)
    review_slips.enter(session, hall.panel, slips, actor=hall.clerk, now=now)
    with pytest.raises(Problem, match="REVIEW_SLIP_USED"):
        review_slips.find(session, codes[0])
    review_votes.count(session, hall.panel, actor=hall.secretary, now=now)
    assert reviews.items_of(session, hall.panel)[0].verdict is Verdict.UNSOLVED
    assert session.execute(select(func.count()).select_from(SpentToken)).scalar() == 5


def test_a_slip_counts_once_whichever_way_it_comes(session: Session, hall: Hall, now: datetime) -> None:
    codes = sign_for_slips(session, now, hall.panel, hall.people, hall.clerk)
    slip = review_slips.find(session, codes[0])
    type_in(session, hall, codes[0], S)
    for said in (U, Q):
        review_votes.receive(
            session, token=slip.token, cell_public_id=slip.cell.public_id, votes=dict.fromkeys((one.public_id for one in slip.items), said)
        )
    with pytest.raises(Problem, match="REVIEW_SLIP_USED") as used:
        review_slips.enter(session, hall.panel, box(session, hall, codes[2:] + codes[:1], [U] * 6), actor=hall.clerk, now=now)
    assert used.value.data == {"slip": 6}
    with pytest.raises(Problem, match="REVIEW_SLIP_USED"):
        review_slips.enter(session, hall.panel, box(session, hall, [*codes[1:5], codes[1]], [U] * 5), actor=hall.clerk, now=now)
    with pytest.raises(Problem, match="REVIEW_SLIP_UNKNOWN"):
        review_slips.enter(session, hall.panel, box(session, hall, [*codes[1:5], "0" * 13], [U] * 5), actor=hall.clerk, now=now)
    assert review_slips.waiting(session, hall.panel) == 1


def test_no_more_slips_than_were_signed_for(session: Session, hall: Hall, now: datetime) -> None:
    """Seven are printed, five are signed for: who takes the two that lie about is refused, or the vote is not counted."""
    codes = review_slips.print_codes(session, hall.panel, actor=hall.clerk, now=now)
    assert len(codes) == 7
    for person in hall.people[:5]:
        review_slips.hand_out(session, hall.panel, person=person, actor=hall.clerk, now=now)
    with pytest.raises(Problem, match="REVIEW_SLIPS_OVER"):
        review_slips.enter(session, hall.panel, box(session, hall, codes, [U] * 7), actor=hall.clerk, now=now)
    for code in codes[:6]:
        type_in(session, hall, code, U)
    with pytest.raises(Problem, match="REVIEW_SLIPS_OVER"):
        review_votes.count(session, hall.panel, actor=hall.secretary, now=now)
    review_slips.hand_out(session, hall.panel, person=hall.people[5], actor=hall.clerk, now=now)
    assert review_votes.count(session, hall.panel, actor=hall.secretary, now=now).state is ReviewState.COUNTED


def test_one_vote_each_by_token_or_by_slip(session: Session, hall: Hall, now: datetime) -> None:
    with pytest.raises(Problem, match="REVIEW_SLIPS_UNPRINTED"):
        review_slips.hand_out(session, hall.panel, person=hall.people[0], actor=hall.clerk, now=now)
    sign_for_slips(session, now, hall.panel, hall.people[:1], hall.clerk)
    review_votes.issue(session, hall.panel, actor=Actor(hall.people[1].id), now=now)
    for person in hall.people[:2]:
        with pytest.raises(Problem, match="BALLOT_TOKEN_TAKEN"):
            review_slips.hand_out(session, hall.panel, person=person, actor=hall.clerk, now=now)
    with pytest.raises(Problem, match="BALLOT_TOKEN_TAKEN"):
        review_votes.issue(session, hall.panel, actor=Actor(hall.people[0].id), now=now)


def test_a_slip_is_given_back_unused_only(session: Session, hall: Hall, now: datetime) -> None:
    first, second = sign_for_slips(session, now, hall.panel, hall.people[:2], hall.clerk)
    review_slips.give_back(session, hall.panel, person=hall.people[1], actor=hall.clerk, now=now)
    review_votes.issue(session, hall.panel, actor=Actor(hall.people[1].id), now=now)
    type_in(session, hall, first, S)
    with pytest.raises(Problem, match="REVIEW_SLIPS_OVER"):
        review_slips.give_back(session, hall.panel, person=hall.people[0], actor=hall.clerk, now=now)
    review_slips.hand_out(session, hall.panel, person=hall.people[2], actor=hall.clerk, now=now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        review_slips.give_back(session, hall.panel, person=hall.people[3], actor=hall.clerk, now=now)
    assert second != first


def test_printing_again_voids_what_was_printed_until_somebody_has_one(session: Session, hall: Hall, now: datetime) -> None:
    before = review_slips.print_codes(session, hall.panel, actor=hall.clerk, now=now)
    after = sign_for_slips(session, now, hall.panel, hall.people[:1], hall.clerk)
    with pytest.raises(Problem, match="REVIEW_SLIP_UNKNOWN"):
        review_slips.find(session, before[0])
    assert review_slips.find(session, after[0]).panel is hall.panel
    with pytest.raises(Problem, match="REVIEW_SLIPS_OUT"):
        review_slips.print_codes(session, hall.panel, actor=hall.clerk, now=now)


def test_no_row_leads_from_a_member_to_his_slip(session: Session, hall: Hall, now: datetime) -> None:
    """What the database keeps: hashes of codes without order, time or person; of the member that he took one, and the day."""
    people = hall.people[:5]
    codes = sign_for_slips(session, now, hall.panel, people, hall.clerk)
    review_slips.enter(session, hall.panel, box(session, hall, codes, [U, S, U, S, Q]), actor=hall.clerk, now=now)
    for row in (*session.execute(select(Event)).scalars(), *session.execute(select(Outbox)).scalars()):
        said = repr({column.key: getattr(row, column.key) for column in inspect(type(row)).columns})
        assert not [code for code in codes if code in said or vault.token_hash(code) in said]
    for row in session.execute(select(Event).where(Event.action.in_(("hand_out_slip", "enter_slips", "print_slips")))).scalars():
        assert (row.subject_id, row.note in (None, "", "5", "7")) == (hall.panel.id, True)
    assert {column.name for column in PoolToken.__table__.columns} == {"token_hash", "cell_id"}
    assert {column.name for column in Envelope.__table__.columns} == {"token_hash", "cell_id", "body"}
    held = session.execute(select(PoolToken.token_hash).join(Cell, Cell.id == PoolToken.cell_id)).scalars().all()
    assert not set(codes) & set(held), "the codes themselves are on the paper alone"


def test_the_slips_of_a_vote_that_is_called_off_are_gone_unopened(session: Session, hall: Hall, now: datetime) -> None:
    codes = sign_for_slips(session, now, hall.panel, hall.people[:6], hall.clerk)
    type_in(session, hall, codes[5], U)
    review_slips.enter(session, hall.panel, box(session, hall, codes[:5], [U] * 5), actor=hall.clerk, now=now)
    reviews.call_off(session, hall.panel, reason="会期改到下季度", actor=hall.secretary, now=now)
    assert [session.execute(select(func.count()).select_from(model)).scalar() for model in (Envelope, SpentToken, ReviewVote)] == [0, 0, 0]
    with pytest.raises(Problem, match="REVIEW_SLIP_UNKNOWN"):
        review_slips.find(session, codes[5])


def counts(session: Session, panel: ReviewPanel, actor: Actor, now: datetime) -> None:
    review_votes.count(session, panel, actor=actor, now=now)


def calls_off(session: Session, panel: ReviewPanel, actor: Actor, now: datetime) -> None:
    reviews.call_off(session, panel, reason="会期改到下季度", actor=actor, now=now)


@pytest.mark.parametrize("ends", [counts, calls_off])
def test_who_read_the_page_before_the_vote_ended_changes_nothing_of_it(
    database: Engine, vaulted: None, redis: Any, *, now: datetime, ends: Callable[..., None]
) -> None:
    """The clerk's page still says 投票中: what she types in now would wait in a box that nobody opens."""
    with transaction() as session:
        hall = a_hall(session, now)
        codes = sign_for_slips(session, now, hall.panel, hall.people[:5], hall.clerk)
        vote(session, now, hall.panel, hall.people[5:], [S, U])
        for code in codes[:3]:
            type_in(session, hall, code, U)
        slips = box(session, hall, [*codes[3:], *codes[:3]], [U] * 5)
    with reading() as session:
        seen = reviews.by_public_id(session, hall.panel.public_id)
    with transaction() as session:
        ends(session, reviews.by_public_id(session, hall.panel.public_id), hall.secretary, now)
    late: dict[str, Any] = {"actor": hall.clerk, "now": now}
    for act in (
        lambda session: review_slips.enter(session, seen, slips, **late),
        lambda session: review_slips.print_codes(session, seen, **late),
        lambda session: review_slips.hand_out(session, seen, person=hall.people[6], **late),
        lambda session: review_slips.give_back(session, seen, person=hall.people[0], **late),
    ):
        with pytest.raises(Problem, match="ILLEGAL_MOVE"), transaction() as session:
            act(session)


def test_a_member_does_not_type_in_the_box_and_nobody_from_elsewhere_does(session: Session, hall: Hall, now: datetime) -> None:
    """Who knows his own vote beside the slips could reckon what one other voted."""
    codes = sign_for_slips(session, now, hall.panel, hall.people[:5], hall.clerk)
    person = session.get_one(Person, hall.clerk.person_id)
    slips = box(session, hall, codes, [U] * 5)
    for refused in (
        lambda: review_slips.print_codes(session, hall.panel, actor=hall.stranger, now=now),
        lambda: review_slips.hand_out(session, hall.panel, person=hall.people[6], actor=hall.stranger, now=now),
        lambda: review_slips.give_back(session, hall.panel, person=hall.people[0], actor=hall.stranger, now=now),
        lambda: review_slips.enter(session, hall.panel, slips, actor=hall.stranger, now=now),
        lambda: review_slips.members(session, hall.panel, actor=hall.stranger),
        lambda: review_slips.hand_out(session, hall.panel, person=person, actor=hall.clerk, now=now),
    ):
        with pytest.raises(Problem, match="NOT_FOUND"):
            refused()
    member = next(one for one, who in reviews.members_of(session, hall.panel) if who.id == hall.people[6].id)
    member.person_id = person.id
    session.flush()
    with pytest.raises(Problem, match="REVIEW_OWN_BOX"):
        review_slips.enter(session, hall.panel, slips, actor=hall.clerk, now=now)


def test_a_clerk_who_typed_the_box_does_not_learn_the_one_vote_by_phone(session: Session, hall: Hall, now: datetime) -> None:
    """Three and three on paper: the decision would be the seventh member's."""
    codes = sign_for_slips(session, now, hall.panel, hall.people[:6], hall.clerk)
    review_slips.enter(session, hall.panel, box(session, hall, codes, [U, S, U, S, U, S]), actor=hall.clerk, now=now)
    vote(session, now, hall.panel, hall.people[6:], [S])
    review_votes.count(session, hall.panel, actor=hall.secretary, now=now)
    assert reviews.items_of(session, hall.panel)[0].verdict is Verdict.TOO_FEW
