"""Triage: accepting, merging, rejecting, splitting, hints, many at once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.notices import Notice
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.requests import RequestParty
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.request_triage import ELSEWHERE, RejectChannel
from server.domain.requests import CheckState, Difficulty, RequestLevel, RequestState, Urgency
from server.services import requests, timelines, triage, triage_hints
from server.services.triage import Judgement, Part
from tests.factories.people import Tree, a_tree, actor_of, with_role
from tests.factories.requests import a_request, a_requester


def code_of(call: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(Problem) as refusal:
        call()
    return refusal.value.code


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


@pytest.fixture
def clerk(session: Session, now: datetime, tree: Tree) -> Actor:
    """A signed-in clerk of 示例社区."""
    return actor_of(session, with_role(session, now, Role.CLERK, tree.community), now)


def told(session: Session, person: Person | int) -> list[str | None]:
    """The outcomes a person was told, oldest first."""
    session.flush()
    person_id = person if isinstance(person, int) else person.id
    rows = session.execute(select(Notice).where(Notice.person_id == person_id).order_by(Notice.id)).scalars()
    return [row.facts.get("outcome") for row in rows]


def test_accepting_sets_what_was_judged_and_a_new_deadline(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made = a_request(session, now, tree)
    before = made.due_at
    said = Judgement("safety", Urgency.URGENT, Difficulty.DIFFICULT, 7, RequestLevel.GRID, tree.grid)
    triage.accept(session, made, judgement=said, actor=clerk, now=now + timedelta(hours=3))
    assert (made.state, made.category, made.urgency, made.difficulty) == (
        RequestState.TRIAGED,
        "safety",
        Urgency.URGENT,
        Difficulty.DIFFICULT,
    )
    assert (made.priority, made.level, made.grid_id) == (7, RequestLevel.GRID, tree.grid.id)
    assert made.due_at is not None
    assert before is not None
    assert made.due_at >= before
    row = session.execute(select(Event).where(Event.subject_id == made.id, Event.action == "triage")).scalar_one()
    assert (row.from_state, row.to_state, row.actor_id) == ("submitted", "triaged", clerk.person_id)


def test_what_triage_may_not_say(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made = a_request(session, now, tree)
    for wrong in (Judgement(level=RequestLevel.STREET), Judgement(priority=10), Judgement(category="x"), Judgement(grid=tree.neighbour)):
        assert code_of(lambda wrong=wrong: triage.accept(session, made, judgement=wrong, actor=clerk, now=now)) == "INVALID"
    foreign = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    assert code_of(lambda: triage.accept(session, made, judgement=Judgement(), actor=foreign, now=now)) == "NOT_FOUND"
    assert code_of(lambda: triage.accept(session, made, judgement=Judgement(), actor=clerk, now=now, seen=99)) == "STALE"


def test_an_ended_request_is_never_changed(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made, good = a_request(session, now, tree), a_request(session, now, tree)
    triage.reject(session, made, channel=RejectChannel.COURT, reason="要打官司", actor=clerk, now=now)
    outcome = triage.many(session, [made.public_id, good.public_id], judgement=Judgement(category="noise"), actor=clerk, now=now)
    assert [row.public_id for row in outcome.done] == [good.public_id]
    assert [(one.id, one.code) for one in outcome.failed] == [(made.public_id, "ILLEGAL_MOVE")]
    session.expire(made)
    assert (made.category, made.state) == ("repairs", RequestState.REJECTED)
    assert code_of(lambda: triage.type_out(session, made, content="改写", actor=clerk, now=now)) == "ILLEGAL_MOVE"


def test_rejecting_names_the_right_one(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made = a_request(session, now, tree)
    assert code_of(lambda: triage.reject(session, made, channel=RejectChannel.POLICE, reason=" ", actor=clerk, now=now)) == "NOTE_REQUIRED"
    triage.reject(session, made, channel=RejectChannel.MARKET, reason="商家不退钱", actor=clerk, now=now)
    assert (made.state, made.closed_reason, made.due_at) == (RequestState.REJECTED, "商家不退钱", None)
    assert "12315" in (triage.elsewhere(made) or "")
    assert told(session, made.asked_for_id) == ["rejected"]


def test_every_channel_says_what_to_do() -> None:
    assert set(ELSEWHERE) == set(RejectChannel)
    assert all(one.sentence and one.name for one in ELSEWHERE.values())


def test_merging_keeps_everybody_informed(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    wang, li, zhao = (a_requester(session, now, name) for name in ("王", "李", "赵"))
    main, second, third = (a_request(session, now, tree, person) for person in (wang, li, zhao))
    triage.merge(session, third, into=second, actor=clerk, now=now)
    triage.merge(session, second, into=main, actor=clerk, now=now)
    assert requests.requesters(session, main) == [wang.id, li.id, zhao.id]
    assert told(session, li) == ["merged"]
    assert told(session, zhao) == ["merged", "merged"]
    requests.tell(session, main, outcome="finished", now=now)
    assert [told(session, person)[-1] for person in (wang, li, zhao)] == ["finished"] * 3
    assert (second.state, second.merged_into_id, second.due_at) == (RequestState.MERGED, main.id, None)
    triage.accept(session, main, judgement=Judgement(), actor=clerk, now=now)
    assert [step.sentence for step in timelines.of(session, second)] == ["提交了诉求", "和邻居的诉求并在一起办", "社区受理了"]


def test_the_same_person_asking_twice_is_one_party(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    wang = a_requester(session, now)
    main, again = a_request(session, now, tree, wang), a_request(session, now, tree, wang)
    triage.merge(session, again, into=main, actor=clerk, now=now)
    assert session.execute(select(RequestParty)).all() == []


def test_what_may_be_merged_into(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made, abroad, draft = a_request(session, now, tree), a_request(session, now, tree, community=tree.neighbour), None
    draft = a_request(session, now, tree, state=RequestState.DRAFT)
    ended = a_request(session, now, tree)
    triage.reject(session, ended, channel=RejectChannel.COURT, reason="要打官司", actor=clerk, now=now)
    for into in (made, abroad, draft, ended):
        assert code_of(lambda into=into: triage.merge(session, made, into=into, actor=clerk, now=now)) == "MERGE_INTO"


def test_splitting_makes_requests_of_their_own(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    whole = a_request(session, now, tree, content="灯坏了，还有人占车位")
    assert code_of(lambda: triage.split(session, whole, parts=[Part("repairs")], actor=clerk, now=now)) == "INVALID"
    lamp, car = triage.split(session, whole, parts=[Part("repairs"), Part("parking", "有人占车位")], actor=clerk, now=now)
    assert (whole.state, lamp.state, car.state) == (RequestState.SPLIT, RequestState.SUBMITTED, RequestState.SUBMITTED)
    assert (requests.words(lamp), requests.words(car)) == ("灯坏了，还有人占车位", "有人占车位")
    assert lamp.place_hash == whole.place_hash
    assert len({whole.number, lamp.number, car.number}) == 3
    assert {one.asked_for_id for one in (lamp, car)} == {whole.asked_for_id}


def test_hints_name_the_fields_compared(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made = a_request(session, now, tree)
    like = a_request(session, now, tree, content="三号楼的楼道灯坏了", place="3幢")
    a_request(session, now, tree, content="5号楼楼道灯不亮", place="5号楼")
    a_request(session, now, tree, community=tree.neighbour)
    found = triage_hints.of(session, made, actor=clerk, now=now)
    assert [one.request.id for one in found.likes] == [like.id]
    assert [reason.field for reason in found.likes[0].reasons] == ["submitted_at", "place", "content", "category"]
    assert found.categories[0].category == "repairs"
    assert found.finish_due[Difficulty.SIMPLE] < found.finish_due[Difficulty.ORDINARY] < found.finish_due[Difficulty.DIFFICULT]
    foreign = actor_of(session, with_role(session, now, Role.CLERK, tree.neighbour), now)
    assert code_of(lambda: triage_hints.of(session, made, actor=foreign, now=now)) == "NOT_FOUND"


def test_the_clerk_types_what_was_spoken(session: Session, now: datetime, tree: Tree, clerk: Actor) -> None:
    made = a_request(session, now, tree, content=None, place="3号楼", text_check=CheckState.REVIEW)
    triage.type_out(session, made, content="楼道灯不亮", actor=clerk, now=now)
    assert (requests.words(made), requests.place(made), made.check_state) == ("楼道灯不亮", "3号楼", CheckState.PASSED)
    assert triage.accept(session, made, judgement=Judgement(), actor=SYSTEM, now=now).state is RequestState.TRIAGED
