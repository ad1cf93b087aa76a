"""签收: who may, once a round, round again, and the third time upward."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.platform import Event
from server.domain.notices import NoticeKind
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.requests import Relation, RequestLevel, RequestState
from server.domain.sign_offs import REASONS, TASKS, AgainReason, Source
from server.services import sign_offs
from tests.factories.people import a_person, a_tree, actor_of, with_role
from tests.factories.ratings import a_finished, finish_again, rater
from tests.factories.units import a_unit, with_unit_role


def test_done_closes_and_counts_as_solved(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    assert (request.state, request.solved, request.closed_at, request.due_at) == (RequestState.CLOSED, True, now, None)
    assert [(row.round, row.done, row.source) for row in sign_offs.of(session, request)] == [(0, True, Source.OWN)]


def test_not_done_goes_round_again_with_a_neutral_task(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    handler = a_person(session, now, "陈师傅")
    request = a_finished(session, now, tree, handler=handler)
    sign_offs.sign(session, request, done=False, reason=AgainReason.NOBODY_CAME, actor=rater(request), now=now)
    assert (request.state, request.round, request.solved) == (RequestState.REWORK, 1, None)
    assert request.due_at is not None
    assert sign_offs.neutral_words(session, request) == TASKS[AgainReason.NOBODY_CAME]
    told = session.execute(select(Notice).where(Notice.person_id == handler.id, Notice.kind == NoticeKind.REQUEST_OFFERED)).scalar_one()
    assert told.facts["outcome"] == "again"
    notes = session.execute(select(Event.note).where(Event.subject_kind == "request", Event.action == "send_again")).scalars().all()
    assert not set(notes) & set(REASONS.values()), "the timeline a handler reads holds the task, not the opinion"


def test_a_whole_unit_is_told_through_its_liaisons(session: Session, now: datetime) -> None:
    """No single person has it in hand, and still somebody hears that it is to be done again."""
    tree = a_tree(session, now)
    unit = a_unit(session, now, tree)
    liaisons = [with_unit_role(session, now, Role.UNIT_LIAISON, unit, name) for name in ("赵联络", "钱联络")]
    request = a_finished(session, now, tree)
    request.handler_person_id, request.handler_unit_id = None, unit.id
    session.flush()
    sign_offs.sign(session, request, done=False, reason=AgainReason.NOBODY_CAME, actor=rater(request), now=now)
    told = select(Notice.person_id).where(Notice.kind == NoticeKind.REQUEST_OFFERED, Notice.person_id.in_([one.id for one in liaisons]))
    assert set(session.execute(told).scalars()) == {one.id for one in liaisons}


def test_not_done_needs_a_reason(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    with pytest.raises(Problem, match="NOTE_REQUIRED"):
        sign_offs.sign(session, request, done=False, actor=rater(request), now=now)


def test_once_a_round_and_only_when_finished(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    sign_offs.sign(session, request, done=False, reason=AgainReason.OTHER, actor=rater(request), now=now)
    with pytest.raises(Problem, match="ILLEGAL_MOVE"):
        sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    finish_again(session, request, now)
    sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    with pytest.raises(Problem, match="ILLEGAL_MOVE"):
        sign_offs.sign(session, request, done=True, actor=rater(request), now=now)
    assert [row.round for row in sign_offs.of(session, request)] == [0, 1]


def test_the_third_failure_goes_one_level_up(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    for _ in range(3):
        finish_again(session, request, now)
        sign_offs.sign(session, request, done=False, reason=AgainReason.CAME_BACK, actor=rater(request), now=now)
    assert (request.state, request.round, request.level) == (RequestState.ESCALATED, 3, RequestLevel.STREET)


def test_who_entered_it_signs_on_the_elder_s_word_alone(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    child, elder = a_person(session, now, "王小明"), a_person(session, now, "王奶奶")
    request = a_finished(session, now, tree, child, asked_for=elder)
    with pytest.raises(Problem, match="SIGN_OFF_ON_WORD"):
        sign_offs.sign(session, request, done=True, actor=Actor(child.id), now=now)
    sign_offs.sign(session, request, done=True, on_word=True, actor=Actor(child.id), now=now)
    assert sign_offs.of(session, request)[0].source is Source.ON_WORD


def test_any_clerk_enters_the_word_of_somebody_a_colleague_entered(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    entered = {"asked_for": a_person(session, now, "王奶奶"), "relation": Relation.CLERK}
    gone, here = (with_role(session, now, Role.CLERK, tree.community, name) for name in ("周干事", "孙干事"))
    clerk, away = actor_of(session, here, now), actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour, "邻干事"), now)
    request = a_finished(session, now, tree, gone, **entered)
    with pytest.raises(Problem, match="NOT_FOUND"):
        sign_offs.sign(session, request, done=True, on_word=True, actor=away, now=now)
    with pytest.raises(Problem, match="SIGN_OFF_ON_WORD"):
        sign_offs.sign(session, request, done=True, actor=clerk, now=now)
    sign_offs.sign(session, request, done=True, on_word=True, actor=clerk, now=now)
    assert [(row.source, row.by_id) for row in sign_offs.of(session, request)] == [(Source.ON_WORD, here.id)]


def test_a_colleague_enters_nothing_for_his_own_work_nor_for_who_asked_himself(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    elder, gone = a_person(session, now, "王奶奶"), a_person(session, now, "周干事")
    here = with_role(session, now, Role.CLERK, tree.community)
    clerk = actor_of(session, here, now)
    worked = a_finished(session, now, tree, gone, asked_for=elder, relation=Relation.CLERK, handler=here)
    with pytest.raises(Problem, match="SIGN_OFF_OWN_WORK"):
        sign_offs.sign(session, worked, done=True, on_word=True, actor=clerk, now=now)
    asked = a_finished(session, now, tree, elder)
    with pytest.raises(Problem, match="NOT_FOUND"):
        sign_offs.sign(session, asked, done=True, on_word=True, actor=clerk, now=now)


def test_nobody_else_and_never_the_handler(session: Session, now: datetime) -> None:
    tree = a_tree(session, now)
    handler = a_person(session, now, "陈师傅")
    request = a_finished(session, now, tree, handler, handler=handler)
    with pytest.raises(Problem, match="SIGN_OFF_OWN_WORK"):
        sign_offs.sign(session, request, done=True, actor=Actor(handler.id), now=now)
    with pytest.raises(Problem, match="NOT_FOUND"):
        sign_offs.sign(session, request, done=True, actor=Actor(a_person(session, now, "路人").id), now=now)


def test_an_old_view_is_stale(session: Session, now: datetime) -> None:
    request = a_finished(session, now, a_tree(session, now))
    with pytest.raises(Problem, match="STALE"):
        sign_offs.sign(session, request, done=True, actor=rater(request), now=now, seen=request.version - 1)
