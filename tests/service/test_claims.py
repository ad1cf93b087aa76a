"""Claims: places, withdrawal, stand-ins, no-shows, bulk decisions, reminders, simultaneous claims."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from server.db.base import transaction
from server.db.models.notices import Notice
from server.db.models.people import Person
from server.db.models.platform import Event
from server.db.models.tasks import Claim, Shift, Task, TeamMember
from server.domain.notices import NoticeKind
from server.domain.permissions import SYSTEM, Actor, Role
from server.domain.problems import Problem
from server.domain.tasks import HOLDS_PLACE, ClaimAction, ClaimState, TaskKind, TaskMode
from server.services import claim_decisions, claims, policies, stand_ins, tasks, teams
from tests.conftest import START
from tests.factories.people import Tree, a_person, a_tree, actor_of, with_role
from tests.factories.tasks import a_claim, a_post, a_shift, a_task, a_team
from tests.factories.units import a_unit


def code_of(call: Any) -> str:
    """The code a call is refused with."""
    with pytest.raises(Problem) as refusal:
        call()
    return refusal.value.code


def a_secretary(session: Session, now: datetime, tree: Tree) -> Actor:
    """A signed-in secretary of 示例社区."""
    return actor_of(session, with_role(session, now, Role.SECRETARY, tree.community), now)


def taken(session: Session, task: Task) -> int:
    """The task's places as they stand in the database."""
    return session.execute(select(Task.taken).where(Task.id == task.id)).scalar_one()


def told(session: Session, person: Person) -> list[tuple[NoticeKind, str | None]]:
    """The notices a person got, oldest first, with their outcome."""
    session.flush()
    rows = session.execute(select(Notice).where(Notice.person_id == person.id).order_by(Notice.id)).scalars()
    return [(row.kind, row.facts.get("outcome")) for row in rows]


@pytest.fixture
def tree(session: Session, now: datetime) -> Tree:
    """The county."""
    return a_tree(session, now)


@pytest.fixture
def task(session: Session, now: datetime, tree: Tree) -> Task:
    """A task for two."""
    return a_task(session, now, tree, a_person(session, now, "王组长"), capacity=2)


def test_a_claim_waits_for_the_secretary_and_takes_a_place(session: Session, now: datetime, task: Task) -> None:
    claim = claims.claim(session, task, person=(person := a_person(session, now)), actor=Actor(person.id), now=now)
    assert (claim.state, claim.community_id, taken(session, task)) == (ClaimState.PENDING, task.community_id, 1)


def test_without_approval_it_stands_at_once(session: Session, now: datetime, tree: Tree) -> None:
    task = a_task(session, now, tree, a_person(session, now), approval_needed=False)
    person = a_person(session, now)
    assert claims.claim(session, task, person=person, actor=Actor(person.id), now=now).state is ClaimState.APPROVED


def test_twice_is_refused_and_takes_one_place(session: Session, now: datetime, task: Task) -> None:
    person = a_person(session, now)
    a_claim(session, now, task, person)
    with pytest.raises(Problem) as refusal, session.begin_nested():
        a_claim(session, now, task, person)
    assert refusal.value.code == "CLAIM_EXISTS"
    assert taken(session, task) == 1


def test_a_full_task_is_refused(session: Session, now: datetime, task: Task) -> None:
    for _ in range(2):
        a_claim(session, now, task, a_person(session, now))
    assert code_of(lambda: a_claim(session, now, task, a_person(session, now))) == "TASK_FULL"


def test_what_is_over_cancelled_or_needs_no_claim_takes_none(session: Session, now: datetime, tree: Tree, task: Task) -> None:
    person = a_person(session, now)
    assert code_of(lambda: a_claim(session, now + timedelta(hours=3), task, person)) == "CLAIM_CLOSED"
    tasks.cancel(session, task, reason="下雨", actor=SYSTEM, now=now)
    assert code_of(lambda: a_claim(session, now, task, person)) == "CLAIM_CLOSED"
    lecture = a_task(session, now, tree, person, kind=TaskKind.ACTIVITY, claim_needed=False)
    assert code_of(lambda: a_claim(session, now, lecture, person)) == "CLAIM_NOT_NEEDED"


def test_pairing_asks_the_members_of_one_unit(session: Session, now: datetime, tree: Tree) -> None:
    unit, other = a_unit(session, now, tree), a_unit(session, now, tree, "示例学校")
    pair = a_task(session, now, tree, a_person(session, now), mode=TaskMode.PAIR, unit_id=unit.id)
    claim = a_claim(session, now, pair, a_person(session, now, unit_id=unit.id))
    assert claim.unit_id == unit.id
    assert code_of(lambda: a_claim(session, now, pair, a_person(session, now, unit_id=other.id))) == "CLAIM_NOT_ASKED"


def test_a_team_is_claimed_for_by_its_leader_all_or_nothing(session: Session, now: datetime, tree: Tree) -> None:
    leader, member, stranger = (a_person(session, now) for _ in range(3))
    team = a_team(session, now, tree, leader, [member])
    task = a_task(session, now, tree, leader, mode=TaskMode.TEAM, capacity=2)

    def claim(members: list[Person], by: Person = leader) -> list[Claim]:
        return claims.claim_for_team(session, task, team=team, members=members, actor=Actor(by.id), now=now)

    assert code_of(lambda: a_claim(session, now, task, member)) == "CLAIM_TEAM_ONLY"
    assert code_of(lambda: claim([member, stranger])) == "NOT_FOUND"
    assert code_of(lambda: claim([member], by=member)) == "NOT_FOUND"
    assert [one.team_id for one in claim([leader, member])] == [team.id, team.id]
    newcomer = a_person(session, now)
    teams.join(session, team, person=newcomer, now=now, actor=Actor(newcomer.id))
    assert code_of(lambda: claim([newcomer])) == "NOT_FOUND"
    teams.admit(session, team, person=newcomer, admits=True, actor=Actor(leader.id), now=now)
    assert code_of(lambda: claim([newcomer])) == "TASK_FULL"
    assert taken(session, task) == 2


def test_a_post_with_shifts_is_claimed_by_shift(session: Session, now: datetime, tree: Tree) -> None:
    post = a_post(session, now, tree, a_person(session, now))
    morning, noon = a_shift(session, now, post, capacity=1), a_shift(session, now, post, capacity=1, in_hours=5)
    person = a_person(session, now)
    assert code_of(lambda: a_claim(session, now, post, person)) == "SHIFT_REQUIRED"
    a_claim(session, now, post, person, shift=morning)
    a_claim(session, now, post, person, shift=noon)
    assert code_of(lambda: a_claim(session, now, post, a_person(session, now), shift=noon)) == "TASK_FULL"
    assert (taken(session, post), session.execute(select(func.sum(Shift.taken))).scalar_one()) == (0, 2)


def test_withdrawing_frees_the_place_until_it_begins(session: Session, now: datetime, task: Task) -> None:
    person = a_person(session, now)
    claim = a_claim(session, now, task, person)
    assert code_of(lambda: claims.withdraw(session, claim, actor=Actor(person.id), now=task.starts_at)) == "LEAVE_LATE"
    assert code_of(lambda: claims.withdraw(session, claim, actor=Actor(task.organiser_id), now=now)) == "NOT_FOUND"
    claims.withdraw(session, claim, actor=Actor(person.id), now=now)
    assert (claim.state, taken(session, task)) == (ClaimState.WITHDRAWN, 0)
    assert a_claim(session, now, task, person).state is ClaimState.APPROVED


def test_an_excuse_needs_a_reason_and_frees_the_place(session: Session, now: datetime, task: Task) -> None:
    person = a_person(session, now)
    claim = a_claim(session, now, task, person)
    assert code_of(lambda: claims.excuse(session, claim, reason=" ", actor=Actor(person.id), now=now)) == "NOTE_REQUIRED"
    claims.excuse(session, claim, reason="孩子生病", actor=Actor(person.id), now=task.starts_at)
    assert (claim.state, claims.reason_of(person, claim), taken(session, task)) == (ClaimState.EXCUSED, "孩子生病", 0)


def test_why_somebody_cannot_come_is_sealed_and_in_no_event(session: Session, now: datetime, task: Task) -> None:
    """His own words vanish with his key; the event says only that he was excused (R7)."""
    person = a_person(session, now)
    claim = a_claim(session, now, task, person)
    claims.excuse(session, claim, reason="孩子生病", actor=Actor(person.id), now=now)
    assert claim.excuse is not None
    assert "孩子生病".encode() not in claim.excuse
    excused = select(Event.note).where(Event.subject_kind == "claim", Event.action == "excuse")
    assert (claim.reason, session.execute(excused).scalars().all()) == (None, [None])
    person.salt = None
    assert claims.reason_of(person, claim) is None


def test_a_no_show_keeps_the_place_and_can_be_undone(session: Session, now: datetime, task: Task) -> None:
    claim, organiser = a_claim(session, now, task, a_person(session, now)), Actor(task.organiser_id)
    assert code_of(lambda: claims.mark_no_show(session, claim, actor=organiser, now=now)) == "NO_SHOW_EARLY"
    stranger = Actor(a_person(session, now).id)
    assert code_of(lambda: claims.mark_no_show(session, claim, actor=stranger, now=task.ends_at)) == "NOT_FOUND"
    claims.mark_no_show(session, claim, actor=organiser, now=task.ends_at)
    assert (claim.state, taken(session, task)) == (ClaimState.NO_SHOW, 1)
    assert claims.undo_no_show(session, claim, actor=organiser, now=task.ends_at).state is ClaimState.APPROVED


def test_a_stand_in_takes_over_only_when_he_accepts(session: Session, now: datetime, task: Task) -> None:
    person, friend = a_person(session, now), a_person(session, now, "李四")
    claim = a_claim(session, now, task, person)
    assert code_of(lambda: stand_ins.offer(session, claim, to=person, actor=Actor(person.id), now=now)) == "STAND_IN_SELF"
    stand_ins.offer(session, claim, to=friend, actor=Actor(person.id), now=now)
    assert (claim.state, told(session, friend)) == (ClaimState.APPROVED, [(NoticeKind.STAND_IN, "asked")])
    outsider = a_person(session, now)
    assert code_of(lambda: stand_ins.accept(session, claim, person=outsider, actor=Actor(outsider.id), now=now)) == "NOT_FOUND"
    made = stand_ins.accept(session, claim, person=friend, actor=Actor(friend.id), now=now)
    assert (claim.state, made.state, made.stands_in_for_id) == (ClaimState.HANDED_OVER, ClaimState.APPROVED, claim.id)
    assert taken(session, task) == 1
    assert (NoticeKind.STAND_IN, "accepted") in told(session, person)


def test_a_refused_stand_in_changes_nothing(session: Session, now: datetime, task: Task) -> None:
    person, friend = a_person(session, now), a_person(session, now)
    claim = a_claim(session, now, task, person)
    stand_ins.offer(session, claim, to=friend, actor=Actor(person.id), now=now)
    stand_ins.refuse(session, claim, actor=Actor(friend.id), now=now)
    assert (claim.state, claim.offered_to_id, told(session, person)) == (ClaimState.APPROVED, None, [(NoticeKind.STAND_IN, "refused")])


def test_overlapping_claims_are_named_not_refused(session: Session, now: datetime, tree: Tree, task: Task) -> None:
    person = a_person(session, now)
    same_hours = a_task(session, now, tree, person, title="同一时间")
    later = a_task(session, now, tree, person, starts_at=now + timedelta(hours=3), ends_at=now + timedelta(hours=4))
    standing = a_post(session, now, tree, person)
    for other in (same_hours, later, standing):
        a_claim(session, now, other, person)
    assert [one.title for one in claims.overlapping(session, a_claim(session, now, task, person))] == ["同一时间"]


def test_of_fifty_where_three_fail_forty_seven_stand(session: Session, now: datetime, tree: Tree) -> None:
    task = a_task(session, now, tree, a_person(session, now), capacity=60)
    abroad = a_task(session, now, tree, a_person(session, now), community=tree.neighbour)
    people = [a_person(session, now) for _ in range(49)]
    made = [a_claim(session, now, task, person, ClaimState.PENDING) for person in people]
    foreign = a_claim(session, now, abroad, people[0], ClaimState.PENDING)
    claims.withdraw(session, made[10], actor=Actor(people[10].id), now=now)
    secretary = a_secretary(session, now, tree)
    claim_decisions.decide(session, made[20], action=ClaimAction.APPROVE, actor=secretary, now=now)
    asked = [claim.public_id for claim in made[:49]] + [foreign.public_id]
    outcome = claim_decisions.decide_many(session, asked, action=ClaimAction.APPROVE, actor=secretary, now=now)
    assert len(outcome.done) == 47
    named = {one.id: one.code for one in outcome.failed}
    assert named == {made[10].public_id: "ILLEGAL_MOVE", made[20].public_id: "ILLEGAL_MOVE", foreign.public_id: "NOT_FOUND"}
    assert all(one.message for one in outcome.failed)
    approved = select(func.count()).where(Claim.task_id == task.id, Claim.state == ClaimState.APPROVED)
    assert session.execute(approved).scalar_one() == 48
    noted = select(func.count()).where(Event.subject_kind == "claim", Event.action == "approve")
    assert session.execute(noted).scalar_one() == 48


def test_declining_in_bulk_needs_a_reason_and_frees_the_places(session: Session, now: datetime, tree: Tree, task: Task) -> None:
    person = a_person(session, now)
    made = [a_claim(session, now, task, one, ClaimState.PENDING) for one in (person, a_person(session, now))]
    secretary, ids = a_secretary(session, now, tree), [claim.public_id for claim in made]

    def decline(reason: str | None) -> Any:
        return claim_decisions.decide_many(session, ids, action=ClaimAction.DECLINE, actor=secretary, now=now, reason=reason)

    assert code_of(lambda: decline(None)) == "NOTE_REQUIRED"
    assert len(decline("名额留给有经验的同志").done) == 2
    assert (taken(session, task), told(session, person)) == (0, [(NoticeKind.CLAIM_DECIDED, "declined")])


def test_an_old_view_of_a_claim_is_stale(session: Session, now: datetime, tree: Tree, task: Task) -> None:
    claim = a_claim(session, now, task, a_person(session, now), ClaimState.PENDING)
    secretary = a_secretary(session, now, tree)
    assert code_of(lambda: claim_decisions.decide(session, claim, action=ClaimAction.APPROVE, actor=secretary, now=now, seen=7)) == "STALE"


def test_cancelling_tells_every_claimant_and_frees_the_places(session: Session, now: datetime, task: Task) -> None:
    people = [a_person(session, now) for _ in range(2)]
    a_claim(session, now, task, people[0]), a_claim(session, now, task, people[1], ClaimState.PENDING)
    assert code_of(lambda: tasks.cancel(session, task, reason="", actor=SYSTEM, now=now)) == "NOTE_REQUIRED"
    tasks.cancel(session, task, reason="下雨改期", actor=SYSTEM, now=now)
    assert taken(session, task) == 0
    assert [told(session, person)[-1] for person in people] == [(NoticeKind.TASK_CANCELLED, "cancelled")] * 2


def test_what_is_over_ends_by_itself_and_pending_claims_with_it(session: Session, now: datetime, task: Task) -> None:
    approved, pending = (
        a_claim(session, now, task, a_person(session, now)),
        a_claim(session, now, task, a_person(session, now), ClaimState.PENDING),
    )
    assert tasks.end_due(session, task.ends_at) == 0
    assert tasks.end_due(session, task.ends_at + timedelta(days=1, minutes=1)) == 1
    assert tasks.end_due(session, task.ends_at + timedelta(days=1, minutes=1)) == 0
    assert (approved.state, pending.state, taken(session, task)) == (ClaimState.APPROVED, ClaimState.CANCELLED, 1)


def test_one_reminder_a_claim_and_none_where_they_are_off(session: Session, now: datetime, tree: Tree, task: Task) -> None:
    person, waiting = a_person(session, now), a_person(session, now)
    a_claim(session, now, task, person)
    a_claim(session, now, task, waiting, ClaimState.PENDING)
    far = a_task(session, now, tree, person, starts_at=now + timedelta(days=3), ends_at=now + timedelta(days=3, hours=1))
    a_claim(session, now, far, person)
    abroad = a_task(session, now, tree, person, community=tree.neighbour)
    a_claim(session, now, abroad, person)
    policies.put(
        session, key="reminders.on", value=0, why="居民提出", valid_from=date(2026, 1, 1), actor=SYSTEM, now=now, node_id=tree.neighbour.id
    )
    assert (claim_decisions.remind_due(session, now), claim_decisions.remind_due(session, now)) == (1, 0)
    assert (told(session, person), told(session, waiting)) == ([(NoticeKind.REMINDER, None)], [])


def test_leaving_a_team_ends_being_claimed_for(session: Session, now: datetime, tree: Tree) -> None:
    leader, member = a_person(session, now), a_person(session, now)
    team = a_team(session, now, tree, leader, [member])
    teams.leave(session, team, person=member, now=now, actor=Actor(member.id))
    task = a_task(session, now, tree, leader, mode=TaskMode.TEAM)
    refused = lambda: claims.claim_for_team(session, task, team=team, members=[member], actor=Actor(leader.id), now=now)  # noqa: E731
    assert code_of(refused) == "NOT_FOUND"
    assert session.execute(select(func.count()).where(TeamMember.left_at.is_not(None))).scalar_one() == 1


@pytest.fixture
def crowded(database: Engine, redis: Any, vaulted: None, time: Any) -> tuple[int, list[int]]:
    """A task for five and thirty people who want it, committed."""
    with transaction() as session:
        tree = a_tree(session, START)
        task = a_task(session, START, tree, a_person(session, START), capacity=5)
        people = [a_person(session, START) for _ in range(30)]
    return task.id, [person.id for person in people]


def test_thirty_at_once_get_exactly_five_places(crowded: tuple[int, list[int]]) -> None:
    task_id, people = crowded

    def attempt(person_id: int) -> str:
        try:
            with transaction() as session:
                claims.claim(
                    session, session.get_one(Task, task_id), person=session.get_one(Person, person_id), actor=Actor(person_id), now=START
                )
        except Problem as problem:
            return problem.code
        return "claimed"

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(attempt, people))
    assert sorted(set(answers)) == ["TASK_FULL", "claimed"]
    with transaction() as session:
        held = session.execute(select(func.count()).where(Claim.task_id == task_id, Claim.state.in_(HOLDS_PLACE))).scalar_one()
        assert (answers.count("claimed"), held, taken(session, session.get_one(Task, task_id))) == (5, 5, 5)
