"""回访: from the next working day, named, at most three times in vain."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.requests import ContactReading, Request
from server.domain.ballots import CALLBACK_NOTICE, Satisfaction
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.requests import RequestState
from server.domain.satisfaction import Answered
from server.domain.sign_offs import AgainReason, Source
from server.services import ballot_results, ballots, callbacks, sign_offs
from server.services.callbacks import Said
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.ratings import a_finished, a_stocked_cell, quarter_of, rater
from tests.factories.requests import a_requester

SATISFIED = Said(True, True, True, Satisfaction.VERY)
DUE = timedelta(days=8)  # finished on a Thursday: the window ends on Thursday, Friday is a working day


def a_clerk(session: Session, now: datetime, tree: Tree) -> Actor:
    return actor_of(session, with_role(session, now, Role.CLERK, tree.community, "周文员"), now)


def test_the_queue_begins_on_the_next_working_day(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    clerk, request = a_clerk(session, now, tree), a_finished(session, now, tree, a_requester(session, now, "王奶奶"))
    for days, due in ((7, 0), (8, 1), (30, 1)):
        found, _ = callbacks.queue(session, community=tree.community, actor=clerk, now=now + timedelta(days=days))
        assert len(found) == due
    friday = a_finished(session, now + timedelta(days=1), tree)
    found, _ = callbacks.queue(session, community=tree.community, actor=clerk, now=now + timedelta(days=9))
    assert [one.request.id for one in found] == [request.id], "Saturday: who finished on a Friday waits for Monday"
    found, _ = callbacks.queue(session, community=tree.community, actor=clerk, now=now + timedelta(days=11))
    assert [one.request.id for one in found] == [request.id, friday.id]


def test_the_script_says_first_that_it_is_named(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    a_finished(session, now, tree)
    found, _ = callbacks.queue(session, community=tree.community, actor=a_clerk(session, now, tree), now=now + DUE)
    script = found[0].script
    assert 0 < script.index(CALLBACK_NOTICE) < script.index("一、")
    assert found[0].ask_satisfaction


def test_solved_closes_and_counts_as_a_valid_answer(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request = a_finished(session, now, tree)
    callbacks.record(session, request, SATISFIED, actor=a_clerk(session, now, tree), now=now + DUE)
    assert (request.state, request.solved) == (RequestState.CLOSED, True)
    assert sign_offs.of(session, request)[0].source is Source.CALLBACK
    found = ballot_results.of_node(session, tree.community, quarter=quarter_of(now), actor=SYSTEM)
    assert found.by_call == Answered(1, 1, 1, 1, 0)


def test_not_solved_sends_it_round_again(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request, clerk = a_finished(session, now, tree), a_clerk(session, now, tree)
    with pytest.raises(Problem, match="NOTE_REQUIRED"):
        callbacks.record(session, request, Said(True, True, False), actor=clerk, now=now + DUE)
    said = Said(True, False, False, Satisfaction.NOT, AgainReason.NOBODY_CAME)
    callbacks.record(session, request, said, actor=clerk, now=now + DUE)
    assert (request.state, request.round) == (RequestState.REWORK, 1)


def test_three_calls_in_vain_end_it_unrated(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request, clerk = a_finished(session, now, tree), a_clerk(session, now, tree)
    for day in range(8, 11):
        assert request.state is RequestState.FINISHED
        callbacks.record(session, request, Said(False), actor=clerk, now=now + timedelta(days=day))
    assert (request.state, request.solved) == (RequestState.CLOSED_UNRATED, None)
    assert ballot_results.of_node(session, tree.community, quarter=quarter_of(now), actor=SYSTEM).by_call.valid == 0


def test_who_fetched_a_token_is_not_asked_for_his_satisfaction_again(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request, clerk = a_finished(session, now, tree), a_clerk(session, now, tree)
    a_stocked_cell(session, request)
    ballots.issue(session, request, actor=rater(request), now=now)
    found, _ = callbacks.queue(session, community=tree.community, actor=clerk, now=now + DUE)
    assert (found[0].ask_satisfaction, "满意" in found[0].script) == (False, False)
    with pytest.raises(Problem, match="CALLBACK_RATED"):
        callbacks.record(session, request, SATISFIED, actor=clerk, now=now + DUE)


def test_who_answered_by_telephone_gets_no_token(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request = a_finished(session, now, tree)
    callbacks.record(session, request, SATISFIED, actor=a_clerk(session, now, tree), now=now + DUE)
    with pytest.raises(Problem, match="BALLOT_CLOSED"):
        ballots.prepare(session, request, actor=rater(request), now=now)


def test_what_cannot_be_recorded(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request, clerk = a_finished(session, now, tree), a_clerk(session, now, tree)
    stranger = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour, "吴文员"), now)
    cases: list[tuple[str, Request, Said, Actor, datetime]] = [
        ("CALLBACK_EARLY", request, SATISFIED, clerk, now),
        ("NOT_FOUND", request, SATISFIED, stranger, now + DUE),
        ("INVALID", request, Said(False, solved=True), clerk, now + DUE),
    ]
    for code, which, said, actor, at in cases:
        with pytest.raises(Problem, match=code):
            callbacks.record(session, which, said, actor=actor, now=at)
    own = a_finished(session, now, tree, handler=a_person(session, now, "陈师傅"))
    own.handler_person_id = clerk.id
    session.flush()
    with pytest.raises(Problem, match="SIGN_OFF_OWN_WORK"):
        callbacks.record(session, own, SATISFIED, actor=clerk, now=now + DUE)


def test_each_reading_of_the_number_is_kept(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    request, clerk = a_finished(session, now, tree), a_clerk(session, now, tree)
    with pytest.raises(Problem, match="CALLBACK_EARLY"):
        callbacks.number_of(session, request, actor=clerk, now=now)
    assert len(callbacks.number_of(session, request, actor=clerk, now=now + DUE)) == 11
    session.flush()
    readings = select(func.count()).where(ContactReading.request_id == request.id, ContactReading.reader_id == clerk.id)
    assert session.execute(readings).scalar_one() == 1
