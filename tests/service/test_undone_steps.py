"""What a page of its own decides goes back within ten seconds too: everything is as it was, and nobody was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db.models.codes import Code
from server.db.models.notices import Notice
from server.db.models.platform import Event, Outbox, Undo
from server.db.models.tallies import Contribution
from server.domain.days import local_day
from server.domain.permissions import Actor, Role
from server.domain.problems import Problem
from server.domain.records import RecordState
from server.domain.request_triage import RejectChannel
from server.domain.requests import CheckState, Difficulty, OfferState, RequestState, Urgency
from server.domain.tasks import TaskState
from server.domain.wishes import WishProof, WishState
from server.services import (
    care_plans,
    claims,
    confirmations,
    decisions,
    dispatch,
    endings,
    escalations,
    extensions,
    records,
    request_claims,
    supplements,
    tasks,
    teams,
    timelines,
    triage,
    undos,
    wish_claims,
    wishes,
)
from server.services.receivers import Receiver
from server.services.triage import Judgement
from tests.factories.handling import handled
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.records import a_record
from tests.factories.requests import a_request, a_requester
from tests.factories.tasks import a_draft, a_team
from tests.factories.whole import everything, net
from tests.factories.wishes import WORDS, a_wish

SOON, LATE = timedelta(seconds=9), timedelta(seconds=11)
WHY = "楼道灯归物业管"
Decide = Callable[[], Undo]
Scene = tuple[Tree, Actor]
Make = Callable[[Session, datetime, Scene], tuple[Any, Decide]]


@pytest.fixture
def scene(session: Session, now: datetime) -> Scene:
    """The county, and the secretary of 示例社区."""
    tree = a_tree(session, now)
    return tree, actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


def stepped(session: Session, now: datetime, scene: Scene, row: Any, service: Callable[..., Any], **said: Any) -> tuple[Any, Decide]:
    """The row, and how the desk decides about it."""
    session.flush()
    act = partial(service, session, row, actor=scene[1], now=now, **said)
    return row, partial(undos.step, session, row, act, actor=scene[1], now=now)


def a_triage(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    judged = Judgement("environment", Urgency.URGENT, Difficulty.DIFFICULT, 7)
    return stepped(session, now, scene, a_request(session, now, scene[0]), triage.accept, judgement=judged)


def a_rejection(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    said = {"channel": RejectChannel.HOTLINE, "reason": WHY}
    return stepped(session, now, scene, a_request(session, now, scene[0]), triage.reject, **said)


def a_publication(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    return stepped(session, now, scene, a_request(session, now, scene[0], state=RequestState.TRIAGED), dispatch.publish)


def an_escalation(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    with_role(session, now, Role.STREET, scene[0].street)
    request = a_request(session, now, scene[0], state=RequestState.TRIAGED)
    dispatch.publish(session, request, actor=scene[1], now=now)
    helper = a_person(session, now)
    request_claims.claim(session, request, by=Receiver(person_id=helper.id), actor=Actor(helper.id), now=now)
    return stepped(session, now, scene, request, escalations.escalate, reason=WHY)


def escalated(session: Session, now: datetime, scene: Scene) -> Any:
    request = a_request(session, now, scene[0], state=RequestState.TRIAGED)
    request.level = "grid"
    session.flush()
    return escalations.escalate(session, request, reason=WHY, actor=scene[1], now=now)


def a_taking_up(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    return stepped(session, now, scene, escalated(session, now, scene), escalations.take_up)


def an_explanation(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    return stepped(session, now, scene, escalated(session, now, scene), endings.explain, reason=WHY)


def a_verdict(session: Session, now: datetime, scene: Scene, approve: bool = True) -> tuple[Any, Decide]:
    colleague = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].community), now)
    request = endings.explain(session, escalated(session, now, scene), reason=WHY, actor=colleague, now=now)
    return stepped(session, now, scene, request, endings.decide_explanation, approve=approve, reason="已核实")


def asked_for_time(session: Session, now: datetime, scene: Scene, approve: bool = True) -> tuple[Any, Decide]:
    request, handler = handled(session, now, scene[0])
    row = extensions.ask(session, request, until=now + timedelta(days=7), reason="等配件", actor=handler, now=now)
    session.flush()
    act = partial(extensions.decide, session, request, approve=approve, note="同意", actor=scene[1], now=now)
    return row, partial(undos.step, session, row, act, actor=scene[1], now=now)


def an_accepted_offer(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    request = a_request(session, now, scene[0], state=RequestState.TRIAGED)
    offer = dispatch.dispatch(session, request, to=Receiver(person_id=scene[1].id), actor=scene[1], now=now)
    return stepped(session, now, scene, offer, dispatch.accept)


def a_look(session: Session, now: datetime, scene: Scene, passes: bool = True) -> tuple[Any, Decide]:
    request = a_request(session, now, scene[0], text_check=CheckState.REVIEW)
    asker = Actor(request.author_id)
    supplements.add(session, request, text="还是不亮", media_ids=(), text_check=CheckState.REVIEW, actor=asker, now=now)
    session.flush()
    said: dict[str, Any] = {"passes": passes, "reason": None if passes else "有门牌号", "actor": scene[1], "now": now}
    return request, partial(decisions.look_through, session, request, **said)


def a_wish_to(state: WishState, service: Callable[..., Any], **said: Any) -> Make:
    def make(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
        return stepped(session, now, scene, a_wish(session, now, scene[0], state), service, **said)

    make.__name__ = f"{state.value}-{service.__name__}"
    return make


def a_visit(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    wish = a_wish(session, now, scene[0], WishState.COLLECTED)
    return stepped(session, now, scene, wish, wishes.verify, visited_on=local_day(now), note="收音机已坏")


def a_draft_out(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    return stepped(session, now, scene, a_draft(session, now, scene[0], a_person(session, now)), tasks.publish)


def a_ruling(before: RecordState, service: Callable[..., Any]) -> Make:
    def make(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
        record = a_record(session, now - timedelta(days=1), scene[0], a_person(session, now))
        record.confirmed_at = now - timedelta(hours=1)
        if before is RecordState.DISPUTED:
            records.dispute(session, record, reason="我做了两小时", actor=Actor(record.person_id), now=now)
        return stepped(session, now, scene, record, service, reason="核对过签到表")

    make.__name__ = f"{before.value}-{service.__name__}"
    return make


def an_admission(session: Session, now: datetime, scene: Scene, admits: bool = True) -> tuple[Any, Decide]:
    team, person = a_team(session, now, scene[0], a_person(session, now, "队长")), a_person(session, now, "新队员")
    teams.join(session, team, person=person, actor=Actor(person.id), now=now)
    session.flush()
    return team, partial(decisions.admit, session, team, person=person, admits=admits, actor=scene[1], now=now)


def a_hand_over(session: Session, now: datetime, scene: Scene) -> tuple[Any, Decide]:
    carer = a_person(session, now, "照护人")
    said: dict[str, Any] = {"what": "买菜", "every_days": 7, "first_on": local_day(now)}
    plan = care_plans.create(
        session, community=scene[0].community, person=a_requester(session, now), carer=carer, actor=scene[1], now=now, **said
    )
    care_plans.accept(session, plan, actor=Actor(carer.id), now=now)
    return stepped(session, now, scene, plan, care_plans.hand_over, to=a_person(session, now, "下一位"))


def named(make: Make, *said: Any) -> Any:
    return pytest.param(lambda session, now, scene: make(session, now, scene, *said), id="-".join([make.__name__, *map(str, said)]))


CASES = [
    *map(named, (a_triage, a_rejection, a_publication, an_escalation, a_taking_up, an_explanation, an_accepted_offer)),
    *(named(make, yes) for make in (a_verdict, asked_for_time, a_look, an_admission) for yes in (True, False)),
    *map(named, (a_visit, a_draft_out, a_hand_over)),
    *map(
        named,
        (
            a_wish_to(WishState.VERIFIED, wishes.publish, words=WORDS),
            a_wish_to(WishState.PUBLISHED, wish_claims.claim),
            a_wish_to(WishState.CLAIMED, wish_claims.mark_contacted),
            a_wish_to(WishState.CLAIMED, wish_claims.release),
            a_wish_to(WishState.CONTACTED, wish_claims.fulfil),
            a_wish_to(WishState.FULFILLED, wish_claims.confirm, via=WishProof.CALLBACK),
            a_wish_to(WishState.CLAIMED, wishes.withdraw, reason="本人不要了"),
            a_ruling(RecordState.DISPUTED, records.uphold),
            a_ruling(RecordState.DISPUTED, records.void),
            a_ruling(RecordState.FINAL, records.void),
        ),
    ),
]


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(Problem) as refusal:
        act()
    return refusal.value.code


@pytest.mark.parametrize("make", CASES)
def test_an_undone_step_leaves_nothing_but_its_history(session: Session, now: datetime, scene: Scene, make: Make) -> None:
    row, decide = make(session, now, scene)
    before, counted = everything(session), net(session)
    act = decide()
    assert len(act.done) == 1
    assert everything(session) != before
    undone = undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)
    assert (undone.done, undone.failed) == ([row.public_id], [])
    session.expire_all()
    assert (everything(session), net(session)) == (before, counted)
    assert session.execute(select(Event.action).order_by(Event.id.desc()).limit(5)).scalars().all().count("undo") >= 1


@pytest.mark.parametrize("make", CASES)
def test_nobody_learns_of_a_step_before_it_stands_and_then_it_does(session: Session, now: datetime, scene: Scene, make: Make) -> None:
    _, decide = make(session, now, scene)
    known = set(session.execute(select(Notice.id)).scalars())
    left = set(session.execute(select(Outbox.id)).scalars())
    act = decide()
    settled = now + undos.WITHIN + undos.SETTLES
    fresh = session.execute(select(Notice.created_at, Notice.push_after).where(Notice.id.not_in(known))).all()
    assert all(shown >= settled and pushed >= settled for shown, pushed in fresh)
    assert all(at >= settled for at in session.execute(select(Outbox.not_before).where(Outbox.id.not_in(left))).scalars())
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + LATE)) == "UNDO_LATE"


@pytest.mark.parametrize("make", CASES)
def test_a_step_goes_back_once_for_who_took_it_and_can_be_taken_again(session: Session, now: datetime, scene: Scene, make: Make) -> None:
    _, decide = make(session, now, scene)
    act = decide()
    other = actor_of(session, with_role(session, now, Role.SECRETARY, scene[0].community), now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=other, now=now + SOON)) == "NOT_FOUND"
    undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_DONE"
    session.expire_all()
    assert len(decide().done) == 1


@pytest.mark.parametrize("state", [RequestState.TRIAGED, RequestState.IN_PROGRESS])
def test_an_undone_whistle_calls_nobody(session: Session, now: datetime, scene: Scene, state: RequestState) -> None:
    request, _ = handled(session, now, scene[0], state=state)
    called = [Receiver(person_id=a_person(session, now, name).id) for name in ("甲", "乙")]
    before = everything(session)
    _, decide = stepped(session, now, scene, request, dispatch.whistle, to=called, reason="一起来看看")
    undos.undo(session, decide().public_id, actor=scene[1], now=now + SOON)
    session.expire_all()
    after = everything(session)
    lapsed = [one for one in after["request_offer"] if one not in before["request_offer"]]
    assert [one["state"] for one in lapsed] == [OfferState.LAPSED] * 2
    after["request_offer"] = [one for one in after["request_offer"] if one not in lapsed]
    assert after == before


def test_a_whistle_that_somebody_followed_stands(session: Session, now: datetime, scene: Scene) -> None:
    request, _ = handled(session, now, scene[0])
    helper = a_person(session, now, "甲")
    _, decide = stepped(session, now, scene, request, dispatch.whistle, to=[Receiver(person_id=helper.id)], reason="一起来看看")
    act = decide()
    offer = max(session.execute(select(dispatch.RequestOffer)).scalars(), key=lambda one: one.id)
    dispatch.accept(session, offer, actor=Actor(helper.id), now=now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_MOVED"
    assert offer.state is OfferState.ACCEPTED


def test_what_somebody_offered_himself_for_stays_published(session: Session, now: datetime, scene: Scene) -> None:
    request, decide = a_publication(session, now, scene)
    act, helper = decide(), a_person(session, now)
    request_claims.claim(session, request, by=Receiver(person_id=helper.id), actor=Actor(helper.id), now=now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_MOVED"
    assert request.state is RequestState.OPEN


def test_a_published_task_that_was_claimed_stays_with_its_code(session: Session, now: datetime, scene: Scene) -> None:
    task, decide = a_draft_out(session, now, scene)
    act, volunteer = decide(), a_person(session, now)
    claims.claim(session, task, person=volunteer, actor=Actor(volunteer.id), now=now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_MOVED"
    assert (task.state, session.execute(select(Code).where(Code.subject_kind == "task")).scalar_one().subject_id) == (
        TaskState.PUBLISHED,
        task.id,
    )


def test_content_that_was_dispatched_meanwhile_stays_passed(session: Session, now: datetime, scene: Scene) -> None:
    request, decide = a_look(session, now, scene)
    act = decide()
    triage.accept(session, request, judgement=Judgement(), actor=scene[1], now=now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_MOVED"
    assert request.check_state is CheckState.PASSED


def test_a_verdict_on_content_that_changed_meanwhile_stands(session: Session, now: datetime, scene: Scene) -> None:
    request, decide = a_look(session, now, scene)
    act = decide()
    asker = Actor(request.author_id)
    supplements.add(session, request, text="又坏了", media_ids=(), text_check=CheckState.REVIEW, actor=asker, now=now)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_MOVED"
    assert request.check_state is CheckState.REVIEW


def test_a_voided_record_whose_minutes_went_to_another_stays_void(session: Session, now: datetime, scene: Scene) -> None:
    """Two records of one hour: the first voided, the second confirmed with the whole hour; the first may not count it again (R8)."""
    person, day = a_person(session, now), now - timedelta(days=1)
    first = a_record(session, day, scene[0], person)
    second = a_record(session, day, scene[0], person, state=RecordState.REPORTED)
    _, decide = stepped(session, now, scene, first, records.void, reason="记重了")
    act = decide()
    confirmations.confirm(session, second, actor=scene[1], now=now + timedelta(seconds=2), despite_hold=True, note="看过")
    counted = net(session)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_RECKONED"
    assert (net(session), counted) == ((1, 60), (1, 60))


def test_the_figures_of_a_voided_record_come_back_by_a_contribution_of_their_own(session: Session, now: datetime, scene: Scene) -> None:
    _, decide = a_ruling(RecordState.FINAL, records.void)(session, now, scene)
    undos.undo(session, decide().public_id, actor=scene[1], now=now + SOON)
    assert session.execute(select(Contribution.visits).order_by(Contribution.id)).scalars().all() == [1, -1, 1]


def test_what_was_undone_is_no_step_of_the_resident_s(session: Session, now: datetime, scene: Scene) -> None:
    request, decide = a_publication(session, now, scene)
    told = [one.sentence for one in timelines.of(session, request)]
    act = decide()
    assert len(timelines.of(session, request)) == len(told) + 1
    undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)
    assert [one.sentence for one in timelines.of(session, request)] == told


def test_a_claimed_wish_whose_contact_was_read_is_told_of(session: Session, now: datetime, scene: Scene) -> None:
    """Else who may undo could read one number after another, and nobody behind them would hear of it."""
    wish, decide = a_wish_to(WishState.PUBLISHED, wish_claims.claim)(session, now, scene)
    act = decide()
    wish_claims.contact_of(session, wish, actor=scene[1], now=now + timedelta(seconds=2))
    assert code_of(lambda: undos.undo(session, act.public_id, actor=scene[1], now=now + SOON)) == "UNDO_READ"
    assert wish.state is WishState.CLAIMED
    assert session.execute(select(Notice.subject_public_id).where(Notice.subject_kind == "wish")).scalars().all()


@pytest.mark.parametrize("make", [a_look, an_admission])
def test_who_is_in_office_no_more_takes_nothing_back(session: Session, now: datetime, scene: Scene, make: Any) -> None:
    _, decide = make(session, now, scene)
    act, left = decide(), Actor(scene[1].person_id)
    assert code_of(lambda: undos.undo(session, act.public_id, actor=left, now=now + SOON)) == "NOT_FOUND"


def test_a_refused_step_keeps_nothing(session: Session, now: datetime, scene: Scene) -> None:
    request = a_request(session, now, scene[0])
    _, decide = stepped(session, now, scene, request, dispatch.publish)
    assert code_of(decide) == "ILLEGAL_MOVE"
    assert session.execute(select(Undo)).scalars().all() == []
    kept: Sequence[Any] = [one for one in session.info if one == "hold"]
    assert kept == []
