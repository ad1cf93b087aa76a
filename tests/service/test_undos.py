"""Ten seconds to take it back: the whole database is as it was, and who acted in between keeps what he did."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from server.db.base import reading, transaction
from server.db.models.notices import Notice
from server.db.models.platform import Event, Outbox, Undo
from server.db.models.registrations import Document
from server.db.models.requests import Request, RequestOffer
from server.db.models.tallies import Tally
from server.db.models.tasks import Claim, Task
from server.domain.duties import DutyKind as K
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.registrations import MemberState, TransferReason
from server.domain.requests import OfferState, RequestState
from server.domain.tasks import CLAIM_TRANSITIONS, ClaimAction, ClaimState
from server.services import (
    binding_requests,
    claim_decisions,
    claims,
    decisions,
    dispatch,
    documents,
    events,
    notice_pushes,
    notices,
    registrations,
    request_claims,
    tallies,
    transfers,
    undos,
    unit_registrations,
)
from server.services.decisions import Pick, Word
from server.services.receivers import Receiver
from server.services.unit_registrations import Slip
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.registrations import a_member, a_registration, a_unit, agree
from tests.factories.requests import a_request
from tests.factories.tasks import a_claim, a_task
from tests.factories.whole import everything, net

Scene = tuple[Tree, Actor]


@pytest.fixture
def scene(session: Session, now: datetime) -> Scene:
    """The county, and the secretary of 示例社区."""
    tree = a_tree(session, now)
    return tree, actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


def decide(session: Session, now: datetime, actor: Actor, kind: K, *rows: Any, accepting: bool = True, **more: Any) -> Undo:
    reason = None if accepting else "请补充"
    return decisions.decide(session, [Pick(kind, row.public_id, row.version) for row in rows], Word(accepting, reason, actor, now, **more))


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


def pending(session: Session, now: datetime, scene: Scene, many: int = 1, **over: Any) -> list[Claim]:
    task = a_task(session, now, scene[0], a_person(session, now), **{"capacity": 100, **over})
    return [a_claim(session, now, task, a_person(session, now), ClaimState.PENDING) for _ in range(many)]


def a_claim_row(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    return K.CLAIM, pending(session, now, scene)[0]


def a_reported_record(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    person = a_person(session, now)
    record = a_record(session, now - timedelta(days=1), scene[0], person, state=RecordState.REPORTED)
    record.claim_id = a_claim(session, now - timedelta(days=1), session.get_one(Task, record.task_id), person).id
    session.flush()
    return K.RECORD, record


def a_form(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    return K.REGISTRATION, a_registration(session, now, agree(session, now, a_person(session, now)), scene[0].community)


def a_leaving_member(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    person = a_member(session, now, scene[0])
    live = registrations.live_of(session, person_id=person.id)
    assert live is not None
    to, me = scene[0].neighbour, Actor(person.id)
    return K.TRANSFER, transfers.request(session, live, to=to, reason=TransferReason.MOVED_HOUSE, actor=me, now=now)


def an_arriving_member(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    person = a_member(session, now, scene[0], community=scene[0].neighbour)
    live = registrations.live_of(session, person_id=person.id)
    assert live is not None
    row = transfers.request(session, live, to=scene[0].community, reason=TransferReason.MOVED_HOUSE, actor=Actor(person.id), now=now)
    there = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].neighbour), now)
    return K.TRANSFER, transfers.release(session, row, actor=there, now=now)


def a_slip(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    clerk = actor_of(session, with_role(session, now, Role.CLERK, scene[0].community), now)
    return K.UNIT_REGISTRATION, unit_registrations.submit(session, unit=a_unit(session, now, scene[0]), slip=Slip(), actor=clerk, now=now)


def an_accepted_slip(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    kind, row = a_slip(session, now, scene)
    return kind, unit_registrations.accept(session, row, opinion="同意接收", actor=scene[1], now=now)


def a_binding(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    person = agree(session, now, a_person(session, now))
    return K.BINDING, binding_requests.submit(session, community=scene[0].community, name="张三", actor=Actor(person.id), now=now)


def an_offered_hand(session: Session, now: datetime, scene: Scene) -> tuple[K, Any]:
    """Two offer themselves for one open request."""
    request = a_request(session, now, scene[0], state=RequestState.TRIAGED)
    dispatch.publish(session, request, actor=scene[1], now=now)
    helpers = [a_person(session, now, name) for name in ("甲", "乙")]
    made = [request_claims.claim(session, request, by=Receiver(person_id=one.id), actor=Actor(one.id), now=now) for one in helpers]
    return K.REQUEST_CLAIM, made[0]


BOTH_WAYS = [a_claim_row, a_reported_record, a_form, an_arriving_member, a_slip, an_offered_hand]
CASES = [*((make, True) for make in (*BOTH_WAYS, a_leaving_member, an_accepted_slip)), *((make, False) for make in (*BOTH_WAYS, a_binding))]


@pytest.mark.parametrize(("make", "accepting"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_an_undone_decision_leaves_nothing_but_its_history(
    session: Session, now: datetime, scene: Scene, make: Callable[..., tuple[K, Any]], accepting: bool
) -> None:
    kind, row = make(session, now, scene)
    session.flush()
    before, counted = everything(session), net(session)
    undo = decide(session, now, scene[1], kind, row, accepting=accepting)
    assert (len(undo.done), undo.failed) == (1, [])
    assert everything(session) != before
    undone = undos.undo(session, undo.public_id, actor=scene[1], now=now + timedelta(seconds=9))
    assert (undone.done, undone.failed) == ([row.public_id], [])
    session.expire_all()
    after = everything(session)
    if make is an_arriving_member and accepting:  # the registration that never began stays as a row nobody counts
        never = [one for one in after["member_registration"] if one not in before["member_registration"]]
        assert [(one["state"], one["valid_from"] == one["valid_to"], one["receipt_no"]) for one in never] == [
            (MemberState.CLOSED, True, None)
        ]
        after["member_registration"] = [one for one in after["member_registration"] if one not in never]
    assert after == before
    assert net(session) == counted


@pytest.mark.parametrize(("make", "accepting"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_what_was_undone_can_be_decided_again(
    session: Session, now: datetime, scene: Scene, make: Callable[..., tuple[K, Any]], accepting: bool
) -> None:
    kind, row = make(session, now, scene)
    for _ in range(2):
        undos.undo(session, decide(session, now, scene[1], kind, row, accepting=accepting).public_id, actor=scene[1], now=now)
        session.refresh(row)
    assert decide(session, now, scene[1], kind, row, accepting=accepting).failed == []


def test_an_undone_dispatch_asks_nobody_and_gives_the_others_their_claims_back(session: Session, now: datetime, scene: Scene) -> None:
    _, claim = an_offered_hand(session, now, scene)
    asked, helper = session.get_one(Request, claim.request_id), a_person(session, now, "丙")
    before = everything(session)
    undo = decisions.dispatch(session, asked, to=Receiver(person_id=helper.id), actor=scene[1], now=now)
    assert asked.state is RequestState.DISPATCHED
    undos.undo(session, undo.public_id, actor=scene[1], now=now)
    session.expire_all()
    after = everything(session)
    new = [one for one in after["request_offer"] if one not in before["request_offer"]]
    assert [one["state"] for one in new] == [OfferState.LAPSED]
    after["request_offer"] = [one for one in after["request_offer"] if one not in new]
    assert after == before
    assert notices.unread(session, actor=Actor(helper.id), now=now + timedelta(hours=1)) == 0


def test_a_dispatch_that_was_accepted_meanwhile_stands(session: Session, now: datetime, scene: Scene) -> None:
    request, helper = a_request(session, now, scene[0], state=RequestState.TRIAGED), a_person(session, now)
    undo = decisions.dispatch(session, request, to=Receiver(person_id=helper.id), actor=scene[1], now=now)
    offer = session.execute(select(RequestOffer)).scalar_one()
    dispatch.accept(session, offer, actor=Actor(helper.id), now=now)
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=scene[1], now=now)) == "UNDO_MOVED"
    assert request.state is RequestState.ACCEPTED


def test_nobody_is_told_before_it_can_no_longer_be_undone(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    decide(session, now, scene[1], K.CLAIM, claim)
    person, end = Actor(claim.person_id), now + undos.WITHIN
    assert notices.unread(session, actor=person, now=end) == 0
    assert notice_pushes.due(session, now=end, limit=10) == []
    later = end + undos.SETTLES
    assert notices.unread(session, actor=person, now=later) == 1
    assert len(notice_pushes.due(session, now=later, limit=10)) == 1
    waiting = session.execute(select(Outbox.job, Outbox.not_before)).all()
    assert [tuple(row) for row in waiting] == [("notices.push", later)]


def test_a_decision_through_the_api_is_told_at_once(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    claim_decisions.decide(session, claim, action=ClaimAction.APPROVE, actor=scene[1], now=now)
    assert notices.unread(session, actor=Actor(claim.person_id), now=now) == 1
    assert len(notice_pushes.due(session, now=now, limit=10)) == 1


def test_ten_seconds_and_no_more_by_nobody_else_and_once(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    undo = decide(session, now, scene[1], K.CLAIM, claim)
    other = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].community), now)
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=other, now=now)) == "NOT_FOUND"
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=scene[1], now=now + timedelta(seconds=11))) == "UNDO_LATE"
    undos.undo(session, undo.public_id, actor=scene[1], now=now + undos.WITHIN)
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=scene[1], now=now + timedelta(seconds=11))) == "UNDO_DONE"
    assert claim.state is ClaimState.PENDING


def test_after_another_person_acted_the_undo_is_refused(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    undo = decide(session, now, scene[1], K.CLAIM, claim)
    claims.withdraw(session, claim, actor=Actor(claim.person_id), now=now)
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=scene[1], now=now)) == "UNDO_MOVED"
    assert claim.state is ClaimState.WITHDRAWN


def test_a_place_that_was_taken_meanwhile_is_not_taken_back(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene, capacity=1)[0]
    undo = decide(session, now, scene[1], K.CLAIM, claim, accepting=False)
    a_claim(session, now, session.get_one(Task, claim.task_id), a_person(session, now), ClaimState.PENDING)
    assert code_of(lambda: undos.undo(session, undo.public_id, actor=scene[1], now=now)) == "TASK_FULL"


def test_undoing_many_takes_back_those_that_stood(session: Session, now: datetime, scene: Scene) -> None:
    rows = pending(session, now, scene, 50)
    for row in rows[:3]:
        claims.withdraw(session, row, actor=Actor(row.person_id), now=now)
    picks = [Pick(K.CLAIM, row.public_id, 0) for row in rows]
    undo = decisions.decide(session, picks, Word(True, None, scene[1], now))
    assert ([one["code"] for one in undo.failed], len(undo.done)) == (["STALE"] * 3, 47)
    claims.withdraw(session, rows[7], actor=Actor(rows[7].person_id), now=now)
    undone = undos.undo(session, undo.public_id, actor=scene[1], now=now)
    assert (len(undone.done), [(one.id, one.code) for one in undone.failed]) == (46, [(rows[7].public_id, "UNDO_MOVED")])
    states = session.execute(select(Claim.state, func.count()).group_by(Claim.state)).all()
    assert {tuple(row) for row in states} == {(ClaimState.PENDING, 46), (ClaimState.WITHDRAWN, 4)}
    assert session.execute(select(Task.taken)).scalar_one() == 46


def test_several_kinds_are_decided_at_once_and_taken_back_at_once(session: Session, now: datetime, scene: Scene) -> None:
    made = [make(session, now, scene) for make in BOTH_WAYS]
    before = everything(session)
    undo = decisions.decide(
        session, [Pick(kind, row.public_id, row.version) for kind, row in made if kind is not K.TRANSFER], Word(True, None, scene[1], now)
    )
    assert (len(undo.done), undo.failed) == (5, [])
    undos.undo(session, undo.public_id, actor=scene[1], now=now)
    session.expire_all()
    assert everything(session) == before


def test_two_secretaries_and_one_claim(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    seen = Pick(K.CLAIM, claim.public_id, claim.version)
    other = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].community), now)
    decisions.decide(session, [seen], Word(True, None, scene[1], now))
    second = decisions.decide(session, [seen], Word(False, "名额已满", other, now))
    assert ([one["code"] for one in second.failed], second.done) == (["STALE"], [])
    assert claim.state is ClaimState.APPROVED


def test_what_is_out_of_reach_is_not_there(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    abroad = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].neighbour), now)
    assert [one["code"] for one in decide(session, now, abroad, K.CLAIM, claim).failed] == ["NOT_FOUND"]


def test_a_no_needs_a_reason(session: Session, now: datetime, scene: Scene) -> None:
    pick = Pick(K.CLAIM, pending(session, now, scene)[0].public_id)
    assert code_of(lambda: decisions.decide(session, [pick], Word(False, " ", scene[1], now))) == "NOTE_REQUIRED"
    assert code_of(lambda: decisions.decide(session, [], Word(True, None, scene[1], now))) == "INVALID"


def test_the_figures_are_right_whether_the_drain_came_between_or_not(session: Session, now: datetime, scene: Scene) -> None:
    _, record = a_reported_record(session, now, scene)
    undo = decide(session, now, scene[1], K.RECORD, record)
    tallies.drain(session, now=now)
    undos.undo(session, undo.public_id, actor=scene[1], now=now)
    tallies.drain(session, now=now)
    held = select(func.sum(Tally.visits), func.sum(Tally.minutes), func.sum(Tally.heads))
    assert tuple(session.execute(held).one()) == (0, 0, 0)


def test_a_receipt_printed_meanwhile_is_revoked_and_its_number_stays_used(session: Session, now: datetime, scene: Scene) -> None:
    _, row = a_form(session, now, scene)
    undo = decide(session, now, scene[1], K.REGISTRATION, row)
    printed = documents.member_receipt(session, row, actor=Actor(row.person_id), base="https://x.example", now=now)
    undos.undo(session, undo.public_id, actor=scene[1], now=now)
    assert session.get_one(Document, printed.id).revoked_at == now
    decide(session, now, scene[1], K.REGISTRATION, row)
    assert row.receipt_no != printed.serial


def test_the_undo_is_in_the_timeline(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    undos.undo(session, decide(session, now, scene[1], K.CLAIM, claim).public_id, actor=scene[1], now=now)
    told = select(Event.action, Event.actor_id).where(Event.subject_kind == "claim").order_by(Event.id)
    assert [tuple(row) for row in session.execute(told)][1:] == [("approve", scene[1].id), ("undo", scene[1].id)]


def test_a_move_that_is_not_declared_so_cannot_be_undone(session: Session, now: datetime, scene: Scene) -> None:
    claim = pending(session, now, scene)[0]
    claims.withdraw(session, claim, actor=Actor(claim.person_id), now=now)
    act = lambda: events.undo(session, claim, table=CLAIM_TRANSITIONS, before=ClaimState.PENDING, actor=scene[1], now=now)  # noqa: E731
    assert code_of(act) == "ILLEGAL_MOVE"


def test_at_the_same_moment_an_undo_and_the_job_never_both_win(database: Engine, vaulted: None, redis: Any, now: datetime) -> None:
    """Either somebody is told that he may come, or the approval is gone; never both. Of two undos one wins."""
    with transaction() as session:
        tree = a_tree(session, now)
        actor = actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)
        scene = (tree, actor)
        rows = pending(session, now, scene, 8)
        made = [decide(session, now, actor, K.CLAIM, row).public_id for row in rows]
    late = now + undos.WITHIN + undos.SETTLES
    gate = Barrier(3)

    def push() -> None:
        gate.wait()
        with reading() as session:
            ids = notice_pushes.due(session, now=late, limit=100)
        for notice_id in ids:
            with transaction() as session:
                session.execute(update(Notice).where(Notice.id == notice_id, Notice.push_state == "waiting").values(push_state="sent"))

    def take_back() -> list[str]:
        gate.wait()
        return [undone_or_why(public_id) for public_id in made]

    def undone_or_why(public_id: str) -> str:
        try:
            with transaction() as session:
                undos.undo(session, public_id, actor=actor, now=now)
        except Problem as problem:
            return problem.code
        return "undone"

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(push), pool.submit(take_back), pool.submit(take_back)]
        _, first, second = (one.result(timeout=30) for one in work)
    with reading() as session:
        told = set(session.execute(select(Notice.subject_public_id)).scalars())
        approved = set(session.execute(select(Claim.public_id).where(Claim.state == ClaimState.APPROVED)).scalars())
    assert told == approved
    assert [*first, *second].count("undone") == 8 - len(approved)
    assert set(first) | set(second) <= {"undone", "UNDO_DONE", "UNDO_LATE"}
