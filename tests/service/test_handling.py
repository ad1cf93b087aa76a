"""Contact, pauses, the one extension, the report, withdrawal, explanation: what each does to the request and its clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.requests import ContactReading, Request, RequestParty
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.requests import Difficulty, RequestLevel, RequestState, Urgency
from server.services import dispatch, endings, escalations, extensions, handling, people, policies, requests, timelines, workdays
from server.services.receivers import Receiver
from tests.factories.handling import a_secretary, handled
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


def end_of(day: int) -> datetime:
    """The end of a day of March 2026 in Shanghai."""
    return datetime(2026, 3, day, 16, tzinfo=UTC)


def progress(session: Session, person_id: int) -> list[str]:
    told = select(Notice.facts).where(Notice.person_id == person_id, Notice.kind == NoticeKind.REQUEST_PROGRESS)
    return [facts["outcome"] for facts in session.execute(told.order_by(Notice.id)).scalars()]


def test_the_phone_is_seen_only_in_hand_and_each_reading_is_kept(session: Session, now: datetime, tree: Tree, time: Any) -> None:
    request, me = handled(session, now, tree, state=RequestState.ACCEPTED)
    phone = people.phone_of(session.get_one(Person, request.asked_for_id))
    assert request.due_at == now + timedelta(hours=24)
    stranger = Actor(a_person(session, now).id)
    assert code_of(lambda: handling.contact(session, request, actor=stranger, now=now)) == "NOT_FOUND"
    assert code_of(lambda: handling.contact(session, request, actor=a_secretary(session, now, tree), now=now)) == "NOT_FOUND"
    assert handling.contact(session, request, actor=me, now=now) == phone
    assert (request.contacted_at, request.due_at) == (now, end_of(10))
    later = time.advance(hours=1)
    handling.start(session, request, actor=me, now=later)
    handling.contact(session, request, actor=me, now=later)
    assert request.contacted_at == now
    assert [(row.reader_id, row.at) for row in handling.readings(session, request)] == [(me.person_id, now), (me.person_id, later)]
    handling.finish(session, request, result="换了灯管", actor=me, now=later)
    assert code_of(lambda: handling.contact(session, request, actor=me, now=later)) == "CONTACT_CLOSED"
    assert session.execute(select(func.count()).select_from(ContactReading)).scalar_one() == 2


LIMITS = {
    (Difficulty.SIMPLE, Urgency.NORMAL): 5,
    (Difficulty.ORDINARY, Urgency.NORMAL): 10,
    (Difficulty.DIFFICULT, Urgency.NORMAL): 16,
    (Difficulty.SIMPLE, Urgency.CRITICAL): 5,
}


def test_the_work_has_its_working_days(session: Session, now: datetime, tree: Tree) -> None:
    helper = a_person(session, now)
    for (difficulty, urgency), due in LIMITS.items():
        request = a_request(session, now, tree, state=RequestState.TRIAGED)
        request.difficulty, request.urgency = difficulty, urgency
        session.flush()
        offer = dispatch.dispatch(session, request, to=Receiver(person_id=helper.id), actor=SYSTEM, now=now)
        dispatch.accept(session, offer, actor=Actor(helper.id), now=now)
        assert request.finish_due_at == end_of(due)


def test_the_county_corrects_the_calendar_and_the_limits(session: Session, now: datetime, tree: Tree) -> None:
    workdays.put(session, day=date(2026, 3, 6), working=False, why="调休", actor=SYSTEM, now=now)
    policies.put(session, key="requests.ordinary_workdays", value=1, why="试点", valid_from=date(2026, 3, 5), actor=SYSTEM, now=now)
    request, _ = handled(session, now, tree, state=RequestState.ACCEPTED)
    assert request.finish_due_at == end_of(9)


def test_what_comes_in_the_evening_begins_on_the_next_working_day(session: Session, tree: Tree) -> None:
    friday_evening = datetime(2026, 3, 6, 10, tzinfo=UTC)  # 18:00
    request = a_request(session, friday_evening, tree)
    assert request.due_at == end_of(10)
    pressing = a_request(session, friday_evening, tree, content="水管爆了", urgency=Urgency.URGENT)
    assert pressing.due_at == friday_evening + timedelta(hours=2)


def test_the_clock_stands_still_while_the_resident_is_waited_for(session: Session, now: datetime, tree: Tree, time: Any) -> None:
    request, me = handled(session, now, tree)
    before = request.finish_due_at
    assert before is not None
    assert code_of(lambda: handling.pause(session, request, reason="", actor=me, now=now)) == "NOTE_REQUIRED"
    handling.pause(session, request, reason="等居民回来", actor=me, now=now)
    assert (request.state, request.due_at, request.finish_due_at) == (RequestState.WAITING, now + timedelta(days=7), before)
    assert progress(session, request.asked_for_id)[-1] == "paused"
    handling.resume(session, request, actor=Actor(request.asked_for_id), now=time.advance(days=4))
    assert (request.due_at, request.finish_due_at, request.paused_at) == (before + timedelta(days=4),) * 2 + (None,)
    assert handling.waits_for(request) == "等居民回来"
    assert ("等您回话", "等居民回来") in steps(session, request)
    handling.pause(session, request, reason="等您量尺寸", actor=me, now=time.now)
    assert [reason for sentence, reason in steps(session, request) if sentence == "等您回话"] == [None, "等您量尺寸"], (
        "the last one is kept"
    )
    assert notes_of(session, request) == {None}


def test_one_extension_in_time_approved_and_told(session: Session, now: datetime, tree: Tree, time: Any) -> None:
    request, me = handled(session, now, tree)
    secretary = a_secretary(session, now, tree)
    ask = lambda until, at=now: extensions.ask(session, request, until=until, reason="等配件到货", actor=me, now=at)  # noqa: E731
    assert code_of(lambda: ask(end_of(9))) == "INVALID"
    assert code_of(lambda: ask(end_of(31))) == "EXTENSION_LONG"
    assert code_of(lambda: ask(end_of(20), end_of(10))) == "EXTENSION_LATE"
    ask(end_of(16))
    assert code_of(lambda: ask(end_of(17))) == "EXTENSION_USED"
    stranger = actor_of(session, with_role(session, now, Role.SECRETARY, tree.neighbour), now)
    assert code_of(lambda: extensions.decide(session, request, approve=True, note="同意", actor=stranger, now=now)) == "NOT_FOUND"
    extensions.decide(session, request, approve=True, note="同意", actor=secretary, now=now)
    assert (request.due_at, request.finish_due_at, request.extensions) == (end_of(16), end_of(16), 1)
    assert progress(session, request.asked_for_id)[-1] == "extended"
    assert steps(session, request)[-1] == ("多要了一些时间", "等配件到货")
    assert notes_of(session, request) == {None}
    asked = session.execute(select(Event.note).where(Event.subject_kind == "request_extension").order_by(Event.id)).scalars().all()
    assert asked == [None, "同意"], "what staff write stays, what the handler wrote is sealed"
    assert code_of(lambda: extensions.decide(session, request, approve=True, note="同意", actor=secretary, now=now)) == "ILLEGAL_MOVE"


def steps(session: Session, request: Request) -> list[tuple[str, str | None]]:
    return [(step.sentence, step.reason) for step in timelines.of(session, request)]


def notes_of(session: Session, request: Request) -> set[str | None]:
    return set(session.execute(select(Event.note).where(Event.subject_kind == "request", Event.subject_id == request.id)).scalars())


def test_visits_and_a_report_without_pictures(session: Session, now: datetime, tree: Tree) -> None:
    request, me = handled(session, now, tree)
    handling.visit(session, request, note="现场看过", actor=me, now=now)
    handling.visit(session, request, note=None, actor=me, now=now)
    assert [note for _, note in handling.visits(session, request)] == ["现场看过", ""]
    assert code_of(lambda: handling.finish(session, request, result=" ", actor=me, now=now)) == "NOTE_REQUIRED"
    handling.finish(session, request, result="换了灯管", actor=me, now=now)
    assert (request.state, handling.result_of(request), request.due_at) == (RequestState.FINISHED, "换了灯管", now + timedelta(days=7))
    assert progress(session, request.asked_for_id)[-1] == "finished"
    notes = session.execute(select(Event.note).where(Event.subject_id == request.id)).scalars().all()
    assert not [note for note in notes if note and "灯管" in note]


def test_the_requester_withdraws_and_the_handler_is_told(session: Session, now: datetime, tree: Tree) -> None:
    request, me = handled(session, now, tree)
    assert code_of(lambda: endings.withdraw(session, request, actor=me, now=now)) == "NOT_FOUND"
    endings.withdraw(session, request, reason="自己修好了", actor=Actor(request.asked_for_id), now=now)
    assert (request.state, request.closed_at, request.closed_reason) == (RequestState.WITHDRAWN, now, None)
    assert (endings.reason_of(request), notes_of(session, request)) == ("自己修好了", {None})
    told = select(Notice.facts).where(Notice.person_id == me.person_id, Notice.kind == NoticeKind.REQUEST_OFFERED).order_by(Notice.id)
    assert session.execute(told).scalars().all()[-1]["outcome"] == "withdrawn"
    assert code_of(lambda: endings.withdraw(session, request, actor=Actor(request.asked_for_id), now=now)) == "ILLEGAL_MOVE"


def test_withdrawing_leaves_it_to_those_who_asked_for_the_same(session: Session, now: datetime, tree: Tree) -> None:
    request, _ = handled(session, now, tree)
    other = a_requester(session, now, "刘叔")
    via = a_request(session, now, tree, other, content="楼道黑", place="3号楼二单元")
    session.add(RequestParty(request_id=request.id, person_id=other.id, via_request_id=via.id, joined_at=now))
    session.flush()
    leaver = Actor(request.asked_for_id)
    endings.withdraw(session, request, actor=leaver, now=now)
    assert (request.state, request.asked_for_id, requests.words(request)) == (RequestState.IN_PROGRESS, other.id, "楼道黑")
    assert code_of(lambda: endings.withdraw(session, request, actor=leaver, now=now)) == "NOT_FOUND"


def escalated(session: Session, now: datetime, tree: Tree) -> Request:
    request, _ = handled(session, now, tree)
    escalations.escalate(session, request, reason="社区无权处理", actor=a_secretary(session, now, tree), now=now)
    return request


def test_escalation_is_for_the_level_above(session: Session, now: datetime, tree: Tree) -> None:
    request = escalated(session, now, tree)
    assert (request.state, request.level) == (RequestState.ESCALATED, RequestLevel.STREET)
    secretary = a_secretary(session, now, tree)
    street = actor_of(session, with_role(session, now, Role.STREET, tree.street), now)
    resident = Actor(request.asked_for_id)
    assert code_of(lambda: escalations.take_up(session, request, actor=secretary, now=now)) == "REQUEST_LEVEL"
    assert code_of(lambda: escalations.escalate(session, request, reason="快", actor=resident, now=now)) == "NOT_FOUND"
    escalations.take_up(session, request, actor=street, now=now)
    assert (request.state, request.handler_person_id) == (RequestState.IN_PROGRESS, street.person_id)


def test_the_street_dispatches_what_came_up(session: Session, now: datetime, tree: Tree) -> None:
    request = escalated(session, now, tree)
    street = actor_of(session, with_role(session, now, Role.STREET, tree.street), now)
    to = Receiver(person_id=a_person(session, now).id)
    refused = lambda: dispatch.dispatch(session, request, to=to, actor=a_secretary(session, now, tree), now=now)  # noqa: E731
    assert code_of(refused) == "REQUEST_LEVEL"
    dispatch.dispatch(session, request, to=to, actor=street, now=now)
    assert (request.state, request.handler_person_id) == (RequestState.DISPATCHED, None)


def test_above_the_county_there_is_nobody(session: Session, now: datetime, tree: Tree) -> None:
    request = escalated(session, now, tree)
    escalations.escalate(session, request, reason="再升", actor=SYSTEM, now=now)
    assert code_of(lambda: escalations.escalate(session, request, reason="再升", actor=SYSTEM, now=now)) == "REQUEST_HIGHEST"


def test_what_is_impossible_needs_two(session: Session, now: datetime, tree: Tree) -> None:
    request = escalated(session, now, tree)
    one, two = (actor_of(session, with_role(session, now, Role.STREET, tree.street), now) for _ in range(2))
    endings.explain(session, request, reason="产权属于电力公司", actor=one, now=now)
    decide = lambda approve, actor: endings.decide_explanation(  # noqa: E731
        session, request, approve=approve, reason="情况属实", actor=actor, now=now
    )
    assert code_of(lambda: decide(True, one)) == "EXPLAIN_SELF"
    decide(False, two)
    assert (request.state, request.explained_by_id) == (RequestState.ESCALATED, None)
    endings.explain(session, request, reason="电力公司回函", actor=two, now=now)
    decide(True, one)
    assert (request.state, request.solved, request.closed_at) == (RequestState.CLOSED_EXPLAINED, False, now)
    assert progress(session, request.asked_for_id)[-1] == "closed_explained"
